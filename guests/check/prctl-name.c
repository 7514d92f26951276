// prctl keeps a thread's name of 15 bytes; what it does not know is EINVAL.
// covers: prctl
#include "check.h"
#include <sys/prctl.h>

RAW5(prctl)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char name[32] = "";
	SAY(raw_prctl(PR_SET_NAME, P("worker"), 0, 0, 0));
	SAY(raw_prctl(PR_GET_NAME, P(name), 0, 0, 0));
	printf("%s\n", name);
	SAY(raw_prctl(PR_SET_NAME, P("a-name-that-is-too-long"), 0, 0, 0));
	SAY(raw_prctl(PR_GET_NAME, P(name), 0, 0, 0));
	printf("%s\n", name);
	SAY(raw_prctl(PR_SET_NAME, P(NOWHERE), 0, 0, 0));
	SAY(raw_prctl(99999, 0, 0, 0, 0));
	SAY(raw_prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
	return 0;
}
