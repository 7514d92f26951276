// capget knows three versions of its structure and tells its own for any other; capset takes what one has.
// covers: capget capset personality
// needs: root
#include "check.h"

RAW2(capget)
RAW2(capset)
RAW1(personality)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct { uint32_t version; int pid; } header = { 0x20080522, 0 };
	struct { uint32_t effective, permitted, inheritable; } data[2] = { { 0 } };
	SAY(raw_capget(P(&header), P(data)));
	HOLDS(data[0].effective != 0 && (data[0].effective & ~data[0].permitted) == 0);
	SAY(raw_capset(P(&header), P(data)));
	header.version = 1;
	SAY(raw_capget(P(&header), P(data)));
	printf("version %x\n", header.version);
	header.version = 1;
	SAY(raw_capget(P(&header), 0));
	header.pid = -1;
	SAY(raw_capget(P(&header), P(data)));
	header.pid = 0x7ffffff0;
	SAY(raw_capget(P(&header), P(data)));
	SAY(raw_capget(P(NOWHERE), P(data)));
	SAY(raw_personality(-1));
	SAY(raw_personality(0));
	return 0;
}
