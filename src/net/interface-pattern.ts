/** Interface names as `-i` and `-o` take them: a name, or a prefix followed by `+`. */

/** `exact` false means: every name that begins with `name` (which may be empty: any interface, or none). */
export interface InterfacePattern {
  readonly name: string;
  readonly exact: boolean;
}

/** Longest interface name that the kernel takes, in bytes (IFNAMSIZ minus the final NUL). */
export const interfaceNameMax = 15;

/** Reads `eth0` or `eth+`; no check of length or characters. */
export function interfacePattern(text: string): InterfacePattern {
  return text.endsWith('+') ? { name: text.slice(0, -1), exact: false } : { name: text, exact: true };
}

/** `eth0`, `eth+`. */
export function interfacePatternText(pattern: InterfacePattern): string {
  return pattern.exact ? pattern.name : `${pattern.name}+`;
}

/**
 * Whether a packet's interface matches. `undefined` is a packet without that interface (`-o` in INPUT): it matches
 * `+` alone, and so no name.
 *
 * Source: net/netfilter/x_tables.c, net/ipv4/netfilter/ip_tables.c ip_packet_match(): an absent device is compared
 * as the empty name.
 */
export function interfaceMatches(pattern: InterfacePattern, name: string | undefined): boolean {
  const actual = name ?? '';
  return pattern.exact ? actual === pattern.name : actual.startsWith(pattern.name);
}
