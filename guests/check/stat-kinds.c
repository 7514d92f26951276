// stat tells what a file is, how large, how often linked; lstat looks at the link itself, fstat at the open file.
// covers: stat lstat fstat newfstatat
#include "check.h"
#include <sys/socket.h>

RAW2(stat)
RAW2(lstat)
RAW2(fstat)
RAW4(newfstatat)

/* struct stat as the kernel writes it, x86-64's. */
struct kernel_stat {
	uint64_t dev, ino, nlink;
	uint32_t mode, uid, gid, pad;
	uint64_t rdev;
	int64_t size, blksize, blocks;
	int64_t times[6], unused[3];
};

static struct kernel_stat st;

static void show(const char *what, long result)
{
	if (result != 0) {
		printf("%s: %s\n", what, errno_name(errno));
		return;
	}
	printf("%s: mode %o", what, (unsigned)st.mode);
	if (S_ISREG(st.mode) || S_ISLNK(st.mode))
		printf(", size %ld", (long)st.size);
	if (S_ISREG(st.mode))
		printf(", %ld links", (long)st.nlink);
	printf("\n");
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int ends[2], pair[2], fd = make_file("file", "0123456789");
	link("file", "second");
	mkdir("folder", 0750);
	symlink("file", "link");
	symlink("nowhere", "dangling");
	show("file", raw_stat(P("file"), P(&st)));
	uint64_t inode = st.ino, device = st.dev;
	show("second", raw_stat(P("second"), P(&st)));
	HOLDS(st.ino == inode && st.dev == device);
	show("folder", raw_stat(P("folder"), P(&st)));
	HOLDS(st.ino != inode && st.dev == device);
	show("link", raw_stat(P("link"), P(&st)));
	show("link itself", raw_lstat(P("link"), P(&st)));
	show("link/", raw_lstat(P("link/"), P(&st)));
	show("dangling", raw_stat(P("dangling"), P(&st)));
	show("dangling itself", raw_lstat(P("dangling"), P(&st)));
	show("missing", raw_stat(P("missing"), P(&st)));
	show("missing itself", raw_lstat(P("missing"), P(&st)));
	show("fd", raw_fstat(fd, P(&st)));
	unlink("file");
	unlink("second");
	show("fd of no name", raw_fstat(fd, P(&st)));
	show("no fd", raw_fstat(99, P(&st)));
	show("at", raw_newfstatat(AT_FDCWD, P("link"), P(&st), AT_SYMLINK_NOFOLLOW));
	show("at with strange flags", raw_newfstatat(AT_FDCWD, P("link"), P(&st), 0x4000000));
	pipe(ends);
	raw_fstat(ends[0], P(&st));
	HOLDS(S_ISFIFO(st.mode));
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	raw_fstat(pair[0], P(&st));
	HOLDS(S_ISSOCK(st.mode));
	raw_stat(P("/dev/null"), P(&st));
	HOLDS(S_ISCHR(st.mode));
	return 0;
}
