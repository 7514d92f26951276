/* A stack that nobody has set is no error, as in other C libraries. */
#define pthread_attr_getstack __pthread_attr_getstack_set
#include "../pthread_attr_get.c"
#undef pthread_attr_getstack

int pthread_attr_getstack(const pthread_attr_t *restrict attributes, void **restrict address, size_t *restrict size)
{
	*size = attributes->_a_stacksize;
	*address = attributes->_a_stackaddr ? (void *)(attributes->_a_stackaddr - *size) : 0;
	return 0;
}
