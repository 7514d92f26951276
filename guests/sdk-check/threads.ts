/**
 * Threads: what a parked thread holds survives the collector, memory stays bounded, locks and joins do what they say.
 */
import { EAGAIN, EDEADLK, EPERM, EPIPE, ESRCH, ETIMEDOUT } from "../lib/errno";
import { futex } from "../lib/calls";
import { Descriptor, pipe } from "../lib/file";
import { memoryUsed, println, uptime } from "../lib/process";
import { Condition, Mutex, join, sleep, spawn, threadId, yieldNow } from "../lib/thread";
import { expect, same } from "./check";

const THREADS = 100;

class Link {
  constructor(
    public tag: i32,
    public name: string,
    public next: Link | null,
  ) {}
}

function build(tag: i32, length: i32): Link {
  let head = new Link(tag, tag.toString() + ":0", null);
  for (let i = 1; i < length; i++) head = new Link(tag, tag.toString() + ":" + i.toString(), head);
  return head;
}

function intact(head: Link, tag: i32, length: i32): bool {
  let link: Link | null = head;
  while (link) {
    length--;
    if (link.tag != tag || link.name != tag.toString() + ":" + length.toString()) return false;
    link = link.next;
  }
  return length == 0;
}

/** Parks at the bottom of a stack whose every frame holds something that nothing else refers to. */
function descend(id: i32, depth: i32): void {
  const mine = build(id * 1000 + depth, 5);
  if (depth > 0) descend(id, depth - 1);
  else if (id & 1) sleep(<f64>(id % 5));
  else yieldNow();
  expect(intact(mine, id * 1000 + depth, 5), "what a frame of a parked thread holds is intact");
}

class Job {
  constructor(
    readonly id: i32,
    readonly label: string,
  ) {}
}

function work(job: Job): i32 {
  for (let round = 0; round < 10; round++) {
    const mine = build(job.id, 20);
    descend(job.id, (job.id * 7 + round) % 40);
    for (let i = 0; i < 50; i++) new Array<string>(1).fill("garbage " + i.toString());
    yieldNow();
    expect(intact(mine, job.id, 20), "what a parked thread holds is intact");
  }
  expect(job.label == "job " + job.id.toString(), "a thread's argument is intact");
  return job.id;
}

/** Waves of threads that make garbage and park in every depth; memory must not grow after the first waves. */
export function checkCollector(waves: i32): void {
  let settled: f64 = 0;
  for (let wave = 0; wave < waves; wave++) {
    const tids = new Array<i32>();
    for (let i = 1; i <= THREADS; i++) tids.push(spawn<Job>(work, new Job(i, "job " + i.toString())));
    for (let i = 0; i < THREADS; i++) same<i32>(join(tids[i]), i + 1, "join answers what the function returned");
    if (wave == 2) settled = memoryUsed();
  }
  if (waves > 3) expect(memoryUsed() <= settled * 2, "memory is bounded");
  println("memory " + memoryUsed().toString() + " bytes");
}

const mutex = new Mutex();
const condition = new Condition();
let counter = 0;
let turns = 0;

function count(times: i32): i32 {
  for (let i = 0; i < times; i++) {
    mutex.lock();
    const seen = counter;
    yieldNow();
    counter = seen + 1;
    mutex.unlock();
  }
  return 0;
}

function alternate(side: i32): i32 {
  for (let i = 0; i < 200; i++) {
    mutex.lock();
    while ((turns & 1) != side) condition.wait(mutex);
    turns++;
    condition.broadcast();
    mutex.unlock();
  }
  return side;
}

function nap(ms: i32): i32 {
  sleep(<f64>ms);
  return ms;
}

export function checkLocks(): void {
  const tids = new Array<i32>();
  for (let i = 0; i < 10; i++) tids.push(spawn<i32>(count, 100));
  for (let i = 0; i < 10; i++) join(tids[i]);
  same<i32>(counter, 1000, "a mutex keeps a change whole");

  const even = spawn<i32>(alternate, 0);
  const odd = spawn<i32>(alternate, 1);
  same<i32>(join(even), 0, "join of the first");
  same<i32>(join(odd), 1, "join of the second");
  same<i32>(turns, 400, "a condition hands over");

  same<i32>(mutex.lock(), 0, "lock of a free mutex");
  same<i32>(mutex.lock(), -EDEADLK, "lock by the holder");
  expect(!mutex.tryLock(), "tryLock of a held mutex");
  const started = uptime();
  same<i32>(condition.wait(mutex, 50), -ETIMEDOUT, "wait with nobody to signal");
  expect(uptime() - started >= 45, "a wait lasts until its timeout");
  same<i32>(mutex.unlock(), 0, "unlock by the holder");
  same<i32>(mutex.unlock(), -EPERM, "unlock of a free mutex");

  const cell = new StaticArray<i32>(1);
  same<i32>(futex(changetype<usize>(cell), 0, 1, -1), -EAGAIN, "futex wait on another value");
  same<i32>(join(4711), -ESRCH, "join of nobody");
  same<i32>(join(threadId()), -EDEADLK, "join of oneself");
  const before = uptime();
  const sleepers = new Array<i32>();
  for (let i = 0; i < 20; i++) sleepers.push(spawn<i32>(nap, 40));
  for (let i = 0; i < 20; i++) same<i32>(join(sleepers[i]), 40, "join of a sleeper");
  const took = uptime() - before;
  expect(took >= 35 && took < 400, "threads sleep at the same time: " + took.toString() + " ms");
}

const PIPED = 1_000_000;

/** Writes PIPED bytes in pieces of odd sizes and closes. */
function pour(into: Descriptor): i32 {
  const bytes = new Uint8Array(7001);
  let done = 0;
  while (done < PIPED) {
    const n = min(bytes.length, PIPED - done);
    for (let i = 0; i < n; i++) bytes[i] = <u8>((done + i) * 7);
    if (into.writeAll(bytes, 0, n) < 0) return 1;
    done += n;
  }
  return into.close();
}

/** A pipe between two threads: both wait for each other all the time. */
export function checkPipe(): void {
  const ends = pipe().value;
  const writer = spawn<Descriptor>(pour, ends[1]);
  const bytes = new Uint8Array(4999);
  let done = 0;
  let isIntact = true;
  while (true) {
    const n = ends[0].read(bytes);
    if (n <= 0) {
      same<i32>(n, 0, "the end of the pipe");
      break;
    }
    for (let i = 0; i < n; i++) if (bytes[i] != <u8>((done + i) * 7)) isIntact = false;
    done += n;
  }
  same<i32>(done, PIPED, "bytes through the pipe");
  expect(isIntact, "the bytes are the same");
  same<i32>(join(writer), 0, "the writer's end");
  const broken = pipe().value;
  broken[0].close();
  same<i32>(broken[1].writeText("x"), -EPIPE, "a pipe that nobody reads");
}
