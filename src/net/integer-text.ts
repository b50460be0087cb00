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
