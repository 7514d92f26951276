// memfd_create makes a file without a name: it is read, written, resized and mapped like any other.
// covers: memfd_create mmap ftruncate
#include "check.h"
#include <sys/mman.h>

RAW2(memfd_create)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[64] = "";
	char path[64];
	struct stat st;
	int fd = (int)raw_memfd_create(P("scratch"), 1);
	HOLDS(fd > 2);
	SAY(fcntl(fd, F_GETFD));
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	SAY(readlink(path, text, sizeof text - 1));
	printf("%s\n", text);
	SAY(fstat(fd, &st));
	printf("mode %o size %ld links %d\n", st.st_mode, (long)st.st_size, (int)st.st_nlink);
	SAY(ftruncate(fd, 8192));
	char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	strcpy(map + 4096, "through the mapping");
	SAY(pread(fd, text, 20, 4096));
	printf("%s\n", text);
	SAY(pwrite(fd, "BY A CALL", 9, 4096));
	printf("%s\n", map + 4096);
	pid_t child = fork();
	if (child == 0) {
		strcpy(map, "from the child");
		_exit(0);
	}
	reap("child", child);
	printf("%s\n", map);
	SAY(munmap(map, 8192));
	SAY(close(fd));
	SAY(raw_memfd_create(P("scratch"), 1 << 20));
	SAY(raw_memfd_create(P(NOWHERE), 0));
	char name[300];
	memset(name, 'n', sizeof name);
	name[249] = 0;
	HOLDS(raw_memfd_create(P(name), 0) > 2);
	name[249] = 'n';
	name[250] = 0;
	SAY(raw_memfd_create(P(name), 0));
	return 0;
}
