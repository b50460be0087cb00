/** Changes of rules that would mend a finding, in the terms of the ruleset. Checks make them; nothing is applied here. */

import type { Fix } from '../../diagnostics/diagnostic.ts';
import { ruleBody } from '../../link/rule-text.ts';
import type { Policy } from '../../model/netfilter.ts';
import type { Chain, Rule } from '../../model/ruleset.ts';
import type { RulesetView } from '../check.ts';

/**
 * One change. Rules that are put in or changed are given as `ruleBody` prints them: without `-A CHAIN`. `before`:
 * the rule of the same chain that comes next then; undefined: none, it is the last.
 */
export type RuleEdit =
  | { readonly kind: 'delete'; readonly rule: Rule }
  | {
      readonly kind: 'replace';
      readonly rule: Rule;
      readonly body: string;
      /** What becomes of the words as they are written, where that is less than the whole line. */
      readonly words?: { readonly from: string; readonly to: string };
    }
  | {
      readonly kind: 'insert';
      readonly chain: Chain;
      readonly before: Rule | undefined;
      readonly body: string;
    }
  | { readonly kind: 'move'; readonly rule: Rule; readonly before: Rule | undefined }
  | { readonly kind: 'policy'; readonly chain: Chain; readonly policy: Policy }
  /** With all its rules. Nothing may lead there any more. */
  | { readonly kind: 'delete-chain'; readonly chain: Chain };

/** What a check proposes. `safe` is a promise to be proved on this very ruleset before anything is applied. */
export interface FixDraft {
  /** What it does, as a command: `delete rule 7 of INPUT`. */
  readonly title: string;
  readonly applicability: Fix['applicability'];
  readonly view: RulesetView;
  readonly edits: readonly RuleEdit[];
  /** Commands that the rules need to have run before, word by word: sets to be made. Only suggestions have some. */
  readonly setup?: readonly (readonly string[])[];
}

/** `rule 3`, `rules 3 and 5`, `3 rules`. */
function rulesText(rules: readonly Rule[]): string {
  const numbers = rules.map((rule) => rule.index + 1);
  const [first, second] = numbers;
  if (numbers.length === 1) return `rule ${first}`;
  return numbers.length === 2 ? `rules ${first} and ${second}` : `${numbers.length} rules`;
}

/** Deletes rules of one chain, which keeps the meaning. */
export function deleteRules(
  view: RulesetView,
  rules: readonly Rule[],
  applicability: Fix['applicability'] = 'safe',
): FixDraft {
  return {
    title: `delete ${rulesText(rules)} of ${rules[0]?.chain ?? ''}`,
    applicability,
    view,
    edits: rules.map((rule) => ({ kind: 'delete', rule })),
  };
}

/** Moves rules of one chain above another one, in the order that they have. */
export function moveRules(
  view: RulesetView,
  rules: readonly Rule[],
  before: Rule,
  applicability: Fix['applicability'] = 'unsafe',
): FixDraft {
  return {
    title: `move ${rulesText(rules)} of ${before.chain} above rule ${before.index + 1}`,
    applicability,
    view,
    edits: rules.map((rule) => ({ kind: 'move', rule, before })),
  };
}

/** Puts rules into a chain, in this order, above one of its rules or (undefined) at its end. */
export function insertRules(
  view: RulesetView,
  chain: Chain,
  before: Rule | undefined,
  bodies: readonly string[],
  applicability: Fix['applicability'] = 'unsafe',
): FixDraft {
  const where =
    before === undefined ? `at the end of ${chain.name}` : `above rule ${before.index + 1} of ${chain.name}`;
  return {
    title: `insert ${bodies.map((body) => `"${body}"`).join(' and ')} ${where}`,
    applicability,
    view,
    edits: bodies.map((body) => ({ kind: 'insert', chain, before, body })),
  };
}

/** Changes one rule. `words`: what becomes of the words as they are written, where that is less than the whole line. */
export function replaceRule(
  view: RulesetView,
  rule: Rule,
  body: string,
  applicability: Fix['applicability'] = 'unsafe',
  words?: { readonly from: string; readonly to: string },
): FixDraft {
  return {
    title: `change rule ${rule.index + 1} of ${rule.chain} to "${body}"`,
    applicability,
    view,
    edits: [{ kind: 'replace', rule, body, ...(words ? { words } : {}) }],
  };
}

/** The body of a rule with other parts. */
export function changedBody(rule: Rule, change: Partial<Pick<Rule, 'base' | 'matches' | 'target'>>): string {
  return ruleBody({ ...rule, ...change });
}

/** The body of a rule that asks for one thing more: it is asked last, when everything else is so. */
export function bodyWith(rule: Rule, match: string): string {
  const asked = { extension: '', known: false, data: undefined, text: match };
  return changedBody(rule, { matches: [...rule.matches, asked] });
}
