/** One field's values as match options. */

import { ctStatusBit } from '../model/connection.ts';
import { type AddressRange, type Family, prefixMask } from '../net/address.ts';
import { networkTextShort } from '../net/address-text.ts';
import { protocolName } from '../net/protocols.ts';
import { tcpFlagsText } from '../net/tcp-flags.ts';
import { addressGaps, addressPieces, prefixesOf, rangeOf } from './address-words.ts';
import type { BitCube, FieldValues } from './field-values.ts';
import type { FieldName } from './fields.ts';

/** Options that hold together; the alternatives of a field are a list of them. */
export type OptionText = string;

/** Longest list of addresses behind one `-s`, and of ports behind one `--dports` (the kernel's limit). */
const addressesPerOption = 16;
const portsPerOption = 15;

type Interval = readonly [low: number, high: number];

const rangeText = ([low, high]: Interval, separator: string): string =>
  low === high ? String(low) : `${low}${separator}${high}`;

/** The intervals between these, within [0, max]. */
function gaps(intervals: readonly Interval[], max: number): Interval[] {
  const list: Interval[] = [];
  let from = 0;
  for (const [low, high] of intervals) {
    if (low > from) list.push([from, low - 1]);
    from = high + 1;
  }
  if (from <= max) list.push([from, max]);
  return list;
}

function chunks<T>(list: readonly T[], sizeOf: (item: T) => number, max: number): T[][] {
  const out: T[][] = [];
  let room = 0;
  for (const item of list) {
    if (sizeOf(item) > room || out.length === 0) {
      out.push([]);
      room = max;
    }
    out.at(-1)?.push(item);
    room -= sizeOf(item);
  }
  return out;
}

function headerAddress(ranges: readonly AddressRange[], family: Family, flag: '-s' | '-d'): OptionText[] {
  const name = flag === '-s' ? '--src-range' : '--dst-range';
  const yes = addressPieces(ranges);
  const no = addressPieces(addressGaps(ranges, family));
  if (no.networks.length + no.ranges.length < yes.networks.length + yes.ranges.length) {
    return [
      [
        ...no.networks.map((n) => `! ${flag} ${n}`),
        ...no.ranges.map((r) => `-m iprange ! ${name} ${rangeOf(r)}`),
      ].join(' '),
    ];
  }
  return [
    ...chunks(yes.networks, () => 1, addressesPerOption).map((list) => `${flag} ${list.join(',')}`),
    ...yes.ranges.map((r) => `-m iprange ${name} ${rangeOf(r)}`),
  ];
}

/** Options that take one network each: `-m conntrack --ctorigsrc`. */
function singleAddress(ranges: readonly AddressRange[], family: Family, option: string): OptionText[] {
  const yes = ranges.flatMap((r) => prefixesOf(r));
  const no = addressGaps(ranges, family).flatMap((r) => prefixesOf(r));
  if (ranges.length > 0 && no.length === 0)
    return [
      `-m conntrack ${option} ${networkTextShort({ address: prefixMask(family, 0), mask: prefixMask(family, 0) })}`,
    ];
  return no.length < yes.length
    ? [no.map((n) => `-m conntrack ! ${option} ${networkTextShort(n)}`).join(' ')]
    : yes.map((n) => `-m conntrack ${option} ${networkTextShort(n)}`);
}

function ports(intervals: readonly Interval[], side: 's' | 'd'): OptionText[] {
  const no = gaps(intervals, 65535);
  // Any port, but a port: later fragments have none.
  if (no.length === 0) return [`--${side}port 0:65535`];
  const text = (list: readonly Interval[], bang: string): string[] =>
    list.length === 1
      ? [`${bang}--${side}port ${rangeText(list[0] as Interval, ':')}`]
      : chunks(list, ([a, b]) => (a === b ? 1 : 2), portsPerOption).map(
          (l) => `-m multiport ${bang}--${side}ports ${l.map((i) => rangeText(i, ':')).join(',')}`,
        );
  return no.length < intervals.length ? [text(no, '! ').join(' ')] : text(intervals, '');
}

/** `one` writes one interval; alternatives, or negations together where those are fewer. */
function plain(
  intervals: readonly Interval[],
  max: number,
  one: (interval: Interval, bang: string) => string,
): OptionText[] {
  const no = gaps(intervals, max);
  return no.length > 0 && no.length < intervals.length
    ? [no.map((i) => one(i, '! ')).join(' ')]
    : intervals.map((i) => one(i, ''));
}

/** For options that take a single number: intervals are spelled out, so the shorter side is what counts. */
function single(
  intervals: readonly Interval[],
  max: number,
  one: (n: number, bang: string) => string,
): OptionText[] {
  const all = (list: readonly Interval[]): number[] =>
    list.flatMap(([a, b]) => Array.from({ length: b - a + 1 }, (_, i) => a + i));
  const yes = all(intervals);
  const no = all(gaps(intervals, max));
  return no.length < yes.length ? [no.map((n) => one(n, '! ')).join(' ')] : yes.map((n) => one(n, ''));
}

function timeToLive([low, high]: Interval, family: Family): string {
  const option = family === 'ipv4' ? '-m ttl --ttl' : '-m hl --hl';
  if (low === high) return `${option}-eq ${low}`;
  return [low > 0 ? `${option}-gt ${low - 1}` : '', high < 255 ? `${option}-lt ${high + 1}` : '']
    .filter((t) => t !== '')
    .join(' ');
}

const hex = (n: number): string => `0x${n.toString(16)}`;
const masked = (value: number, mask: number): string =>
  mask === 0xffff_ffff ? hex(value) : `${hex(value)}/${hex(mask)}`;

function bitTexts(field: FieldName, cubes: readonly BitCube[], excluded: readonly BitCube[]): OptionText[] {
  const negate = excluded.length < cubes.length && (field !== 'ctStatus' || excluded.every(isAnyOf));
  return negate
    ? [excluded.map((c) => bitsText(field, c, '! ')).join(' ')]
    : cubes.map((c) => bitsText(field, c, ''));
}

function bitsText(field: FieldName, { value, mask }: BitCube, bang: string): OptionText {
  switch (field) {
    case 'tcpFlags': {
      if (mask === 0x17 && value === 2) return `${bang}--syn`;
      // ECE and CWR have no names that --tcp-flags would take.
      if (mask & 0xc0) return `(${bang}TCP flags ${masked(value, mask)})`;
      return `${bang}--tcp-flags ${tcpFlagsText(mask)} ${tcpFlagsText(value)}`;
    }
    case 'ctStatus':
      return statusText(value, mask, bang !== '');
    case 'tos':
      return `-m tos ${bang}--tos ${mask === 0xff ? hex(value) : `${hex(value)}/${hex(mask)}`}`;
    default:
      return `-m ${field} ${bang}--mark ${masked(value, mask)}`;
  }
}

/** `--ctstatus A,B` asks for any of them. */
function statusText(value: number, mask: number, negated: boolean): OptionText {
  const namesOf = (bits: number): string =>
    Object.entries(ctStatusBit)
      .filter(([, bit]) => bits & bit)
      .map(([name]) => name)
      .join(',');
  const none = namesOf(mask & ~value);
  const each = Object.values(ctStatusBit)
    .filter((bit) => value & bit)
    .map(namesOf);
  if (!negated) {
    const clear = none === '' ? [] : [`-m conntrack ! --ctstatus ${none}`];
    return [...each.map((name) => `-m conntrack --ctstatus ${name}`), ...clear].join(' ');
  }
  if (value === 0) return `-m conntrack --ctstatus ${none}`;
  return `-m conntrack ! --ctstatus ${each.join(',')}`;
}

/** Whether what is outside of the cube can be said by one `--ctstatus`. */
function isAnyOf({ value, mask }: BitCube): boolean {
  return value === 0 || (value === mask && (mask & (mask - 1)) === 0);
}

function interfaces(v: Extract<FieldValues, { kind: 'interfaces' }>, flag: '-i' | '-o'): OptionText[] {
  const chosen = new Set(v.labels);
  const text = (l: (typeof v.all)[number]): string =>
    l.kind === 'name' ? l.name : l.kind === 'prefix' ? l.prefix : '';
  /** What `pattern+` stands for, by labels. */
  const family = (prefix: string) =>
    v.all.filter((l) => (l.kind === 'name' || l.kind === 'prefix') && text(l).startsWith(prefix));
  /** Patterns for these labels, each with its exceptions. */
  const patterns = (wanted: ReadonlySet<(typeof v.all)[number]>): { name: string; except: string[] }[] => {
    const done = new Set<unknown>();
    const out: { name: string; except: string[] }[] = [];
    for (const l of v.all) {
      if (!wanted.has(l) || done.has(l)) continue;
      if (l.kind === 'name') out.push({ name: l.name, except: [] });
      if (l.kind !== 'prefix') continue;
      const members = family(l.prefix);
      const missing = members.filter((m) => !wanted.has(m));
      for (const m of members) done.add(m);
      out.push({
        name: `${l.prefix}+`,
        except: missing.map((m) => (m.kind === 'prefix' ? `${text(m)}+` : text(m))),
      });
    }
    return out.filter(
      (p, i) =>
        !out.some(
          (q, j) =>
            j < i && q.except.length === 0 && q.name.endsWith('+') && p.name.startsWith(q.name.slice(0, -1)),
        ),
    );
  };
  const none = v.all.find((l) => l.kind === 'none');
  const other = v.all.find((l) => l.kind === 'other');
  const hasNone = none !== undefined && chosen.has(none);
  const way = flag === '-i' ? 'in' : 'out';
  if (other === undefined || !chosen.has(other)) {
    const yes = patterns(chosen).map(({ name, except }) =>
      [`${flag} ${name}`, ...except.map((e) => `! ${flag} ${e}`)].join(' '),
    );
    return hasNone ? [...yes, `(no ${way}-interface)`] : yes;
  }
  const left = new Set(v.all.filter((l) => !chosen.has(l) && l.kind !== 'none'));
  const out = patterns(left);
  const negations = out.map(({ name }) => `! ${flag} ${name}`);
  const back = out.flatMap(({ except }) => except.map((e) => `${flag} ${e}`));
  const first = [...negations, ...(hasNone ? [] : [`(some ${way}-interface)`])].join(' ');
  return [first, ...back].filter((t) => t !== '');
}

function names(field: FieldName, v: Extract<FieldValues, { kind: 'names' }>): OptionText[] {
  const value = (l: (typeof v.all)[number]): string[] => (l.kind === 'value' ? [l.value] : []);
  const yes = v.labels.flatMap(value);
  const no = v.all.filter((l) => !v.labels.includes(l)).flatMap(value);
  const open = v.labels.some((l) => l.kind === 'other');
  const isClosed = v.all.every((l) => l.kind === 'value');
  const negative = open || (isClosed && no.length < yes.length);
  const list = negative ? no : yes;
  const bang = negative ? '! ' : '';
  if (field === 'ctState') return [`-m conntrack ${bang}--ctstate ${list.join(',')}`];
  const option =
    field === 'ctDirection'
      ? '-m conntrack --ctdir'
      : field === 'mac'
        ? '-m mac --mac-source'
        : field === 'helper'
          ? '-m helper --helper'
          : '-m pkttype --pkt-type';
  const [module, match, name] = [option.split(' --')[0], '--', option.split(' --')[1]];
  const spelled = (x: string): string => (field === 'ctDirection' ? x.toUpperCase() : x);
  const one = (x: string): string => `${module} ${bang}${match}${name} ${spelled(x)}`;
  return negative ? [list.map(one).join(' ')] : list.map(one);
}

/** Alternatives of options for one field's values; ICMP types and codes come from {@link icmpTexts}. */
export function optionTexts(field: FieldName, v: FieldValues, family: Family): OptionText[] {
  if (v.kind === 'bits') return bitTexts(field, v.cubes, v.excluded);
  if (v.kind === 'interfaces') return interfaces(v, field === 'inInterface' ? '-i' : '-o');
  if (v.kind === 'maskedAddress') {
    const text = networkTextShort(v.network);
    if (field === 'src' || field === 'dst') return [`${field === 'src' ? '-s' : '-d'} ${text}`];
    return v.absent
      ? ['-m conntrack --ctstate INVALID,UNTRACKED']
      : [`-m conntrack ${tupleOption(field)} ${text}`];
  }
  const lacking = v.absent ? absentText(field) : undefined;
  const texts =
    v.kind === 'names'
      ? v.labels.length === 0
        ? []
        : v.labels.length === v.all.length
          ? [presentText(field)]
          : names(field, v)
      : v.kind === 'addresses'
        ? field === 'src' || field === 'dst'
          ? headerAddress(v.ranges, family, field === 'src' ? '-s' : '-d')
          : singleAddress(v.ranges, family, tupleOption(field))
        : numberTexts(field, v.intervals, v.max, family);
  return lacking === undefined ? texts : [...texts, lacking];
}

function tupleOption(field: FieldName): string {
  return `--${field.toLowerCase().replace('sport', 'srcport').replace('dport', 'dstport')}`;
}

function numberTexts(
  field: FieldName,
  intervals: readonly Interval[],
  max: number,
  family: Family,
): OptionText[] {
  switch (field) {
    case 'protocol':
      return single(intervals, max, (n, bang) =>
        n === 0 && bang === '' ? '(protocol 0)' : `${bang}-p ${protocolName(n)}`,
      );
    case 'sport':
    case 'dport':
      return ports(intervals, field === 'sport' ? 's' : 'd');
    case 'fragmentKind':
      return fragments(intervals, family);
    case 'ttl':
      return intervals.map((i) => timeToLive(i, family));
    case 'lengthBytes':
      return plain(intervals, max, lengthText);
    case 'mss':
      return plain(intervals, max, (i, bang) => `-m tcpmss ${bang}--mss ${rangeText(i, ':')}`);
    case 'spi':
      return plain(intervals, max, (i, bang) => `-m esp ${bang}--espspi ${rangeText(i, ':')}`);
    case 'uid':
    case 'gid':
      return plain(intervals, max, (i, bang) => `-m owner ${bang}--${field}-owner ${rangeText(i, '-')}`);
    case 'ctProtocol':
      return single(intervals, max, (n, bang) => `-m conntrack ${bang}--ctproto ${n}`);
    default:
      return plain(
        intervals,
        max,
        (i, bang) => `-m conntrack ${bang}${tupleOption(field)} ${rangeText(i, ':')}`,
      );
  }
}

/** The option takes 16 bits; an IPv6 packet may be a little longer. */
function lengthText([low, high]: Interval, bang: string): string {
  if (high <= 65535) return `-m length ${bang}--length ${rangeText([low, high], ':')}`;
  return `-m length ${bang === '' ? '! ' : ''}--length ${rangeText([0, Math.min(low - 1, 65535)], ':')}`;
}

function fragments(intervals: readonly Interval[], family: Family): OptionText[] {
  const holds = (kind: number): boolean => intervals.some(([a, b]) => a <= kind && kind <= b);
  const later = laterFragmentText(family);
  const [whole, first, rest] = [holds(0), holds(1), holds(2)];
  if (whole && first) return [family === 'ipv4' ? '! -f' : '(no later fragment)'];
  const texts = [whole ? '(whole packet)' : '', first ? '(first fragment)' : '', rest ? later : ''];
  return texts.filter((t) => t !== '');
}

/** The option for second and later fragments. IPv6 has none: `-m frag` cannot ask for the lack of `--fragfirst`. */
export function laterFragmentText(family: Family): OptionText {
  return family === 'ipv4' ? '-f' : '(later fragment)';
}

function absentText(field: FieldName): OptionText {
  switch (field) {
    case 'mss':
      return '-m tcpmss ! --mss 0:65535';
    case 'uid':
    case 'gid':
      return '-m owner ! --socket-exists';
    case 'helper':
      return '-m helper ! --helper ""';
    case 'mac':
      return '(no MAC address)';
    default:
      return `(no ${field})`;
  }
}

function presentText(field: FieldName): OptionText {
  return field === 'helper'
    ? '-m helper --helper ""'
    : field === 'mac'
      ? '(a MAC address)'
      : `(some ${field})`;
}

/** Types and codes together, since one option says both. */
export function icmpTexts(
  types: readonly Interval[] | undefined,
  codes: readonly Interval[] | undefined,
  family: Family,
): OptionText[] {
  const option = family === 'ipv4' ? '--icmp-type' : '--icmpv6-type';
  const whole = (intervals: readonly Interval[] | undefined): boolean =>
    intervals === undefined || gaps(intervals, 255).length === 0;
  if (whole(codes))
    return whole(types) ? [`${option} any`] : single(types ?? [], 255, (t, bang) => `${bang}${option} ${t}`);
  const spelled = (types ?? [[0, 255] as const]).flatMap(([a, b]) =>
    Array.from({ length: b - a + 1 }, (_, i) => a + i),
  );
  const match = family === 'ipv4' ? '-m icmp' : '-m icmp6';
  return spelled.flatMap((t) =>
    single(codes ?? [], 255, (c, bang) => `${bang}${option} ${t}/${c}`).map((text) =>
      text.startsWith('!') ? `${match} ${option} ${t} ${match} ${text}` : text,
    ),
  );
}
