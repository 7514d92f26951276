/**
 * Requests of ioctl(2), verbatim from Linux (asm-generic/ioctls.h).
 */

export const TCGETS = 0x5401;
/** Bytes sent that the peer has not taken; SIOCOUTQ is the same. */
export const TIOCOUTQ = 0x5411;
/** True (1) at urgent data. */
export const SIOCATMARK = 0x8905;
export const FIONCLEX = 0x5450;
export const FIOCLEX = 0x5451;
export const TIOCGWINSZ = 0x5413;
export const FIONREAD = 0x541b;
export const FIONBIO = 0x5421;
