/* Addresses and connected sockets for the programs about sockets. */
#ifndef CHECK_NET_H
#define CHECK_NET_H
#include "check.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

/* 127.0.0.1 with this port, 0 for any. */
static inline struct sockaddr_in loopback(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

/* The port that a socket is bound to. */
static inline int port_of(int fd)
{
	struct sockaddr_in address;
	socklen_t length = sizeof address;
	return getsockname(fd, (struct sockaddr *)&address, &length) == 0 ? ntohs(address.sin_port) : -1;
}

static inline int bind_loopback(int fd, int port)
{
	struct sockaddr_in address = loopback(port);
	return bind(fd, (struct sockaddr *)&address, sizeof address);
}

static inline int connect_loopback(int fd, int port)
{
	struct sockaddr_in address = loopback(port);
	return connect(fd, (struct sockaddr *)&address, sizeof address);
}

static inline int listen_loopback(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind_loopback(fd, 0) != 0 || listen(fd, 8) != 0)
		printf("cannot listen: %s\n", errno_name(errno));
	return fd;
}

/* A TCP connection to oneself: ends[0] connected, ends[1] accepted. */
static inline void tcp_pair(int ends[2])
{
	int listener = listen_loopback();
	ends[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect_loopback(ends[0], port_of(listener)) != 0)
		printf("cannot connect: %s\n", errno_name(errno));
	ends[1] = accept(listener, NULL, NULL);
	close(listener);
}

static inline struct sockaddr_un unix_address(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	strncpy(address.sun_path, path, sizeof address.sun_path - 1);
	return address;
}

#endif
