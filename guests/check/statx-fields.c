// statx fills what stat fills and says so in its mask.
// covers: statx
#include "check.h"

RAW5(statx)

struct kernel_statx {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, spare;
	uint64_t ino, size, blocks, attributes_mask;
	struct { int64_t sec; uint32_t nsec; int32_t pad; } atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t more[14];
};

#define BASIC 0x7ff

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct kernel_statx x;
	struct stat st;
	int fd = make_file("file", "0123456789");
	symlink("file", "link");
	struct timespec times[2] = { { 1000000000, 5000000 }, { 1100000000, 7000000 } };
	utimensat(AT_FDCWD, "file", times, 0);
	stat("file", &st);
	SAY(raw_statx(AT_FDCWD, P("file"), 0, BASIC, P(&x)));
	HOLDS((x.mask & BASIC) == BASIC);
	printf("mode %o size %ld links %d atime %ld.%03d mtime %ld.%03d\n", x.mode, (long)x.size, (int)x.nlink,
	       (long)x.atime.sec, (int)(x.atime.nsec + 500000) / 1000000, (long)x.mtime.sec, (int)(x.mtime.nsec + 500000) / 1000000);
	HOLDS(x.ino == st.st_ino);
	HOLDS(x.uid == st.st_uid && x.gid == st.st_gid);
	SAY(raw_statx(AT_FDCWD, P("link"), AT_SYMLINK_NOFOLLOW, BASIC, P(&x)));
	HOLDS(S_ISLNK(x.mode));
	SAY(raw_statx(fd, P(""), AT_EMPTY_PATH, BASIC, P(&x)));
	printf("size %ld\n", (long)x.size);
	SAY(raw_statx(fd, P(""), 0, BASIC, P(&x)));
	SAY(raw_statx(AT_FDCWD, P("missing"), 0, BASIC, P(&x)));
	SAY(raw_statx(99, P("file"), 0, BASIC, P(&x)));
	SAY(raw_statx(AT_FDCWD, P("file"), 0x6000, BASIC, P(&x)));
	SAY(raw_statx(AT_FDCWD, P("file"), 0x10000000, BASIC, P(&x)));
	SAY(raw_statx(AT_FDCWD, P("file"), 0, 0x80000000u, P(&x)));
	SAY(raw_statx(AT_FDCWD, P("file"), 0, BASIC, P(NOWHERE)));
	return 0;
}
