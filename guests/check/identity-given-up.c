// root may become anybody; whoever gave it up for good stays what it is.
// covers: setuid setgid setreuid setregid setresuid setresgid setgroups getgroups
// needs: root
#include "check.h"

RAW1(setuid)
RAW1(setgid)
RAW2(setreuid)
RAW2(setregid)
RAW3(setresuid)
RAW3(setresgid)
RAW2(setgroups)
RAW2(getgroups)

static void show(void)
{
	uid_t ru, eu, su;
	gid_t rg, eg, sg;
	getresuid(&ru, &eu, &su);
	getresgid(&rg, &eg, &sg);
	printf("%d %d %d, %d %d %d\n", (int)ru, (int)eu, (int)su, (int)rg, (int)eg, (int)sg);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	uint32_t groups[3] = { 10, 20, 30 }, got[8];
	pid_t child = fork();
	if (child == 0) {
		SAY(raw_setgroups(3, P(groups)));
		SAY(raw_getgroups(8, P(got)));
		printf("%d %d %d\n", (int)got[0], (int)got[1], (int)got[2]);
		SAY(raw_getgroups(2, P(got)));
		SAY(raw_getgroups(0, P(got)));
		SAY(raw_setgroups(-1, P(groups)));
		SAY(raw_setgroups(0, 0));
		SAY(raw_setgid(500));
		SAY(raw_setuid(1000));
		show();
		SAY(raw_setuid(0));
		SAY(raw_setgid(0));
		SAY(raw_setuid(1000));
		SAY(raw_setgroups(1, P(groups)));
		_exit(0);
	}
	reap("setuid", child);
	child = fork();
	if (child == 0) {
		SAY(raw_setresgid(1, 2, 3));
		SAY(raw_setresuid(1000, 1001, 0));
		show();
		SAY(raw_setresuid(-1, 0, -1));
		show();
		SAY(raw_setregid(5, -1));
		SAY(raw_setreuid(1000, 1001));
		show();
		SAY(raw_setreuid(-1, 1000));
		show();
		SAY(raw_setresuid(0, -1, -1));
		SAY(raw_setuid(1001));
		show();
		SAY(raw_setregid(3, 1));
		SAY(raw_setresgid(9, 9, 9));
		show();
		_exit(0);
	}
	reap("setresuid", child);
	SAY(raw_setuid(-1));
	return 0;
}
