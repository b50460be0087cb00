/**
 * The packet space of an analysis: made of everything that its rulesets, machines and questions mention.
 *
 * A match that a packet does not decide is no variable here, but two sets: packets that *may* match and packets that
 * *must*. A limit is asked anew at each visit, so nothing ties two of its answers together, and leaving both ways open
 * is exact. Only what is a function of the unchanged packet (`-m string`, an unknown set) is a variable, one for each
 * text, so that the same condition decides alike wherever it stands.
 */

import type { FieldChange, SetContext } from '../extensions/define.ts';
import { ctStatusBit } from '../model/connection.ts';
import type { BaseMatch, MatchUse, Rule } from '../model/ruleset.ts';
import type { Family } from '../net/address.ts';
import { type Boundaries, createCollector } from '../packetset/boundaries.ts';
import type { ChoiceScope } from '../packetset/choices.ts';
import { buildCodec } from '../packetset/codec.ts';
import type { FieldName } from '../packetset/fields.ts';
import {
  type AddressField,
  type Choice,
  complementIf,
  type IntervalField,
  type PacketSet,
  type PacketSpace,
} from '../packetset/space.ts';
import { type BddPacketSpace, createPacketSpace } from '../packetset/space-bdd.ts';
import type { Meter } from '../support/budget.ts';
import { changesOf } from './effects.ts';
import { mentionMachine } from './mention.ts';
import type { Side } from './side.ts';
import { describeTracking, type HeaderInUse } from './tracking.ts';

/** A description of a set, run over the collector first and over the space afterwards. */
export type Description = (space: PacketSpace) => PacketSet;

/** Packets that match for some, and for every, answer to what they do not decide. */
export interface MaySet {
  readonly may: PacketSet;
  readonly must: PacketSet;
}

/** What {@link createVocabulary} is told. */
export interface VocabularyOptions {
  /** One, or the two of a comparison; of one family. */
  readonly sides: readonly Side[];
  /** Sets that will be asked about. */
  readonly queries?: readonly Description[];
  /** Marks count as part of the result: they are followed even where nothing reads them. */
  readonly marks?: boolean;
  readonly spareCodes?: number;
  readonly nodesMax?: number;
  readonly meter?: Meter;
}

/** The space with what is needed to speak in it. */
export interface Vocabulary {
  readonly family: Family;
  readonly space: BddPacketSpace;
  /** Fields that have a second copy: the header as it came in. */
  readonly rewritten: ReadonlySet<FieldName>;
  /** The packets that a rule's conditions describe on this side; of `within`, where only those count. */
  matches(side: Side, rule: Rule, within?: PacketSet): MaySet;
  /** A set described on this side; what it leaves open is left open. */
  describe(side: Side, description: Description): MaySet;
}

/** Where the description of a use may depend on more than its own data: the rule's `-p`. */
const keyOfUse = (base: BaseMatch): string =>
  base.protocol === undefined ? '' : `${base.protocol.negated ? '!' : ''}${base.protocol.value}`;

/** Conditions of the header, last fields first: joined in that order, fewer nodes die young. */
function baseParts(base: BaseMatch, space: PacketSpace): PacketSet[] {
  const parts: PacketSet[] = [];
  const { src, dst, protocol, inInterface, outInterface, fragment } = base;
  if (fragment) parts.push(complementIf(fragment.negated, space, space.interval('fragmentKind', 2, 2)));
  if (protocol)
    parts.push(
      complementIf(protocol.negated, space, space.interval('protocol', protocol.value, protocol.value)),
    );
  if (outInterface)
    parts.push(complementIf(outInterface.negated, space, space.interface('out', outInterface.value)));
  if (inInterface)
    parts.push(complementIf(inInterface.negated, space, space.interface('in', inInterface.value)));
  if (dst) parts.push(complementIf(dst.negated, space, space.network('dst', dst.value)));
  if (src) parts.push(complementIf(src.negated, space, space.network('src', src.value)));
  return parts;
}

/** Runs a use's own description; a match that nobody knows may match or not. */
function describeUse(side: Side, use: MatchUse, context: SetContext, space: PacketSpace): PacketSet {
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
function mentionChange(
  collector: ReturnType<typeof createCollector>,
  change: FieldChange,
  marks: boolean,
): void {
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
      collector.use('ctState');
      return;
    case 'ttl':
      if (change.operation === 'set') space.interval('ttl', change.value, change.value);
      return;
    default:
      return;
  }
}

/** Where one mark is copied to the other, both have the same bits in use: these then alternate in the order. */
function mentionCopies(collector: ReturnType<typeof createCollector>, sides: readonly Side[]): boolean {
  const copied = sides.some((side) => {
    for (const [, change] of changesOf(side.ruleset, side.program.machine, side.registry))
      if ('fromMask' in change) return true;
    return false;
  });
  if (!copied) return false;
  const { fields } = collector.boundaries();
  let mask = 0;
  for (const m of [fields.mark, fields.connmark]) if (m?.kind === 'bits') mask |= m.mask;
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
function linkTuples(collector: ReturnType<typeof createCollector>): (readonly FieldName[])[] {
  const { fields } = collector.boundaries();
  const used = tupleTwins.filter(([, ...theirs]) => theirs.some((f) => fields[f] !== undefined));
  for (const [mine, ...theirs] of used) {
    collector.use(mine);
    collector.link([mine, ...theirs.filter((f) => fields[f] !== undefined)]);
  }
  return used.map((group) => [...group]);
}

/** Whether the first packet of a connection may fare otherwise than one that follows before any answer. */
function firstPacketsDiffer({ fields }: Boundaries, sides: readonly Side[]): boolean {
  const read: readonly FieldName[] = [
    'connmark',
    'ctStatus',
    'ctReplSrc',
    'ctReplDst',
    'ctReplSport',
    'ctReplDport',
  ];
  return sides.some((s) => s.switches.nat) || read.some((f) => fields[f] !== undefined);
}

/** Forwarding takes one from the TTL: where somebody reads it, its values are told apart one by one. */
function mentionAging(collector: ReturnType<typeof createCollector>, sides: readonly Side[]): void {
  const { family } = sides[0]?.ruleset ?? {};
  if (family === undefined || collector.boundaries().fields.ttl === undefined) return;
  collector.space.interval('ttl', 0, 1);
  collector.shift('ttl', 'ttl', 1, 255, -1);
}

/** Makes the space of these rulesets. Linear in rules, but for sorting. */
export function createVocabulary(o: VocabularyOptions): Vocabulary {
  const { sides, queries = [], marks = false } = o;
  const [first] = sides;
  if (first === undefined) throw new Error('an analysis needs a ruleset');
  const { family } = first.ruleset;
  const collector = createCollector(family, first.locality);
  for (const side of sides) {
    const seen = new Map<MatchUse, Set<string>>();
    mentionMachine(collector, side);
    for (const table of side.ruleset.tables)
      for (const chain of table.chains)
        for (const rule of chain.rules) {
          baseParts(rule.base, collector.space);
          for (const use of rule.matches) {
            const key = keyOfUse(rule.base);
            const keys = seen.get(use) ?? new Set();
            seen.set(use, keys);
            if (keys.has(key)) continue;
            keys.add(key);
            describeUse(side, use, { family, base: rule.base, machine: side.described }, collector.space);
          }
        }
    for (const [, change] of changesOf(side.ruleset, side.program.machine, side.registry))
      mentionChange(collector, change, marks);
  }
  for (const query of queries) query(collector.space);
  const marksCopied = mentionCopies(collector, sides);
  const statusRead = collector.boundaries().fields.ctStatus !== undefined;
  if (sides.some((s) => s.switches.conntrack) && firstPacketsDiffer(collector.boundaries(), sides))
    collector.space.bits('ctStatus', 0, ctStatusBit.CONFIRMED);
  if (sides.some((s) => s.switches.conntrack))
    describeTracking(collector.space, mentionedSoFar(collector.boundaries()), family);
  const twins = linkTuples(collector);
  mentionAging(collector, sides);
  if (collector.boundaries().fields.fragmentKind !== undefined)
    collector.space.interval('fragmentKind', 0, 0);
  const boundaries = collector.boundaries();
  const rewritten = rewrittenFields(sides, boundaries, statusRead);
  const codec = buildCodec(boundaries, {
    rewritten: [...rewritten],
    interleaved: [...twins, ...(marksCopied ? [['mark', 'connmark'] as const] : [])],
    ...(o.spareCodes === undefined ? {} : { spareCodes: o.spareCodes }),
  });

  const lists = writtenLists(sides);
  let position = 0;
  let tag = '';
  const open = (): string => `open ${position++}`;
  const scope: ChoiceScope = {
    identity: (choice: Choice) => {
      switch (choice.kind) {
        case 'rule':
          return open();
        case 'shared':
          // Matches of `recent` and `connlabel` write the lists that they read.
          return lists.has(choice.list) || !choice.list.startsWith('set:')
            ? open()
            : `shared ${tag}${choice.list} ${choice.key}`;
        case 'pure':
          return !choice.key.startsWith('addressType ') && choice.reads.some((f) => isRewritten(f))
            ? open()
            : `pure ${tag}${choice.key}`;
      }
    },
  };
  const isRewritten = (field: string): boolean =>
    rewritten.has(field as FieldName) || (field === 'src' && sides.some((s) => s.switches.nat));
  const space = createPacketSpace(codec, {
    scope,
    locality: first.locality,
    ...(o.nodesMax === undefined ? {} : { nodesMax: o.nodesMax }),
    ...(o.meter === undefined ? {} : { meter: o.meter }),
  });
  const spaces = new Map<Side, PacketSpace>();
  const spaceOf = (side: Side): PacketSpace => {
    let s = spaces.get(side);
    if (s === undefined) {
      s = side === first ? space : space.under(side.locality);
      spaces.set(side, s);
    }
    return s;
  };

  /** Quantifies what was left open by one description; the variables serve the next one again. */
  const settle = (side: Side, run: Description): MaySet => {
    position = 0;
    tag = side.machine === '' ? '' : `${side.machine} `;
    const set = run(spaceOf(side));
    if (position === 0) return { may: set, must: set };
    const opened = space.unknowns.filter((v) => v.identity.startsWith('open '));
    return { may: space.mayOver(set, opened), must: space.mustOver(set, opened) };
  };

  const known = new Map<Side, Map<MatchUse, Map<string, MaySet>>>();
  const setOfUse = (side: Side, use: MatchUse, rule: Rule): MaySet => {
    const bySide = known.get(side) ?? new Map<MatchUse, Map<string, MaySet>>();
    known.set(side, bySide);
    const byKey = bySide.get(use) ?? new Map<string, MaySet>();
    bySide.set(use, byKey);
    const key = keyOfUse(rule.base);
    let found = byKey.get(key);
    if (found === undefined) {
      const context = { family, base: rule.base, machine: side.described };
      found = settle(side, (s) => describeUse(side, use, context, s));
      // What ran out of nodes may be decided with more of them.
      if (space.isDecided(found.may) && space.isDecided(found.must)) byKey.set(key, found);
    }
    return found;
  };

  return {
    family,
    space,
    rewritten,
    describe: settle,
    matches: (side, rule, within = space.all) => {
      let may = within;
      let must = within;
      let same = true;
      for (let i = rule.matches.length - 1; i >= 0; i--) {
        const set = setOfUse(side, rule.matches[i] as MatchUse, rule);
        may = space.and(may, set.may);
        if (same && set.may === set.must) must = may;
        else {
          same = false;
          must = space.and(must, set.must);
        }
      }
      for (const part of baseParts(rule.base, spaceOf(side))) {
        may = space.and(may, part);
        must = same ? may : space.and(must, part);
      }
      return { may, must };
    },
  };
}

/** The header as far as it was mentioned; TCP flags have bits enough or none. */
function mentionedSoFar({ fields }: Boundaries): HeaderInUse {
  const flags = fields.tcpFlags;
  return {
    has: (field) => fields[field] !== undefined,
    tcpFlagsMask: flags?.kind === 'bits' ? flags.mask : 0,
  };
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
