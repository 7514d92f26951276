// Standard streams are locked: lines of many threads do not tear, and a file written by them has them all.
// covers: write futex
#include "check.h"
#include <pthread.h>

static FILE *file;

static void *work(void *number)
{
	for (int i = 0; i < 50; i++)
		fprintf(file, "thread %d line %d\n", (int)(intptr_t)number, i);
	return NULL;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	pthread_t threads[4];
	file = fopen("lines", "w+");
	for (long i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, work, (void *)i);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	rewind(file);
	int count[4] = { 0 }, torn = 0, thread, line;
	char text[64], again[64];
	while (fgets(text, sizeof text, file)) {
		if (sscanf(text, "thread %d line %d", &thread, &line) != 2 || thread < 0 || thread > 3) {
			torn++;
			continue;
		}
		snprintf(again, sizeof again, "thread %d line %d\n", thread, line);
		torn += strcmp(text, again) != 0;
		count[thread]++;
	}
	printf("%d %d %d %d, %d torn\n", count[0], count[1], count[2], count[3], torn);
	fclose(file);
	return 0;
}
