#define __clone __fork_clone
#include "../posix_spawn.c"
