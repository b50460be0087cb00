/**
 * Bob Jenkins' hash as the kernel has it, of one to three 32-bit words: what HMARK and CLUSTERIP decide by.
 *
 * Source: include/linux/jhash.h jhash_1word(), jhash_2words(), jhash_3words().
 */

const rotateLeft = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits));

/** Hash of `words` (one to three, unsigned 32 bits) under a seed; unsigned 32 bits. */
export function jhashWords(words: readonly number[], seed: number): number {
  const start = (seed + 0xdeadbeef + (words.length << 2)) | 0;
  let a = ((words[0] ?? 0) + start) | 0;
  let b = ((words[1] ?? 0) + start) | 0;
  let c = ((words[2] ?? 0) + start) | 0;
  c = ((c ^ b) - rotateLeft(b, 14)) | 0;
  a = ((a ^ c) - rotateLeft(c, 11)) | 0;
  b = ((b ^ a) - rotateLeft(a, 25)) | 0;
  c = ((c ^ b) - rotateLeft(b, 16)) | 0;
  a = ((a ^ c) - rotateLeft(c, 4)) | 0;
  b = ((b ^ a) - rotateLeft(a, 14)) | 0;
  c = ((c ^ b) - rotateLeft(b, 24)) | 0;
  return c >>> 0;
}

/** Maps a hash of 32 bits to 0 … `count` - 1. Source: include/linux/kernel.h reciprocal_scale(). */
export function reciprocalScale(hash: number, count: number): number {
  return Number((BigInt(hash) * BigInt(count)) >> 32n);
}
