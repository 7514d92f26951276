/* What the allocator of small blocks (src/malloc/wasm32/lite_malloc.c) tells the rest of the library. */
#ifndef SMALL_BLOCKS_H
#define SMALL_BLOCKS_H

#include <features.h>
#include <stddef.h>

/* Larger ones are mallocng's. */
#define SMALL_MAX 1024

/* Size of the small block at `p`; 0: it is none, or `p` is NULL. */
hidden size_t __small_block_bytes(void *p);
/* Size of the block that `n` bytes, SMALL_MAX at most, get. */
hidden size_t __small_class_bytes(size_t n);
/* Gives back what the calling thread keeps: it is about to end, or to lose its thread-local variables. */
hidden void __malloc_thread_end(void);

#endif
