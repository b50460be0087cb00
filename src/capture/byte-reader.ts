/** Numbers in bytes. Reading behind the end gives zeros: callers look at lengths first. */
export interface ByteReader {
  readonly bytes: Uint8Array;
  readonly littleEndian: boolean;
  u8(at: number): number;
  u16(at: number): number;
  /** Unsigned. */
  u32(at: number): number;
}

/** A reader of the given byte order. */
export function byteReader(bytes: Uint8Array, littleEndian = false): ByteReader {
  const u8 = (at: number): number => bytes[at] ?? 0;
  const u16 = littleEndian
    ? (at: number): number => u8(at) | (u8(at + 1) << 8)
    : (at: number): number => (u8(at) << 8) | u8(at + 1);
  const u32 = littleEndian
    ? (at: number): number => (u16(at) | (u16(at + 2) << 16)) >>> 0
    : (at: number): number => ((u16(at) << 16) | u16(at + 2)) >>> 0;
  return { bytes, littleEndian, u8, u16, u32 };
}

const digits = new TextEncoder().encode('0123456789abcdef');
const ascii = new TextDecoder('latin1');

/** Bytes as hexadecimal text; both offsets are cut to what is there. */
export function hexText(bytes: Uint8Array, from: number, to: number): string {
  const end = Math.min(to, bytes.length);
  if (end <= from) return '';
  const text = new Uint8Array((end - from) * 2);
  for (let at = from, out = 0; at < end; at++) {
    const byte = bytes[at] ?? 0;
    text[out++] = digits[byte >>> 4] ?? 0;
    text[out++] = digits[byte & 15] ?? 0;
  }
  return ascii.decode(text);
}
