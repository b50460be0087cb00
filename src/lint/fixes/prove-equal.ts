/**
 * Whether changed texts treat every packet as the old ones do: verdicts, rewriting, marks, connection tracking, log
 * lines. The proof is that of a comparison (`analysis/diff.ts`), on this machine, with two things added that it leaves
 * out: what rules switch on by being there, and lists that a rule writes before its last condition is asked.
 */

import {
  diffRulesets,
  emptyRuleset,
  type RulesetDiff,
  type RulesetDiffOptions,
} from '../../analysis/diff.ts';
import type { MachineDiff, ReadSide } from '../../analysis/diff-machines.ts';
import { changedRules } from '../../analysis/structure.ts';
import type { SourceText } from '../../diagnostics/sources.ts';
import { compile } from '../../engine/program.ts';
import { printBase } from '../../extensions/base.ts';
import {
  type ReadMachine,
  type ReadMachineOptions,
  type ReadRuleset,
  readMachine,
} from '../../link/read-machine.ts';
import type { Chain, MatchUse, Rule, Ruleset } from '../../model/ruleset.ts';
import type { Family } from '../../net/address.ts';

/** Ceiling on nodes of sets for one proof: some 250 MB. */
const nodesMax = 1 << 23;

/** Matches that write what other rules read, whatever the rest of the rule says. */
const writers: ReadonlySet<string> = new Set([
  'recent',
  'connlabel',
  'hashlimit',
  'nfacct',
  'rateest',
  'quota',
]);

/** A machine with its texts before and after. What is known of the machine stays as it was. */
interface Sides {
  readonly old: ReadSide;
  readonly now: ReadSide;
  readonly families: readonly {
    readonly family: Family;
    readonly mine: ReadRuleset | undefined;
    readonly theirs: ReadRuleset | undefined;
    /** What is missing accepts everything. */
    readonly before: Ruleset;
    readonly after: Ruleset;
  }[];
}

function sidesOf(old: ReadMachine, texts: readonly SourceText[], options: ReadMachineOptions): Sides {
  const side = (read: ReadMachine): ReadSide => ({
    read,
    program: compile(
      read.rulesets.map((r) => r.linked.ruleset),
      old.machine,
      options.registry,
    ),
  });
  const now = readMachine(texts, options);
  return {
    old: side(old),
    now: side(now),
    families: (['ipv4', 'ipv6'] as const).flatMap((family) => {
      const mine = inForce(old, family);
      const theirs = inForce(now, family);
      const some = mine ?? theirs;
      if (some === undefined) return [];
      const ruleset = (r: ReadRuleset | undefined): Ruleset =>
        r?.linked.ruleset ?? emptyRuleset(some.linked.ruleset);
      return [{ family, mine, theirs, before: ruleset(mine), after: ruleset(theirs) }];
    }),
  };
}

/** Why changed texts are not proved to treat every packet as the old ones do; undefined: they are. */
export function whyNotEqual(
  old: ReadMachine,
  texts: readonly SourceText[],
  options: ReadMachineOptions,
): string | undefined {
  const sides = sidesOf(old, texts, options);
  if (refusedLines(sides.now.read) > refusedLines(old)) return 'iptables-restore would refuse the result';
  // What costs little goes first.
  for (const { family, before, after } of sides.families) {
    const switches = [sides.old, sides.now].map(({ program }) => program.families[family]);
    if (
      (['conntrack', 'defragment', 'nat'] as const).some((key) => switches[0]?.[key] !== switches[1]?.[key])
    )
      return 'without these rules the kernel would no longer track connections';
    const why = whyUnproved(before, after);
    if (why !== undefined) return why;
  }
  for (const { before, after } of sides.families) {
    const diff = diffRulesets({ ...questionOf(sides, before, after, options), witnessesMax: 0 });
    const why = whyNot(diff);
    if (why !== undefined) return why;
  }
  return undefined;
}

/** All differences of changed texts, with packets that show them. */
export function compareMended(
  old: ReadMachine,
  texts: readonly SourceText[],
  options: ReadMachineOptions,
): MachineDiff {
  const sides = sidesOf(old, texts, options);
  return {
    old: sides.old,
    new: sides.now,
    oneMachine: true,
    families: sides.families.map(({ family, mine, theirs, before, after }) => ({
      family,
      old: mine,
      new: theirs,
      diff: diffRulesets({ ...questionOf(sides, before, after, options), witnessesMax }),
    })),
    expression: [],
    logging: true,
    connections: undefined,
    diagnostics: [],
  };
}

function questionOf(
  { old, now }: Sides,
  before: Ruleset,
  after: Ruleset,
  { registry }: ReadMachineOptions,
): RulesetDiffOptions {
  return {
    registry,
    old: { ruleset: before, program: old.program },
    new: { ruleset: after, program: now.program },
    oneMachine: true,
    logging: true,
    nodesMax,
  };
}

/** Differences for which a packet is looked for. */
const witnessesMax = 20;

function inForce(read: ReadMachine, family: Family): ReadRuleset | undefined {
  return read.rulesets.findLast((r) => r.linked.ruleset.family === family);
}

function refusedLines(read: ReadMachine): number {
  return read.diagnostics.filter(({ severity }) => severity === 'error').length;
}

function whyNot(diff: RulesetDiff): string | undefined {
  switch (diff.kind) {
    case 'equal':
      return diff.proof === 'nothing' ? 'there are no packets to compare' : undefined;
    case 'different':
      return 'some packets fare differently';
    case 'undecided':
      return diff.why;
  }
}

/** What the sets do not hold of a change that is equal for them. */
function whyUnproved(old: Ruleset, now: Ruleset): string | undefined {
  const changed = changedRules(old, now);
  const gone = askedRules(old).filter((rule) => changed.has(rule));
  const come = askedRules(now).filter((rule) => changed.has(rule));
  const counted = [...askedRules(old), ...askedRules(now)].some((rule) =>
    rule.matches.some((use) => /--(?:packets|bytes)-(?:eq|lt|gt) /.test(use.text)),
  );
  const writes = (rule: Rule): boolean =>
    rule.matches.some((use) => isWriter(use) || (counted && use.extension === 'set'));
  if (![...gone, ...come].some(writes)) return undefined;
  const alike = gone.length === come.length && gone.every((rule, i) => differsOnce(rule, come[i]));
  return alike ? undefined : 'a rule that is changed writes a list or a count that others may read';
}

/** Rules of the chains that a hook leads to: others write nothing. */
function askedRules(ruleset: Ruleset): readonly Rule[] {
  return ruleset.tables.flatMap((table) => {
    const byName = new Map(table.chains.map((chain) => [chain.name, chain]));
    const reached = new Set<Chain>();
    const open = table.chains.filter((chain) => chain.hook !== undefined);
    for (let chain = open.pop(); chain !== undefined; chain = open.pop()) {
      if (reached.has(chain)) continue;
      reached.add(chain);
      for (const { target } of chain.rules) {
        const next = 'chain' in target ? byName.get(target.chain) : undefined;
        if (next !== undefined) open.push(next);
      }
    }
    return table.chains.flatMap((chain) => (reached.has(chain) ? chain.rules : []));
  });
}

function isWriter(use: MatchUse): boolean {
  return !use.known || writers.has(use.extension);
}

/** Whether one condition alone is another one, and it writes nothing. */
function differsOnce(a: Rule, b: Rule | undefined): boolean {
  if (b === undefined || a.chain !== b.chain || a.table !== b.table || a.matches.length !== b.matches.length)
    return false;
  const others = a.matches.filter((use, i) => use.text !== b.matches[i]?.text);
  if (others.some(isWriter)) return false;
  const left = printBase(a.base);
  const right = printBase(b.base);
  const bases = left.length === right.length ? left.filter((text, i) => text !== right[i]).length : 2;
  return others.length + bases <= 1;
}
