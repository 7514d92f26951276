/**
 * Linux errno values as the kernel answers them: number, name and message of errno(3).
 *
 * The convention of the whole SDK: a call that yields a number answers a negated errno when it fails (`if (n < 0)`), a call
 * that yields an object answers a `Result`. `errnoName` and `errnoMessage` take the number with either sign.
 */

export const EPERM: i32 = 1;
export const ENOENT: i32 = 2;
export const ESRCH: i32 = 3;
export const EINTR: i32 = 4;
export const EIO: i32 = 5;
export const ENXIO: i32 = 6;
export const E2BIG: i32 = 7;
export const ENOEXEC: i32 = 8;
export const EBADF: i32 = 9;
export const ECHILD: i32 = 10;
export const EAGAIN: i32 = 11;
export const ENOMEM: i32 = 12;
export const EACCES: i32 = 13;
export const EFAULT: i32 = 14;
export const EBUSY: i32 = 16;
export const EEXIST: i32 = 17;
export const EXDEV: i32 = 18;
export const ENODEV: i32 = 19;
export const ENOTDIR: i32 = 20;
export const EISDIR: i32 = 21;
export const EINVAL: i32 = 22;
export const ENFILE: i32 = 23;
export const EMFILE: i32 = 24;
export const ENOTTY: i32 = 25;
export const ETXTBSY: i32 = 26;
export const EFBIG: i32 = 27;
export const ENOSPC: i32 = 28;
export const ESPIPE: i32 = 29;
export const EROFS: i32 = 30;
export const EMLINK: i32 = 31;
export const EPIPE: i32 = 32;
export const EDOM: i32 = 33;
export const ERANGE: i32 = 34;
export const EDEADLK: i32 = 35;
export const ENAMETOOLONG: i32 = 36;
export const ENOLCK: i32 = 37;
export const ENOSYS: i32 = 38;
export const ENOTEMPTY: i32 = 39;
export const ELOOP: i32 = 40;
export const EPROTO: i32 = 71;
export const EBADMSG: i32 = 74;
export const EOVERFLOW: i32 = 75;
export const EILSEQ: i32 = 84;
export const ENOTSOCK: i32 = 88;
export const EDESTADDRREQ: i32 = 89;
export const EMSGSIZE: i32 = 90;
export const EPROTOTYPE: i32 = 91;
export const ENOPROTOOPT: i32 = 92;
export const EPROTONOSUPPORT: i32 = 93;
export const ESOCKTNOSUPPORT: i32 = 94;
export const EOPNOTSUPP: i32 = 95;
export const EPFNOSUPPORT: i32 = 96;
export const EAFNOSUPPORT: i32 = 97;
export const EADDRINUSE: i32 = 98;
export const EADDRNOTAVAIL: i32 = 99;
export const ENETDOWN: i32 = 100;
export const ENETUNREACH: i32 = 101;
export const ENETRESET: i32 = 102;
export const ECONNABORTED: i32 = 103;
export const ECONNRESET: i32 = 104;
export const ENOBUFS: i32 = 105;
export const EISCONN: i32 = 106;
export const ENOTCONN: i32 = 107;
export const ESHUTDOWN: i32 = 108;
export const ETIMEDOUT: i32 = 110;
export const ECONNREFUSED: i32 = 111;
export const EHOSTDOWN: i32 = 112;
export const EHOSTUNREACH: i32 = 113;
export const EALREADY: i32 = 114;
export const EINPROGRESS: i32 = 115;
export const ESTALE: i32 = 116;
export const EDQUOT: i32 = 122;
export const ECANCELED: i32 = 125;

/** The name, as in errno.h: `ENOENT`. */
export function errnoName(error: i32): string {
  switch (error < 0 ? -error : error) {
    case 0:
      return "OK";
    case 1:
      return "EPERM";
    case 2:
      return "ENOENT";
    case 3:
      return "ESRCH";
    case 4:
      return "EINTR";
    case 5:
      return "EIO";
    case 6:
      return "ENXIO";
    case 7:
      return "E2BIG";
    case 8:
      return "ENOEXEC";
    case 9:
      return "EBADF";
    case 10:
      return "ECHILD";
    case 11:
      return "EAGAIN";
    case 12:
      return "ENOMEM";
    case 13:
      return "EACCES";
    case 14:
      return "EFAULT";
    case 16:
      return "EBUSY";
    case 17:
      return "EEXIST";
    case 18:
      return "EXDEV";
    case 19:
      return "ENODEV";
    case 20:
      return "ENOTDIR";
    case 21:
      return "EISDIR";
    case 22:
      return "EINVAL";
    case 23:
      return "ENFILE";
    case 24:
      return "EMFILE";
    case 25:
      return "ENOTTY";
    case 26:
      return "ETXTBSY";
    case 27:
      return "EFBIG";
    case 28:
      return "ENOSPC";
    case 29:
      return "ESPIPE";
    case 30:
      return "EROFS";
    case 31:
      return "EMLINK";
    case 32:
      return "EPIPE";
    case 33:
      return "EDOM";
    case 34:
      return "ERANGE";
    case 35:
      return "EDEADLK";
    case 36:
      return "ENAMETOOLONG";
    case 37:
      return "ENOLCK";
    case 38:
      return "ENOSYS";
    case 39:
      return "ENOTEMPTY";
    case 40:
      return "ELOOP";
    case 71:
      return "EPROTO";
    case 74:
      return "EBADMSG";
    case 75:
      return "EOVERFLOW";
    case 84:
      return "EILSEQ";
    case 88:
      return "ENOTSOCK";
    case 89:
      return "EDESTADDRREQ";
    case 90:
      return "EMSGSIZE";
    case 91:
      return "EPROTOTYPE";
    case 92:
      return "ENOPROTOOPT";
    case 93:
      return "EPROTONOSUPPORT";
    case 94:
      return "ESOCKTNOSUPPORT";
    case 95:
      return "EOPNOTSUPP";
    case 96:
      return "EPFNOSUPPORT";
    case 97:
      return "EAFNOSUPPORT";
    case 98:
      return "EADDRINUSE";
    case 99:
      return "EADDRNOTAVAIL";
    case 100:
      return "ENETDOWN";
    case 101:
      return "ENETUNREACH";
    case 102:
      return "ENETRESET";
    case 103:
      return "ECONNABORTED";
    case 104:
      return "ECONNRESET";
    case 105:
      return "ENOBUFS";
    case 106:
      return "EISCONN";
    case 107:
      return "ENOTCONN";
    case 108:
      return "ESHUTDOWN";
    case 110:
      return "ETIMEDOUT";
    case 111:
      return "ECONNREFUSED";
    case 112:
      return "EHOSTDOWN";
    case 113:
      return "EHOSTUNREACH";
    case 114:
      return "EALREADY";
    case 115:
      return "EINPROGRESS";
    case 116:
      return "ESTALE";
    case 122:
      return "EDQUOT";
    case 125:
      return "ECANCELED";
    default:
      return "E" + (error < 0 ? -error : error).toString();
  }
}

/** What strerror(3) says: `No such file or directory`. */
export function errnoMessage(error: i32): string {
  switch (error < 0 ? -error : error) {
    case 0:
      return "Success";
    case 1:
      return "Operation not permitted";
    case 2:
      return "No such file or directory";
    case 3:
      return "No such process";
    case 4:
      return "Interrupted system call";
    case 5:
      return "Input/output error";
    case 6:
      return "No such device or address";
    case 7:
      return "Argument list too long";
    case 8:
      return "Exec format error";
    case 9:
      return "Bad file descriptor";
    case 10:
      return "No child processes";
    case 11:
      return "Resource temporarily unavailable";
    case 12:
      return "Cannot allocate memory";
    case 13:
      return "Permission denied";
    case 14:
      return "Bad address";
    case 16:
      return "Device or resource busy";
    case 17:
      return "File exists";
    case 18:
      return "Invalid cross-device link";
    case 19:
      return "No such device";
    case 20:
      return "Not a directory";
    case 21:
      return "Is a directory";
    case 22:
      return "Invalid argument";
    case 23:
      return "Too many open files in system";
    case 24:
      return "Too many open files";
    case 25:
      return "Inappropriate ioctl for device";
    case 26:
      return "Text file busy";
    case 27:
      return "File too large";
    case 28:
      return "No space left on device";
    case 29:
      return "Illegal seek";
    case 30:
      return "Read-only file system";
    case 31:
      return "Too many links";
    case 32:
      return "Broken pipe";
    case 33:
      return "Numerical argument out of domain";
    case 34:
      return "Numerical result out of range";
    case 35:
      return "Resource deadlock avoided";
    case 36:
      return "File name too long";
    case 37:
      return "No locks available";
    case 38:
      return "Function not implemented";
    case 39:
      return "Directory not empty";
    case 40:
      return "Too many levels of symbolic links";
    case 71:
      return "Protocol error";
    case 74:
      return "Bad message";
    case 75:
      return "Value too large for defined data type";
    case 84:
      return "Invalid or incomplete multibyte or wide character";
    case 88:
      return "Socket operation on non-socket";
    case 89:
      return "Destination address required";
    case 90:
      return "Message too long";
    case 91:
      return "Protocol wrong type for socket";
    case 92:
      return "Protocol not available";
    case 93:
      return "Protocol not supported";
    case 94:
      return "Socket type not supported";
    case 95:
      return "Operation not supported";
    case 96:
      return "Protocol family not supported";
    case 97:
      return "Address family not supported by protocol";
    case 98:
      return "Address already in use";
    case 99:
      return "Cannot assign requested address";
    case 100:
      return "Network is down";
    case 101:
      return "Network is unreachable";
    case 102:
      return "Network dropped connection on reset";
    case 103:
      return "Software caused connection abort";
    case 104:
      return "Connection reset by peer";
    case 105:
      return "No buffer space available";
    case 106:
      return "Transport endpoint is already connected";
    case 107:
      return "Transport endpoint is not connected";
    case 108:
      return "Cannot send after transport endpoint shutdown";
    case 110:
      return "Connection timed out";
    case 111:
      return "Connection refused";
    case 112:
      return "Host is down";
    case 113:
      return "No route to host";
    case 114:
      return "Operation already in progress";
    case 115:
      return "Operation now in progress";
    case 116:
      return "Stale file handle";
    case 122:
      return "Disk quota exceeded";
    case 125:
      return "Operation canceled";
    default:
      return "Unknown error " + (error < 0 ? -error : error).toString();
  }
}

/**
 * What a call answers that yields an object: either the object, or why there is none. `T` is a class.
 *
 *     const opened = File.open("/etc/motd");
 *     if (opened.failed) { eprintln("motd: " + errnoMessage(opened.error)); return; }
 *     const file = opened.value;
 */
export class Result<T> {
  private constructor(
    private object: T | null,
    /** 0, or a negated errno. */
    readonly error: i32,
  ) {}

  static of<T>(object: T): Result<T> {
    return new Result<T>(object, 0);
  }

  static error<T>(error: i32): Result<T> {
    return new Result<T>(null, error);
  }

  get failed(): bool {
    return this.error < 0;
  }

  /** The object. Asking a failed result for it aborts the guest with the error's message: it is a bug in the caller. */
  get value(): T {
    const object = this.object;
    if (!object) throw new Error(errnoMessage(this.error));
    return object;
  }
}
