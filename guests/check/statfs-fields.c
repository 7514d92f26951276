// statfs and fstatfs describe the file system: blocks, free ones, the longest name.
// covers: statfs fstatfs
#include "check.h"
#include <sys/vfs.h>

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct statfs one, two;
	int fd = make_file("file", "text");
	SAY(statfs("file", &one));
	SAY(fstatfs(fd, &two));
	HOLDS(one.f_type == two.f_type && one.f_blocks == two.f_blocks);
	HOLDS(one.f_bsize > 0 && one.f_blocks > 0);
	HOLDS(one.f_bfree <= one.f_blocks && one.f_bavail <= one.f_bfree);
	printf("f_namelen %ld\n", (long)one.f_namelen);
	SAY(statfs("missing", &one));
	SAY(statfs("file/below", &one));
	SAY(fstatfs(99, &one));
	return 0;
}
