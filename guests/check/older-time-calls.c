// utime, utimes and futimesat set the times of files, time and getcpu tell where one is.
// covers: utime utimes futimesat time getcpu
#include "check.h"

RAW2(utime)
RAW2(utimes)
RAW_IMPORTED3(futimesat, 261)
RAW1(time)
RAW3(getcpu)

static void show(void)
{
	struct stat st;
	stat("file", &st);
	time_t now = time(NULL);
	if (now - st.st_atime < 60 && now - st.st_mtime < 60)
		printf("now\n");
	else
		printf("%ld %ld.%06ld\n", (long)st.st_atime, (long)st.st_mtime, (long)st.st_mtim.tv_nsec / 1000);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct { int64_t access, modification; } seconds = { 1000000000, 1100000000 };
	struct { int64_t sec, usec; } micro[2] = { { 1200000000, 0 }, { 1300000000, 500000 } };
	unsigned cpu = 99, node = 99;
	close(make_file("file", ""));
	int folder = open(".", O_RDONLY);
	SAY(raw_utime(P("file"), P(&seconds)));
	show();
	SAY(raw_utimes(P("file"), P(micro)));
	show();
	SAY(raw_utime(P("file"), 0));
	show();
	micro[0].sec++;
	SAY(raw_futimesat(folder, P("file"), P(micro)));
	show();
	SAY(raw_utimes(P("file"), 0));
	show();
	micro[1].usec = 1000000;
	SAY(raw_utimes(P("file"), P(micro)));
	SAY(raw_futimesat(folder, P("file"), P(micro)));
	SAY(raw_utime(P("missing"), 0));
	SAY(raw_utimes(P("missing"), 0));
	SAY(raw_utime(P("file"), P(NOWHERE)));
	SAY(raw_utimes(P("file"), P(NOWHERE)));
	HOLDS(raw_time(0) - time(NULL) <= 1);
	SAY(raw_time(P(NOWHERE)));
	SAY(raw_getcpu(P(&cpu), P(&node), 0));
	HOLDS(cpu < 1024 && node < 1024);
	SAY(raw_getcpu(0, 0, 0));
	SAY(raw_getcpu(P(NOWHERE), 0, 0));
	return 0;
}
