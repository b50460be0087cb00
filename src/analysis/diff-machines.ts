/** Two texts with rulesets, or two machines, compared: each family, with what is known of the machine. */

import type { ContextFacts } from '../context/facts.ts';
import { buildMachine } from '../context/machine.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import { compile, type Program } from '../engine/program.ts';
import { familyOfWords } from '../expression/packet-expression.ts';
import { packetSetFromExpression } from '../expression/packet-set-expression.ts';
import { type ReadMachine, type ReadRuleset, readMachine } from '../link/read-machine.ts';
import { whyNothingToLookAt } from '../link/recognise.ts';
import type { Ruleset } from '../model/ruleset.ts';
import type { Family } from '../net/address.ts';
import { diffRulesets, emptyRuleset, type RulesetDiff, type RulesetDiffOptions } from './diff.ts';
import { type ConnectionsDiff, lostConnections, type RemoteEnd } from './diff-connections.ts';
import type { MachineQuestion } from './machine-rulesets.ts';
import type { Description } from './vocabulary.ts';

/** The question. */
export interface MachineDiffOptions
  extends MachineQuestion,
    Pick<RulesetDiffOptions, 'logging' | 'linesMax' | 'witnessesMax'> {
  /** Only these packets, in match options word by word; none: all. */
  readonly expression?: readonly string[];
  /** Whose connections to the machine matter most: the administrator's who asks. */
  readonly remote?: RemoteEnd;
  /** The texts are of two machines, whatever they say. */
  readonly twoMachines?: boolean;
}

/** One family compared. */
export interface FamilyDiff {
  readonly family: Family;
  /** Undefined where a side has no ruleset of the family: it then accepts everything. */
  readonly old: ReadRuleset | undefined;
  readonly new: ReadRuleset | undefined;
  readonly diff: RulesetDiff;
}

/** One side as it was read, ready for walks. */
export interface ReadSide {
  readonly read: ReadMachine;
  readonly program: Program;
}

/** The answer. */
export interface MachineDiff {
  readonly old: ReadSide;
  readonly new: ReadSide;
  readonly oneMachine: boolean;
  readonly families: readonly FamilyDiff[];
  readonly expression: readonly string[];
  readonly logging: boolean;
  /** Connections that the new rules would cut off; undefined where none are known, or of two machines. */
  readonly connections: ConnectionsDiff | undefined;
  /** About the texts of both sides. */
  readonly diagnostics: readonly Diagnostic[];
}

/** An answer, or why there is none. */
export interface MachineDiffResult {
  readonly compared?: MachineDiff;
  /** The expression is no usable question; spans are offsets into `expressionText`. */
  readonly refused?: { readonly expressionText: SourceText; readonly diagnostics: readonly Diagnostic[] };
  /** Nothing, or not everything, could be compared: why. */
  readonly couldNotLook?: string;
}

/** Facts that make one machine another one. */
const tellingFacts = ['interfaces', 'routes', 'policyRules', 'sysctls', 'sets', 'ipsecPolicies'] as const;

/** Whether both sides say something, and not the same. */
function contradict(a: ContextFacts, b: ContextFacts): boolean {
  return tellingFacts.some((key) => {
    const left = a[key]?.value;
    const right = b[key]?.value;
    return left !== undefined && right !== undefined && JSON.stringify(left) !== JSON.stringify(right);
  });
}

/** Facts of one machine of which each side may have told a part; what both told, the first counts. */
function joinFacts(a: ContextFacts, b: ContextFacts): ContextFacts {
  const known = Object.fromEntries(Object.entries(a).filter(([, value]) => value !== undefined));
  return {
    ...b,
    ...known,
    hostNames: a.hostNames.length > 0 ? a.hostNames : b.hostNames,
    kernelReleases: a.kernelReleases.length > 0 ? a.kernelReleases : b.kernelReleases,
    policyRuleFamilies: a.policyRules ? a.policyRuleFamilies : b.policyRuleFamilies,
    routeTableNames: { ...b.routeTableNames, ...a.routeTableNames },
  };
}

function inForce(read: ReadMachine, family: Family): ReadRuleset | undefined {
  return read.rulesets.findLast((r) => r.linked.ruleset.family === family);
}

const rulesetsOf = (read: ReadMachine): readonly Ruleset[] => read.rulesets.map((r) => r.linked.ruleset);

/** Compiles both sides: what rules tell of a machine, they tell of it under both rulesets. */
function compileSides(
  old: ReadMachine,
  now: ReadMachine,
  oneMachine: boolean,
  { registry, backend, assume }: MachineQuestion,
): readonly [Program, Program] {
  if (!oneMachine)
    return [compile(rulesetsOf(old), old.machine, registry), compile(rulesetsOf(now), now.machine, registry)];
  const machine = buildMachine({
    facts: joinFacts(old.facts, now.facts),
    rulesets: [...rulesetsOf(old), ...rulesetsOf(now)],
    ...(assume === undefined ? {} : { assume }),
    ...(backend === undefined ? {} : { backend }),
  });
  return [compile(rulesetsOf(old), machine, registry), compile(rulesetsOf(now), machine, registry)];
}

/** Compares two machines by their texts, their own first. Never throws for any input. */
export function diffMachines(
  oldTexts: readonly SourceText[],
  newTexts: readonly SourceText[],
  options: MachineDiffOptions,
): MachineDiffResult {
  const { registry, family, backend, assume = [], expression = [] } = options;
  const read = (texts: readonly SourceText[]): ReadMachine =>
    readMachine(texts, { registry, family, backend, assume });
  const old = read(oldTexts);
  const alike = newTexts.length === oldTexts.length && newTexts.every((t, i) => t.text === oldTexts[i]?.text);
  const now = alike ? { ...old, texts: newTexts, diagnostics: [] } : read(newTexts);
  for (const side of [old, now]) {
    const couldNotLook = whyNothingToLookAt(side);
    if (couldNotLook !== undefined) return { couldNotLook };
  }
  const oneMachine = options.twoMachines !== true && !contradict(old.facts, now.facts);
  const [oldProgram, newProgram] = compileSides(old, now, oneMachine, options);
  const asked = family ?? familyOfWords(expression);
  const families: FamilyDiff[] = [];
  for (const f of ['ipv4', 'ipv6'] as const) {
    if (asked !== undefined && asked !== f) continue;
    const mine = inForce(old, f);
    const theirs = inForce(now, f);
    const some = mine ?? theirs;
    if (some === undefined) continue;
    const ruleset = (r: ReadRuleset | undefined): Ruleset =>
      r?.linked.ruleset ?? emptyRuleset(some.linked.ruleset);
    let only: Description | undefined;
    if (expression.length > 0) {
      const set = packetSetFromExpression(expression, {
        registry,
        machine: oldProgram.machine,
        family: f,
        backend: ruleset(mine).backend,
      });
      if (!set.ok)
        return {
          refused: { expressionText: { name: 'packets', text: set.text }, diagnostics: set.diagnostics },
        };
      only = set.describe;
    }
    const diff = diffRulesets({
      registry,
      old: { ruleset: ruleset(mine), program: oldProgram },
      new: { ruleset: ruleset(theirs), program: newProgram },
      oneMachine,
      ...(only === undefined ? {} : { only }),
      ...pick(options),
    });
    families.push({ family: f, old: mine, new: theirs, diff });
  }
  if (families.length === 0)
    return { couldNotLook: `neither side holds an ${asked === 'ipv6' ? 'IPv6' : 'IPv4'} ruleset` };
  const listed = joinFacts(old.facts, now.facts).connections?.value;
  const { remote, meter } = options;
  const connections = oneMachine
    ? lostConnections({
        old: oldProgram,
        new: newProgram,
        listed: listed?.filter((k) => families.some((x) => x.family === k.connection.original.src.family)),
        ...(remote === undefined ? {} : { remote }),
        ...(meter === undefined ? {} : { meter }),
      })
    : undefined;
  const compared: MachineDiff = {
    connections,
    old: { read: old, program: oldProgram },
    new: { read: now, program: newProgram },
    oneMachine,
    families,
    expression,
    logging: options.logging ?? false,
    diagnostics: [...(options.diagnostics ?? []), ...old.diagnostics, ...now.diagnostics],
  };
  const undecided = families.flatMap(({ diff }) => (diff.kind === 'undecided' ? [diff.why] : []));
  return undecided.length === 0 ? { compared } : { compared, couldNotLook: undecided.join('; ') };
}

/** Options that are handed on as they are. */
function pick(o: MachineDiffOptions): Partial<RulesetDiffOptions> {
  const { logging, linesMax, witnessesMax, nodesMax, meter } = o;
  return {
    ...(logging === undefined ? {} : { logging }),
    ...(linesMax === undefined ? {} : { linesMax }),
    ...(witnessesMax === undefined ? {} : { witnessesMax }),
    ...(nodesMax === undefined ? {} : { nodesMax }),
    ...(meter === undefined ? {} : { meter }),
  };
}
