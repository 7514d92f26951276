/* The compiler calls `int main(int, char **)` __main_argc_argv and `int main(void)` __main_void; crt1 calls the latter. */
#include <features.h>

extern hidden int __main_argc;
extern hidden char **__main_argv;
int __main_argc_argv(int, char **);

int __main_void(void)
{
	return __main_argc_argv(__main_argc, __main_argv);
}
