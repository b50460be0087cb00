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
import type { Address } from '../net/address.ts';
import { interfacePattern } from '../net/interface-pattern.ts';
import { type DescribeOptions, describeSet, type SetDescription } from '../packetset/print.ts';
import type { PacketSet } from '../packetset/space.ts';
import type { BddPacketSpace } from '../packetset/space-bdd.ts';
import { findWitness } from '../packetset/witness.ts';
import type { PacketSketch, RulesetView } from './check.ts';

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
  /** The set in match options, within what matters. */
  words(set: PacketSet, options?: DescribeOptions): SetDescription;
  /** Ordinary packets of the set, to be sent: up to three that differ. */
  examples(set: PacketSet, heading: Heading): readonly PacketSketch[];
}

/** What {@link createAllPackets} is told. */
export interface AllPacketsInput {
  readonly view: RulesetView;
  readonly program: () => Program;
  readonly registry: Registry;
  /** What checks will speak of. */
  readonly mentions: readonly Description[];
  readonly interfaceNames: () => readonly string[];
}

/** Ceiling on nodes: beyond it a check keeps silent, and the run says so. */
const nodesMax = 2 ** 24;

/** Prepares the questions of one view. */
export function createAllPackets(input: AllPacketsInput): AllPackets {
  const { view, registry } = input;
  const program = input.program();
  const analysis = analyse({
    ruleset: view.ruleset,
    machine: program.machine,
    registry,
    program,
    nodesMax,
    queries: [ordinaryAddresses(view.family), ...input.mentions],
  });
  const { vocabulary, side } = analysis;
  const { space } = vocabulary;
  let rules: RuleAnswers | undefined;
  let opening: PacketSet | undefined;
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
      opening ??= space.forget(
        space.and(openers(vocabulary), vocabulary.describe(side, ordinaryOn(side)).may),
        [...vocabulary.rewritten],
        'entry',
      );
      return opening;
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
    words: (set, options) => describeSet(space, set, { care: all.openers, ...options }),
    examples: (set, heading) => {
      const sketches: PacketSketch[] = [];
      let left = space.and(set, space.entryOf(road(heading).entering));
      while (sketches.length < 3 && space.isDecided(left) && left !== space.none) {
        const witness = findWitness(space, left, {
          wishes: [all.openers],
          interfaceNames: input.interfaceNames(),
        });
        if (witness === undefined) break;
        const { fields } = witness;
        const value = <T>(name: Parameters<typeof fields.get>[0]): T | undefined =>
          fields.get(name) as T | undefined;
        const state = value<CtState>('ctState');
        sketches.push({
          ...(heading === 'out' ? {} : { inInterface: value<string>('inInterface') }),
          src: value<Address>('src') as Address,
          dst: value<Address>('dst') as Address,
          protocol: value<number>('protocol') ?? 6,
          sport: value('sport'),
          dport: value('dport'),
          icmpType: value('icmpType'),
          icmpCode: value('icmpCode'),
          ...(value<number>('tcpFlags') === undefined || value<number>('protocol') !== 6
            ? {}
            : { tcpFlags: value<number>('tcpFlags') }),
          ...(heading === 'out' && value<number>('mark') ? { mark: value<number>('mark') } : {}),
          ...(state === undefined || state === 'NEW' ? {} : { state }),
        });
        // Another one differs in protocol or destination port.
        const same = space.and(
          fieldIs(space, 'protocol', value<number>('protocol')),
          fieldIs(space, 'dport', value<number>('dport')),
        );
        left = space.diff(left, same);
      }
      return sketches;
    },
  };
  return all;
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
