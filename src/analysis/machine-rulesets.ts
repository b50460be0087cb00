/** The rulesets of one machine's texts that are in force, ready for questions about all packets. */

import type { Assumption } from '../context/assume.ts';
import type { DeclaredContext } from '../context/declared.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import { compile, type Program } from '../engine/program.ts';
import type { Registry } from '../extensions/registry.ts';
import { type ReadMachine, type ReadRuleset, readMachine } from '../link/read-machine.ts';
import { whyNothingToLookAt } from '../link/recognise.ts';
import type { Backend } from '../model/netfilter.ts';
import type { Family } from '../net/address.ts';
import { nodesMaxDefault } from '../packetset/bdd.ts';
import type { Exhaustion, Meter } from '../support/budget.ts';

/** What every question about all packets of a machine is told. */
export interface MachineQuestion {
  readonly registry: Registry;
  readonly family?: Family | undefined;
  readonly backend?: Backend | undefined;
  /** What is to be taken for known of the machine. */
  readonly assume?: readonly Assumption[];
  /** What the administrator says of the machine. */
  readonly declared?: DeclaredContext | undefined;
  /** What was wrong with the bytes of the texts. */
  readonly diagnostics?: readonly Diagnostic[];
  /** Ceiling on nodes of sets, for each family; 2^24 by default, about half a gigabyte. */
  readonly nodesMax?: number;
  readonly meter?: Meter;
}

/** A machine with its rulesets in force that are asked about, one for each family that was given. */
export interface MachineRulesets {
  readonly read: ReadMachine;
  readonly rulesets: readonly ReadRuleset[];
  readonly program: Program;
  /** About the texts. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads and compiles; a text says why there is nothing to look at. Never throws for any input. */
export function machineRulesets(
  texts: readonly SourceText[],
  { registry, family, backend, assume = [], declared, diagnostics = [] }: MachineQuestion,
): MachineRulesets | string {
  const read = readMachine(texts, { registry, family, backend, assume, declared });
  const couldNotLook = whyNothingToLookAt(read);
  if (couldNotLook !== undefined) return couldNotLook;
  const rulesets = (['ipv4', 'ipv6'] as const)
    .filter((f) => family === undefined || family === f)
    .flatMap((f) => read.rulesets.findLast((r) => r.linked.ruleset.family === f) ?? []);
  return {
    read,
    rulesets,
    program: compile(
      read.rulesets.map((r) => r.linked.ruleset),
      read.machine,
      registry,
    ),
    diagnostics: [...diagnostics, ...read.diagnostics],
  };
}

const resources: Readonly<Record<Exhaustion['resource'], string>> = {
  nodes: 'nodes of sets',
  forks: 'forks',
  steps: 'steps',
  timeMs: 'milliseconds',
  cancelled: '',
};

/** Why nobody tries, for people: beyond so many rules it takes more than a minute. */
export function tooManyRules(what: string, rulesMax: number): string {
  return `${what} for more than ${rulesMax.toLocaleString('en')} rules; --nodes ${nodesMaxDefault} tries all the same`;
}

/** Why an answer about sets was not found, for people; undefined if it was. */
export function budgetReached(
  decided: boolean,
  { nodesMax, meter }: Pick<MachineQuestion, 'nodesMax' | 'meter'>,
): string | undefined {
  const exhausted = meter?.exhausted;
  if (exhausted?.resource === 'cancelled') return 'the work was cancelled';
  if (exhausted) return `the budget of ${exhausted.limit} ${resources[exhausted.resource]} was used up`;
  if (decided) return undefined;
  return `the sets of this ruleset need more than ${nodesMax ?? nodesMaxDefault} nodes`;
}
