// The *at calls walk from a folder's descriptor, and ignore it for an absolute path.
// covers: openat mkdirat unlinkat newfstatat
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char path[600], here[500];
	struct stat st;
	SAY(mkdirat(AT_FDCWD, "folder", 0755));
	int folder = OK(open("folder", O_RDONLY | O_DIRECTORY));
	SAY(mkdirat(folder, "inner", 0755));
	int fd = OK(openat(folder, "inner/file", O_WRONLY | O_CREAT, 0644));
	SAY(write(fd, "four", 4));
	SAY(openat(fd, "below", O_RDONLY));
	SAY(openat(-1, "file", O_RDONLY));
	SAY(fstatat(folder, "inner/file", &st, 0));
	printf("size %ld\n", (long)st.st_size);
	getcwd(here, sizeof here);
	snprintf(path, sizeof path, "%s/folder/inner/file", here);
	OK(openat(-1, path, O_RDONLY));
	SAY(fstatat(fd, "", &st, AT_EMPTY_PATH));
	SAY(fstatat(folder, "", &st, 0));
	SAY(rename("folder", "moved"));
	OK(openat(folder, "inner/file", O_RDONLY));
	SAY(unlinkat(folder, "inner", 0));
	SAY(unlinkat(folder, "inner", AT_REMOVEDIR));
	SAY(unlinkat(folder, "inner/file", AT_REMOVEDIR));
	SAY(unlinkat(folder, "inner/file", 0));
	SAY(unlinkat(folder, "inner", AT_REMOVEDIR));
	SAY(unlinkat(folder, "inner", 0));
	SAY(unlinkat(folder, "..", 1));
	return 0;
}
