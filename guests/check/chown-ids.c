// chown sets owner and group, -1 leaves one alone, lchown works on a link, and a change takes the set-id bits.
// covers: chown fchown fchownat
// needs: root memory
#include "check.h"

RAW3(chown)
RAW3(fchown)
RAW5(fchownat)

static void show(const char *path)
{
	struct stat st;
	lstat(path, &st);
	printf("%s: %d %d %o\n", path, (int)st.st_uid, (int)st.st_gid, (unsigned)st.st_mode & 07777);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int fd = make_file("file", "text");
	symlink("file", "link");
	SAY(raw_chown(P("file"), 1000, 2000));
	show("file");
	SAY(raw_chown(P("file"), -1, 3000));
	show("file");
	SAY(raw_fchown(fd, 4000, -1));
	show("file");
	SAY(raw_fchownat(AT_FDCWD, P("link"), 50, 60, AT_SYMLINK_NOFOLLOW));
	show("link");
	show("file");
	SAY(raw_fchownat(AT_FDCWD, P("link"), 70, 80, 0));
	show("file");
	SAY(raw_fchownat(fd, P(""), 90, 91, AT_EMPTY_PATH));
	show("file");
	SAY(raw_fchownat(AT_FDCWD, P("file"), 1, 1, 0x8000));
	SAY(raw_chown(P("missing"), 1, 1));
	SAY(raw_fchown(99, 1, 1));
	return 0;
}
