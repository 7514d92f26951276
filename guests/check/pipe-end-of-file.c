// A pipe hands over bytes in order, ends when the last writer is gone, and refuses to go the wrong way.
// covers: pipe pipe2 read write
#include "check.h"

RAW1(pipe)
RAW2(pipe2)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[16];
	int ends[2];
	SAY(raw_pipe(P(ends)));
	HOLDS(ends[1] == ends[0] + 1);
	SAY(write(ends[1], "one", 3));
	SAY(write(ends[1], "two", 3));
	SAY(read(ends[0], text, 4));
	SAY(read(ends[0], text + 4, 4));
	printf("%.6s\n", text);
	SAY(write(ends[0], "x", 1));
	SAY(read(ends[1], text, 1));
	int copy = dup(ends[1]);
	SAY(write(copy, "three", 5));
	close(ends[1]);
	SAY(read(ends[0], text, 16));
	close(copy);
	SAY(read(ends[0], text, 16));
	SAY(read(ends[0], text, 16));
	SAY(raw_pipe2(P(ends), O_CLOEXEC | O_NONBLOCK));
	SAY(fcntl(ends[0], F_GETFD));
	SAY(fcntl(ends[1], F_GETFD));
	SAY(read(ends[0], text, 16));
	SAY(raw_pipe2(P(ends), 0x123));
	SAY(raw_pipe(P(NOWHERE)));
	SAY(raw_pipe2(P(NOWHERE), 0));
	return 0;
}
