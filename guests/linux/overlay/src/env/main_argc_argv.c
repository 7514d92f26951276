/* `int main(int, char **, char **)` keeps its name. */
#include <unistd.h>

int __main_with_environment(int, char **, char **) __asm__("main");

int __main_argc_argv(int argc, char **argv)
{
	return __main_with_environment(argc, argv, __environ);
}
