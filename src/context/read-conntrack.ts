/** Connections: `conntrack -L`, /proc/net/nf_conntrack. */

import { type Connection, ctStatusBit, type Tuple } from '../model/connection.ts';
import { type Address, sameAddress } from '../net/address.ts';
import { parseProtocol } from '../net/protocols.ts';
import { noteSource } from './facts.ts';
import { lineAt, type Reader, wordsOf } from './lines.ts';
import { parseAnyAddress } from './read-addresses.ts';

interface TupleDraft {
  src?: Address;
  dst?: Address;
  readonly numbers: Map<string, number>;
}

function tupleOf(t: TupleDraft, protocol: number): Tuple | undefined {
  const { src, dst, numbers } = t;
  if (!src || !dst) return undefined;
  const n = (key: string): number => numbers.get(key) ?? 0;
  const icmp = numbers.has('type');
  return {
    src,
    dst,
    protocol,
    sport: icmp ? n('id') : numbers.has('srckey') ? n('srckey') : n('sport'),
    dport: icmp ? n('type') * 256 + n('code') : numbers.has('dstkey') ? n('dstkey') : n('dport'),
  };
}

function labelBits(text: string): readonly number[] {
  if (!/^0x[0-9a-fA-F]{1,32}$/.test(text)) return [];
  const value = BigInt(text);
  const bits: number[] = [];
  for (let i = 0; i < 128; i++) if ((value >> BigInt(i)) & 1n) bits.push(i);
  return bits;
}

const entryStart = /^(?:ipv[46]\s+(?:2|10)\s+)?([a-z][a-z0-9-]{1,15}|\d{1,3})\s+(\d{1,3})\s+/;

/** One entry a line. `conntrack` prints a summary line behind its entries, which is taken too. */
export const conntrackReader: Reader = {
  read(context, at) {
    const text = lineAt(context, at);
    if (/^conntrack v\S+ \(conntrack-tools\): \d+ flow entries/.test(text)) {
      noteSource(context.draft, 'connections', 'conntrack -L');
      return 1;
    }
    const m = text.length < 4096 && /\ssrc=/.test(text) ? entryStart.exec(text) : null;
    if (!m) return 0;
    const protocol = Number(m[2]);
    if (protocol > 255 || (m[1] !== 'unknown' && parseProtocol(m[1] ?? '') === undefined)) return 0;
    const words = wordsOf(text.slice(m[0].length));
    const tuples: TupleDraft[] = [];
    const fields = new Map<string, string>();
    const flags = new Set<string>();
    const packets: number[] = [];
    const bytes: number[] = [];
    let timeoutSeconds: number | undefined;
    let tcpState: string | undefined;
    for (const word of words) {
      const eq = word.indexOf('=');
      if (eq < 0) {
        if (word.startsWith('[') && word.endsWith(']')) flags.add(word.slice(1, -1));
        else if (/^\d{1,10}$/.test(word)) timeoutSeconds ??= Number(word);
        else if (/^[A-Z][A-Z0-9_]*$/.test(word)) tcpState ??= word;
        continue;
      }
      const key = word.slice(0, eq);
      const value = word.slice(eq + 1);
      if (key === 'src') tuples.push({ numbers: new Map() });
      const tuple = tuples.at(-1);
      switch (key) {
        case 'src':
        case 'dst': {
          const address = parseAnyAddress(value);
          if (address && tuple) tuple[key] = address;
          break;
        }
        case 'sport':
        case 'dport':
        case 'type':
        case 'code':
        case 'id':
        case 'srckey':
        case 'dstkey':
          tuple?.numbers.set(key, Number(value) || 0);
          break;
        case 'packets':
          packets.push(Number(value) || 0);
          break;
        case 'bytes':
          bytes.push(Number(value) || 0);
          break;
        default:
          fields.set(key, value);
      }
    }
    const [first, second] = tuples;
    const original = first && tupleOf(first, protocol);
    const reply = second && tupleOf(second, protocol);
    if (!original || !reply) return 0;
    let status = ctStatusBit.CONFIRMED | ctStatusBit.SRC_NAT_DONE | ctStatusBit.DST_NAT_DONE;
    if (!flags.has('UNREPLIED')) status |= ctStatusBit.SEEN_REPLY;
    if (flags.has('ASSURED')) status |= ctStatusBit.ASSURED;
    const portsTurned = protocol === 1 || protocol === 58;
    if (!sameAddress(reply.dst, original.src) || (!portsTurned && reply.dport !== original.sport))
      status |= ctStatusBit.SRC_NAT;
    if (!sameAddress(reply.src, original.dst) || (!portsTurned && reply.sport !== original.dport))
      status |= ctStatusBit.DST_NAT;
    const connection: Connection = {
      original,
      reply,
      status,
      mark: Number(fields.get('mark') ?? 0) >>> 0,
      zone: Number(fields.get('zone') ?? fields.get('zone-orig') ?? 0) || 0,
      helper: fields.get('helper'),
      labels: labelBits(fields.get('labels') ?? ''),
      packets: { original: packets[0] ?? 0, reply: packets[1] ?? 0 },
      bytes: { original: bytes[0] ?? 0, reply: bytes[1] ?? 0 },
      expiresMs: (timeoutSeconds ?? 0) * 1000,
      master: undefined,
    };
    context.draft.connections.push({ connection, tcpState });
    noteSource(context.draft, 'connections', 'conntrack -L');
    return 1;
  },
};
