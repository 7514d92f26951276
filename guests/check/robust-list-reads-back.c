// A thread's robust list is where it says; its size is checked; a stranger's is nobody's business.
// covers: set_robust_list get_robust_list
#include "check.h"

RAW2(set_robust_list)
RAW3(get_robust_list)

/* struct robust_list_head: a pointer, a long, a pointer. */
struct head {
	void *next;
	long offset;
	void *pending;
};

int main(int argc, char **argv)
{
	check_start(argc, argv);
	static struct head head;
	head.next = &head;
	void *got = NULL;
	size_t size = 0;
	SAY(raw_set_robust_list(P(&head), sizeof head));
	SAY(raw_get_robust_list(0, P(&got), P(&size)));
	HOLDS(got == &head && size == sizeof head);
	SAY(raw_set_robust_list(P(&head), 7));
	SAY(raw_get_robust_list(0x7ffffff0, P(&got), P(&size)));
	SAY(raw_get_robust_list(0, P(NOWHERE), P(&size)));
	return 0;
}
