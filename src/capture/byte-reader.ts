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

const pairs: readonly string[] = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, '0'));

/** Bytes as hexadecimal text; both offsets are cut to what is there. */
export function hexText(bytes: Uint8Array, from: number, to: number): string {
  const end = Math.min(to, bytes.length);
  const parts: string[] = [];
  for (let at = from; at < end; at++) parts.push(pairs[bytes[at] ?? 0] ?? '');
  return parts.join('');
}
