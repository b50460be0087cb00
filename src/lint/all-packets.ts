/**
 * All packets of one ruleset, for checks that speak of every packet: what arrives, what is open, who decides.
 *
 * Sets are of packets as they come in, unless a name says otherwise. What the input does not say leaves a packet in
 * `may` of several fates and in `must` of none: a claim that something is open rests on `must`, a claim that nothing
 * is left rests on `may`.
 */

import { type Analysis, analyse } from '../analysis/analysis.ts';
import { type Fates, fatesOf, openers } from '../analysis/fates.ts';
import { ordinaryAddresses, ordinaryOn } from '../analysis/ordinary.ts';
import type { FateKind, FatePart, Road } from '../analysis/road.ts';
import { answerRules, type RuleAnswers } from '../analysis/rule-answers.ts';
import type { Description, MaySet } from '../analysis/vocabulary.ts';
import type { Program } from '../engine/program.ts';
import type { Registry } from '../extensions/registry.ts';
import type { CtState } from '../model/netfilter.ts';
import type { Rule } from '../model/ruleset.ts';
import { type Address, type Family, rangeContains, sameAddress } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import { interfacePattern } from '../net/interface-pattern.ts';
import type { FieldName } from '../packetset/fields.ts';
import { type DescribeOptions, describeSet, type SetDescription } from '../packetset/print.ts';
import type { PacketSet } from '../packetset/space.ts';
import type { BddPacketSpace } from '../packetset/space-bdd.ts';
import { findWitness, type Witness } from '../packetset/witness.ts';
import type { ChosenAddress, PacketSketch, RulesetView, SendOptions } from './check.ts';
import type { Inference } from './finding.ts';
import { standInAddress } from './sides.ts';
import { packetOf } from './sketch.ts';

/** Where packets are heading: to this machine, through it, or out of it. */
export type Heading = 'to' | 'through' | 'out';

/** Questions about all packets of one ruleset. Answers are made when first asked for, and kept. */
export interface AllPackets {
  readonly view: RulesetView;
  readonly analysis: Analysis;
  readonly space: BddPacketSpace;
  /** Dead and live rules, with what covers them. */
  readonly rules: RuleAnswers;
  /** Packets that may open a connection, between ordinary addresses: neither loopback, groups nor broadcast. */
  readonly openers: PacketSet;
  /** Openers that can be at the beginning of this heading's road. */
  entering(heading: Heading): PacketSet;
  /**
   * What becomes of packets with this heading, from PREROUTING (out: from OUTPUT) on. Packets that are dropped before
   * routing have no heading yet: they belong to `to` and to `through`.
   */
  fates(heading: Heading): Fates;
  /** Packets that pass on this heading: `must` whatever falls how. */
  accepted(heading: Heading): MaySet;
  /** The packets that a rule or policy of this table at this hook let pass or took: see `Visit`. */
  road(heading: Heading): Road;
  /** A set of one's own. Boundaries that no rule mentions need the check's `mentions`. */
  describe(description: Description): MaySet;
  /** Packets that come in by one of these interfaces. Unknown names give no packets of their own. */
  comingBy(names: readonly string[]): PacketSet;
  /** What the rule's own conditions describe, for some answers to what a packet does not decide. */
  conditions(rule: Rule): PacketSet;
  /** The set in match options, within the openers with this heading. */
  words(set: PacketSet, heading: Heading, options?: DescribeOptions): SetDescription;
  /** Ordinary packets of the set, ready to be sent: up to three that differ in protocol or port. */
  examples(set: PacketSet, heading: Heading): readonly Example[];
}

/** A packet of a set, with what a walk must be told for it to take that way. */
export interface Example {
  readonly sketch: PacketSketch;
  readonly options: SendOptions;
}

/** What {@link createAllPackets} is told. */
export interface AllPacketsInput {
  readonly view: RulesetView;
  readonly program: () => Program;
  readonly registry: Registry;
  /** What checks will speak of. */
  readonly mentions: readonly Description[];
  /** Ceiling on nodes: beyond it checks keep silent, and the run says so. */
  readonly nodesMax: number | undefined;
  readonly interfaceNames: () => readonly string[];
  /** The best known addresses of this machine and of others, see `CheckContext`. */
  readonly localAddress: (family: Family, inInterface?: string) => ChosenAddress;
  readonly remoteAddress: (family: Family, behind?: string) => ChosenAddress;
}

/** Prepares the questions of one view. */
export function createAllPackets(input: AllPacketsInput): AllPackets {
  const { view, registry } = input;
  const program = input.program();
  const analysis = analyse({
    ruleset: view.ruleset,
    machine: program.machine,
    registry,
    program,
    ...(input.nodesMax === undefined ? {} : { nodesMax: input.nodesMax }),
    queries: [ordinaryAddresses(view.family), ...input.mentions],
  });
  const { vocabulary, side } = analysis;
  const { space } = vocabulary;
  let rules: RuleAnswers | undefined;
  let opening: PacketSet | undefined;
  /** Nothing asks for states, so that nothing tracks connections. */
  let untracked = false;
  const entering = new Map<Heading, PacketSet>();
  const fates = new Map<Heading, Fates>();
  const accepted = new Map<Heading, MaySet>();

  const belongs = (heading: Heading, { fate, visit, looped }: FatePart): boolean => {
    const hook = visit?.hook;
    if (hook === 'PREROUTING' || fate === 'route-drop') return !looped;
    switch (heading) {
      case 'to':
        return hook === 'INPUT' || fate === 'local';
      case 'through':
        return hook === 'FORWARD' || hook === 'POSTROUTING' || fate === 'forward';
      case 'out':
        return true;
    }
  };
  const road = (heading: Heading): Road => analysis.road(heading === 'out' ? 'local' : 'arrive');
  const passing: Readonly<Record<Heading, FateKind>> = { to: 'local', through: 'forward', out: 'sent' };

  const all: AllPackets = {
    view,
    analysis,
    space,
    get rules() {
      rules ??= answerRules(analysis);
      return rules;
    },
    get openers() {
      if (opening !== undefined) return opening;
      opening = space.forget(
        space.and(openers(vocabulary), vocabulary.describe(side, ordinaryOn(side)).may),
        [...vocabulary.rewritten],
        'entry',
      );
      // Rules that never ask for states leave conntrack alone: then no packet has one, first ones neither.
      const states = (['ctState', 'ctStatus', 'ctDirection'] as const).filter((f) =>
        space.codec.fields.has(f),
      );
      untracked = space.and(opening, space.entryOf(road('to').entering)) === space.none;
      if (untracked) opening = space.forget(opening, states);
      return opening;
    },
    entering: (heading) => {
      let set = entering.get(heading);
      if (set === undefined) {
        set = space.and(space.entryOf(road(heading).entering), all.openers);
        entering.set(heading, set);
      }
      return set;
    },
    fates: (heading) => {
      let found = fates.get(heading);
      if (found === undefined) {
        found = fatesOf(vocabulary, road(heading), (part) => belongs(heading, part));
        fates.set(heading, found);
      }
      return found;
    },
    accepted: (heading) => {
      let found = accepted.get(heading);
      if (found === undefined) {
        found = all.fates(heading).get(passing[heading]) ?? { may: space.none, must: space.none };
        accepted.set(heading, found);
      }
      return found;
    },
    road,
    describe: (description) => vocabulary.describe(side, description),
    comingBy: (names) => space.union(names.map((name) => space.interface('in', interfacePattern(name)))),
    conditions: (rule) => vocabulary.matches(side, rule).may,
    words: (set, heading, options) => describeSet(space, set, { care: all.entering(heading), ...options }),
    examples: (set, heading) => {
      const examples: Example[] = [];
      let left = space.and(set, space.entryOf(road(heading).entering));
      while (examples.length < 3 && space.isDecided(left) && left !== space.none) {
        const witness = findWitness(space, left, {
          wishes: [all.openers],
          interfaceNames: input.interfaceNames(),
        });
        if (witness === undefined) break;
        const example = familiar(input, all, set, heading, sketchOf(witness.fields, heading));
        // What nothing tracks has no state, and need not be said to have none.
        const { state: _, ...stateless } = example.sketch;
        examples.push(untracked ? { ...example, sketch: stateless } : example);
        const { fields } = witness;
        // Another one differs in protocol or destination port.
        const same = space.and(
          fieldIs(space, 'protocol', fields.get('protocol') as number | undefined),
          fieldIs(space, 'dport', fields.get('dport') as number | undefined),
        );
        left = space.diff(left, same);
      }
      return examples;
    },
  };
  return all;
}

/** A witness as checks write packets. */
function sketchOf(fields: Witness['fields'], heading: Heading): PacketSketch {
  const value = <T>(name: FieldName): T | undefined => fields.get(name) as T | undefined;
  const protocol = value<number>('protocol') ?? 6;
  const state = value<CtState>('ctState');
  const mark = value<number>('mark');
  return {
    ...(heading === 'out' ? {} : { inInterface: value<string>('inInterface') }),
    src: value<Address>('src') as Address,
    dst: value<Address>('dst') as Address,
    protocol,
    sport: value('sport'),
    dport: value('dport'),
    icmpType: value('icmpType'),
    icmpCode: value('icmpCode'),
    ...(protocol === 6 ? { tcpFlags: value('tcpFlags') } : {}),
    ...(heading === 'out' && mark ? { mark } : {}),
    ...(state === undefined || state === 'NEW' ? {} : { state }),
  };
}

/**
 * The same packet with addresses that are known to be this machine's or another's, where the set has room for them,
 * and what a walk must be told of those that are not known.
 */
function familiar(
  input: AllPacketsInput,
  all: AllPackets,
  set: PacketSet,
  heading: Heading,
  sketch: PacketSketch,
): Example {
  const { space } = all;
  const { family } = input.view;
  const has = (s: PacketSketch): boolean => {
    const { packet } = packetOf(s);
    return space.contains(space.may(set), {
      packet,
      inInterface: s.inInterface,
      outInterface: undefined,
      connection: { state: s.state ?? 'NEW', direction: s.direction ?? 'original', entry: undefined },
    });
  };
  const inferences: Inference[] = [];
  let best = sketch;
  const swap = (field: 'src' | 'dst', chosen: ChosenAddress): void => {
    const swapped = { ...best, [field]: chosen.address };
    if (!has(swapped)) return;
    best = swapped;
    inferences.push(...chosen.inferences);
  };
  if (heading === 'to') {
    const ours = input.localAddress(family, sketch.inInterface);
    const standIn: ChosenAddress = { ...ours, address: standInAddress(family), inferences: [] };
    // Packets that get there by whatever address of ours need no guess at one.
    const isGuessIdle =
      ours.inferences.length > 0 && [ours, standIn].every(({ address }) => has({ ...best, dst: address }));
    swap('dst', isGuessIdle ? standIn : ours);
  }
  if (heading !== 'out') swap('src', input.remoteAddress(family, sketch.inInterface));
  else swap('src', input.localAddress(family));
  // Nobody writes to himself: the sender is the next host, where the set has room for it.
  if (sameAddress(best.src, best.dst)) {
    const next = { ...best, src: { ...best.src, w3: (best.src.w3 ^ 1) >>> 0 } };
    if (has(next)) best = next;
  }
  const known = all.analysis.side.locality.known.some(({ range }) => rangeContains(range, best.dst));
  const place = heading === 'to' ? 'local' : 'remote';
  const assume = known ? [] : [`${place}=${addressText(best.dst)}`];
  return { sketch: best, options: { assume, inferences } };
}

/** Packets whose field has this value or one that nothing tells apart from it. */
function fieldIs(space: BddPacketSpace, field: 'protocol' | 'dport', value: number | undefined): PacketSet {
  const layout = space.codec.fields.get(field);
  if (layout?.coding.kind !== 'numbers') return space.all;
  if (value === undefined) return space.not(space.has(field));
  const { values } = layout.coding.atoms;
  let low = 0;
  for (const start of values) if (start <= value) low = start;
  const next = values.find((start) => start > value);
  return space.interval(field, low, (next ?? layout.coding.max + 1) - 1);
}
