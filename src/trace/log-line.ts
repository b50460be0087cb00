/** One line of the kernel's packet log, read: the packet, and where in the machine it was seen. */

import { type Diagnostic, diagnostic } from '../diagnostics/diagnostic.ts';
import { makePacket } from '../expression/make-packet.ts';
import { type MutablePacket, type Packet, type TcpOption, tcpFlag } from '../model/packet.ts';
import type { Address, Family } from '../net/address.ts';
import { parseIpv4, parseIpv6 } from '../net/address-text.ts';
import { parseMac } from '../net/mac.ts';
import { hasPorts } from '../net/protocols.ts';

/** What a line says. The packet is as the rules saw it there: behind what NAT and forwarding had changed by then. */
export interface LogLine {
  /** 1-based, in the text that it stands in. */
  readonly lineNumber: number;
  readonly text: string;
  /** What stands between the logger's own head of the line and `IN=`. */
  readonly prefix: string;
  /** The head of the line is of a known form, so that the prefix is exact; else only its end is. */
  readonly prefixKnown: boolean;
  /** Undefined for packets of the machine itself. */
  readonly inInterface: string | undefined;
  /** Undefined where the packet had not been routed out yet. */
  readonly outInterface: string | undefined;
  /** Bridge ports. */
  readonly physIn: string | undefined;
  readonly physOut: string | undefined;
  readonly packet: Packet;
  /** Bytes of the header that the packet lacked. */
  readonly incompleteBytes: number | undefined;
}

/** What was found in a text of many lines. */
export interface ReadLog {
  readonly lines: readonly LogLine[];
  /** Spans are offsets into the whole text. */
  readonly diagnostics: readonly Diagnostic[];
  /** Lines of other kinds: no packet was logged there. */
  readonly otherLineCount: number;
  /** Lines beyond the bound; they were not read. */
  readonly unreadLineCount: number;
}

/** Lines that are read of one text. */
const logLineCountMax = 500_000;
/** Longest line that is read; the kernel's own buffer for one is 1024 bytes. */
const lineLengthMax = 8192;
/** Diagnostics kept of one text. */
const diagnosticCountMax = 1000;
/** A quoted packet that quotes is as deep as the kernel goes. */
const quoteDepthMax = 3;

/** Reads every line of a text. A line that is no packet's is counted where there are several, else told. */
export function readLog(text: string): ReadLog {
  const lines: LogLine[] = [];
  const diagnostics: Diagnostic[] = [];
  let otherLineCount = 0;
  let unreadLineCount = 0;
  let lineNumber = 0;
  const several = text.trim().includes('\n');
  for (let start = 0; start < text.length; ) {
    const feed = text.indexOf('\n', start);
    const end = feed < 0 ? text.length : feed;
    lineNumber++;
    const line = text.slice(start, end).replace(/\r$/, '');
    if (lineNumber > logLineCountMax) unreadLineCount++;
    else if (line.trim() !== '') {
      const isPackets = line.includes('IN=') || /\bSRC=|\bDST=/.test(line.slice(0, lineLengthMax));
      if (several && !isPackets) otherLineCount++;
      else {
        const read = readLogLine(line, lineNumber, start);
        if (read.line) lines.push(read.line);
        for (const d of read.diagnostics) if (diagnostics.length < diagnosticCountMax) diagnostics.push(d);
      }
    }
    start = end + 1;
  }
  return { lines, diagnostics, otherLineCount, unreadLineCount };
}

/** A word of the line with its offset in it. */
interface Word {
  readonly text: string;
  readonly at: number;
}

interface LineProblem {
  readonly id: string;
  readonly message: string;
  readonly hint?: string;
  readonly start: number;
  readonly end: number;
  readonly severity: 'error' | 'warning';
}

/** The interfaces at the beginning of what the kernel writes: `IN=eth0 OUT= `. */
const interfaces = /IN=(\S{0,64}) OUT=(\S{0,64})(?=\s|$)/y;

/** Heads that syslog, journald, dmesg and ulogd write in front of the kernel's text. */
const heads: readonly RegExp[] = [
  // Nov 22 04:46:44 gw kernel: [12345.678901] …   2026-11-22T04:46:44.1+00:00 gw kernel: …   gw ulogd[7]: …
  /^(?:<\d{1,3}>)?(?:[A-Z][a-z]{2} {1,2}\d{1,2} [\d:.]{8,20}|\d{4}-\d\d-\d\dT[\d:.,+Z-]{8,30}) (?:\S{1,255} )?(?:kernel|ulogd(?:\[\d{1,10}\])?): ?(?:\[ {0,8}\d{1,12}\.\d{1,9}\] )?/,
  // journalctl -o cat behind a host, or a line cut out of one.
  /^(?:\S{1,255} )?kernel: ?(?:\[ {0,8}\d{1,12}\.\d{1,9}\] )?/,
  // dmesg, dmesg --raw, dmesg -T.
  /^(?:<\d{1,3}>)?\[(?: {0,8}\d{1,12}\.\d{1,9}|[A-Z][a-z]{2} [A-Z][a-z]{2} {1,2}\d{1,2} [\d:]{8} \d{4})\] /,
];

/**
 * Reads one line. Never throws; linear in its length. `offset` is where the line begins in the text that spans are
 * about.
 *
 * @example
 * readLogLine('Nov 22 04:46:44 gw kernel: in-denied: IN=eth0 OUT= SRC=198.51.100.7 DST=203.0.113.1 LEN=60 …')
 * Source: net/netfilter/nf_log_syslog.c nf_log_ip_packet(), nf_log_ip6_packet(), nf_log_dump_tcp_header() …
 */
export function readLogLine(
  text: string,
  lineNumber = 1,
  offset = 0,
): { readonly line: LogLine | undefined; readonly diagnostics: readonly Diagnostic[] } {
  const problems: LineProblem[] = [];
  const line = text.length > lineLengthMax ? tooLong(text, problems) : readWords(text, lineNumber, problems);
  return {
    line,
    diagnostics: problems.map(({ id, message, hint, start, end, severity }) =>
      diagnostic({
        code: 'FW901',
        id,
        severity,
        message,
        span: { start: offset + start, end: offset + end },
        ...(hint === undefined ? {} : { hint }),
      }),
    ),
  };
}

function tooLong(text: string, problems: LineProblem[]): undefined {
  problems.push({
    id: 'log-line-too-long',
    message: `A line of ${text.length} characters is none that the kernel writes about a packet`,
    start: 0,
    end: 1,
    severity: 'error',
  });
  return undefined;
}

function readWords(text: string, lineNumber: number, problems: LineProblem[]): LogLine | undefined {
  const start = findStart(text);
  if (start === undefined) {
    const at = Math.max(0, text.indexOf('IN='));
    problems.push({
      id: 'no-log-line',
      message: 'This is no packet that the kernel logged: "IN=… OUT=…" is missing',
      hint: 'a line of journalctl -k or /var/log/kern.log that a LOG rule wrote, whole and in quotes',
      start: at,
      end: text.length,
      severity: 'error',
    });
    return undefined;
  }
  const head = heads
    .map((pattern) => pattern.exec(text.slice(0, start.at))?.[0])
    .find((h) => h !== undefined);
  const words = wordsOf(text, start.end);
  const fields = readHeader(words, { next: 0 }, 0);
  if (fields.unknown)
    problems.push({
      id: 'unknown-log-field',
      message: `"${fields.unknown.text}" is no field of a packet in the kernel's log: it was passed over`,
      start: fields.unknown.at,
      end: fields.unknown.at + fields.unknown.text.length,
      severity: 'warning',
    });
  const packet = packetOf(fields, start.inInterface !== undefined);
  if ('missing' in packet) {
    const { missing, at } = packet;
    problems.push({
      id: at === undefined ? 'truncated-log-line' : 'bad-log-field',
      message:
        at === undefined
          ? `The line ends without ${missing}: it was cut, or it is no packet's`
          : `"${at.text}" says no ${missing}`,
      start: at?.at ?? text.length,
      end: at === undefined ? text.length : at.at + at.text.length,
      severity: 'error',
    });
    return undefined;
  }
  const value = (name: string): string | undefined => fields.values.get(name)?.text.slice(name.length + 1);
  return {
    lineNumber,
    text,
    prefix: text.slice(head?.length ?? 0, start.at),
    prefixKnown: head !== undefined,
    inInterface: start.inInterface,
    outInterface: start.outInterface,
    physIn: value('PHYSIN') || undefined,
    physOut: value('PHYSOUT') || undefined,
    packet,
    incompleteBytes: fields.incompleteBytes,
  };
}

/** The first `IN=… OUT=…`; a log prefix may end right in front of it, without a blank. */
function findStart(text: string):
  | {
      readonly at: number;
      readonly end: number;
      readonly inInterface: string | undefined;
      readonly outInterface: string | undefined;
    }
  | undefined {
  for (let at = text.indexOf('IN='); at >= 0; at = text.indexOf('IN=', at + 1)) {
    interfaces.lastIndex = at;
    const found = interfaces.exec(text);
    if (found)
      return {
        at,
        end: interfaces.lastIndex,
        inInterface: found[1] || undefined,
        outInterface: found[2] || undefined,
      };
  }
  return undefined;
}

function wordsOf(text: string, from: number): readonly Word[] {
  const words: Word[] = [];
  for (const found of text.slice(from).matchAll(/\S+/g))
    words.push({ text: found[0], at: from + found.index });
  return words;
}

/** The fields of one packet, the quoted one apart. */
interface Fields {
  /** By name, in front of PROTO; further below, names that mean something else there have `4:` in front. */
  readonly values: Map<string, Word>;
  readonly flags: Set<string>;
  ipOptions: string;
  tcpOptions: string;
  quote: Fields | undefined;
  unknown: Word | undefined;
  incompleteBytes: number | undefined;
}

const fieldNames: ReadonlySet<string> = new Set(
  (
    'PHYSIN PHYSOUT MAC MACSRC MACDST MACPROTO TUNNEL SRC DST LEN TOS PREC TTL ID PROTO SPT DPT SEQ ACK WINDOW RES ' +
    'URGP TYPE CODE PARAMETER POINTER GATEWAY MTU SPI UID GID MARK TC HOPLIMIT FLOWLBL FRAG VPROTO VID CTMARK'
  ).split(' '),
);
const flagNames: ReadonlySet<string> = new Set(
  'CE DF MF CWR ECE URG ACK PSH RST SYN FIN AUTH FRAG'.split(' '),
);

/** Reads one packet's fields up to the end, or to the bracket that closes a quoted one. */
function readHeader(words: readonly Word[], cursor: { next: number }, depth: number): Fields {
  const fields: Fields = {
    values: new Map(),
    flags: new Set(),
    ipOptions: '',
    tcpOptions: '',
    quote: undefined,
    unknown: undefined,
    incompleteBytes: undefined,
  };
  while (cursor.next < words.length) {
    const word = words[cursor.next] as Word;
    let { text } = word;
    cursor.next++;
    if (text === ']') {
      if (depth > 0) return fields;
      continue;
    }
    if (text.startsWith('[SRC=') && depth < quoteDepthMax && !fields.quote) {
      // The quoted packet begins within this word.
      const inner = [{ text: text.slice(1), at: word.at + 1 }, ...words.slice(cursor.next)];
      const innerCursor = { next: 0 };
      fields.quote = readHeader(inner, innerCursor, depth + 1);
      cursor.next += innerCursor.next - 1;
      continue;
    }
    const closes = depth > 0 && text.endsWith(']');
    if (closes) text = text.slice(0, -1);
    readField({ text, at: word.at }, words, cursor, fields);
    if (closes) return fields;
  }
  return fields;
}

function readField(word: Word, words: readonly Word[], cursor: { next: number }, fields: Fields): void {
  const { text } = word;
  if (text === 'OPT') {
    const options = readOptions(words, cursor);
    if (fields.values.has('PROTO')) fields.tcpOptions = options;
    else fields.ipOptions = options;
    return;
  }
  if (text === 'INCOMPLETE') {
    const bytes = /^\[(\d{1,6})$/.exec(words[cursor.next]?.text ?? '');
    fields.incompleteBytes = bytes ? Number(bytes[1]) : 0;
    if (bytes) cursor.next += words[cursor.next + 1]?.text === 'bytes]' ? 2 : 1;
    return;
  }
  const [, name, mark] = /^([A-Z]+)([=:]|$)/.exec(text) ?? [];
  if (name !== undefined && mark === '' && flagNames.has(name)) {
    fields.flags.add(fields.values.has('PROTO') ? `4:${name}` : name);
    return;
  }
  if (name !== undefined && mark !== '' && fieldNames.has(name)) {
    const below = fields.values.has('PROTO') && (name === 'LEN' || name === 'ID');
    const key = below ? `4:${name}` : name;
    if (!fields.values.has(key)) fields.values.set(key, word);
    return;
  }
  fields.unknown ??= word;
}

/** `( 02 04 05 B4 )` or `(020405B4…)` as hexadecimal without blanks. */
function readOptions(words: readonly Word[], cursor: { next: number }): string {
  let hex = '';
  if (!words[cursor.next]?.text.startsWith('(')) return hex;
  while (cursor.next < words.length) {
    const text = (words[cursor.next] as Word).text;
    cursor.next++;
    hex += text.replace(/[()]/g, '');
    if (text.endsWith(')')) break;
  }
  return /^(?:[0-9a-fA-F]{2}){0,60}$/.test(hex) ? hex.toLowerCase() : '';
}

type Missing = { readonly missing: string; readonly at?: Word | undefined };

const protocols: Readonly<Record<string, number>> = {
  TCP: 6,
  UDP: 17,
  UDPLITE: 136,
  ICMP: 1,
  ICMPV6: 58,
  ESP: 50,
  AH: 51,
  SCTP: 132,
  DCCP: 33,
};

const flagBits: Readonly<Record<string, number>> = tcpFlag;

/** The packet of a line, or what it lacks. */
function packetOf(fields: Fields, arrived: boolean): Packet | Missing {
  const word = (name: string): Word | undefined => fields.values.get(name);
  const text = (name: string): string | undefined =>
    word(name)?.text.slice(name.replace(/^4:/, '').length + 1);
  const number = (name: string, max = 0xffffffff): number | undefined => {
    const t = text(name) ?? '';
    if (!/^(?:0x[0-9a-fA-F]{1,8}|\d{1,10})$/.test(t)) return undefined;
    const value = Number(t);
    return value <= max ? value : undefined;
  };
  const address = (name: string): Address | undefined => {
    const t = text(name) ?? '';
    return t.length > 45 ? undefined : t.includes(':') ? parseIpv6(t) : parseIpv4(t);
  };
  const src = address('SRC');
  if (!src) return { missing: 'source (SRC=…)', at: word('SRC') };
  const dst = address('DST');
  if (!dst || dst.family !== src.family) return { missing: 'destination (DST=…)', at: word('DST') };
  const family: Family = src.family;
  const protocolWord = text('PROTO');
  if (protocolWord === undefined) return { missing: 'protocol (PROTO=…)' };
  const protocol = protocols[protocolWord.toUpperCase()] ?? number('PROTO', 255);
  if (protocol === undefined) return { missing: 'protocol (PROTO=…)', at: word('PROTO') };
  const fragment = fragmentOffset(word('FRAG'), family);
  const later = fragment > 0;
  const incomplete = fields.incompleteBytes !== undefined;
  const sport = number('SPT', 65535);
  const dport = number('DPT', 65535);
  const named = protocol === 6 || protocol === 17 || protocol === 136;
  if (named && !later && !incomplete) {
    if (sport === undefined) return { missing: 'source port (SPT=…)', at: word('SPT') };
    if (dport === undefined) return { missing: 'destination port (DPT=…)', at: word('DPT') };
  }
  const icmp = protocol === (family === 'ipv4' ? 1 : 58);
  const icmpType = number('TYPE', 255);
  if (icmp && !later && !incomplete && icmpType === undefined)
    return { missing: 'ICMP type (TYPE=…)', at: word('TYPE') };

  let flags = 0;
  for (const [name, bit] of Object.entries(flagBits)) if (fields.flags.has(`4:${name}`)) flags |= bit;
  const tos = family === 'ipv4' ? (number('TOS', 255) ?? 0) | (number('PREC', 255) ?? 0) : number('TC', 255);
  const quoted = fields.quote && packetOf(fields.quote, arrived);
  const frame = frameOf(text, arrived);
  const packet: MutablePacket = {
    ...makePacket({
      family,
      src,
      dst,
      protocol,
      ttl: number(family === 'ipv4' ? 'TTL' : 'HOPLIMIT', 255) ?? 64,
      tos: tos ?? 0,
      identification: number('ID', 65535) ?? identification(text('ID')),
      dontFragment: fields.flags.has('DF'),
      moreFragments: fields.flags.has('MF'),
      fragmentOffsetBytes: fragment,
      ipOptions: fields.ipOptions,
      tcpFlags: flags,
      seq: number('SEQ') ?? 1000,
      ack: number('ACK') ?? 0,
      window: number('WINDOW', 65535) ?? 64240,
      tcpOptions: tcpOptionsOf(fields.tcpOptions),
      ...(icmpType === undefined ? {} : { icmpType, icmpCode: number('CODE', 255) ?? 0 }),
      ...(number('4:ID', 65535) === undefined ? {} : { icmpId: number('4:ID', 65535) }),
      spi: number('SPI'),
      mark: number('MARK') ?? 0,
      uid: number('UID'),
      gid: number('GID'),
      ...frame,
    }),
    quote: quoted && !('missing' in quoted) ? quoted : undefined,
  };
  const lengthBytes = number('LEN', 0xffffff);
  if (lengthBytes !== undefined && lengthBytes > 0) packet.lengthBytes = lengthBytes;
  if (hasPorts(protocol)) {
    packet.sport = sport;
    packet.dport = dport;
  }
  if (icmp && icmpType !== undefined) {
    const seq = number('SEQ', 65535);
    if (seq !== undefined && number('4:ID', 65535) !== undefined) packet.icmpSeq = seq;
    const mtu = number('MTU');
    if (mtu !== undefined) packet.icmpRest = mtu;
  }
  const flow = number('FLOWLBL', 0xfffff);
  if (family === 'ipv6' && flow !== undefined) packet.flowLabel = flow;
  return packet;
}

/** `FRAG:185`: IPv4 counts in units of eight bytes, IPv6 in bytes. */
function fragmentOffset(word: Word | undefined, family: Family): number {
  const digits = /^FRAG:(\d{1,5})$/.exec(word?.text ?? '');
  if (!digits) return 0;
  return Math.min(Number(digits[1]) * (family === 'ipv4' ? 8 : 1), 0xfff8);
}

/** IPv6 writes the identification of a fragment as eight hexadecimal digits behind a colon. */
function identification(text: string | undefined): number {
  return text !== undefined && /^[0-9a-fA-F]{8}$/.test(text) ? Number.parseInt(text, 16) : 0;
}

/** Options of TCP from their bytes; what is malformed ends the list. */
function tcpOptionsOf(hex: string): readonly TcpOption[] {
  const options: TcpOption[] = [];
  for (let at = 0; at + 2 <= hex.length; ) {
    const kind = Number.parseInt(hex.slice(at, at + 2), 16);
    if (kind === 0) break;
    if (kind === 1) {
      options.push({ kind, data: '' });
      at += 2;
      continue;
    }
    const length = Number.parseInt(hex.slice(at + 2, at + 4), 16);
    if (!(length >= 2) || at + length * 2 > hex.length) break;
    options.push({ kind, data: hex.slice(at + 4, at + length * 2) });
    at += length * 2;
  }
  return options;
}

/** Who sent the frame to whom: `MAC=` holds destination, source and type, `--log-macdecode` names them. */
function frameOf(
  text: (name: string) => string | undefined,
  arrived: boolean,
): Partial<Pick<Packet, 'ethSrc' | 'ethDst' | 'packetType'>> {
  if (!arrived) return {};
  const bytes = (text('MAC') ?? '').split(':');
  const whole = bytes.length === 14;
  const ethDst = parseMac(text('MACDST') ?? (whole ? bytes.slice(0, 6).join(':') : ''));
  const ethSrc = parseMac(text('MACSRC') ?? (whole ? bytes.slice(6, 12).join(':') : ''));
  if (ethDst === undefined || ethSrc === undefined) return {};
  const group = (Number.parseInt(ethDst.slice(0, 2), 16) & 1) === 1;
  const packetType = ethDst === 'ff:ff:ff:ff:ff:ff' ? 'broadcast' : group ? 'multicast' : 'unicast';
  return { ethSrc, ethDst, packetType };
}
