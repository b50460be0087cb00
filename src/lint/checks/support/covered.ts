/** Dead rules whose packets others take: what shadowed and redundant rules have in common. */

import type { CoverPart } from '../../../analysis/cover.ts';
import { ruleBody } from '../../../link/rule-text.ts';
import type { Chain, Rule } from '../../../model/ruleset.ts';
import { addressKind } from '../../../net/documentation.ts';
import type { CheckContext, FindingDraft, RulesetView } from '../../check.ts';
import { type Decision, decisionOf, decisions } from './decisions.ts';

/** A dead rule that would decide something, and those who decide it before. */
export interface CoveredRule {
  readonly rule: Rule;
  readonly decides: ReadonlySet<Decision>;
  readonly cover: readonly CoverPart[];
  /** Rules of the cover that decide otherwise; those that send packets away to whatever comes are among them. */
  readonly against: readonly CoverPart[];
}

/** Index of the first rule that lets nothing pass: by its conditions, or by all packets that there are; -1 for none. */
export function catchAllAt(context: CheckContext, view: RulesetView, chain: Chain): number {
  const byConditions = chain.rules.findIndex((rule) => view.endsChain(rule));
  if (byConditions >= 0) return byConditions;
  const last = chain.rules.at(-1);
  if (last === undefined) return -1;
  const answers = context.answers(view);
  const cover = answers.death(last);
  if (cover?.kind !== 'covered' || cover.deadJumps || cover.cover.length !== 1) return -1;
  const [part] = cover.cover;
  const own = part && [...part.via, part.rule].find((rule) => rule.chain === chain.name);
  if (own === undefined || own.index >= last.index) return -1;
  return answers.endsChain(own) ? own.index : -1;
}

/**
 * All of a ruleset, but for chains that programs write, and chains that are dead as a whole. What stands below a
 * catch-all is FW204's to tell, and what stands there twice FW210's.
 */
export function* coveredRules(context: CheckContext, view: RulesetView): Generator<CoveredRule> {
  for (const table of view.ruleset.tables)
    for (const chain of table.chains) {
      if (view.owner(table.name, chain.name)) continue;
      const end = catchAllAt(context, view, chain);
      yield* coveredInChain(context, view, end < 0 ? chain.rules : chain.rules.slice(0, end + 1));
    }
}

function* coveredInChain(
  context: CheckContext,
  view: RulesetView,
  rules: readonly Rule[],
): Generator<CoveredRule> {
  const answers = context.answers(view);
  for (const rule of rules) {
    const decides = decisions(view, rule);
    if (decides.size === 0) continue;
    const death = answers.death(rule);
    if (death?.kind !== 'covered' || death.deadJumps) continue;
    const [first] = death.cover;
    if (first?.share === 1 && first.rule.chain === rule.chain && ruleBody(first.rule) === ruleBody(rule))
      continue;
    const against = death.cover.filter((part) => {
      const decision = decisionOf(part.ending);
      return decides.size > 1 || decision === undefined || !decides.has(decision);
    });
    const covered = { rule, decides, cover: death.cover, against };
    if (!isForeignBusiness(view, covered) && !isRefusedByRouting(rule, covered)) yield covered;
  }
}

/**
 * What a program put into a built-in chain is told only where it is to refuse and rules of others accept: that an accept
 * is lost to the administrator's own rules is what he wrote them for, and what programs repeat is their affair.
 */
function isForeignBusiness(view: RulesetView, { rule, decides, cover, against }: CoveredRule): boolean {
  if (!view.writer(rule)) return false;
  const takers = cover.filter((part) => part.needed);
  return !decides.has('deny') || against.length === 0 || takers.every((part) => view.writer(part.rule));
}

/**
 * The customary guards against forged sources (of 127.0.0.0/8, of groups, of everybody): others than lo bring none, since
 * routing drops them.
 */
function isRefusedByRouting({ base }: Rule, { decides }: CoveredRule): boolean {
  if (decides.has('accept') || base.inInterface?.value.name === 'lo') return false;
  const kindOf = (net: typeof base.src) => (net && !net.negated ? addressKind(net.value.address) : undefined);
  const kind = kindOf(base.src);
  if (kind === 'multicast' || kind === 'broadcast') return true;
  return kind === 'loopback' || kindOf(base.dst) === 'loopback';
}

/** `rule 3`, `rule 3 of "web"`: as seen from another rule. */
export function nameOfRule(other: Rule, from: Rule): string {
  const number = `rule ${other.index + 1}`;
  return other.chain === from.chain ? number : `${number} of "${other.chain}"`;
}

/** The rules of a cover in words, the largest share first: `rules 2 and 5`, `rule 2 and 11 others`. */
export function namesOfCover(cover: readonly CoverPart[], from: Rule): string {
  const names = cover.map((part) => nameOfRule(part.rule, from));
  if (names.length <= 4) return listed(names);
  return `${names.slice(0, 2).join(', ')} and ${names.length - 2} others`;
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** What findings about covered rules say of the others: who decides, with what share. */
export function tellCover(
  context: CheckContext,
  view: RulesetView,
  { rule, cover }: Pick<CoveredRule, 'rule' | 'cover'>,
): Pick<FindingDraft, 'openedBy' | 'related' | 'confidence' | 'underline' | 'covers'> {
  const facts = context.answers(view).restsOn(rule);
  const told = cover.slice(0, coverToldMax);
  const { target } = rule;
  const chain =
    target.kind === 'jump' || target.kind === 'goto' ? view.chain(rule.table, target.chain) : undefined;
  return {
    confidence: facts.length === 0 ? 'proved' : 'context',
    underline: `-A ${rule.chain}`,
    openedBy: told.map((part) => ({
      kind: 'rule',
      table: part.rule.table,
      chain: part.rule.chain,
      number: part.rule.index + 1,
      id: part.rule.id,
      line: part.rule.line,
    })),
    related: told.map((part) => ({
      message: `${verbOf(part)} ${percent(part.share)} of them${
        part.via.length > 0 ? `, by way of ${part.via.map((v) => nameOfRule(v, rule)).join(', ')}` : ''
      }`,
      at: { kind: 'rule', view, rule: part.rule },
    })),
    // Rules behind a dead jump are dead with it, where nobody else leads there.
    ...(chain && view.callers(rule.table, chain.name).length === 1
      ? { covers: chain.rules.map((r) => ({ kind: 'rule', view, rule: r }) as const) }
      : {}),
  };
}

/** Rules of a cover that a finding lists one by one. */
const coverToldMax = 8;

function verbOf({ ending }: CoverPart): string {
  switch (ending) {
    case 'accept':
      return 'accepts';
    case 'return':
    case 'away':
      return 'sends away';
    default:
      return 'refuses';
  }
}

/** `all`, `40 %`, `less than 1 %`. */
function percent(share: number): string {
  if (share > 0.9999) return 'all';
  if (share < 0.01) return 'less than 1 %';
  return `${Math.min(99, Math.round(share * 100))} %`;
}
