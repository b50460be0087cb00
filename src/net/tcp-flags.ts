/** TCP flags as `--tcp-flags` writes them. */

/** In iptables' printing order. Bits as in byte 13 of the header; ECE (64) and CWR (128) have no name here. */
export const tcpFlagBits = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32 } as const;

/** What {@link parseTcpFlags} says of a word that is no flag. */
export interface UnknownTcpFlag {
  readonly unknownFlag: string;
}

/**
 * Reads a list such as `SYN,RST,ACK,FIN`, `ALL` (the six named flags) or `NONE`; case does not matter, empty
 * items and repetitions do no harm.
 *
 * Source: iptables extensions/libxt_tcp.c parse_tcp_flag(); seen with 1.8.9.
 */
export function parseTcpFlags(text: string): number | UnknownTcpFlag {
  let bits = 0;
  for (const word of text.split(',')) {
    const name = word.toUpperCase();
    if (name === '' || name === 'NONE') continue;
    if (name === 'ALL') bits |= 63;
    else if (Object.hasOwn(tcpFlagBits, name)) bits |= tcpFlagBits[name as keyof typeof tcpFlagBits];
    else return { unknownFlag: word };
  }
  return bits;
}

/** The flags as iptables-save prints them: `FIN,SYN,RST,ACK`; `NONE` for none. Bits without a name are left out. */
export function tcpFlagsText(bits: number): string {
  const names = Object.entries(tcpFlagBits)
    .filter(([, bit]) => (bits & bit) !== 0)
    .map(([name]) => name);
  return names.length === 0 ? 'NONE' : names.join(',');
}
