// Dots, doubled slashes, trailing slashes and long paths are walked as POSIX says.
// covers: newfstatat openat
#include "check.h"
#include <limits.h>

int main(int argc, char **argv)
{
	check_start(argc, argv);
	static char path[PATH_MAX + 10], name[257];
	struct stat st;
	mkdir("folder", 0755);
	mkdir("folder/inner", 0755);
	close(make_file("folder/file", "text"));
	symlink("folder/", "link");
	SAY(stat("folder/./inner/..//file", &st));
	SAY(stat("folder//inner///", &st));
	SAY(stat("folder/file/", &st));
	SAY(stat("folder/file/.", &st));
	SAY(stat("folder/file/..", &st));
	SAY(stat("folder/missing/..", &st));
	SAY(stat("link/inner/../file", &st));
	SAY(lstat("link", &st));
	HOLDS(S_ISLNK(st.st_mode));
	SAY(lstat("link/", &st));
	HOLDS(S_ISDIR(st.st_mode));
	SAY(stat("", &st));
	memset(name, 'n', 256);
	name[255] = 0;
	SAY(mkdir(name, 0755));
	SAY(stat(name, &st));
	name[255] = 'n';
	SAY(mkdir(name, 0755));
	SAY(stat(name, &st));
	path[0] = 0;
	while (strlen(path) < PATH_MAX - 3)
		strcat(path, "./");
	strcat(path, ".");
	printf("%d bytes: ", (int)strlen(path));
	SAY(stat(path, &st));
	strcat(path, "/.");
	printf("%d bytes: ", (int)strlen(path));
	SAY(stat(path, &st));
	char strange[] = { 'b', (char)0xff, (char)0xc3, '(', '\n', 0 };
	close(make_file(strange, "bytes"));
	show_file(strange);
	SAY(unlink(strange));
	return 0;
}
