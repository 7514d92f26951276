/*
 * The compiler makes memory.copy and memory.fill of every memcpy, memmove and memset, for which an engine takes some 10 ns however
 * little it copies. Here small constant sizes stay the compiler's (they become loads and stores), and the others are calls of the
 * library, which copies words up to a size that is worth the instruction. The names differ because it knows those of the standard.
 */
#if defined(__OPTIMIZE__) && !defined(__cplusplus)

#define __STRING_INLINE extern __inline __attribute__((__gnu_inline__, __always_inline__, __artificial__))
#define __STRING_BUILTIN_MAX 32

void *__memcpy_call(void *__restrict, const void *__restrict, size_t);
void *__memmove_call(void *, const void *, size_t);
void *__memset_call(void *, int, size_t);

__STRING_INLINE void *memcpy(void *__restrict __to, const void *__restrict __from, size_t __n)
{
	return __builtin_constant_p(__n) && __n <= __STRING_BUILTIN_MAX
		? __builtin_memcpy(__to, __from, __n) : __memcpy_call(__to, __from, __n);
}

__STRING_INLINE void *memmove(void *__to, const void *__from, size_t __n)
{
	return __builtin_constant_p(__n) && __n <= __STRING_BUILTIN_MAX
		? __builtin_memmove(__to, __from, __n) : __memmove_call(__to, __from, __n);
}

__STRING_INLINE void *memset(void *__to, int __byte, size_t __n)
{
	return __builtin_constant_p(__n) && __n <= __STRING_BUILTIN_MAX
		? __builtin_memset(__to, __byte, __n) : __memset_call(__to, __byte, __n);
}

#undef __STRING_INLINE
#undef __STRING_BUILTIN_MAX

#endif
