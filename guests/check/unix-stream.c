// A stream socket with a name in the file system: made by bind, found by connect, removed by unlink alone.
// covers: socket bind listen connect accept getsockname getpeername unlink
// needs: memory
#include "net.h"

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[16];
	struct sockaddr_un address = unix_address("socket"), name;
	socklen_t length;
	struct stat st;
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
	SAY(connect(client, (struct sockaddr *)&address, sizeof address));
	SAY(bind(listener, (struct sockaddr *)&address, sizeof address));
	SAY(stat("socket", &st));
	HOLDS(S_ISSOCK(st.st_mode));
	SAY(connect(client, (struct sockaddr *)&address, sizeof address));
	SAY(listen(listener, 5));
	SAY(connect(client, (struct sockaddr *)&address, sizeof address));
	length = sizeof name;
	int server = OK(accept(listener, (struct sockaddr *)&name, &length));
	printf("the client's name has length %d\n", (int)length);
	length = sizeof name;
	SAY(getpeername(client, (struct sockaddr *)&name, &length));
	printf("%s, length %d\n", name.sun_path, (int)length);
	length = sizeof name;
	SAY(getsockname(server, (struct sockaddr *)&name, &length));
	printf("%s\n", name.sun_path);
	SAY(write(client, "hello", 5));
	SAY(read(server, text, 16));
	SAY(open("socket", O_RDWR));
	int second = socket(AF_UNIX, SOCK_STREAM, 0);
	SAY(bind(second, (struct sockaddr *)&address, sizeof address));
	close(listener);
	SAY(connect(second, (struct sockaddr *)&address, sizeof address));
	SAY(access("socket", F_OK));
	SAY(unlink("socket"));
	SAY(connect(second, (struct sockaddr *)&address, sizeof address));
	SAY(write(server, "still", 5));
	SAY(read(client, text, 16));
	close(make_file("plain", ""));
	struct sockaddr_un plain = unix_address("plain");
	SAY(connect(second, (struct sockaddr *)&plain, sizeof plain));
	return 0;
}
