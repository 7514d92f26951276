/**
 * setjmp(3), sigsetjmp(3) and longjmp(3) for WALI programs that import them from the engine (those built by ringzero-cc have them in Wasm).
 *
 * The first return of setjmp: the stack is unwound, a copy of it is kept, it is rewound. longjmp: the running stack is abandoned, and the
 * copy is rewound; setjmp returns for the second time. The program's jmp_buf holds a mark and the number of the copy, so that it may be
 * copied. Each setjmp costs a walk over the whole stack.
 */
import { ENOSYS } from "../abi/errno.ts";
import type { Task } from "../sched/task.ts";
import type { LinuxThread } from "./linux-thread.ts";
import type { Process } from "./process.ts";
import type { SignalSet } from "./signal-set.ts";
import {
  canUnwind,
  entryOf,
  finishRewind,
  putStack,
  startRewind,
  startUnwind,
  stopUnwind,
  takeStack,
} from "./unwind.ts";

/** "rzjb" at the beginning of a jmp_buf, then the number. */
const MARK = 0x626a7a72;
const JMP_BUF_BYTES = 8;
/** Copies that a thread keeps; beyond, the oldest are forgotten. */
const JUMPS_MAX = 4096;

interface Jump {
  /** The address of the jmp_buf: setjmp on the same one replaces the copy. */
  readonly env: number;
  /** The mask to go back to; null: none was saved. */
  readonly blocked: SignalSet | null;
  stack: Uint8Array<ArrayBuffer>;
  globals: readonly unknown[];
}

/** The jump buffers of a thread. */
export class JumpBuffers {
  readonly #jumps = new Map<number, Jump>();
  #next = 1;

  get(id: number): Jump | undefined {
    return this.#jumps.get(id);
  }

  /** A new one for `env`, in place of the one it had (`before`). */
  add(jump: Jump, before: number): number {
    if (this.#jumps.get(before)?.env === jump.env) this.#jumps.delete(before);
    if (this.#jumps.size >= JUMPS_MAX) this.#jumps.delete(this.#jumps.keys().next().value as number);
    const id = this.#next++;
    this.#jumps.set(id, jump);
    return id;
  }

  /** fork(2): the child may jump, too. */
  copy(from: JumpBuffers): void {
    this.#next = from.#next;
    for (const [id, jump] of from.#jumps) this.#jumps.set(id, jump);
  }
}

/** Thrown through the stack that longjmp abandons. */
export class LongJump extends Error {
  readonly id: number;
  readonly value: number;

  constructor(id: number, value: number) {
    super("longjmp");
    this.id = id;
    this.value = value;
  }
}

/** setjmp and sigsetjmp, both times. */
export function setjmpCall(process: Process, env: number, savesMask: boolean): number {
  const { linux } = process.current;
  if (!linux) return -ENOSYS;
  const result = finishRewind(process, linux);
  if (result !== null) return result;
  const { mem } = process;
  linux.frames.dropLeft(linux.instance.stackPointer);
  // longjmp will say what is wrong. In a signal handler the kernel's own frame is on the stack, which cannot be copied.
  if (!mem.has(env, JMP_BUF_BYTES) || !canUnwind(linux) || !linux.frames.isEmpty) return 0;
  const before = mem.getU32(env) === MARK ? mem.getU32(env + 4) : 0;
  const blocked = savesMask ? linux.blocked.clone() : null;
  const id = linux.jumps.add({ env, blocked, stack: new Uint8Array(0), globals: [] }, before);
  mem.setU32(env, MARK);
  mem.setU32(env + 4, id);
  return startUnwind(process, linux, "setjmp", id);
}

/** longjmp: abandons the running stack. Answers only where it cannot. */
export function longjmpCall(process: Process, env: number, value: number): LongJump | string {
  const { mem } = process;
  const id = mem.has(env, JMP_BUF_BYTES) && mem.getU32(env) === MARK ? mem.getU32(env + 4) : 0;
  if (!process.current.linux?.jumps.get(id)) {
    return "longjmp: the jmp_buf is none that setjmp has filled (modules that import setjmp need the unwind transformation)";
  }
  return new LongJump(id, value === 0 ? 1 : value);
}

/** The stack of a thread that called setjmp has been unwound. */
export function setjmpUnwound(process: Process, task: Task, linux: LinuxThread, jump: number, buffer: number): void {
  stopUnwind(process, task, linux);
  const kept = linux.jumps.get(jump);
  if (kept) {
    kept.stack = takeStack(process, buffer);
    kept.globals = linux.instance.globals.map(({ value }) => value as unknown);
  }
  startRewind(linux, { purpose: "setjmp", jump, buffer, result: 0 });
  process.scheduler.restart(task, entryOf(linux), linux.entry.args);
}

/** The stack that called longjmp is gone: the one of its setjmp is rewound. False if there is no memory for it. */
export function jump(process: Process, task: Task, linux: LinuxThread, { id, value }: LongJump): boolean {
  const kept = linux.jumps.get(id);
  const buffer = kept ? putStack(process, kept.stack) : -1;
  if (!kept || buffer < 0) return false;
  linux.instance.globals.forEach((global, index) => {
    global.value = kept.globals[index];
  });
  linux.frames.clear();
  linux.trapped = 0;
  if (kept.blocked) {
    linux.blocked.set(kept.blocked);
    process.linux.signals.update(task);
  }
  startRewind(linux, { purpose: "setjmp", jump: id, buffer, result: value });
  process.scheduler.restart(task, entryOf(linux), linux.entry.args);
  return true;
}
