// Entries that are removed while a folder is read do not make others be skipped or come twice.
// covers: getdents64 unlink
#include "check.h"
#include <dirent.h>

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char name[64];
	int seen[300] = { 0 }, missing = 0, twice = 0;
	mkdir("many", 0755);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof name, "many/a-file-with-the-number-%d", i);
		close(open(name, O_WRONLY | O_CREAT, 0644));
	}
	DIR *dir = opendir("many");
	struct dirent *e;
	while ((e = readdir(dir))) {
		int number;
		if (sscanf(e->d_name, "a-file-with-the-number-%d", &number) != 1)
			continue;
		seen[number]++;
		snprintf(name, sizeof name, "many/%.50s", e->d_name);
		if (unlink(name) != 0)
			printf("unlink: %s\n", errno_name(errno));
	}
	for (int i = 0; i < 300; i++) {
		missing += seen[i] == 0;
		twice += seen[i] > 1;
	}
	printf("%d missing, %d twice\n", missing, twice);
	SAY(closedir(dir));
	SAY(rmdir("many"));
	return 0;
}
