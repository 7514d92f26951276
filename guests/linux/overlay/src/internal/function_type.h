/*
 * What a function behind a pointer really is. C lets a program pass `void *f()` where `void *f(void *)` is wanted, and native code
 * does not care; Wasm refuses the call. Ringzero tells the type (an option of prctl that Linux does not have); another engine does
 * not know it, and the function is taken for what it should be.
 */
#ifndef _FUNCTION_TYPE_H
#define _FUNCTION_TYPE_H

#include "syscall.h"

#define PR_RINGZERO_FUNCTION_TYPE 0x525a0001

/* Answers, among others: no parameters and no result, no parameters and a result. */
#define TAKES_NOTHING 0x000
#define TAKES_NOTHING_AND_RETURNS 0x100

static inline int __function_type(void *f)
{
	return __syscall(SYS_prctl, PR_RINGZERO_FUNCTION_TYPE, f);
}

#endif
