/**
 * The memcached baseline's items: a Map in which the oldest one comes first, expiry by a clock of seconds (as memcached has it), a memory limit.
 *
 * Always holds: keys and values are latin1 strings (one character a byte, see resp.ts), and keys are flat ones, no slices of a request that
 * would keep it alive. `bytes` is the sum of `sizeOf` over all items.
 */

export class Item {
  value: string;
  flags: number;
  /** In seconds of the epoch; 0: never. */
  deadline: number;
  cas = 0;
  /** Set when it was stored; compared with a flush_all. */
  storedAt = 0;
  /** Read since it was stored or last passed over: it gets a second chance before it is evicted. */
  fetched = false;

  constructor(value: string, flags: number, deadline: number) {
    this.value = value;
    this.flags = flags;
    this.deadline = deadline;
  }
}

/** What an item costs in V8 beside its characters: an object of six fields, two string headers, a Map entry. */
const itemOverheadBytes = 136;
const monthSeconds = 60 * 60 * 24 * 30;
/** Items that the crawler looks at in a second. */
const crawlItems = 20_000;

export class Store {
  readonly items = new Map<string, Item>();
  now = Math.floor(Date.now() / 1000);
  bytes = 0;
  evictions = 0;
  #cas = 0;
  readonly #limitBytes: number;
  /** Items stored before this second are gone once the second has come; 0: no flush_all yet. */
  #flushedBefore = 0;
  #crawler: Iterator<[string, Item]> | undefined;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** memcached's idea of a time: nothing, an interval up to a month, a date, or "at once" for what is negative. */
  deadlineOf(exptime: number): number {
    if (exptime === 0) return 0;
    if (exptime < 0) return 1;
    return exptime <= monthSeconds ? this.now + exptime : exptime;
  }

  get(key: string): Item | undefined {
    const item = this.items.get(key);
    if (item === undefined) return undefined;
    if ((item.deadline !== 0 && item.deadline <= this.now) || this.#isFlushed(item)) {
      this.delete(key, item);
      return undefined;
    }
    return item;
  }

  set(key: string, item: Item): void {
    const old = this.items.get(key);
    if (old !== undefined) this.bytes -= sizeOf(key, old);
    item.cas = ++this.#cas;
    item.storedAt = this.now;
    this.bytes += sizeOf(key, item);
    this.items.set(key, item);
    if (this.bytes > this.#limitBytes) this.#evict(key);
  }

  /** A value that changes in place, with the item's other fields as they are. */
  update(key: string, item: Item, value: string): void {
    this.bytes += value.length - item.value.length;
    item.value = value;
    item.cas = ++this.#cas;
    if (this.bytes > this.#limitBytes) this.#evict(key);
  }

  delete(key: string, item: Item): void {
    this.bytes -= sizeOf(key, item);
    this.items.delete(key);
  }

  flush(delaySeconds: number): void {
    this.#flushedBefore = this.now + Math.max(0, delaySeconds);
    if (delaySeconds > 0) return;
    this.items.clear();
    this.bytes = 0;
  }

  /** Once a second. */
  tick(): void {
    this.now = Math.floor(Date.now() / 1000);
    this.#crawler ??= this.items.entries();
    for (let count = 0; count < crawlItems; count++) {
      const next = this.#crawler.next();
      if (next.done) {
        this.#crawler = undefined;
        return;
      }
      this.get(next.value[0]);
    }
  }

  #isFlushed(item: Item): boolean {
    return this.#flushedBefore !== 0 && item.storedAt < this.#flushedBefore && this.#flushedBefore <= this.now;
  }

  /** The oldest first; what was read goes behind the youngest once. `kept` has just been written. */
  #evict(kept: string): void {
    for (const [key, item] of this.items) {
      if (this.bytes <= this.#limitBytes) return;
      if (key === kept) continue;
      if (item.fetched) {
        item.fetched = false;
        this.items.delete(key);
        this.items.set(key, item);
        continue;
      }
      this.delete(key, item);
      this.evictions++;
    }
  }
}

function sizeOf(key: string, item: Item): number {
  return key.length + item.value.length + itemOverheadBytes;
}
