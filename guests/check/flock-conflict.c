// flock belongs to the open file: a duplicate shares it, another open of the same file does not.
// covers: flock
#include "check.h"
#include <sys/file.h>

RAW2(flock)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int one = make_file("file", ""), two = open("file", O_RDONLY), copy = dup(one);
	SAY(raw_flock(one, LOCK_EX));
	SAY(raw_flock(two, LOCK_SH | LOCK_NB));
	SAY(raw_flock(copy, LOCK_SH));
	SAY(raw_flock(two, LOCK_SH | LOCK_NB));
	SAY(raw_flock(one, LOCK_EX | LOCK_NB));
	SAY(raw_flock(two, LOCK_UN));
	SAY(raw_flock(one, LOCK_EX | LOCK_NB));
	SAY(close(one));
	SAY(raw_flock(two, LOCK_EX | LOCK_NB));
	SAY(close(copy));
	SAY(raw_flock(two, LOCK_EX | LOCK_NB));
	SAY(raw_flock(two, LOCK_UN));
	SAY(raw_flock(two, LOCK_UN));
	SAY(raw_flock(two, 0));
	SAY(raw_flock(two, LOCK_SH | LOCK_EX));
	SAY(raw_flock(99, LOCK_SH));
	return 0;
}
