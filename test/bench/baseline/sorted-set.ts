/**
 * A sorted set: a Map from member to score, and the pairs in order in blocks of
 * at most 256. A block keeps its scores in a Float64Array, so that a search
 * touches a few cache lines and no heap object, and looks at members only among equal scores.
 * That beats a skip list in V8 up to millions of members; a
 * rank costs one pass over the block sizes.
 */
export interface Ranked {
  member: string;
  score: number;
}

const blockMax = 256;

class Block {
  readonly scores = new Float64Array(blockMax);
  readonly members: string[] = [];

  get size(): number {
    return this.members.length;
  }

  /** The first position whose pair is not before (score, member). */
  lowerBound(score: number, member: string): number {
    const { scores, members } = this;
    let low = 0;
    let high = members.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const here = scores[middle]!;
      if (here < score || (here === score && members[middle]! < member)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  insert(at: number, score: number, member: string): void {
    this.scores.copyWithin(at + 1, at, this.size);
    this.scores[at] = score;
    this.members.splice(at, 0, member);
  }

  remove(at: number): void {
    this.scores.copyWithin(at, at + 1, this.size);
    this.members.splice(at, 1);
  }

  /** Moves the upper half into a new block. */
  split(): Block {
    const upper = new Block();
    upper.members.push(...this.members.splice(blockMax >> 1));
    upper.scores.set(this.scores.subarray(blockMax >> 1));
    return upper;
  }
}

export class SortedSet {
  readonly scores = new Map<string, number>();
  #blocks: Block[] = [new Block()];
  /** The last score of each block, for the search among blocks. */
  #lastScores: number[] = [-Infinity];

  get size(): number {
    return this.scores.size;
  }

  /** True if the member is new. */
  set(member: string, score: number): boolean {
    const old = this.scores.get(member);
    if (old === score) return false;
    if (old !== undefined) this.#remove(old, member);
    this.scores.set(member, score);
    this.#insert(score, member);
    return old === undefined;
  }

  delete(member: string): boolean {
    const score = this.scores.get(member);
    if (score === undefined) return false;
    this.scores.delete(member);
    this.#remove(score, member);
    return true;
  }

  rank(member: string): number | undefined {
    const score = this.scores.get(member);
    if (score === undefined) return undefined;
    const block = this.#blockOf(score, member);
    let rank = this.#blocks[block]!.lowerBound(score, member);
    for (let index = 0; index < block; index++) rank += this.#blocks[index]!.size;
    return rank;
  }

  /** Members from rank `start` to `stop`, both included, both within the set. */
  *range(start: number, stop: number): Generator<Ranked> {
    let skip = start;
    let left = stop - start + 1;
    for (const block of this.#blocks) {
      if (skip >= block.size) {
        skip -= block.size;
        continue;
      }
      for (let at = skip; at < block.size && left > 0; at++, left--) {
        yield { member: block.members[at]!, score: block.scores[at]! };
      }
      skip = 0;
      if (left <= 0) return;
    }
  }

  /** Members with a score from `min` on, in order. */
  *from(min: number): Generator<Ranked> {
    const first = this.#blockOf(min, "");
    for (let index = first; index < this.#blocks.length; index++) {
      const block = this.#blocks[index]!;
      for (let at = index === first ? block.lowerBound(min, "") : 0; at < block.size; at++) {
        yield { member: block.members[at]!, score: block.scores[at]! };
      }
    }
  }

  #insert(score: number, member: string): void {
    const index = this.#blockOf(score, member);
    const block = this.#blocks[index]!;
    if (block.size === blockMax) {
      this.#blocks.splice(index + 1, 0, block.split());
      this.#lastScores.splice(index, 0, block.scores[block.size - 1]!);
      this.#insert(score, member);
      return;
    }
    block.insert(block.lowerBound(score, member), score, member);
    this.#lastScores[index] = block.scores[block.size - 1]!;
  }

  #remove(score: number, member: string): void {
    const index = this.#blockOf(score, member);
    const block = this.#blocks[index]!;
    block.remove(block.lowerBound(score, member));
    if (block.size > 0) {
      this.#lastScores[index] = block.scores[block.size - 1]!;
    } else if (this.#blocks.length > 1) {
      this.#blocks.splice(index, 1);
      this.#lastScores.splice(index, 1);
    }
  }

  /** The block that holds, or would hold, this pair: the first whose last pair is not before it. */
  #blockOf(score: number, member: string): number {
    const lastScores = this.#lastScores;
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      const last = lastScores[middle]!;
      if (last < score || (last === score && this.#blocks[middle]!.members.at(-1)! < member)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
