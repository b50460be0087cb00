/** Ethernet addresses. */

/** Six bytes, `aa:bb:cc:dd:ee:ff`: lower case, two digits each. The form that packets and interfaces carry. */
export type MacText = string;

/**
 * Reads an address as `-m mac` does: six hexadecimal bytes with one colon between them, each of one or two digits;
 * an empty byte is 0; white space and `+` may precede digits. Undefined: `Invalid MAC address specified.`
 *
 * Source: iptables libxtables/xtoptions.c xtopt_parse_ethermac(); seen with 1.8.9.
 */
export function parseMac(text: string): MacText | undefined {
  if (text.length > 64) return undefined;
  const parts = text.split(':');
  if (parts.length !== 6) return undefined;
  const bytes: string[] = [];
  for (const part of parts) {
    const m = /^[ \t]*\+?([0-9a-fA-F]{0,2})$/.exec(part);
    if (!m) return undefined;
    bytes.push((m[1] ?? '').toLowerCase().padStart(2, '0'));
  }
  return bytes.join(':');
}

/** `mac/mask`, both of six bytes; without a mask all bits count. */
export interface MacMask {
  readonly mac: MacText;
  readonly mask: MacText;
}

/** Reads `aa:bb:cc:dd:ee:ff` or `aa:bb:cc:00:00:00/ff:ff:ff:00:00:00`. */
export function parseMacMask(text: string): MacMask | undefined {
  const slash = text.indexOf('/');
  const mac = parseMac(slash < 0 ? text : text.slice(0, slash));
  const mask = slash < 0 ? 'ff:ff:ff:ff:ff:ff' : parseMac(text.slice(slash + 1));
  return mac === undefined || mask === undefined ? undefined : { mac, mask };
}

/**
 * The address as iptables-save prints it: lower case from 1.8.9 on, upper case in old versions (`upperCase`).
 *
 * Source: iptables libxtables/xtables.c xtables_print_mac(); seen with 1.8.9.
 */
export function macText(mac: MacText, upperCase = false): string {
  return upperCase ? mac.toUpperCase() : mac;
}

/** `mac`, or `mac/mask` if not all bits count. */
export function macMaskText(value: MacMask, upperCase = false): string {
  const mac = macText(value.mac, upperCase);
  return value.mask === 'ff:ff:ff:ff:ff:ff' ? mac : `${mac}/${macText(value.mask, upperCase)}`;
}

/** The bytes of a {@link MacText}. */
export function macBytes(mac: MacText): readonly number[] {
  return mac.split(':').map((b) => Number.parseInt(b, 16));
}

/** Whether an address has the bits of `value.mac` where `value.mask` has ones. */
export function macMatches(value: MacMask, mac: MacText): boolean {
  const want = macBytes(value.mac);
  const mask = macBytes(value.mask);
  return macBytes(mac).every((b, i) => ((b ^ (want[i] ?? 0)) & (mask[i] ?? 0)) === 0);
}
