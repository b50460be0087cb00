/** The chains of a page, each with its rules, what they have counted, and which of them no packet ever matches. */

import { ruleBody } from '../link/rule-text.ts';
import type { Finding } from '../lint/finding.ts';
import type { Chain, Rule, Ruleset } from '../model/ruleset.ts';
import { groupedNumber } from '../report/grouped-number.ts';
import { findingName } from './findings.ts';
import { type Content, element, type Html } from './html.ts';
import { chainName, ruleName } from './rule-names.ts';

/** Rules that a browser lays out together: those far from the window wait until they are needed. */
const rulesTogether = 50;

/** What is told about rules besides themselves, by `Rule.id`. */
export interface RuleNotes {
  /** Why it is dead. */
  readonly dead: ReadonlyMap<number, string>;
  readonly findings: ReadonlyMap<number, readonly Finding[]>;
}

/** All chains of a ruleset, table by table. */
export function chainsOf(ruleset: Ruleset, notes: RuleNotes): readonly Html[] {
  return ruleset.tables.flatMap((table) => table.chains.map((chain) => chainBlock(chain, ruleset, notes)));
}

function chainBlock(chain: Chain, { family }: Ruleset, notes: RuleNotes): Html {
  const { table, name, policy, rules, counters } = chain;
  const dead = rules.filter((rule) => notes.dead.has(rule.id)).length;
  const facts: Content[] = [`${rules.length} ${rules.length === 1 ? 'rule' : 'rules'}`];
  if (policy !== undefined) {
    const kind = policy === 'ACCEPT' ? 'open' : 'closed';
    facts.push(', ', element('span', { class: `state ${kind}` }, `policy ${policy}`));
    if (counters !== undefined) facts.push(` (${groupedNumber(counters.packets)} packets)`);
  }
  if (dead > 0) facts.push(', ', element('span', { class: 'dead-count' }, `${dead} dead`));
  const kinds = [
    'rules',
    ...(rules.length > rulesTogether ? ['waiting'] : []),
    ...(rules.some((rule) => rule.counters !== undefined) ? [] : ['uncounted']),
  ].join(' ');
  const groups: Html[] = [];
  for (let from = 0; from < rules.length; from += rulesTogether)
    groups.push(
      element(
        'ol',
        { class: kinds, start: from + 1 },
        rules.slice(from, from + rulesTogether).map((rule) => ruleLine(rule, family, notes)),
      ),
    );
  return element(
    'details',
    {
      class: rules.length > rulesTogether ? 'chain' : 'chain waiting',
      id: chainName(family, table, name),
      open: rules.length > 0,
    },
    element(
      'summary',
      {},
      element('span', { class: 'faint' }, `${table} `),
      element('span', { class: 'code' }, name),
      ' ',
      element('span', { class: 'faint' }, facts),
    ),
    groups,
  );
}

function ruleLine(rule: Rule, family: Ruleset['family'], { dead, findings }: RuleNotes): Html {
  const { table, chain, index, id, counters } = rule;
  const why = dead.get(id);
  const about = findings.get(id) ?? [];
  const unused = counters?.packets === 0;
  return element(
    'li',
    {
      id: ruleName(family, table, chain, index + 1),
      class: why === undefined ? undefined : 'dead',
    },
    element('span', { class: 'number' }, String(index + 1)),
    element(
      'span',
      { class: unused ? 'hits none' : 'hits' },
      counters === undefined ? '' : groupedNumber(counters.packets),
    ),
    element('code', {}, ruleBody(rule) || 'every packet; only counts'),
    why === undefined ? undefined : element('span', { class: 'note dead-note' }, `dead: ${why}`),
    about.map((finding) =>
      element(
        'a',
        { class: `note ${finding.severity}`, href: `#${findingName(finding)}`, title: finding.message },
        finding.code,
      ),
    ),
  );
}
