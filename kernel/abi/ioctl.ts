/**
 * Requests of ioctl(2), verbatim from Linux (asm-generic/ioctls.h).
 */

export const TIOCGWINSZ = 0x5413;
export const FIONREAD = 0x541b;
export const FIONBIO = 0x5421;
