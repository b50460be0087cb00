/** Reading numbers the way iptables does. */

const unsignedText = /^[ \t\n\v\f\r]*\+?(?:0[xX]([0-9a-fA-F]+)|0([0-7]*)|([1-9][0-9]*))$/;

/**
 * Reads an unsigned number as xtables_strtoui() with base 0: `80`, `0x50`, `0120` (octal); white space and `+` may
 * stand in front, nothing may follow. Both ends of the range are included.
 *
 * Source: iptables libxtables/xtables.c xtables_strtoul().
 */
export function parseUnsigned(text: string, max: number, min = 0): number | undefined {
  const m = text.length <= 64 ? unsignedText.exec(text) : null;
  if (!m) return undefined;
  const value =
    m[1] !== undefined
      ? Number.parseInt(m[1], 16)
      : m[3] !== undefined
        ? Number.parseInt(m[3], 10)
        : Number.parseInt(m[2] || '0', 8);
  return value >= min && value <= max ? value : undefined;
}

const unsignedPrefix = /^[ \t\n\v\f\r]*[+-]?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)/;

/**
 * Reads the number at the beginning of a text as strtoull(3) with base 0 does, and says what follows it. A minus
 * sign wraps around 64 bits, what is too large becomes the largest value. Undefined: no digits.
 */
export function readUnsignedPrefix(
  text: string,
): { readonly value: bigint; readonly rest: string } | undefined {
  const found = unsignedPrefix.exec(text)?.[0];
  if (found === undefined || found.length > 64) return undefined;
  const number = found.trim().replace(/^[+-]/, '');
  const octal = /^0[0-7]+$/.test(number);
  const magnitude = BigInt(octal ? `0o${number.slice(1)}` : number);
  const capped = magnitude > 0xffff_ffff_ffff_ffffn ? 0xffff_ffff_ffff_ffffn : magnitude;
  const negative = found.includes('-') && capped === magnitude;
  return { value: negative ? BigInt.asUintN(64, -capped) : capped, rest: text.slice(found.length) };
}
