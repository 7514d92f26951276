// sync takes nothing, syncfs any descriptor, sync_file_range ranges of files; readahead is advice.
// covers: sync syncfs sync_file_range readahead
#include "check.h"

RAW1(syncfs)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int ends[2], fd = make_file("file", "text"), folder = open(".", O_RDONLY);
	pipe(ends);
	sync();
	SAY(raw_syncfs(fd));
	SAY(raw_syncfs(folder));
	SAY(raw_syncfs(99));
	SAY(sync_file_range(fd, 0, 0, 7));
	SAY(sync_file_range(fd, 0, 2, 0));
	SAY(sync_file_range(fd, 0, 0, 8));
	SAY(sync_file_range(fd, -1, 0, 1));
	SAY(sync_file_range(fd, 0, -1, 1));
	SAY(sync_file_range(ends[0], 0, 0, 1));
	SAY(sync_file_range(99, 0, 0, 1));
	SAY(readahead(fd, 0, 100));
	SAY(readahead(ends[0], 0, 100));
	SAY(readahead(99, 0, 100));
	show_file("file");
	return 0;
}
