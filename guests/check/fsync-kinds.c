// fsync and fdatasync take a file or a folder, not a pipe.
// covers: fsync fdatasync
#include "check.h"

RAW1(fsync)
RAW1(fdatasync)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int ends[2], fd = make_file("file", "text"), folder = open(".", O_RDONLY);
	pipe(ends);
	SAY(raw_fsync(fd));
	SAY(raw_fdatasync(fd));
	SAY(raw_fsync(folder));
	SAY(raw_fsync(ends[1]));
	SAY(raw_fdatasync(ends[0]));
	SAY(raw_fsync(-1));
	SAY(raw_fdatasync(99));
	return 0;
}
