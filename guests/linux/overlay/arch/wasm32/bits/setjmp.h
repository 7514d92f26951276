/* What the exception handling of the compiler keeps: the frame, the label in it, and the exception's argument. */
typedef unsigned long __jmp_buf[8];
