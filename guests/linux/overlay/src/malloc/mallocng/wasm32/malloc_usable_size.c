#include <stdlib.h>
#include "../meta.h"
#include "small_blocks.h"

size_t malloc_usable_size(void *p)
{
	if (!p) return 0;
	size_t bytes = __small_block_bytes(p);
	if (bytes) return bytes;
	struct meta *group = get_meta(p);
	unsigned char *start = group->mem->storage + get_stride(group) * get_slot_index(p);
	return get_nominal_size(p, start + get_stride(group) - IB);
}
