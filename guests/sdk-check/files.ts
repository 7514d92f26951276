/**
 * Files: what file.ts promises, on a folder that may be written.
 */
import { EBADF, EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY, errnoMessage, errnoName } from "../lib/errno";
import * as fs from "../lib/file";
import { File, O_APPEND, O_CREAT, O_EXCL, O_RDWR, O_WRONLY, SEEK_CUR, SEEK_END } from "../lib/file";
import { expect, same } from "./check";

function bytes(text: string): Uint8Array {
  return Uint8Array.wrap(String.UTF8.encode(text));
}

export function checkFiles(root: string): void {
  const folder = root + "/sdk-check";
  same<i32>(fs.mkdir(folder), 0, "mkdir");
  same<i32>(fs.mkdir(folder), -EEXIST, "mkdir again");
  const path = folder + "/grüße.txt";
  same<i32>(fs.writeTextFile(path, "hello, wörld"), 0, "writeTextFile");
  same<string>(fs.readTextFile(path).value, "hello, wörld", "readTextFile");
  same<i32>(fs.writeTextFile(path, "!", O_APPEND), 0, "append");
  same<string>(fs.readTextFile(path).value, "hello, wörld!", "what was appended");
  same<f64>(fs.stat(path).value.size, 14, "size in bytes");
  expect(fs.stat(path).value.isFile && !fs.stat(path).value.isDirectory, "a file is a file");
  expect(fs.stat(folder).value.isDirectory, "a folder is a folder");
  expect(fs.exists(path) && !fs.exists(folder + "/none"), "exists");

  same<i32>(File.open(folder + "/none").error, -ENOENT, "open of nothing");
  same<i32>(File.open(path, O_WRONLY | O_CREAT | O_EXCL).error, -EEXIST, "exclusive open of a file");
  same<i32>(File.open(folder, O_WRONLY).error, -EISDIR, "open of a folder for writing");
  same<i32>(File.open(path + "/x").error, -ENOTDIR, "open below a file");
  same<i32>(fs.readFile(folder).error, -EISDIR, "read of a folder");
  same<string>(errnoName(-ENOENT) + ": " + errnoMessage(-ENOENT), "ENOENT: No such file or directory", "errno texts");
  same<string>(errnoName(9999) + errnoMessage(9999), "E9999Unknown error 9999", "texts of no errno");

  const file = File.open(folder + "/data", O_RDWR | O_CREAT).value;
  same<i32>(file.write(bytes("0123456789")), 10, "write");
  same<f64>(file.seek(2), 2, "seek from the start");
  same<f64>(file.seek(3, SEEK_CUR), 5, "seek from here");
  const buffer = new Uint8Array(16);
  same<i32>(file.read(buffer, 1, 3), 3, "read into the middle");
  expect(buffer[0] == 0 && buffer[1] == 0x35 && buffer[3] == 0x37, "what was read");
  same<i32>(file.pread(buffer, 8), 2, "pread at the end");
  same<i32>(file.pread(buffer, 100), 0, "pread after the end");
  same<i32>(file.pwrite(bytes("AB"), 12), 2, "pwrite after the end");
  same<f64>(file.size(), 14, "a hole counts");
  same<f64>(file.seek(-2, SEEK_END), 12, "seek from the end");
  same<f64>(file.seek(-1), <f64>-EINVAL, "seek before the start");
  same<i32>(file.readFully(buffer), 2, "readFully ends at the end");
  same<i32>(file.truncate(4), 0, "truncate");
  same<f64>(file.size(), 4, "size after truncate");
  same<i32>(file.sync() | file.sync(true), 0, "sync");
  same<i32>(file.read(buffer, 10, 7), -EINVAL, "read beyond the buffer");
  same<i32>(file.close(), 0, "close");
  same<i32>(file.close(), -EBADF, "close again");
  same<i32>(file.read(buffer), -EBADF, "read after close");

  const big = new Uint8Array(1 << 20);
  for (let i = 0; i < big.length; i++) big[i] = <u8>(i * 31 + (i >> 8));
  same<i32>(fs.writeFile(folder + "/big", big), 0, "a large file");
  const back = fs.readFile(folder + "/big").value;
  expect(
    back.length == big.length && memory.compare(back.dataStart, big.dataStart, big.length) == 0,
    "comes back whole",
  );

  same<i32>(fs.rename(folder + "/data", folder + "/moved"), 0, "rename");
  expect(!fs.exists(folder + "/data") && fs.exists(folder + "/moved"), "renamed");
  same<i32>(fs.symlink("moved", folder + "/link"), 0, "symlink");
  same<string>(fs.readlink(folder + "/link").value, "moved", "readlink");
  expect(fs.stat(folder + "/link", false).value.isSymlink && fs.stat(folder + "/link").value.isFile, "stat and lstat");
  same<i32>(fs.chdir(folder), 0, "chdir");
  same<string>(fs.currentDirectory().value, folder, "currentDirectory");
  expect(fs.exists("moved"), "a relative path");

  const names = new Array<string>();
  const list = fs.readDirectory(folder).value;
  for (let i = 0; i < list.length; i++) names.push(list[i].name);
  same<string>(names.sort().join(" "), "big grüße.txt link moved", "readDirectory");
  same<i32>(fs.readDirectory(path).error, -ENOTDIR, "readDirectory of a file");

  for (let i = 0; i < 300; i++) fs.writeTextFile(folder + "/a file with a long name " + i.toString(), "x");
  same<i32>(fs.readDirectory(folder).value.length, 304, "a folder of many names");
  for (let i = 0; i < 300; i++) same<i32>(fs.unlink(folder + "/a file with a long name " + i.toString()), 0, "unlink");

  same<i32>(fs.rmdir(folder), -ENOTEMPTY, "rmdir of a full folder");
  for (let i = 0; i < names.length; i++) same<i32>(fs.unlink(folder + "/" + names[i]), 0, "unlink " + names[i]);
  same<i32>(fs.chdir("/"), 0, "chdir back");
  same<i32>(fs.rmdir(folder), 0, "rmdir");
  same<i32>(fs.unlink(path), -ENOENT, "unlink of nothing");
}
