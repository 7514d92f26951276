/**
 * A set of signals (sigset_t of the kernel): 64 bits as two numbers.
 */
import { NSIG, SIGKILL, SIGSTOP } from "../abi/signal.ts";
import type { GuestMemory } from "../mem/guest-memory.ts";

export class SignalSet {
  /** Signals 1 to 32, and 33 to 64. */
  low = 0;
  high = 0;

  get isEmpty(): boolean {
    return this.low === 0 && this.high === 0;
  }

  has(signo: number): boolean {
    return ((signo <= 32 ? this.low : this.high) & bit(signo)) !== 0;
  }

  add(signo: number): void {
    if (signo <= 32) this.low |= bit(signo);
    else this.high |= bit(signo);
  }

  remove(signo: number): void {
    if (signo <= 32) this.low &= ~bit(signo);
    else this.high &= ~bit(signo);
  }

  addAll(other: SignalSet): void {
    this.low |= other.low;
    this.high |= other.high;
  }

  removeAll(other: SignalSet): void {
    this.low &= ~other.low;
    this.high &= ~other.high;
  }

  set(other: SignalSet): void {
    this.low = other.low;
    this.high = other.high;
  }

  intersects(other: SignalSet): boolean {
    return (this.low & other.low) !== 0 || (this.high & other.high) !== 0;
  }

  clone(): SignalSet {
    const copy = new SignalSet();
    copy.set(this);
    return copy;
  }

  /** What can never be blocked leaves the set. */
  allowUnblockable(): void {
    this.remove(SIGKILL);
    this.remove(SIGSTOP);
  }

  /** The lowest signal that is in this set and not in `blocked`; 0: none. */
  lowestNotIn(blocked: SignalSet): number {
    const low = this.low & ~blocked.low;
    if (low !== 0) return 32 - Math.clz32(low & -low);
    const high = this.high & ~blocked.high;
    return high === 0 ? 0 : 64 - Math.clz32(high & -high);
  }

  /** From two words of validated guest memory. */
  read(mem: GuestMemory, ptr: number): void {
    this.low = mem.getI32(ptr);
    this.high = mem.getI32(ptr + 4);
  }

  write(mem: GuestMemory, ptr: number): void {
    mem.setU32(ptr, this.low >>> 0);
    mem.setU32(ptr + 4, this.high >>> 0);
  }
}

export function isSignal(signo: number): boolean {
  return signo >= 1 && signo <= NSIG;
}

function bit(signo: number): number {
  return 1 << ((signo - 1) & 31);
}
