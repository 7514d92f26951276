/**
 * Random numbers for fuzz and simulation tests: the same seed, the same run. The seed is the environment's SEED or a new one, and it
 * is printed, so that a failure can be replayed: `SEED=123 npx vitest run ...`.
 */

export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed >>> 0;
    this.#state = this.seed;
  }

  /** 32 random bits (mulberry32). */
  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** 0 to bound - 1. */
  below(bound: number): number {
    return Math.floor((this.u32() / 2 ** 32) * bound);
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

/** A generator for `what`; prints the seed. */
export function randomFor(what: string): Random {
  const random = new Random(process.env.SEED ? Number(process.env.SEED) : (Math.random() * 2 ** 32) >>> 0);
  console.log(`${what}: SEED=${random.seed}`);
  return random;
}
