/**
 * What rulesets, machines and questions mention, before the space of an analysis is made: the boundaries of every
 * field, and which fields something on the way writes.
 */

import type { FieldChange, SetContext } from '../extensions/define.ts';
import { ctStatusBit } from '../model/connection.ts';
import type { BaseMatch, MatchUse, Rule } from '../model/ruleset.ts';
import type { Boundaries, Collector } from '../packetset/boundaries.ts';
import { entryFields, type FieldName } from '../packetset/fields.ts';
import {
  type AddressField,
  complementIf,
  type IntervalField,
  type PacketSet,
  type PacketSpace,
} from '../packetset/space.ts';
import { changesOf, effectOf } from './effects.ts';
import { mentionMachine } from './mention.ts';
import type { Side } from './side.ts';
import { describeTracking, type HeaderInUse } from './tracking.ts';

/** Where the description of a use may depend on more than its own data: the rule's `-p`. */
export const keyOfUse = (base: BaseMatch): string =>
  base.protocol === undefined ? '' : `${base.protocol.negated ? '!' : ''}${base.protocol.value}`;

/**
 * Conditions of the header, each handed to `take`; last fields first: joined in that order, fewer nodes die young. No
 * further one is described once `take` wants none.
 */
export function baseParts(
  base: BaseMatch,
  space: PacketSpace,
  take: (part: PacketSet) => boolean = () => true,
): void {
  const { src, dst, protocol, inInterface, outInterface, fragment } = base;
  if (fragment && !take(complementIf(fragment.negated, space, space.interval('fragmentKind', 2, 2)))) return;
  if (protocol) {
    const { value, negated } = protocol;
    if (!take(complementIf(negated, space, space.interval('protocol', value, value)))) return;
  }
  if (
    outInterface &&
    !take(complementIf(outInterface.negated, space, space.interface('out', outInterface.value)))
  )
    return;
  if (
    inInterface &&
    !take(complementIf(inInterface.negated, space, space.interface('in', inInterface.value)))
  )
    return;
  if (dst && !take(complementIf(dst.negated, space, space.network('dst', dst.value)))) return;
  if (src) take(complementIf(src.negated, space, space.network('src', src.value)));
}

/** Runs a use's own description; a match that nobody knows may match or not. */
export function describeUse(side: Side, use: MatchUse, context: SetContext, space: PacketSpace): PacketSet {
  const extension = use.known ? side.registry.match(use.extension, context.family) : undefined;
  if (extension === undefined) return space.choice({ kind: 'rule' });
  return extension.packets(use.data as object, space, context);
}

/** Fields that a change writes. */
export function written(change: FieldChange): readonly FieldName[] {
  switch (change.field) {
    case 'nat': {
      const ports = change.range.ports !== undefined;
      const destination: FieldName[] = ports ? ['dst', 'dport'] : ['dst'];
      const source: FieldName[] = ports ? ['src', 'sport'] : ['src'];
      return change.manip === 'destination'
        ? destination
        : change.manip === 'source'
          ? source
          : [...destination, ...source];
    }
    case 'set':
    case 'tcpOptions':
      return [];
    case 'ctState':
      // Nothing of an entry is left; a template changes nothing of what conntrack will say.
      return change.operation === 'untrack' ? ['ctState', 'ctDirection', ...entryFields] : [];
    default:
      return [change.field];
  }
}

/** Lists that rules write: what stands in them may be another thing at each look. */
function writtenLists(sides: readonly Side[]): ReadonlySet<string> {
  const lists = new Set<string>();
  for (const side of sides)
    for (const [, change] of changesOf(side.ruleset, side.program.machine, side.registry))
      if (change.field === 'set') lists.add(`set:${change.set}`);
  return lists;
}

/** Mentions what a rule's target writes into the header. */
function mentionChange(collector: Collector, change: FieldChange, marks: boolean): void {
  const { space } = collector;
  switch (change.field) {
    case 'nat': {
      const { range, manip } = change;
      const sides: readonly [AddressField, IntervalField][] =
        manip === 'destination'
          ? [['dst', 'dport']]
          : manip === 'source'
            ? [['src', 'sport']]
            : [
                ['dst', 'dport'],
                ['src', 'sport'],
              ];
      for (const [address, port] of sides) {
        collector.use(address);
        if (range.addresses !== undefined) space.addresses(address, range.addresses);
        if (range.netmap) collector.rawBits(address);
        if (range.ports === undefined) continue;
        space.interval(port, range.ports[0], range.ports[1]);
        if (range.basePort !== undefined) {
          const [low, high] = range.ports;
          collector.shift(port, port, range.basePort, range.basePort + (high - low), low - range.basePort);
        }
      }
      return;
    }
    case 'mark':
    case 'connmark':
      if (!marks) return;
      if ('clear' in change) space.bits(change.field, 0, (change.clear | change.xor | change.or) >>> 0);
      else if ('from' in change) {
        space.bits('mark', 0, (change.field === 'mark' ? change.toMask : change.fromMask) >>> 0);
        space.bits('connmark', 0, (change.field === 'mark' ? change.fromMask : change.toMask) >>> 0);
      } else space.bits(change.field, 0, 0xffff_ffff);
      return;
    case 'ctState':
      if (change.operation === 'untrack') collector.use('ctState');
      return;
    case 'ttl':
      if (change.operation === 'set') space.interval('ttl', change.value, change.value);
      return;
    default:
      return;
  }
}

/** Where one mark is copied to the other, both have the same bits in use: these then alternate in the order. */
function mentionCopies(collector: Collector, sides: readonly Side[]): boolean {
  const copied = sides.some((side) => {
    for (const [, change] of changesOf(side.ruleset, side.program.machine, side.registry))
      if ('fromMask' in change) return true;
    return false;
  });
  if (!copied) return false;
  const mask = collector.maskOf('mark') | collector.maskOf('connmark');
  if (mask === 0) return false;
  for (const field of ['mark', 'connmark'] as const) collector.space.bits(field, 0, mask >>> 0);
  return true;
}

/** Fields of a packet with those of its connection that are the same for a first packet. */
export const tupleTwins = [
  ['src', 'ctOrigSrc', 'ctReplDst'],
  ['dst', 'ctOrigDst', 'ctReplSrc'],
  ['sport', 'ctOrigSport', 'ctReplDport'],
  ['dport', 'ctOrigDport', 'ctReplSport'],
  ['protocol', 'ctProtocol'],
] as const;

/** Links the fields of connections that are in use to those of packets: one partition, alternating bits. */
function linkTuples(collector: Collector): (readonly FieldName[])[] {
  const used = tupleTwins.filter(([, ...theirs]) => theirs.some((f) => collector.inUse(f)));
  for (const [mine, ...theirs] of used) {
    collector.use(mine);
    collector.link([mine, ...theirs.filter((f) => collector.inUse(f))]);
  }
  return used.map((group) => [...group]);
}

/** Whether the first packet of a connection may fare otherwise than one that follows before any answer. */
function firstPacketsDiffer(collector: Collector, sides: readonly Side[]): boolean {
  const read: readonly FieldName[] = [
    'connmark',
    'ctStatus',
    'ctReplSrc',
    'ctReplDst',
    'ctReplSport',
    'ctReplDport',
  ];
  return sides.some((s) => s.switches.nat) || read.some((f) => collector.inUse(f));
}

/** Forwarding takes one from the TTL: where somebody reads it, its values are told apart one by one. */
function mentionAging(collector: Collector, sides: readonly Side[]): void {
  const { family } = sides[0]?.ruleset ?? {};
  if (family === undefined || !collector.inUse('ttl')) return;
  collector.space.interval('ttl', 0, 1);
  collector.shift('ttl', 'ttl', 1, 255, -1);
}

/** What a space is made of, beside the sets themselves. */
export interface Frame {
  readonly boundaries: Boundaries;
  /** Fields that have a second copy: the header as it came in. */
  readonly rewritten: ReadonlySet<FieldName>;
  /** Fields whose bits alternate in the order. */
  readonly interleaved: readonly (readonly FieldName[])[];
  /** Lists that rules write. */
  readonly lists: ReadonlySet<string>;
  /** Whether some rule looks at the status of connections. */
  readonly statusRead: boolean;
}

/**
 * Mentions these rules of a side: their conditions, and what their targets write. Equal uses are looked at once.
 * `marks`: marks count even where nothing reads them.
 */
export function mentionRules(collector: Collector, side: Side, rules: Iterable<Rule>, marks: boolean): void {
  const { family } = side.ruleset;
  const seen = new Map<MatchUse, Set<string>>();
  for (const rule of rules) {
    baseParts(rule.base, collector.space);
    for (const use of rule.matches) {
      const key = keyOfUse(rule.base);
      const keys = seen.get(use) ?? new Set();
      seen.set(use, keys);
      if (keys.has(key)) continue;
      keys.add(key);
      describeUse(side, use, { family, base: rule.base, machine: side.described }, collector.space);
    }
    const effect = effectOf(side.ruleset, side.program.machine, side.registry, rule);
    for (const change of effect?.changes ?? []) mentionChange(collector, change, marks);
  }
}

function* rulesOf({ ruleset }: Side): Generator<Rule> {
  for (const table of ruleset.tables) for (const chain of table.chains) yield* chain.rules;
}

/** Mentions everything that these sides speak of. Linear in rules. */
export function mentionSides(collector: Collector, sides: readonly Side[], marks: boolean): void {
  for (const side of sides) {
    mentionMachine(collector, side);
    mentionRules(collector, side, rulesOf(side), marks);
  }
}

/**
 * What follows from all that was mentioned. May be asked again after more rules were mentioned; `before` is then the
 * first answer, and `sides` are as they are now.
 */
export function frameOf(collector: Collector, sides: readonly Side[], before?: Frame): Frame {
  const { family } = collector;
  const tracked = sides.some((s) => s.switches.conntrack);
  const marksCopied = mentionCopies(collector, sides);
  const statusRead = before?.statusRead ?? collector.inUse('ctStatus');
  if (tracked && firstPacketsDiffer(collector, sides))
    collector.space.bits('ctStatus', 0, ctStatusBit.CONFIRMED);
  if (tracked) describeTracking(collector.space, mentionedSoFar(collector), family);
  const twins = linkTuples(collector);
  mentionAging(collector, sides);
  if (collector.inUse('fragmentKind')) collector.space.interval('fragmentKind', 0, 0);
  const boundaries = collector.boundaries();
  return {
    boundaries,
    rewritten: rewrittenFields(sides, boundaries, statusRead),
    interleaved: [...twins, ...(marksCopied ? [['mark', 'connmark'] as const] : [])],
    lists: writtenLists(sides),
    statusRead,
  };
}

/** Whether sets over the one are sets over the other, but for boundaries. */
export function sameFrame(a: Frame, b: Frame): boolean {
  const list = (groups: readonly (readonly FieldName[])[]): string => groups.map((g) => g.join()).join(' ');
  const sorted = (set: ReadonlySet<string>): string => [...set].sort().join();
  return (
    sorted(a.rewritten) === sorted(b.rewritten) &&
    list(a.interleaved) === list(b.interleaved) &&
    list(a.boundaries.linked) === list(b.boundaries.linked) &&
    sorted(a.lists) === sorted(b.lists)
  );
}

/** The header as far as it was mentioned; TCP flags have bits enough or none. */
function mentionedSoFar(collector: Collector): HeaderInUse {
  return { has: collector.inUse, tcpFlagsMask: collector.maskOf('tcpFlags') };
}

/** Fields that a fragment does not have and the packet put together has. */
export const fragmented = [
  'fragmentKind',
  'sport',
  'dport',
  'icmpType',
  'icmpCode',
  'tcpFlags',
  'mss',
  'spi',
  'lengthBytes',
] as const;

/** Fields in use that something on the way writes, and whose value at entry still counts afterwards. */
function rewrittenFields(
  sides: readonly Side[],
  { fields }: Boundaries,
  statusRead: boolean,
): ReadonlySet<FieldName> {
  const result = new Set<FieldName>();
  const add = (field: FieldName): void => {
    if (fields[field] !== undefined) result.add(field);
  };
  add('ttl');
  // Confirmation writes it, and so does NAT.
  if (statusRead) add('ctStatus');
  const reassembles = sides.some((s) => !s.switches.defragment && s.ruleset.family === 'ipv4');
  if (reassembles && fields.fragmentKind !== undefined) for (const field of fragmented) add(field);
  for (const side of sides)
    for (const [, change] of changesOf(side.ruleset, side.program.machine, side.registry))
      for (const field of written(change)) {
        if (change.field !== 'nat' || (field !== 'src' && field !== 'sport')) {
          add(field);
          if (change.field === 'nat') for (const answer of ['ctReplSrc', 'ctReplSport'] as const) add(answer);
          continue;
        }
        // The source changes at the very end, where no rule reads it any more; the answers come back to it.
        if (side.switches.conntrack) for (const answered of ['dst', 'dport'] as const) add(answered);
      }
  return result;
}
