// A removed folder that is somebody's working folder stays usable only as far as it can be: nothing new inside, no name for it.
// covers: chdir rmdir getcwd
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char path[500];
	struct stat st;
	mkdir("gone", 0755);
	int fd = open("gone", O_RDONLY);
	chdir("gone");
	rmdir("../gone");
	SAY(open("file", O_WRONLY | O_CREAT, 0644));
	SAY(mkdir("inner", 0755));
	OK(getcwd(path, sizeof path) ? 0 : -1);
	SAY(stat(".", &st));
	SAY(fstat(fd, &st));
	SAY(openat(fd, "file", O_WRONLY | O_CREAT, 0644));
	SAY(chdir(".."));
	SAY(access("gone", F_OK));
	return 0;
}
