// An eventfd adds what is written and gives it all back at once, or one by one as a semaphore.
// covers: eventfd eventfd2 read write
#include "check.h"
#include <sys/eventfd.h>

RAW1(eventfd)
RAW2(eventfd2)

static uint64_t value;

static long get(int fd)
{
	value = 99;
	return read(fd, &value, 8);
}

static long put(int fd, uint64_t number)
{
	return write(fd, &number, 8);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int fd = OK(raw_eventfd(3));
	SAY(get(fd));
	printf("value %d\n", (int)value);
	fd = OK(raw_eventfd2(0, EFD_NONBLOCK | EFD_CLOEXEC));
	SAY(fcntl(fd, F_GETFD));
	SAY(get(fd));
	SAY(put(fd, 2));
	SAY(put(fd, 5));
	SAY(get(fd));
	printf("value %d\n", (int)value);
	SAY(get(fd));
	SAY(put(fd, UINT64_MAX));
	SAY(put(fd, UINT64_MAX - 1));
	SAY(put(fd, 1));
	SAY(get(fd));
	HOLDS(value == UINT64_MAX - 1);
	SAY(read(fd, &value, 7));
	SAY(write(fd, &value, 4));
	SAY(put(fd, 0));
	SAY(get(fd));
	fd = OK(raw_eventfd2(2, EFD_SEMAPHORE | EFD_NONBLOCK));
	SAY(get(fd));
	printf("value %d\n", (int)value);
	SAY(get(fd));
	printf("value %d\n", (int)value);
	SAY(get(fd));
	SAY(raw_eventfd2(0, 0x1234));
	return 0;
}
