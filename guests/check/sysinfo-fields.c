// sysinfo tells of memory and uptime.
// covers: sysinfo
#include "check.h"
#include <sys/sysinfo.h>

RAW1(sysinfo)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct sysinfo info;
	memset(&info, 0xff, sizeof info);
	SAY(sysinfo(&info));
	HOLDS(info.uptime >= 0 && info.uptime < 100ll * 365 * 86400);
	HOLDS(info.totalram > 0 && info.freeram <= info.totalram);
	HOLDS(info.mem_unit >= 1);
	HOLDS(info.procs >= 1);
	SAY(raw_sysinfo(P(NOWHERE)));
	return 0;
}
