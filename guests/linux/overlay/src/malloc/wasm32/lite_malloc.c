/*
 * malloc and free. Small blocks (SMALL_MAX bytes and less) come from spans: 64 KiB of memory, aligned to their size, cut into blocks of
 * one size class. All else is mallocng's, the library's own allocator, which looks up and checks a good deal at every call: a tenth of
 * a busy Redis' time, and half of that for the small ones.
 *
 * Each thread keeps a few free blocks of each class: what it takes and gives back there needs no lock and touches no memory but the
 * block's own. Only when there is none or there are too many a batch moves between the thread and the spans, under the lock that
 * mallocng uses as well (so fork(2) needs to know of one only).
 *
 * What always holds: span_class[] says of every 64 KiB of the address space whether a span lies there; a block is free in its span or in
 * one thread's cache, or is the program's; a span without blocks in use belongs to no class.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "atomic.h"
#include "libc.h"
#include "lock.h"
#include "small_blocks.h"

#define SPAN_SHIFT 16
#define SPAN_BYTES (1 << SPAN_SHIFT)
#define HEADER_BYTES 64
/* Spans are mapped so many at a time, and so many empty ones are kept. */
#define SPANS_PER_MAP 16
#define EMPTY_MAX 16

struct block { struct block *next; };

struct span {
	struct span *next, *prev; /* of those with room in its class, or of the empty ones */
	struct block *free; /* given back; NULL: none */
	char *fresh, *end; /* never used yet */
	int used; /* blocks outside of this span's list */
	unsigned char class;
};

struct cache { struct block *head; int count; };

/* Bytes of each class: steps of a quarter of a power of two, as mallocng has them. */
static const unsigned short class_bytes[] = {
	16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768, 896, 1024,
};
#define CLASSES (sizeof class_bytes / sizeof *class_bytes)

/* Class of a size in units of 16 bytes, rounded up. */
static const unsigned char class_of_units[SMALL_MAX / 16 + 1] = {
	0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 9, 10, 10, 11, 11,
	12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15, 15, 15, 15,
	16, 16, 16, 16, 16, 16, 16, 16, 17, 17, 17, 17, 17, 17, 17, 17,
	18, 18, 18, 18, 18, 18, 18, 18, 19, 19, 19, 19, 19, 19, 19, 19,
};

/* Class + 1 of the span at this place in the address space, 0: there is none. */
static unsigned char span_class[1 << (32 - SPAN_SHIFT)];

extern int __malloc_lock[1];

static struct span *with_room[CLASSES];
static struct span *empty;
static int empties;

static _Thread_local struct cache caches[CLASSES];

/* What a thread keeps of a class: 4 KiB, between 8 blocks and 64. */
static int cache_max(unsigned class)
{
	int blocks = 4096 / class_bytes[class];
	return blocks > 64 ? 64 : blocks < 8 ? 8 : blocks;
}

static struct span *span_of(void *p)
{
	return (struct span *)((uintptr_t)p & -SPAN_BYTES);
}

static void link_to(struct span **list, struct span *s)
{
	s->prev = 0;
	s->next = *list;
	if (*list) (*list)->prev = s;
	*list = s;
}

static void unlink_from(struct span **list, struct span *s)
{
	if (s->prev) s->prev->next = s->next;
	else *list = s->next;
	if (s->next) s->next->prev = s->prev;
}

/* SPANS_PER_MAP new spans, or fewer where memory is short. */
static int map_spans(void)
{
	for (size_t count = SPANS_PER_MAP; count; count /= 4) {
		size_t bytes = (count + 1) << SPAN_SHIFT;
		char *map = __mmap(0, bytes, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);
		if (map == MAP_FAILED) continue;
		size_t before = -(uintptr_t)map & (SPAN_BYTES - 1);
		if (before) __munmap(map, before);
		__munmap(map + before + (count << SPAN_SHIFT), SPAN_BYTES - before);
		for (size_t i = count; i--; empties++)
			link_to(&empty, (struct span *)(map + before + (i << SPAN_SHIFT)));
		return 1;
	}
	return 0;
}

/* A span with room for blocks of `class`, first in its list; NULL: no memory. */
static struct span *span_with_room(unsigned class)
{
	struct span *s = with_room[class];
	if (s) return s;
	if (!empty && !map_spans()) return 0;
	s = empty;
	unlink_from(&empty, s);
	empties--;
	s->free = 0;
	s->fresh = (char *)s + HEADER_BYTES;
	s->end = s->fresh + (SPAN_BYTES - HEADER_BYTES) / class_bytes[class] * class_bytes[class];
	s->used = 0;
	s->class = class;
	span_class[(uintptr_t)s >> SPAN_SHIFT] = class + 1;
	link_to(&with_room[class], s);
	return s;
}

/* One block for the caller, half a cache full for later. */
static void *refill(unsigned class, size_t n)
{
	struct cache *cache = &caches[class];
	size_t bytes = class_bytes[class];
	int wanted = cache_max(class) / 2;
	if (libc.need_locks) LOCK(__malloc_lock);
	while (wanted > 0) {
		struct span *s = span_with_room(class);
		if (!s) break;
		for (; wanted > 0 && (s->free || s->fresh < s->end); wanted--) {
			struct block *b = s->free;
			if (b) s->free = b->next;
			else {
				b = (struct block *)s->fresh;
				s->fresh += bytes;
			}
			s->used++;
			b->next = cache->head;
			cache->head = b;
			cache->count++;
		}
		if (!s->free && s->fresh == s->end) unlink_from(&with_room[class], s);
	}
	UNLOCK(__malloc_lock);
	struct block *b = cache->head;
	if (!b) return __libc_malloc_impl(n);
	cache->head = b->next;
	cache->count--;
	return b;
}

static void to_span(struct block *b, unsigned class)
{
	struct span *s = span_of(b);
	int was_full = !s->free && s->fresh == s->end;
	b->next = s->free;
	s->free = b;
	s->used--;
	if (s->used) {
		if (was_full) link_to(&with_room[class], s);
		return;
	}
	if (!was_full) unlink_from(&with_room[class], s);
	span_class[(uintptr_t)s >> SPAN_SHIFT] = 0;
	if (empties == EMPTY_MAX) {
		__munmap(s, SPAN_BYTES);
		return;
	}
	link_to(&empty, s);
	empties++;
}

/* Gives blocks back to their spans until `keep` are left. */
static void flush(unsigned class, int keep)
{
	struct cache *cache = &caches[class];
	if (libc.need_locks) LOCK(__malloc_lock);
	while (cache->count > keep) {
		struct block *b = cache->head;
		cache->head = b->next;
		cache->count--;
		to_span(b, class);
	}
	UNLOCK(__malloc_lock);
}

void __malloc_thread_end(void)
{
	for (unsigned class = 0; class < CLASSES; class++)
		if (caches[class].count) flush(class, 0);
}

static void *small_malloc(size_t n)
{
	if (n > SMALL_MAX) return __libc_malloc_impl(n);
	unsigned class = class_of_units[(n + 15) / 16];
	struct cache *cache = &caches[class];
	struct block *b = cache->head;
	if (!b) return refill(class, n);
	cache->head = b->next;
	cache->count--;
	return b;
}

static void small_free(void *p)
{
	unsigned class = span_class[(uintptr_t)p >> SPAN_SHIFT];
	if (!class--) {
		__libc_free(p);
		return;
	}
	struct cache *cache = &caches[class];
	struct block *b = p;
	if (b == cache->head) a_crash(); /* freed twice */
	b->next = cache->head;
	cache->head = b;
	if (++cache->count > cache_max(class)) flush(class, cache_max(class) / 2);
}

/* Weak: a program may bring its own. */
weak_alias(small_malloc, malloc);
weak_alias(small_free, free);

size_t __small_block_bytes(void *p)
{
	unsigned class = span_class[(uintptr_t)p >> SPAN_SHIFT];
	return class ? class_bytes[class - 1] : 0;
}

size_t __small_class_bytes(size_t n)
{
	return class_bytes[class_of_units[(n + 15) / 16]];
}

/* The library's own use of memory, where the program may have brought another malloc. */
void *__libc_malloc(size_t n)
{
	return __libc_malloc_impl(n);
}
