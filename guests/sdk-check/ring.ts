/**
 * The callback style besides servers (the http guest is for those): timers, file requests, outgoing connections, signals.
 * `_start` returns; the last callback prints the verdict, or the guest ends by itself and the test misses the verdict.
 */
import { Connection, Received, dial } from "../lib/connection";
import { EBADF, ECONNREFUSED } from "../lib/errno";
import { File, O_CREAT, O_RDWR, unlink } from "../lib/file";
import { println } from "../lib/process";
import { Completion, onSignal, readAt, syncFile, turnUptime, writeAt } from "../lib/ring";
import { Timer, after, every } from "../lib/timer";
import { expect, finish, same } from "./check";

let order = "";
let ticks = 0;
let ticker: Timer | null = null;

function note(name: string): void {
  order += name;
}

function tick(step: i32): void {
  ticks += step;
  if (ticks == 5) ticker!.stop();
}

function conclude(started: f64): void {
  same<string>(order, "0abc", "timers fire in the order of their times");
  same<i32>(ticks, 5, "a repeating timer stops when it is told to");
  const took = turnUptime() - started;
  expect(took >= 195 && took < 1000, "200 ms took " + took.toString() + " ms");
  finish("timers");
}

export function checkTimers(): void {
  after<string>(60, note, "c");
  after<string>(20, note, "a");
  after<string>(40, note, "b");
  after<string>(0, note, "0");
  const never = after<string>(30, note, "x");
  never.stop();
  expect(!never.isRunning, "a stopped timer does not run");
  ticker = every<i32>(10, tick, 1);
  after<f64>(200, conclude, turnUptime());
}

const TEXT = "written by the ring";
let file: File | null = null;
const buffer = new ArrayBuffer(64);

class Written extends Completion {
  onComplete(result: i32): void {
    same<i32>(result, TEXT.length, "writeAt");
    same<i32>(syncFile(file!.fd, false, new Synced()), 0, "syncFile starts");
  }
}

class Synced extends Completion {
  onComplete(result: i32): void {
    same<i32>(result, 0, "syncFile");
    same<i32>(readAt(file!.fd, buffer, 64, 8, new Read()), 0, "readAt starts");
  }
}

class Read extends Completion {
  onComplete(result: i32): void {
    same<i32>(result, TEXT.length - 8, "readAt");
    same<string>(String.UTF8.decodeUnsafe(changetype<usize>(buffer), result), "by the ring", "what was read");
    same<i32>(readAt(file!.fd, buffer, 64, 1000, new End()), 0, "readAt starts");
  }
}

class End extends Completion {
  onComplete(result: i32): void {
    same<i32>(result, 0, "readAt after the end");
    file!.close();
    unlink("/tmp/ring");
    const error = readAt(4711, buffer, 64, 0, new Bad());
    if (error < 0) new Bad().onComplete(error);
  }
}

class Bad extends Completion {
  onComplete(result: i32): void {
    same<i32>(result, -EBADF, "readAt of no descriptor");
    finish("file-requests");
  }
}

export function checkFileRequests(): void {
  file = File.open("/tmp/ring", O_RDWR | O_CREAT).value;
  const text = String.UTF8.encode(TEXT);
  same<i32>(writeAt(file!.fd, text, text.byteLength, 0, new Written()), 0, "writeAt starts");
}

/** Talks to the same kind of peer as `connect` of sockets.ts does. */
class Caller extends Connection {
  private heard: string = "";

  onOpen(): void {
    this.writeText("hello\n");
  }

  onData(bytes: Received): void {
    this.heard += bytes.text();
    if (this.heard == "HELLO\n") this.writeText("bye\n");
  }

  onClose(error: i32): void {
    same<i32>(error, 0, "a clean end");
    same<string>(this.heard, "HELLO\nBYE\n", "what the peer said");
    dial("127.0.0.1", 1, new Refused());
  }
}

class Refused extends Connection {
  onOpen(): void {
    expect(false, "nobody listens on port 1");
  }

  onClose(error: i32): void {
    same<i32>(error, -ECONNREFUSED, "nobody listens on port 1");
    finish("outgoing");
  }
}

export function checkOutgoing(port: i32): void {
  same<i32>(dial("localhost", port, new Caller()), 0, "dial");
}

export function checkSignal(): void {
  onSignal((signal: i32): void => {
    println("signal " + signal.toString());
    finish("signal");
  });
  every<i32>(1000, (n: i32): void => {}, 0);
  println("waiting");
}
