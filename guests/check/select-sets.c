// select leaves only what is ready in its sets, and the time that was left in its timeout.
// covers: select pselect6
#include "check.h"
#include <sys/select.h>

RAW5(select)

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int ends[2], other[2];
	fd_set in, out, bad;
	struct timeval tv = { 5, 0 };
	pipe(ends);
	pipe(other);
	write(ends[1], "x", 1);
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&bad);
	FD_SET(ends[0], &in);
	FD_SET(other[0], &in);
	FD_SET(other[1], &out);
	FD_SET(other[1], &bad);
	SAY(select(other[1] + 1, &in, &out, &bad, &tv));
	HOLDS(FD_ISSET(ends[0], &in));
	HOLDS(FD_ISSET(other[0], &in));
	HOLDS(FD_ISSET(other[1], &out));
	HOLDS(FD_ISSET(other[1], &bad));
	HOLDS(tv.tv_sec == 4 || tv.tv_sec == 5);
	FD_ZERO(&in);
	FD_SET(other[0], &in);
	tv = (struct timeval){ 0, 10000 };
	SAY(raw_select(other[0] + 1, P(&in), 0, 0, P(&tv)));
	HOLDS(FD_ISSET(other[0], &in));
	HOLDS(tv.tv_sec == 0 && tv.tv_usec == 0);
	FD_SET(other[0], &in);
	SAY(raw_select(other[0], P(&in), 0, 0, P(&tv)));
	close(other[0]);
	FD_ZERO(&in);
	FD_SET(other[0], &in);
	SAY(raw_select(other[0] + 1, P(&in), 0, 0, P(&tv)));
	SAY(raw_select(-1, 0, 0, 0, P(&tv)));
	tv.tv_sec = -1;
	SAY(raw_select(0, 0, 0, 0, P(&tv)));
	SAY(raw_select(5, P(NOWHERE), 0, 0, 0));
	return 0;
}
