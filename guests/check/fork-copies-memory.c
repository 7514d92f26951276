// After fork the two have memory of their own: globals, heap, stack, a deep call stack, and anonymous mappings, private and shared.
// covers: fork wait4 mmap
#include "check.h"
#include <sys/mman.h>

static int global = 1;
static int *heap, *private, *shared;

static void work(int depth, int *stack)
{
	int mine = depth * 10;
	if (depth > 0) {
		work(depth - 1, stack);
		printf("back at %d: %d\n", depth, mine);
		return;
	}
	pid_t child = fork();
	if (child == 0) {
		printf("child sees %d %d %d %d %d\n", global, *heap, *stack, *private, *shared);
		global = *heap = *stack = *private = *shared = 7;
		return;
	}
	reap("child", child);
	printf("parent sees %d %d %d %d %d\n", global, *heap, *stack, *private, *shared);
}

int main(int argc, char **argv)
{
	check_start(argc, argv);
	int stack = 3;
	pid_t me = getpid();
	heap = malloc(sizeof *heap);
	private = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*heap = 2;
	*private = 4;
	*shared = 5;
	work(3, &stack);
	printf("%s ends with %d %d %d %d %d\n", getpid() == me ? "parent" : "child", global, *heap, stack, *private, *shared);
	return getpid() == me ? 0 : 9;
}
