/**
 * Options of IPv4 headers, as far as the kernel acts on them.
 *
 * Source: net/ipv4/ip_options.c __ip_options_compile(), __ip_options_echo(); RFC 791 §3.1.
 */

/** Kinds of options; all but the first two have a length byte behind them. */
const kind = {
  end: 0,
  nothing: 1,
  recordRoute: 7,
  timestamp: 68,
  looseRoute: 131,
  strictRoute: 137,
};

/** One option: its kind and all its bytes as hexadecimal. */
interface IpOption {
  readonly kind: number;
  readonly text: string;
}

/** The options of a header in hexadecimal, up to the first that cannot be read. */
function optionsOf(hex: string): readonly IpOption[] {
  const out: IpOption[] = [];
  const byte = (at: number): number => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16);
  for (let at = 0; at < hex.length / 2; ) {
    const k = byte(at);
    if (k === kind.end) break;
    const bytes = k === kind.nothing ? 1 : byte(at + 1);
    if (!(bytes >= 1) || (k !== kind.nothing && bytes < 2) || at + bytes > hex.length / 2) break;
    out.push({ kind: k, text: hex.slice(2 * at, 2 * (at + bytes)) });
    at += bytes;
  }
  return out;
}

/** Whether the packet carries a route that its sender chose. */
export function isSourceRouted(hex: string): boolean {
  return hex !== '' && optionsOf(hex).some((o) => o.kind === kind.looseRoute || o.kind === kind.strictRoute);
}

/**
 * The options that the kernel's own answer to a packet carries: recorded routes and time stamps, filled up to whole
 * words. What has been recorded on the way is not in it, only room for it.
 */
export function echoedOptions(hex: string): string {
  if (hex === '') return '';
  const echoed = optionsOf(hex).filter((o) => o.kind === kind.recordRoute || o.kind === kind.timestamp);
  const text = echoed.map((o) => o.text).join('');
  return text.padEnd(Math.ceil(text.length / 8) * 8, '0');
}

/**
 * Whether the kernel writes into the options of a packet that comes in: its address, the time. The checksum of the
 * header is put right only when the packet leaves.
 */
export function isWrittenOnArrival(hex: string): boolean {
  if (hex === '') return false;
  const pointer = (o: IpOption): number => Number.parseInt(o.text.slice(4, 6), 16);
  return optionsOf(hex).some(
    (o) => o.kind === kind.timestamp || (o.kind === kind.recordRoute && pointer(o) <= o.text.length / 2),
  );
}
