// Every call that is handed an address that belongs to nobody answers EFAULT and does nothing.
// covers: read write openat newfstatat readlink getcwd pipe2 rename mkdir unlink poll epoll_ctl recvfrom sendto
#include "check.h"
#include <sys/epoll.h>
#include <sys/socket.h>

RAW3(read)
RAW3(write)
RAW4(openat)
RAW4(newfstatat)
RAW2(stat)
RAW3(readlink)
RAW2(rename)
RAW2(mkdir)
RAW1(unlink)
RAW1(rmdir)
RAW1(chdir)
RAW2(chmod)
RAW2(access)
RAW2(link)
RAW2(symlink)
RAW3(poll)
RAW6(recvfrom)
RAW6(sendto)
RAW2(statfs)
RAW4(pread64)
RAW4(pwrite64)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	long nowhere = P(NOWHERE);
	char text[16];
	int ends[2], pair[2], fd = make_file("file", "0123456789");
	pipe(ends);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	symlink("file", "link");
	SAY(raw_read(fd, nowhere, 4));
	SAY(lseek(fd, 0, SEEK_CUR));
	SAY(raw_pread64(fd, nowhere, 4, 0));
	SAY(raw_write(fd, nowhere, 4));
	SAY(raw_pwrite64(fd, nowhere, 4, 0));
	SAY(raw_write(ends[1], nowhere, 4));
	write(ends[1], "pipe", 4);
	SAY(raw_read(ends[0], nowhere, 4));
	SAY(read(ends[0], text, 4));
	SAY(raw_openat(AT_FDCWD, nowhere, O_RDONLY, 0));
	SAY(raw_newfstatat(AT_FDCWD, nowhere, P(text), 0));
	SAY(raw_newfstatat(AT_FDCWD, P("file"), nowhere, 0));
	SAY(raw_stat(P("file"), nowhere));
	SAY(raw_readlink(P("link"), nowhere, 16));
	SAY(raw_readlink(nowhere, P(text), 16));
	SAY(raw_rename(nowhere, P("x")));
	SAY(raw_rename(P("file"), nowhere));
	SAY(raw_mkdir(nowhere, 0755));
	SAY(raw_unlink(nowhere));
	SAY(raw_rmdir(nowhere));
	SAY(raw_chdir(nowhere));
	SAY(raw_chmod(nowhere, 0644));
	SAY(raw_access(nowhere, F_OK));
	SAY(raw_link(P("file"), nowhere));
	SAY(raw_symlink(nowhere, P("x")));
	SAY(raw_statfs(P("."), nowhere));
	SAY(raw_poll(nowhere, 1, 0));
	SAY(raw_sendto(pair[0], nowhere, 4, 0, 0, 0));
	write(pair[0], "pair", 4);
	SAY(raw_recvfrom(pair[1], nowhere, 4, 0, 0, 0));
	show_file("file");
	return 0;
}
