// Size, links, mode and the times of a file follow what is done to it.
// covers: fstat stat write link unlink chmod
#include "check.h"

static struct stat before, after;

static long newer(struct timespec a, struct timespec b)
{
	return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

static void step(const char *what, int fd)
{
	before = after;
	fstat(fd, &after);
	printf("%s: size %ld, links %ld, mode %o, mtime %s, ctime %s\n", what, (long)after.st_size, (long)after.st_nlink,
	       (unsigned)after.st_mode, newer(after.st_mtim, before.st_mtim) ? "newer" : "same",
	       newer(after.st_ctim, before.st_ctim) ? "newer" : "same");
	sleep_ms(15);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char byte;
	int fd = make_file("file", "");
	step("made", fd);
	write(fd, "1234", 4);
	step("written", fd);
	pread(fd, &byte, 1, 0);
	step("read", fd);
	link("file", "second");
	step("linked", fd);
	chmod("second", 0600);
	step("mode changed", fd);
	ftruncate(fd, 2);
	step("cut", fd);
	unlink("file");
	step("unlinked", fd);
	unlink("second");
	step("unlinked again", fd);
	struct stat folder_before, folder_after;
	stat(".", &folder_before);
	sleep_ms(15);
	close(open("another", O_CREAT | O_WRONLY, 0644));
	stat(".", &folder_after);
	HOLDS(newer(folder_after.st_mtim, folder_before.st_mtim));
	return 0;
}
