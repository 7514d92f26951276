// accept and recv wait for another thread; the accepted socket does not inherit O_NONBLOCK.
// covers: accept recvfrom connect
#include "net.h"
#include <pthread.h>

static int port;

static void *client(void *argument)
{
	sleep_ms(20);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	connect_loopback(fd, port);
	sleep_ms(20);
	send(fd, "late", 4, 0);
	close(fd);
	return argument;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[8];
	pthread_t thread;
	int listener = listen_loopback();
	port = port_of(listener);
	pthread_create(&thread, NULL, client, NULL);
	int server = OK(accept(listener, NULL, NULL));
	SAY(recv(server, text, 8, 0));
	pthread_join(thread, NULL);
	SAY(recv(server, text, 8, 0));
	fcntl(listener, F_SETFL, O_NONBLOCK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	SAY(connect_loopback(fd, port));
	server = OK(accept(listener, NULL, NULL));
	HOLDS(fcntl(server, F_GETFL) & O_NONBLOCK);
	return 0;
}
