/**
 * `struct utsname` (uname(2)), verbatim from Linux: six strings of UTS_LENGTH bytes, their NULs included.
 */

export const HOSTNAME_BYTES_MAX = 64;
export const UTS_LENGTH = HOSTNAME_BYTES_MAX + 1;
export const UTSNAME_BYTES = 6 * UTS_LENGTH;
