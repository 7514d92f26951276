/**
 * The FUSE protocol as virtio-fs carries it (virtio 1.2, 5.11; linux/fuse.h, version 7.31): opcodes, flags, and where the fields of its
 * structures lie. Both sides use it: the driver here and host/devices/fuse-server.ts. All fields are little-endian.
 *
 *     request   fuse_in_header, arguments, [names with NUL], [data]      deviceReadable
 *     reply     fuse_out_header, [structure], [data]                      deviceWritable
 */

export const FUSE_KERNEL_VERSION = 7;
export const FUSE_KERNEL_MINOR_VERSION = 31;
export const FUSE_ROOT_ID = 1;

export const FUSE_LOOKUP = 1;
export const FUSE_FORGET = 2;
export const FUSE_GETATTR = 3;
export const FUSE_SETATTR = 4;
export const FUSE_READLINK = 5;
export const FUSE_SYMLINK = 6;
export const FUSE_MKDIR = 9;
export const FUSE_UNLINK = 10;
export const FUSE_RMDIR = 11;
export const FUSE_LINK = 13;
export const FUSE_OPEN = 14;
export const FUSE_READ = 15;
export const FUSE_WRITE = 16;
export const FUSE_STATFS = 17;
export const FUSE_RELEASE = 18;
export const FUSE_FSYNC = 20;
export const FUSE_FLUSH = 25;
export const FUSE_INIT = 26;
export const FUSE_OPENDIR = 27;
export const FUSE_READDIR = 28;
export const FUSE_RELEASEDIR = 29;
export const FUSE_FSYNCDIR = 30;
export const FUSE_SETLK = 32;
export const FUSE_ACCESS = 34;
export const FUSE_CREATE = 35;
export const FUSE_DESTROY = 38;
export const FUSE_BATCH_FORGET = 42;
export const FUSE_RENAME2 = 45;

/** FUSE_INIT flags. */
export const FUSE_ASYNC_READ = 1 << 0;
export const FUSE_ATOMIC_O_TRUNC = 1 << 3;
export const FUSE_BIG_WRITES = 1 << 5;

/** fuse_setattr_in.valid. */
export const FATTR_MODE = 1 << 0;
export const FATTR_UID = 1 << 1;
export const FATTR_GID = 1 << 2;
export const FATTR_SIZE = 1 << 3;
export const FATTR_ATIME = 1 << 4;
export const FATTR_MTIME = 1 << 5;
export const FATTR_FH = 1 << 6;

/** fuse_getattr_in.getattr_flags: of the open file `fh` (u64 at 8). */
export const FUSE_GETATTR_FH = 1;

/** fuse_fsync_in.fsync_flags: the data only. */
export const FUSE_FSYNC_FDATASYNC = 1;

/**
 * fuse_file_lock.type (F_RDLCK, F_WRLCK, F_UNLCK) of a FUSE_SETLK. The kernel keeps the machine's locks itself; what it asks the device for
 * is a claim on the whole file, in all owners' name: to lock parts of it for reading, for writing, or no more.
 */
export const FUSE_CLAIM_READ = 0;
export const FUSE_CLAIM_WRITE = 1;
export const FUSE_CLAIM_NONE = 2;

/** fuse_in_header: u32 len, u32 opcode, u64 unique, u64 nodeid, u32 uid, u32 gid, u32 pid, u32 padding. */
export const IN_HEADER_BYTES = 40;
export const IN_LEN = 0;
export const IN_OPCODE = 4;
export const IN_UNIQUE = 8;
export const IN_NODEID = 16;
export const IN_PID = 32;

/** fuse_out_header: u32 len, i32 error, u64 unique. */
export const OUT_HEADER_BYTES = 16;
export const OUT_LEN = 0;
export const OUT_ERROR = 4;
export const OUT_UNIQUE = 8;

/** Sizes of argument structures (behind fuse_in_header). */
export const INIT_IN_BYTES = 16;
export const FORGET_IN_BYTES = 8;
export const BATCH_FORGET_IN_BYTES = 8;
export const FORGET_ONE_BYTES = 16;
export const GETATTR_IN_BYTES = 16;
export const SETATTR_IN_BYTES = 88;
export const MKDIR_IN_BYTES = 8;
export const LINK_IN_BYTES = 8;
export const OPEN_IN_BYTES = 8;
export const CREATE_IN_BYTES = 16;
/** fuse_read_in and fuse_write_in: u64 fh, u64 offset, u32 size, u32 read/write_flags, u64 lock_owner, u32 flags, u32 padding. */
export const READ_IN_BYTES = 40;
export const WRITE_IN_BYTES = 40;
export const RELEASE_IN_BYTES = 24;
export const FLUSH_IN_BYTES = 24;
export const FSYNC_IN_BYTES = 16;
/** fuse_lk_in: u64 fh, u64 owner, fuse_file_lock (u64 start, u64 end, u32 type, u32 pid), u32 lk_flags, u32 padding. */
export const LK_IN_BYTES = 48;
export const LK_TYPE = 32;
export const ACCESS_IN_BYTES = 8;
export const RENAME2_IN_BYTES = 16;

/** fuse_setattr_in. */
export const SETATTR_VALID = 0;
export const SETATTR_FH = 8;
export const SETATTR_SIZE = 16;
export const SETATTR_ATIME = 32;
export const SETATTR_MTIME = 40;
export const SETATTR_ATIMENSEC = 56;
export const SETATTR_MTIMENSEC = 60;
export const SETATTR_MODE = 68;
export const SETATTR_UID = 76;
export const SETATTR_GID = 80;

/** Sizes of reply structures (behind fuse_out_header). */
export const INIT_OUT_BYTES = 64;
/** fuse_entry_out: u64 nodeid, u64 generation, u64 entry_valid, u64 attr_valid, u32 and u32 of nanoseconds, fuse_attr. */
export const ENTRY_OUT_BYTES = 128;
export const ENTRY_ATTR = 40;
/** fuse_attr_out: u64 attr_valid, u32 nanoseconds, u32 dummy, fuse_attr. */
export const ATTR_OUT_BYTES = 104;
export const ATTR_OUT_ATTR = 16;
/** fuse_open_out: u64 fh, u32 open_flags, u32 padding. */
export const OPEN_OUT_BYTES = 16;
export const WRITE_OUT_BYTES = 8;
export const STATFS_OUT_BYTES = 80;

/** fuse_attr. */
export const ATTR_INO = 0;
export const ATTR_SIZE = 8;
export const ATTR_BLOCKS = 16;
export const ATTR_ATIME = 24;
export const ATTR_MTIME = 32;
export const ATTR_CTIME = 40;
export const ATTR_ATIMENSEC = 48;
export const ATTR_MTIMENSEC = 52;
export const ATTR_CTIMENSEC = 56;
export const ATTR_MODE = 60;
export const ATTR_NLINK = 64;
export const ATTR_UID = 68;
export const ATTR_GID = 72;
export const ATTR_RDEV = 76;
export const ATTR_BLKSIZE = 80;

/** fuse_kstatfs. */
export const STATFS_BLOCKS = 0;
export const STATFS_BFREE = 8;
export const STATFS_BAVAIL = 16;
export const STATFS_FILES = 24;
export const STATFS_FFREE = 32;
export const STATFS_BSIZE = 40;
export const STATFS_NAMELEN = 44;
export const STATFS_FRSIZE = 48;

/** fuse_dirent: u64 ino, u64 off, u32 namelen, u32 type, then the name, padded to 8. */
export const DIRENT_BYTES = 24;
export const DIRENT_OFF = 8;
export const DIRENT_NAMELEN = 16;
export const DIRENT_TYPE = 20;

export function direntBytes(nameBytes: number): number {
  return (DIRENT_BYTES + nameBytes + 7) & ~7;
}

/** Device configuration (5.11.4): u8 tag[36], le32 num_request_queues. */
export const FS_CONFIG_TAG_BYTES = 36;
export const FS_CONFIG_NUM_REQUEST_QUEUES = 36;
export const FS_CONFIG_BYTES = 40;
/** Queues (5.11.2): 0 is for what must overtake (FUSE_FORGET), the others for requests. */
export const FS_QUEUE_HIPRIO = 0;
/** Served inside the notification: metadata and transfers that end at once. */
export const FS_QUEUE_SYNC = 1;
/** Served when the host gets to it: syncs and large transfers. */
export const FS_QUEUE_ASYNC = 2;
export const FS_REQUEST_QUEUES = 2;

/** Most bytes that one READ or WRITE carries: what read(2) transfers at most. */
export const FUSE_TRANSFER_MAX = 0x7ffff000;

/** Little-endian 64-bit values as numbers: exact up to 2^53, which is what offsets, sizes and node ids need. */
export function getU64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
}

export function setU64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value >>> 0, true);
  view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true);
}
