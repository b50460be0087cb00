/** The fields of a packet as options of its line: each can be set, changed and taken out by itself. */

import type { Packet } from '../../model/packet.ts';
import type { EntryPoint } from '../../model/trace.ts';
import type { Family } from '../../net/address.ts';
import { addressText } from '../../net/address-text.ts';
import { icmpTypeName } from '../../net/icmp-types.ts';
import { protocolName } from '../../net/protocols.ts';
import { shellQuote } from '../../report/shell-quote.ts';
import { hexText, tcpFlagNames } from '../../report/trace-words.ts';
import { splitLine } from './packet-line.ts';

/** What a field's values are taken from on completion. */
type FieldWords = 'interfaces' | 'addresses' | 'protocols' | 'states' | 'flags' | 'icmp' | 'way';

/** One field. */
export interface PacketField {
  readonly name: string;
  /** As it is written into the line. */
  readonly option: string;
  /** Other spellings that are found in a line. */
  readonly aliases: readonly string[];
  /** Words that the option takes: 0 for a flag. */
  readonly values: 0 | 1 | 2;
  readonly words?: FieldWords;
  /** The match that has to stand in front of it. */
  readonly match?: string;
  /** Match and option for IPv6, where they are others. */
  readonly ipv6?: { readonly match?: string; readonly option: string };
  /** The value that the walked packet has, default or given. */
  readonly read: (packet: Packet, entry: EntryPoint) => string;
}

const numberText = (value: number | undefined): string => (value === undefined ? '' : String(value));

/** The fields in the order of the screen. */
export const packetFields: readonly PacketField[] = [
  field('sent by', '--local', [], 0, (_p, e) => (e.kind === 'local' ? 'this machine' : 'another'), 'way'),
  field(
    'in by',
    '-i',
    ['--in-interface'],
    1,
    (_p, e) => (e.kind === 'arrives' ? e.inInterface : ''),
    'interfaces',
  ),
  field('out by', '-o', ['--out-interface'], 1, (_p, e) => e.hints?.outInterface ?? '', 'interfaces'),
  field('protocol', '-p', ['--protocol', '--proto'], 1, (p) => protocolName(p.protocol), 'protocols'),
  field('source', '-s', ['--source', '--src'], 1, (p) => addressText(p.src), 'addresses'),
  field('source port', '--sport', ['--source-port'], 1, (p) => numberText(p.sport)),
  field('destination', '-d', ['--destination', '--dst'], 1, (p) => addressText(p.dst), 'addresses'),
  field('dest. port', '--dport', ['--destination-port'], 1, (p) => numberText(p.dport)),
  field(
    'TCP flags',
    '--tcp-flags',
    [],
    2,
    (p) => (p.protocol === 6 ? tcpFlagNames(p.tcpFlags) : ''),
    'flags',
  ),
  field(
    'ICMP type',
    '--icmp-type',
    ['--icmpv6-type'],
    1,
    (p) => (p.icmpType === undefined ? '' : icmpTypeName(p.family, p.icmpType, p.icmpCode ?? 0)),
    'icmp',
    { ipv6: { option: '--icmpv6-type' } },
  ),
  field('state', '--ctstate', [], 1, (_p, e) => e.hints?.connection?.state ?? '', 'states', {
    match: 'conntrack',
  }),
  field('TTL', '--ttl-eq', ['--hl-eq'], 1, (p) => String(p.ttl), undefined, {
    match: 'ttl',
    ipv6: { match: 'hl', option: '--hl-eq' },
  }),
  field('TOS', '--tos', [], 1, (p) => hexText(p.tos), undefined, { match: 'tos' }),
  field('length', '--length', [], 1, (p) => String(p.lengthBytes), undefined, { match: 'length' }),
  field('mark', '--mark', [], 1, (p) => hexText(p.mark), undefined, { match: 'mark' }),
  field('MAC source', '--mac-source', [], 1, (p) => p.ethSrc ?? '', undefined, { match: 'mac' }),
  field('packet type', '--pkt-type', [], 1, (p) => p.packetType, undefined, { match: 'pkttype' }),
  field('fragment', '-f', ['--fragment'], 0, (p) => (p.fragmentOffsetBytes > 0 ? 'a later one' : 'no')),
  field('user', '--uid-owner', [], 1, (p) => numberText(p.uid), undefined, { match: 'owner' }),
  field('sequence', '--seq', [], 1, (p) => (p.protocol === 6 ? String(p.seq) : '')),
  field('acknowledged', '--ack', [], 1, (p) => (p.protocol === 6 ? String(p.ack) : '')),
  field('window', '--window', [], 1, (p) => (p.protocol === 6 ? String(p.window) : '')),
  field('IP id', '--id', [], 1, (p) => String(p.identification)),
  field('ICMP id', '--icmp-id', [], 1, (p) => numberText(p.icmpId)),
  field("don't fragment", '--df', [], 0, (p) => (p.dontFragment ? 'yes' : 'no')),
  field('bad checksum', '--bad-checksum', [], 0, (p) => (p.badChecksum ? 'yes' : 'no')),
  field('payload', '--payload', [], 1, (p) => (p.payload === undefined ? 'not said' : p.payload)),
  field('quotes', '--quote', [], 1, (p) =>
    p.quote ? `${protocolName(p.quote.protocol)} of ${addressText(p.quote.src)}` : '',
  ),
];

function field(
  name: string,
  option: string,
  aliases: readonly string[],
  values: PacketField['values'],
  read: PacketField['read'],
  words?: FieldWords,
  more: Pick<PacketField, 'match' | 'ipv6'> = {},
): PacketField {
  return { name, option, aliases, values, read, ...(words === undefined ? {} : { words }), ...more };
}

/** A field's place among the words of a line. */
interface Found {
  /** Index of its first word: the option, a `!` in front of it, the `-m MATCH` in front of that. */
  readonly from: number;
  readonly option: number;
}

function find(words: readonly string[], { option, aliases }: PacketField): Found | undefined {
  const at = words.findIndex((w) => w === option || aliases.includes(w));
  if (at < 0) return undefined;
  let from = words[at - 1] === '!' ? at - 1 : at;
  // A match without its option would be refused, so it goes with it; `-m tcp` may serve several.
  if (words[from - 2] === '-m' && !['tcp', 'udp', 'icmp'].includes(words[from - 1] ?? '')) from -= 2;
  return { from, option: at };
}

/** What the line says of a field; undefined: nothing, so it takes its default. */
export function fieldText(line: string, f: PacketField): string | undefined {
  const words = splitLine(line).map((w) => w.text);
  const found = find(words, f);
  if (!found) return undefined;
  if (f.values === 0) return 'yes';
  const value = words.slice(found.option + 1, found.option + 1 + f.values).join(' ');
  return words[found.option - 1] === '!' ? `! ${value}` : value;
}

/** The line with a field set; an empty text takes the field out. Other words stay as they are. */
export function setField(line: string, f: PacketField, text: string, family: Family): string {
  const words = splitLine(line).map((w) => w.text);
  const found = find(words, f);
  const rest = found ? [...words.slice(0, found.from), ...words.slice(found.option + 1 + f.values)] : words;
  const value = text.trim();
  if (value === '') return lineOf(rest);
  const negated = value.startsWith('! ');
  const bare = (negated ? value.slice(2) : value).trim();
  const { match, option } = family === 'ipv6' ? { match: f.match, option: f.option, ...f.ipv6 } : f;
  const put = [
    ...(match === undefined ? [] : ['-m', match]),
    ...(negated ? ['!'] : []),
    option,
    ...(f.values === 0 ? [] : f.values === 1 ? [bare] : flagWords(bare)),
  ];
  const at = found ? found.from : f.option === '--local' ? 0 : rest.length;
  return lineOf([...rest.slice(0, at), ...put, ...rest.slice(at)]);
}

/** `SYN,ACK` alone means these flags of all; two words are mask and flags. */
function flagWords(text: string): readonly string[] {
  const words = text.split(/\s+/);
  return words.length > 1 ? words.slice(0, 2) : ['ALL', text];
}

/** Words as a line that the shell and this program read alike. */
export function lineOf(words: readonly string[]): string {
  return words.map((w) => (w === '!' ? w : shellQuote(w))).join(' ');
}
