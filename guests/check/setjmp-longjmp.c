// longjmp returns to its setjmp through frames, with its value, never 0; locals that are volatile keep what they had.
// covers: rt_sigprocmask
#include "check.h"
#include <setjmp.h>

static jmp_buf outer, inner;

static void deep(int depth, int value)
{
	char space[100];
	memset(space, depth, sizeof space);
	if (depth > 0)
		deep(depth - 1, value);
	else
		longjmp(value % 2 ? inner : outer, value);
	if (space[50] != depth)
		printf("frame %d is damaged\n", depth);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	volatile int count = 0;
	int value = setjmp(outer);
	printf("outer %d, count %d\n", value, count);
	if (++count < 6) {
		int back = setjmp(inner);
		printf("inner %d, count %d\n", back, count);
		if (back < 5)
			deep(30, back == 0 ? count : back + 2);
		deep(10, 8);
	}
	if (setjmp(outer) == 0)
		longjmp(outer, 0);
	else
		printf("longjmp(0) gives a value that is not 0\n");
	return 0;
}
