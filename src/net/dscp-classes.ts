/** DiffServ classes as `--dscp-class` names them. */

/**
 * Code points (six bits) by class.
 *
 * Source: iptables extensions/dscp_helper.c; RFC 2474, RFC 2597, RFC 3246. Seen with 1.8.9.
 */
export const dscpClasses: Readonly<Record<string, number>> = {
  CS0: 0x00,
  CS1: 0x08,
  CS2: 0x10,
  CS3: 0x18,
  CS4: 0x20,
  CS5: 0x28,
  CS6: 0x30,
  CS7: 0x38,
  BE: 0x00,
  AF11: 0x0a,
  AF12: 0x0c,
  AF13: 0x0e,
  AF21: 0x12,
  AF22: 0x14,
  AF23: 0x16,
  AF31: 0x1a,
  AF32: 0x1c,
  AF33: 0x1e,
  AF41: 0x22,
  AF42: 0x24,
  AF43: 0x26,
  EF: 0x2e,
};

/** The code point of a class, in any case; undefined: `Invalid DSCP value`. */
export function parseDscpClass(text: string): number | undefined {
  const name = text.toUpperCase();
  return Object.hasOwn(dscpClasses, name) ? dscpClasses[name] : undefined;
}

/** The class of a code point for people (`CS0` for 0), if it has one. */
export function dscpClassName(dscp: number): string | undefined {
  return Object.keys(dscpClasses).find((name) => dscpClasses[name] === dscp);
}
