// A name that starts with a NUL lives outside the file system, counts every byte of its length, and ends with its socket.
// covers: bind connect accept
#include "net.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	struct sockaddr_un address = unix_address(""), longer;
	memcpy(address.sun_path, "\0ringzero-check-", 16);
	snprintf(address.sun_path + 16, 80, "%ld", (long)getpid());
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 16 + strlen(address.sun_path + 16));
	longer = address;
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
	SAY(bind(listener, (struct sockaddr *)&address, length));
	SAY(listen(listener, 1));
	SAY(connect(client, (struct sockaddr *)&longer, length + 1));
	SAY(connect(client, (struct sockaddr *)&address, length));
	OK(accept(listener, NULL, NULL));
	int other = socket(AF_UNIX, SOCK_STREAM, 0);
	SAY(bind(other, (struct sockaddr *)&address, length));
	close(listener);
	SAY(bind(other, (struct sockaddr *)&address, length));
	return 0;
}
