// A writer waits for room and a reader for bytes; nothing is lost or reordered on the way.
// covers: pipe read write
#include "check.h"
#include <pthread.h>

static int ends[2];

static void *writer(void *argument)
{
	static unsigned char bytes[300000];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(i % 251);
	long sent = write(ends[1], bytes, sizeof bytes);
	close(ends[1]);
	(void)argument;
	return (void *)(intptr_t)sent;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	unsigned char piece[7001];
	long total = 0, wrong = 0, got;
	void *sent;
	pthread_t thread;
	pipe(ends);
	pthread_create(&thread, NULL, writer, NULL);
	while ((got = read(ends[0], piece, sizeof piece)) > 0) {
		for (long i = 0; i < got; i++)
			wrong += piece[i] != (total + i) % 251;
		total += got;
	}
	pthread_join(thread, &sent);
	printf("sent %ld, got %ld, %ld wrong, then %ld\n", (long)(intptr_t)sent, total, wrong, got);
	return 0;
}
