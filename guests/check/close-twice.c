// A closed descriptor is gone at once: for close itself and for everything else.
// covers: close
#include "check.h"

RAW1(close)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char byte;
	int fd = make_file("file", "text");
	SAY(raw_close(fd));
	SAY(raw_close(fd));
	SAY(raw_close(-1));
	SAY(raw_close(1 << 20));
	SAY(raw_close(0x7fffffff));
	SAY(read(fd, &byte, 1));
	SAY(lseek(fd, 0, SEEK_SET));
	return 0;
}
