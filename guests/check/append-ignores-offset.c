// O_APPEND writes at the end wherever the offset is; pwrite, too, as Linux has it.
// covers: write pwrite64 lseek fcntl
#include "check.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	close(make_file("file", "start"));
	int fd = open("file", O_RDWR | O_APPEND);
	int other = open("file", O_WRONLY);
	SAY(lseek(fd, 0, SEEK_CUR));
	SAY(write(fd, "-one", 4));
	SAY(lseek(other, 0, SEEK_END));
	SAY(write(other, "-two", 4));
	SAY(lseek(fd, 0, SEEK_SET));
	SAY(write(fd, "-three", 6));
	SAY(pwrite(fd, "-four", 5, 0));
	show_file("file");
	SAY(fcntl(other, F_SETFL, O_APPEND));
	SAY(lseek(other, 0, SEEK_SET));
	SAY(write(other, "-five", 5));
	SAY(fcntl(other, F_SETFL, 0));
	SAY(lseek(other, 0, SEEK_SET));
	SAY(write(other, "START", 5));
	show_file("file");
	return 0;
}
