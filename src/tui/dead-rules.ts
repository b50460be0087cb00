/** Rules that no packet ever matches, with what makes them so: asked of all packets, in a thread of its own. */

import { analyse } from '../analysis/analysis.ts';
import { answerRules, type Death } from '../analysis/rule-answers.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import { defaultRegistry } from '../index.ts';
import { readMachine } from '../link/read-machine.ts';
import { ruleText } from '../link/rule-text.ts';
import type { Backend } from '../model/netfilter.ts';
import type { Rule } from '../model/ruleset.ts';
import type { Family } from '../net/address.ts';

/** The question, as plain data. */
export interface DeadRulesJob {
  readonly texts: readonly SourceText[];
  readonly family?: Family;
  readonly backend?: Backend;
}

/** One dead rule. Identities are those that another reading of the same texts gives. */
export interface DeadRule {
  readonly family: Family;
  readonly ruleId: number;
  /** `rules 2 and 5 take all its packets`. */
  readonly why: string;
}

/** Rules named in one explanation. */
const rulesNamedMax = 4;

/** Nodes that the sets may take: some hundred megabytes, beside the screen. */
const nodesMax = 6_000_000;

function listed(rules: readonly Rule[], from: Rule): string {
  const name = (rule: Rule): string =>
    rule.chain === from.chain ? String(rule.index + 1) : `${rule.chain} ${rule.index + 1}`;
  const names = rules.slice(0, rulesNamedMax).map(name);
  const more = rules.length - names.length;
  const text = more > 0 ? `${names.join(', ')} and ${more} more` : names.join(' and ');
  return `${rules.length === 1 ? 'rule' : 'rules'} ${text}`;
}

function deathWords(death: Death, rule: Rule): string {
  switch (death.kind) {
    case 'conditions':
      return 'its own conditions exclude each other';
    case 'unreferenced':
      return `nothing leads to the chain ${rule.chain}`;
    case 'jumps':
      return `the jumps that lead here refuse what it wants: ${death.jumps.slice(0, 2).map(ruleText).join('; ')}`;
    case 'arrivals':
      return 'no such packet comes to its hooks';
    case 'covered': {
      const needed = death.cover.filter((part) => part.needed).map((part) => part.rule);
      return `${listed(needed, rule)} ${needed.length === 1 ? 'takes' : 'take'} all its packets`;
    }
    case 'untold':
      return 'all its packets are taken before';
  }
}

/** More rules than this are not put on trial: the sets would take the memory that the screen has promised not to. */
export const trialMax = 30_000;

/** Dead rules, or that there are too many rules to ask. */
export type DeadRulesAnswer =
  | { readonly kind: 'dead'; readonly rules: readonly DeadRule[] }
  | { readonly kind: 'beside-failed'; readonly reason: string };

/** All dead rules of the rulesets in force. What could not be decided within the bounds is left out. */
export function findDeadRules({ texts, family, backend }: DeadRulesJob): DeadRulesAnswer {
  const registry = defaultRegistry();
  const read = readMachine(texts, { registry, family, backend });
  const dead: DeadRule[] = [];
  let count = 0;
  for (const { linked } of read.rulesets)
    for (const table of linked.ruleset.tables) for (const chain of table.chains) count += chain.rules.length;
  if (count > trialMax) return { kind: 'beside-failed', reason: `there are more than ${trialMax} rules` };
  for (const wanted of ['ipv4', 'ipv6'] as const) {
    const ruleset = read.rulesets.findLast((r) => r.linked.ruleset.family === wanted)?.linked.ruleset;
    if (!ruleset) continue;
    const answers = answerRules(analyse({ ruleset, machine: read.machine, registry, nodesMax }));
    for (const rule of answers.dead()) {
      const death = answers.death(rule);
      if (death) dead.push({ family: wanted, ruleId: rule.id, why: deathWords(death, rule) });
    }
  }
  return { kind: 'dead', rules: dead };
}
