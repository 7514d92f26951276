// A descriptor sent over a unix socket arrives as a new descriptor of the same open file.
// covers: sendmsg recvmsg socketpair
#include "net.h"

static char byte = 'x';
static struct iovec piece = { &byte, 1 };
static union {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(2 * sizeof(int))];
} control;

static long pass(int socket, const int *fds, size_t count)
{
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control };
	message.msg_controllen = CMSG_SPACE(count * sizeof(int));
	memset(&control, 0, sizeof control);
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	return sendmsg(socket, &message, 0);
}

static long take(int socket, int *fds)
{
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control };
	message.msg_controllen = sizeof control;
	long result = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int count = header ? (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int)) : 0;
	printf("%d descriptors\n", count);
	if (count > 0)
		memcpy(fds, CMSG_DATA(header), (size_t)count * sizeof(int));
	return result;
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	char text[8];
	int pair[2], ends[2], got[2] = { -1, -1 }, fd = make_file("file", "0123456789");
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	pipe(ends);
	int both[2] = { fd, ends[1] };
	SAY(pass(pair[0], both, 2));
	close(ends[1]);
	SAY(take(pair[1], got));
	HOLDS(got[0] != fd && got[0] >= 0);
	SAY(read(got[0], text, 3));
	SAY(lseek(fd, 0, SEEK_CUR));
	SAY(fcntl(got[0], F_GETFD));
	SAY(write(got[1], "pipe", 4));
	SAY(read(ends[0], text, 8));
	close(got[1]);
	SAY(read(ends[0], text, 8));
	SAY(pass(pair[0], (int[]){ 99 }, 1));
	SAY(write(pair[0], "y", 1));
	SAY(take(pair[1], got));
	pid_t child = fork();
	if (child == 0) {
		int mine = open("file", O_RDONLY);
		lseek(mine, 7, SEEK_SET);
		pass(pair[0], &mine, 1);
		_exit(0);
	}
	reap("child", child);
	SAY(take(pair[1], got));
	SAY(lseek(got[0], 0, SEEK_CUR));
	return 0;
}
