/**
 * Whether changed texts treat every packet as the old ones do: verdicts, rewriting, marks, connection tracking, log
 * lines. The proof is that of a comparison (`analysis/diff.ts`), on this machine, with two things added that it leaves
 * out: what rules switch on by being there, and lists that a rule writes before its last condition is asked.
 */

import { diffRulesets, emptyRuleset, type RulesetDiff } from '../../analysis/diff.ts';
import type { FamilyDiff, MachineDiff } from '../../analysis/diff-machines.ts';
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
import type { MatchUse, Rule, Ruleset } from '../../model/ruleset.ts';
import type { Family } from '../../net/address.ts';

/** The two texts compared. */
export interface FixProof {
  /** Why it is not proved to be equal; undefined: it is. */
  readonly why: string | undefined;
  readonly compared: MachineDiff;
}

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

/**
 * Compares a machine with itself after its texts were changed. What is known of the machine stays as it was.
 * `witnesses`: packets are looked for that show the differences.
 */
export function proveEqual(
  old: ReadMachine,
  texts: readonly SourceText[],
  options: ReadMachineOptions,
  witnesses: boolean,
): FixProof {
  const { registry } = options;
  const now = readMachine(texts, options);
  const { machine } = old;
  const rulesetsOf = (read: ReadMachine): readonly Ruleset[] => read.rulesets.map((r) => r.linked.ruleset);
  const before = compile(rulesetsOf(old), machine, registry);
  const after = compile(rulesetsOf(now), machine, registry);
  const families: FamilyDiff[] = [];
  const reasons: string[] = [];
  for (const family of ['ipv4', 'ipv6'] as const) {
    const mine = inForce(old, family);
    const theirs = inForce(now, family);
    const some = mine ?? theirs;
    if (some === undefined) continue;
    const ruleset = (r: ReadRuleset | undefined): Ruleset =>
      r?.linked.ruleset ?? emptyRuleset(some.linked.ruleset);
    const diff = diffRulesets({
      registry,
      old: { ruleset: ruleset(mine), program: before },
      new: { ruleset: ruleset(theirs), program: after },
      oneMachine: true,
      logging: true,
      witnessesMax: witnesses ? witnessesMax : 0,
      nodesMax,
    });
    families.push({ family, old: mine, new: theirs, diff });
    const switched = (['conntrack', 'defragment', 'nat'] as const).some(
      (key) => before.families[family][key] !== after.families[family][key],
    );
    const why =
      whyNot(diff) ??
      (switched ? 'without these rules the kernel would no longer track connections' : undefined) ??
      (isSame(diff) ? undefined : whyUnproved(ruleset(mine), ruleset(theirs)));
    if (why !== undefined) reasons.push(why);
  }
  const refused = refusedLines(now) > refusedLines(old) ? ['iptables-restore would refuse the result'] : [];
  const compared: MachineDiff = {
    old: { read: old, program: before },
    new: { read: now, program: after },
    oneMachine: true,
    families,
    expression: [],
    logging: true,
    connections: undefined,
    diagnostics: [],
  };
  return { why: [...refused, ...reasons][0], compared };
}

/** Differences for which a packet is looked for. */
const witnessesMax = 20;

function inForce(read: ReadMachine, family: Family): ReadRuleset | undefined {
  return read.rulesets.findLast((r) => r.linked.ruleset.family === family);
}

function refusedLines(read: ReadMachine): number {
  return read.diagnostics.filter(({ severity }) => severity === 'error').length;
}

function isSame(diff: RulesetDiff): boolean {
  return diff.kind === 'equal' && diff.proof === 'structure';
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
  const gone = rulesOf(old).filter((rule) => changed.has(rule));
  const come = rulesOf(now).filter((rule) => changed.has(rule));
  const counted = [...rulesOf(old), ...rulesOf(now)].some((rule) =>
    rule.matches.some((use) => /--(?:packets|bytes)-(?:eq|lt|gt) /.test(use.text)),
  );
  const writes = (rule: Rule): boolean =>
    rule.matches.some((use) => isWriter(use) || (counted && use.extension === 'set'));
  if (![...gone, ...come].some(writes)) return undefined;
  const alike = gone.length === come.length && gone.every((rule, i) => differsOnce(rule, come[i]));
  return alike ? undefined : 'a rule that is changed writes a list or a count that others may read';
}

function rulesOf(ruleset: Ruleset): readonly Rule[] {
  return ruleset.tables.flatMap((table) => table.chains.flatMap((chain) => chain.rules));
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
