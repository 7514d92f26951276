// fchmodat2 is chmod with flags: an empty path for the descriptor itself.
// covers: fchmodat2
// needs: linux-6.6
#include "check.h"

RAW_IMPORTED4(fchmodat2, 452)

static void show(void)
{
	struct stat st;
	stat("file", &st);
	printf("mode %o\n", (unsigned)st.st_mode);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int fd = make_file("file", "");
	SAY(raw_fchmodat2(AT_FDCWD, P("file"), 0600, 0));
	show();
	SAY(raw_fchmodat2(AT_FDCWD, P("file"), 0640, AT_SYMLINK_NOFOLLOW));
	show();
	SAY(raw_fchmodat2(fd, P(""), 0644, AT_EMPTY_PATH));
	show();
	SAY(raw_fchmodat2(fd, P(""), 0600, 0));
	SAY(raw_fchmodat2(AT_FDCWD, P("file"), 0600, 0x8000));
	SAY(raw_fchmodat2(99, P("file"), 0600, 0));
	return 0;
}
