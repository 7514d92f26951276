/**
 * A double-ended queue of strings on one circular array: O(1) at both ends and
 * O(1) by index. The baseline's lists.
 */
export class Deque {
  #items: (string | undefined)[] = new Array<string | undefined>(8);
  #head = 0;
  length = 0;

  pushBack(value: string): void {
    if (this.length === this.#items.length) this.#grow();
    this.#items[(this.#head + this.length) & (this.#items.length - 1)] = value;
    this.length++;
  }

  pushFront(value: string): void {
    if (this.length === this.#items.length) this.#grow();
    this.#head = (this.#head - 1) & (this.#items.length - 1);
    this.#items[this.#head] = value;
    this.length++;
  }

  popFront(): string | undefined {
    if (this.length === 0) return undefined;
    const value = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#items.length - 1);
    this.length--;
    return value;
  }

  popBack(): string | undefined {
    if (this.length === 0) return undefined;
    this.length--;
    const index = (this.#head + this.length) & (this.#items.length - 1);
    const value = this.#items[index];
    this.#items[index] = undefined;
    return value;
  }

  at(index: number): string | undefined {
    return index < 0 || index >= this.length ? undefined : this.#items[(this.#head + index) & (this.#items.length - 1)];
  }

  set(index: number, value: string): void {
    this.#items[(this.#head + index) & (this.#items.length - 1)] = value;
  }

  /** The capacity is a power of two, so that an index wraps with a mask. */
  #grow(): void {
    const items = new Array<string | undefined>(this.#items.length * 2);
    for (let index = 0; index < this.length; index++) items[index] = this.at(index);
    this.#items = items;
    this.#head = 0;
  }
}
