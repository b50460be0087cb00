/**
 * What rules do beside deciding and rewriting fields that sets hold: source NAT, logs, lists, TTLs, sizes; and the
 * limits that a packet alone does not decide. Sets cannot follow these, so the words of the rules are compared over
 * the packets that they apply to.
 */

import type { FieldChange } from '../extensions/define.ts';
import { targetText } from '../link/rule-text.ts';
import type { Hook } from '../model/netfilter.ts';
import type { MatchUse, Rule } from '../model/ruleset.ts';
import { compareAddresses } from '../net/address.ts';
import type { PacketSet } from '../packetset/space.ts';
import type { RuleModel } from './chain-model.ts';
import { type Decided, type Frame, withRest } from './diff-frame.ts';
import { type Moved, movedPackets, type Outcome, type Outcomes } from './diff-pairs.ts';
import { effectOf } from './effects.ts';
import type { Visit } from './table-run.ts';

/** One thing that a rule does to its packets, or one that decides whether it takes them. */
interface Effect {
  /** Effects of one kind take each other's place: two source addresses, two limits. */
  readonly kind: string;
  readonly text: string;
  /** Whether it counts for packets that go nowhere: a log line does, a TTL does not. */
  readonly always: boolean;
}

/** Targets that write to a log or to the outside world of the kernel only. */
const logs: ReadonlySet<string> = new Set(['LOG', 'NFLOG', 'ULOG', 'TRACE', 'AUDIT', 'LED']);

/** Matches that write the lists they read: they count even where the rule does nothing else. */
const writers: ReadonlySet<string> = new Set(['recent', 'connlabel']);

/** Whether a change is held by sets as it is. */
function isExact(change: FieldChange, hook: Hook): boolean {
  switch (change.field) {
    case 'mark':
    case 'connmark':
    case 'tos':
    case 'tcpFlags':
      return 'clear' in change || 'from' in change;
    case 'ttl':
      return change.operation === 'set';
    case 'ctState':
      return change.operation === 'untrack';
    case 'nat': {
      const { range } = change;
      const destination =
        change.manip === 'destination' ||
        (change.manip === 'by-hook' && (hook === 'PREROUTING' || hook === 'OUTPUT'));
      if (!destination) return false;
      if (range.netmap || range.addresses === undefined) return true;
      // Of a range, nobody knows which address; how it is chosen is in the words.
      const { low, high } = range.addresses;
      return (
        compareAddresses(low, high) === 0 && (range.ports === undefined || range.ports[0] === range.ports[1])
      );
    }
    default:
      return false;
  }
}

function effectsOf(frame: Frame, visit: Visit, rule: Rule, logging: boolean): readonly Effect[] {
  const { side } = frame.roads;
  const effects: Effect[] = [];
  for (const use of rule.matches)
    if (use.known && writers.has(use.extension))
      effects.push({ kind: `list ${use.extension}`, text: use.text, always: true });
  const { target } = rule;
  if (target.kind !== 'extension') return effects;
  const effect = effectOf(side.ruleset, side.program.machine, side.registry, rule);
  if (effect === undefined) return effects;
  const text = targetText(target);
  if (effect.changes.length === 0) {
    if (effect.outcome !== 'continue' || (logs.has(target.extension) && !logging)) return effects;
    effects.push({
      kind: target.extension,
      text,
      always: logs.has(target.extension) || target.extension === 'TEE',
    });
    return effects;
  }
  for (const change of effect.changes) {
    if (isExact(change, visit.hook)) continue;
    const kind =
      change.field === 'nat'
        ? visit.hook === 'PREROUTING' || visit.hook === 'OUTPUT'
          ? 'destination'
          : 'source'
        : change.field === 'set'
          ? `list ${change.set}`
          : target.extension;
    effects.push({ kind, text, always: change.field === 'set' });
  }
  return effects;
}

/** Packets that moved from one wording to another; '' stands for none. */
export interface EffectMove extends Moved {
  /** `limit`, `source`, `destination`, `list NAME`, or the target. */
  readonly kind: string;
  readonly oldDeciders: readonly Decided[];
  readonly newDeciders: readonly Decided[];
}

/** Who has a wording, over the packets it applies to. */
interface Holder {
  readonly rule: Rule;
  readonly set: PacketSet;
}

/** Holders by kind, then by text. */
type Holders = Map<string, Map<string, Holder[]>>;

function hold(holders: Holders, kind: string, text: string, holder: Holder): void {
  const byText = holders.get(kind) ?? new Map<string, Holder[]>();
  holders.set(kind, byText);
  const list = byText.get(text);
  if (list === undefined) byText.set(text, [holder]);
  else list.push(holder);
}

/** All effects of a road on the packets of `care`, `goingOn` for those that only count where packets go on. */
function effectHolders(frame: Frame, care: PacketSet, goingOn: PacketSet, logging: boolean): Holders {
  const { space } = frame.vocabulary;
  const holders: Holders = new Map();
  for (const visit of frame.road.visits) {
    const wanted = new Map<Rule, readonly Effect[]>();
    for (const chain of visit.analysis.model.chains.values())
      for (const { rule } of chain.rules) {
        const effects = effectsOf(frame, visit, rule, logging);
        if (effects.length > 0) wanted.set(rule, effects);
      }
    if (wanted.size === 0) continue;
    const { rules } = frame.takers(visit, care, ({ rule }) => wanted.has(rule));
    const sets = new Map(rules.map(({ model, set }) => [model.rule, set]));
    for (const [rule, effects] of wanted) {
      const set = sets.get(rule) ?? space.none;
      for (const { kind, text, always } of effects) {
        const here = always ? set : space.and(set, goingOn);
        if (here !== space.none) hold(holders, kind, text, { rule, set: here });
      }
    }
  }
  return holders;
}

/** The matches of a rule that its packets do not decide, in words. */
function openWords(frame: Frame, rule: Rule): string {
  const { side, vocabulary } = frame.roads;
  const { family } = vocabulary;
  const isOpen = (use: MatchUse): boolean => {
    const extension = use.known ? side.registry.match(use.extension, family) : undefined;
    if (extension === undefined) return true;
    const context = { family, base: rule.base, machine: side.program.machine };
    const { may, must } = vocabulary.describe(side, (s) => extension.packets(use.data as object, s, context));
    return may !== must;
  };
  return rule.matches
    .filter(isOpen)
    .map((use) => use.text)
    .sort()
    .join(' ');
}

/** What the rule does if it takes the packet, without names that may differ. */
function consequence(r: RuleModel): string {
  const { action } = r;
  if (action.kind === 'jump' || action.kind === 'goto') return action.kind;
  return targetText(r.rule.target);
}

/**
 * Rules that may take packets or not: limits, lists, chance, unknown targets. Those that only decide count for the
 * packets of `open`, which may end in more than one way; those that change packets for all of `care`. A packet that
 * meets the same words twice is another case than one that meets them once.
 */
function limitHolders(frame: Frame, care: PacketSet, open: PacketSet): Holders {
  const { space } = frame.vocabulary;
  const holders: Holders = new Map();
  const seen = new Map<string, PacketSet[]>();
  const isOpen = (r: RuleModel): boolean =>
    r.action.kind === 'open' || (r.may !== r.must && (r.action.kind !== 'continue' || changes(r)));
  const changes = ({ action, changes: own }: RuleModel): boolean =>
    own.length > 0 || ('chain' in action && action.chain?.rewrites === true);
  const note = (r: RuleModel, set: PacketSet): void => {
    const words = `${openWords(frame, r.rule)} ${consequence(r)}`.trim();
    const times = seen.get(words) ?? [];
    seen.set(words, times);
    let here = set;
    // The nth time that these packets meet the same words.
    for (let n = 0; here !== space.none; n++) {
      const before = times[n] ?? space.none;
      const again = space.and(before, here);
      const first = space.diff(here, before);
      if (first !== space.none) {
        const text = n === 0 ? words : `${words} (${n + 1} times)`;
        hold(holders, 'limit', text, { rule: r.rule, set: first });
      }
      times[n] = space.or(before, here);
      here = again;
    }
  };
  const asked = (r: RuleModel, taken: PacketSet): PacketSet =>
    r.action.kind === 'open' ? taken : space.diff(taken, r.must);
  for (const visit of frame.road.visits) {
    const rules = [...visit.analysis.model.chains.values()].flatMap((chain) => chain.rules.filter(isOpen));
    if (rules.length === 0) continue;
    const some = new Set(rules);
    const found = frame.takers(visit, care, (r) => some.has(r), asked);
    const sets = new Map(
      found.rules.map(({ model, set }) => [model, changes(model) ? set : space.and(set, open)]),
    );
    // In the order of the table: of rules with the same words, the first one is met first.
    for (const r of rules) {
      const set = sets.get(r);
      if (set !== undefined && set !== space.none) note(r, set);
    }
  }
  return holders;
}

function outcomesOf(frame: Frame, byText: ReadonlyMap<string, readonly Holder[]> | undefined): Outcomes {
  const { space } = frame.vocabulary;
  const outcomes = new Map<string, Outcome>();
  for (const [text, holders] of byText ?? []) {
    const set = space.union(holders.map((h) => h.set));
    outcomes.set(text, { key: text, set, relation: set });
  }
  return outcomes;
}

/** Adds the packets that have no wording of this kind. */
function withNone(frame: Frame, outcomes: Outcomes, care: PacketSet): Outcomes {
  const { space } = frame.vocabulary;
  const rest = space.diff(care, space.union([...outcomes.values()].map((o) => o.set)));
  if (rest === space.none) return outcomes;
  return new Map([...outcomes, ['', { key: '', set: rest, relation: rest }]]);
}

/** What {@link effectMoves} is told of one side. */
export interface EffectSide {
  readonly frame: Frame;
  /** Packets that go on, on this side. */
  readonly goingOn: PacketSet;
  /** Packets with more than one possible end. */
  readonly open: PacketSet;
}

/** Compares wordings over the packets of `care`. */
export function effectMoves(
  old: EffectSide,
  now: EffectSide,
  care: PacketSet,
  logging: boolean,
): readonly EffectMove[] {
  const { space } = old.frame.vocabulary;
  const goingOn = space.and(old.goingOn, now.goingOn);
  const open = space.and(space.or(old.open, now.open), care);
  const holdersOf = ({ frame }: EffectSide): Holders =>
    new Map([...effectHolders(frame, care, goingOn, logging), ...limitHolders(frame, care, open)]);
  const before = holdersOf(old);
  const after = holdersOf(now);
  const moves: EffectMove[] = [];
  for (const kind of new Set([...before.keys(), ...after.keys()])) {
    const a = before.get(kind);
    const b = after.get(kind);
    const moved = movedPackets(
      space,
      withNone(old.frame, outcomesOf(old.frame, a), care),
      withNone(now.frame, outcomesOf(now.frame, b), care),
      care,
      old.frame.packets,
    );
    for (const m of moved) {
      const heldBy = (frame: Frame, holders: readonly Holder[] | undefined): readonly Decided[] => {
        const found = (holders ?? [])
          .map(({ rule, set }): Decided => ({ decider: { kind: 'rule', rule }, set: space.and(set, m.set) }))
          .filter((d) => d.set !== space.none);
        return withRest(frame, found, m.set);
      };
      moves.push({
        ...m,
        kind,
        oldDeciders: heldBy(old.frame, a?.get(m.from)),
        newDeciders: heldBy(now.frame, b?.get(m.to)),
      });
    }
  }
  return moves;
}
