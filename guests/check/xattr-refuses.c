// Extended attributes of a file system that has none, and of files that are not there.
// covers: setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr
#include "check.h"
#include <sys/xattr.h>

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[16];
	const char *file = "/proc/self/status";
	int fd = open(file, O_RDONLY);
	SAY(setxattr(file, "user.name", "value", 5, 0));
	SAY(lsetxattr(file, "user.name", "value", 5, 0));
	SAY(fsetxattr(fd, "user.name", "value", 5, 0));
	SAY(getxattr(file, "user.name", text, 16));
	SAY(lgetxattr(file, "user.name", text, 16));
	SAY(fgetxattr(fd, "user.name", text, 16));
	SAY(removexattr(file, "user.name"));
	SAY(lremovexattr(file, "user.name"));
	SAY(fremovexattr(fd, "user.name"));
	SAY(setxattr("missing", "user.name", "value", 5, 0));
	SAY(lsetxattr("missing", "user.name", "value", 5, 0));
	SAY(fsetxattr(99, "user.name", "value", 5, 0));
	SAY(getxattr("missing", "user.name", text, 16));
	SAY(lgetxattr("missing", "user.name", text, 16));
	SAY(fgetxattr(99, "user.name", text, 16));
	SAY(listxattr("missing", text, 16));
	SAY(llistxattr("missing", text, 16));
	SAY(flistxattr(99, text, 16));
	SAY(removexattr("missing", "user.name"));
	SAY(lremovexattr("missing", "user.name"));
	SAY(fremovexattr(99, "user.name"));
	return 0;
}
