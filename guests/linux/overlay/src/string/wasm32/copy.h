#include <stdint.h>

/* Words that may lie anywhere, and be of any type: Wasm loads and stores need no alignment. */
typedef uint64_t __attribute__((__may_alias__, __aligned__(1))) word8;
typedef uint32_t __attribute__((__may_alias__, __aligned__(1))) word4;
typedef uint16_t __attribute__((__may_alias__, __aligned__(1))) word2;

#define WORD8(p, at) (*(word8 *)((p) + (at)))
#define WORD4(p, at) (*(word4 *)((p) + (at)))
#define WORD2(p, at) (*(word2 *)((p) + (at)))
