/**
 * A byte sink for WebAssembly modules: just what the shim generator needs of the binary format (WebAssembly core
 * specification, chapter 5).
 */

export const I32 = 0x7f;
export const I64 = 0x7e;
export const F32 = 0x7d;
export const F64 = 0x7c;

export class WasmWriter {
  readonly bytes: number[] = [];

  byte(...values: number[]): this {
    for (const value of values) this.bytes.push(value & 0xff);
    return this;
  }

  /** Unsigned LEB128. */
  u32(value: number): this {
    let rest = value >>> 0;
    do {
      const low = rest & 0x7f;
      rest >>>= 7;
      this.bytes.push(rest === 0 ? low : low | 0x80);
    } while (rest !== 0);
    return this;
  }

  /** Signed LEB128. */
  s32(value: number): this {
    let rest = value | 0;
    for (;;) {
      const low = rest & 0x7f;
      rest >>= 7;
      if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) {
        this.bytes.push(low);
        return this;
      }
      this.bytes.push(low | 0x80);
    }
  }

  f64(value: number): this {
    const buffer = new DataView(new ArrayBuffer(8));
    buffer.setFloat64(0, value, true);
    for (let i = 0; i < 8; i++) this.bytes.push(buffer.getUint8(i));
    return this;
  }

  name(text: string): this {
    const utf8 = new TextEncoder().encode(text);
    this.u32(utf8.length);
    for (const value of utf8) this.bytes.push(value);
    return this;
  }

  /** A section, or anything else with its size in front. */
  sized(content: WasmWriter): this {
    this.u32(content.bytes.length);
    for (const value of content.bytes) this.bytes.push(value);
    return this;
  }

  section(id: number, content: WasmWriter): this {
    return this.byte(id).sized(content);
  }

  toUint8Array(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.bytes);
  }
}
