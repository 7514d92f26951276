/**
 * CRC-64 as Redis seals its payloads with it: polynomial 0xad93d23594c935a9, reflected, initial value 0, no final xor.
 */
const REFLECTED: u64 = 0x95ac9329ac4bc9b5;
const table = memory.data(2048, 16);
let ready: bool = false;

function prepare(): void {
  for (let i: u32 = 0; i < 256; i++) {
    let crc: u64 = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ REFLECTED : crc >> 1;
    store<u64>(table + (<usize>i << 3), crc);
  }
  ready = true;
}

/** Continues `crc` over `n` bytes. */
export function crc64(crc: u64, p: usize, n: usize): u64 {
  if (!ready) prepare();
  const end = p + n;
  for (; p < end; p++) crc = load<u64>(table + (<usize>((<u32>crc ^ <u32>load<u8>(p)) & 0xff) << 3)) ^ (crc >> 8);
  return crc;
}
