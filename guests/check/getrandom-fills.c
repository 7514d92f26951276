// getrandom fills what it is given, differently each time.
// covers: getrandom
#include "check.h"
#include <sys/random.h>

RAW3(getrandom)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	static unsigned char one[10000], two[10000];
	int zeros = 0;
	SAY(raw_getrandom(P(one), 256, 0));
	SAY(raw_getrandom(P(two), 256, GRND_NONBLOCK));
	HOLDS(memcmp(one, two, 256) != 0);
	SAY(raw_getrandom(P(one), 10000, 0));
	for (int i = 0; i < 10000; i++)
		zeros += one[i] == 0;
	HOLDS(zeros < 120);
	SAY(raw_getrandom(P(one), 0, 0));
	SAY(raw_getrandom(P(one), 16, 0x100));
	SAY(raw_getrandom(P(NOWHERE), 16, 0));
	return 0;
}
