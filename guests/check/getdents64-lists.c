// getdents64 gives each entry once, with its kind, through however small a buffer, and 0 at the end; lseek starts over.
// covers: getdents64 lseek
#include "check.h"
#include <dirent.h>

RAW3(getdents64)

struct entry {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
} __attribute__((packed));

static char found[32][64];
static int count;

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int list(int fd, long size)
{
	char buffer[1024];
	long got, calls = 0;
	count = 0;
	while ((got = raw_getdents64(fd, P(buffer), size)) > 0) {
		calls++;
		for (long at = 0; at < got;) {
			struct entry *e = (struct entry *)(buffer + at);
			snprintf(found[count++], 64, "%s %d %s", e->name, e->type, e->ino != 0 ? "numbered" : "without a number");
			if (e->reclen % 8 != 0)
				printf("a record of %d bytes\n", e->reclen);
			at += e->reclen;
		}
	}
	if (got < 0)
		printf("getdents64: %s\n", errno_name(errno));
	qsort(found, (size_t)count, 64, compare);
	for (int i = 0; i < count; i++)
		printf("  %s\n", found[i]);
	return calls > 1;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char buffer[64];
	mkdir("list", 0755);
	close(make_file("list/file", ""));
	mkdir("list/folder", 0755);
	symlink("file", "list/link");
	close(make_file("list/a-name-that-is-longer-than-most", ""));
	int fd = open("list", O_RDONLY | O_DIRECTORY), file = open("list/file", O_RDONLY);
	HOLDS(list(fd, 1024));
	HOLDS(list(fd, 1024));
	lseek(fd, 0, SEEK_SET);
	HOLDS(list(fd, 80));
	lseek(fd, 0, SEEK_SET);
	SAY(raw_getdents64(fd, P(buffer), 10));
	SAY(raw_getdents64(file, P(buffer), 64));
	SAY(raw_getdents64(99, P(buffer), 64));
	SAY(raw_getdents64(fd, P(NOWHERE), 1024));
	mkdir("empty", 0755);
	int empty = open("empty", O_RDONLY);
	rmdir("empty");
	list(empty, 1024);
	return 0;
}
