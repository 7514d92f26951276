// utimensat sets both times, one of them, or now, to the microsecond; of a link itself, too; and checks its numbers.
// covers: utimensat
#include "check.h"

RAW4(utimensat)

struct kernel_time {
	int64_t sec, nsec;
};

#define NOW ((1ll << 30) - 1)
#define OMIT ((1ll << 30) - 2)

static void show(const char *path, int flags)
{
	struct stat st;
	fstatat(AT_FDCWD, path, &st, flags);
	time_t now = time(NULL);
	for (int i = 0; i < 2; i++) {
		struct timespec *t = i ? &st.st_mtim : &st.st_atim;
		if (now - t->tv_sec < 60)
			printf("%s %s: now\n", path, i ? "modified" : "accessed");
		else
			printf("%s %s: %ld.%06ld\n", path, i ? "modified" : "accessed", (long)t->tv_sec,
			       ((long)t->tv_nsec + 500) / 1000);
	}
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int fd = make_file("file", "text");
	symlink("file", "link");
	struct kernel_time times[2] = { { 1000000000, 123456000 }, { 1200000000, 987654000 } };
	SAY(raw_utimensat(AT_FDCWD, P("file"), P(times), 0));
	show("file", 0);
	times[0].nsec = OMIT;
	times[1].sec = 1300000000;
	SAY(raw_utimensat(AT_FDCWD, P("file"), P(times), 0));
	show("file", 0);
	times[0].nsec = NOW;
	times[1].nsec = OMIT;
	SAY(raw_utimensat(AT_FDCWD, P("file"), P(times), 0));
	show("file", 0);
	SAY(raw_utimensat(AT_FDCWD, P("file"), 0, 0));
	show("file", 0);
	times[0] = times[1] = (struct kernel_time){ 1400000000, 5000 };
	SAY(raw_utimensat(AT_FDCWD, P("link"), P(times), AT_SYMLINK_NOFOLLOW));
	show("link", AT_SYMLINK_NOFOLLOW);
	show("file", 0);
	SAY(raw_utimensat(fd, 0, P(times), 0));
	show("file", 0);
	times[1].nsec = 1000000000;
	SAY(raw_utimensat(AT_FDCWD, P("file"), P(times), 0));
	times[1].nsec = -1;
	SAY(raw_utimensat(AT_FDCWD, P("file"), P(times), 0));
	times[1].nsec = 0;
	SAY(raw_utimensat(AT_FDCWD, P("missing"), P(times), 0));
	SAY(raw_utimensat(99, P("file"), P(times), 0));
	SAY(raw_utimensat(AT_FDCWD, P("file"), P(times), 0x8000));
	struct timespec old[2] = { { -5, 0 }, { 1, 0 } };
	SAY(futimens(fd, old));
	return 0;
}
