// What kill, tkill and tgkill refuse; signal 0 only asks whether there is somebody.
// covers: kill tkill
#include "check.h"

RAW2(kill)
RAW2(tkill)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	SAY(raw_kill(getpid(), 0));
	SAY(raw_kill(0, 0));
	SAY(raw_kill(getpid(), 65));
	SAY(raw_kill(getpid(), -1));
	SAY(raw_kill(0x7ffffff0, 0));
	SAY(raw_kill(-0x7ffffff0, 0));
	SAY(raw_tkill(0x7ffffff0, 0));
	SAY(raw_tkill(-1, 0));
	SAY(raw_tkill(0, SIGTERM));
	SAY(raw_tkill(getpid(), 0));
	SAY(raw_tkill(getpid(), 99));
	return 0;
}
