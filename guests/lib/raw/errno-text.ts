/** The texts of the errno values that file calls give, as strerror(3) prints them, for log lines and error replies. */
import { Builder, putInt, putText } from "./builder";

function name(errno: i32): string {
  switch (errno) {
    case 1:
      return "Operation not permitted";
    case 2:
      return "No such file or directory";
    case 4:
      return "Interrupted system call";
    case 5:
      return "Input/output error";
    case 9:
      return "Bad file descriptor";
    case 12:
      return "Cannot allocate memory";
    case 13:
      return "Permission denied";
    case 17:
      return "File exists";
    case 20:
      return "Not a directory";
    case 21:
      return "Is a directory";
    case 22:
      return "Invalid argument";
    case 24:
      return "Too many open files";
    case 26:
      return "Text file busy";
    case 27:
      return "File too large";
    case 28:
      return "No space left on device";
    case 30:
      return "Read-only file system";
    case 36:
      return "File name too long";
    case 39:
      return "Directory not empty";
    case 40:
      return "Too many levels of symbolic links";
    case 98:
      return "Address already in use";
    case 122:
      return "Disk quota exceeded";
    default:
      return "";
  }
}

/** Appends the text of a negated errno (`result` of a system call). */
export function putErrno(b: Builder, result: i32): void {
  const text = name(-result);
  if (text.length) putText(b, text);
  else {
    putText(b, "Unknown error ");
    putInt(b, -result);
  }
}
