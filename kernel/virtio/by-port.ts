/**
 * Connections by the host's port. Ports are given one after the other, so the ones in use lie close together: a small table in front of the
 * map finds them by their low bits, without hashing.
 */

export class ByPort<Value extends { readonly hostPort: number }> {
  readonly #map = new Map<number, Value>();
  readonly #front: (Value | undefined)[] = new Array(FRONT).fill(undefined);

  get size(): number {
    return this.#map.size;
  }

  get(hostPort: number): Value | undefined {
    const found = this.#front[hostPort & (FRONT - 1)];
    if (found !== undefined && found.hostPort === hostPort) return found;
    const value = this.#map.get(hostPort);
    if (value !== undefined) this.#front[hostPort & (FRONT - 1)] = value;
    return value;
  }

  has(hostPort: number): boolean {
    return this.get(hostPort) !== undefined;
  }

  set(value: Value): void {
    this.#map.set(value.hostPort, value);
    this.#front[value.hostPort & (FRONT - 1)] = value;
  }

  delete(hostPort: number): void {
    this.#map.delete(hostPort);
    if (this.#front[hostPort & (FRONT - 1)]?.hostPort === hostPort) this.#front[hostPort & (FRONT - 1)] = undefined;
  }

  clear(): void {
    this.#map.clear();
    this.#front.fill(undefined);
  }

  /** All of them, as they are now. */
  all(): Value[] {
    return [...this.#map.values()];
  }
}

const FRONT = 1024;
