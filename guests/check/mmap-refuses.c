// What mmap refuses.
// covers: mmap munmap
#include "check.h"
#include <sys/mman.h>

static void try(const char *what, size_t length, int protection, int flags, int fd, off_t offset)
{
	void *p = mmap(NULL, length, protection, flags, fd, offset);
	printf("%s: %s\n", what, p == MAP_FAILED ? errno_name(errno) : "mapped");
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int ends[2], both = make_file("file", "text"), reader = open("file", O_RDONLY), writer = open("file", O_WRONLY);
	int folder = open(".", O_RDONLY);
	pipe(ends);
	try("nothing", 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	try("neither shared nor private", 4096, PROT_READ, MAP_ANONYMOUS, -1, 0);
	try("no descriptor", 4096, PROT_READ, MAP_PRIVATE, -1, 0);
	try("a closed one", 4096, PROT_READ, MAP_PRIVATE, 99, 0);
	try("a pipe", 4096, PROT_READ, MAP_PRIVATE, ends[0], 0);
	try("a folder", 4096, PROT_READ, MAP_PRIVATE, folder, 0);
	try("an offset within a page", 4096, PROT_READ, MAP_PRIVATE, both, 1);
	try("written through a reader, shared", 4096, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0);
	try("written through a reader, private", 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, reader, 0);
	try("read through a writer", 4096, PROT_READ, MAP_SHARED, writer, 0);
	try("more than there is", (size_t)-8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	SAY(munmap((char *)p + 1, 4096));
	SAY(munmap(p, 0));
	SAY(munmap(p, 4096));
	HOLDS(mmap((char *)p + 1, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED);
	printf("%s\n", errno_name(errno));
	return 0;
}
