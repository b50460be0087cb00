/** Rules whose matches depend on a rate: what becomes of packets within it and beyond it. */

import { atEntry } from '../../../analysis/fates.ts';
import { connlimit } from '../../../extensions/matches/connlimit.ts';
import { hashlimit } from '../../../extensions/matches/hashlimit.ts';
import { limit } from '../../../extensions/matches/limit.ts';
import type { Rule } from '../../../model/ruleset.ts';
import type { CheckContext, PacketSketch, RulesetView, Walk } from '../../check.ts';
import { strangersInterfaces } from './strangers.ts';

/** What a rule's rate counts. */
export interface Limiter {
  /** The match, as iptables names it. */
  readonly match: 'limit' | 'hashlimit' | 'connlimit';
  /** The rule matches what exceeds the rate; else what stays within. */
  readonly above: boolean;
  /** Every sender has a count of his own: how many leading bits of his address make him one; undefined: one for all. */
  readonly sourceBits: number | undefined;
  /** What the packet costs is counted in packets; else in bytes or connections. */
  readonly packets: boolean;
  /** Packets in a second; undefined for other units. */
  readonly perSecond: number | undefined;
}

/** The first match of a rule that depends on a rate. */
export function limiterOf(view: RulesetView, rule: Rule): Limiter | undefined {
  const l = view.find(rule, limit);
  if (l)
    return { match: 'limit', above: false, sourceBits: undefined, packets: true, perSecond: 10_000 / l.cost };
  const h = view.find(rule, hashlimit);
  if (h) {
    const packets = h.unit === 'packets';
    return {
      match: 'hashlimit',
      above: h.above,
      sourceBits: h.mode.includes('srcip') ? h.sourceMaskLength : undefined,
      packets,
      perSecond: packets ? 1_000_000 / h.cost : undefined,
    };
  }
  const c = view.find(rule, connlimit);
  if (c)
    return {
      match: 'connlimit',
      above: c.above,
      sourceBits: c.side === 'source' && c.maskLength > 0 ? c.maskLength : undefined,
      packets: false,
      perSecond: undefined,
    };
  return undefined;
}

/** One packet twice: while its sender keeps to the rate, and when the rate is exceeded. */
export interface TwoWalks {
  readonly within: Walk;
  readonly beyond: Walk;
}

const refusals: readonly Walk['fate'][] = ['drop', 'reject'];

/** Whether a rule or policy refused the packet. */
export function isRefused(walk: Walk): boolean {
  return refusals.includes(walk.fate);
}

const walkedLimiters = new WeakMap<CheckContext, Map<Rule, readonly TwoWalks[]>>();

/** First packets of strangers that this rule describes, walked with both answers of its rate; kept. */
export function walksOfLimiter(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  limiter: Limiter,
): readonly TwoWalks[] {
  const walked = walkedLimiters.get(context) ?? new Map<Rule, readonly TwoWalks[]>();
  walkedLimiters.set(context, walked);
  let walks = walked.get(rule);
  if (walks === undefined) {
    walks = [...walkLimiter(context, view, rule, limiter)];
    walked.set(rule, walks);
  }
  return walks;
}

function* walkLimiter(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  limiter: Limiter,
): Iterable<TwoWalks> {
  const { family } = view;
  const hooks = view.hooks(rule.table, rule.chain);
  if (!hooks.some((h) => h === 'INPUT' || h === 'FORWARD' || h === 'PREROUTING')) return;
  const asked = rule.base.inInterface;
  if (asked && !asked.negated && asked.value.name === 'lo') return;
  const through = !hooks.includes('INPUT') && hooks.includes('FORWARD');
  const key = `rule:${rule.table}/${rule.chain}/${rule.index + 1}`;
  const [yes, no] = [`${key}=yes`, `${key}=no`];
  const named = asked && !asked.negated && asked.value.exact ? [asked.value.name] : [];
  const names = named.length > 0 ? named : strangersInterfaces(context, family).map((i) => i.name);
  for (const inInterface of names) {
    const local = context.localAddress(family, inInterface);
    const given: Partial<PacketSketch> = { inInterface, ...(through ? {} : { dst: local.address }) };
    const src = context.remoteAddress(family).address;
    const told = through ? [] : local.assume;
    const described = [{ ...given, src }, given].flatMap((fixed) =>
      context.packetsOf(view, rule, fixed).map((sketch) => ({ sketch, assume: told })),
    );
    for (const { sketch, assume } of [...described.slice(0, 1), ...comingTo(context, view, rule, through)]) {
      const first = sendCalmly(context, view, sketch, [...assume, yes]);
      if (!first.matched(rule)) continue;
      const second = sendCalmly(context, view, sketch, [...assume, no]);
      if (second.matched(rule)) break;
      yield limiter.above ? { within: second, beyond: first } : { within: first, beyond: second };
      break;
    }
  }
}

/** Packets that come to the rule, by all that stands above it and by its callers; worked out where its own words lead astray. */
function* comingTo(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  through: boolean,
): Iterable<{ readonly sketch: PacketSketch; readonly assume: readonly string[] }> {
  const all = context.packets(view);
  const road = all.road('to');
  const taken = all.space.union(
    road.visits
      .filter((visit) => visit.table === rule.table)
      .map((visit) => all.space.may(atEntry(all.analysis.vocabulary, visit.taking(rule), road))),
  );
  for (const { sketch, options } of all.examples(
    all.space.and(taken, all.openers),
    through ? 'through' : 'to',
  ))
    yield { sketch, assume: options.assume ?? [] };
}

/** Rules with a rate that one packet may meet. */
const answersMax = 12;

/** Walks a packet; the other rates on its way are taken as kept. */
function sendCalmly(
  context: CheckContext,
  view: RulesetView,
  sketch: PacketSketch,
  told: readonly string[],
): Walk {
  const assume = [...told];
  for (let n = 0; ; n++) {
    const walk = context.send(sketch, { assume });
    const { fate } = walk.trace;
    if (fate.kind !== 'undecided' || n === answersMax) return walk;
    const { key, topic, rule: at } = fate.question;
    const rule = at && view.ruleById(at.id);
    const other = rule && limiterOf(view, rule);
    if (topic !== 'limit' || !other) return walk;
    assume.push(`${key}=${other.above ? 'no' : 'yes'}`);
  }
}
