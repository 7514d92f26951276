// sendfile moves bytes of a file to a file, a pipe or a socket, from its offset or one that it is handed.
// covers: sendfile
#include "check.h"
#include <sys/sendfile.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[32] = "";
	int ends[2], pair[2], from = make_file("from", "0123456789"), to = make_file("to", "");
	off_t offset = 6;
	pipe(ends);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	lseek(from, 2, SEEK_SET);
	SAY(sendfile(to, from, NULL, 3));
	SAY(lseek(from, 0, SEEK_CUR));
	SAY(sendfile(to, from, &offset, 2));
	printf("offset %d\n", (int)offset);
	SAY(lseek(from, 0, SEEK_CUR));
	SAY(sendfile(ends[1], from, &offset, 100));
	SAY(read(ends[0], text, 32));
	offset = 0;
	SAY(sendfile(pair[0], from, &offset, 10));
	SAY(read(pair[1], text, 32));
	printf("%.10s\n", text);
	SAY(sendfile(to, from, &offset, 10));
	show_file("to");
	offset = -1;
	SAY(sendfile(to, from, &offset, 1));
	SAY(sendfile(99, from, NULL, 1));
	SAY(sendfile(to, 99, NULL, 1));
	SAY(sendfile(from, ends[1], NULL, 1));
	int reader = open("to", O_RDONLY), append = open("to", O_WRONLY | O_APPEND);
	SAY(sendfile(reader, from, NULL, 1));
	SAY(sendfile(append, from, NULL, 1));
	return 0;
}
