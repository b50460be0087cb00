/**
 * What printers of findings need of one machine, as plain data: it can come from another thread, and holds nothing of
 * the rules but their texts.
 */

import { listInferences } from '../context/machine.ts';
import type { DiagnosticCode, Severity } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import type { CheckMetadata } from '../lint/check.ts';
import type { Finding } from '../lint/finding.ts';
import type { LintResult, SuppressedFinding } from '../lint/lint.ts';
import type { Profile } from '../lint/profile.ts';
import type { Silence } from '../lint/silence.ts';
import type { Fact } from '../model/machine.ts';
import type { Backend } from '../model/netfilter.ts';
import { ruleCount } from '../model/ruleset.ts';
import type { Family } from '../net/address.ts';

/** The policy line of a built-in chain. */
export interface PolicySummary {
  readonly table: string;
  readonly chain: string;
  readonly policy: string;
  /** 1-based; 0: no line of the input. */
  readonly line: number;
}

/** One ruleset of a machine, without its rules. */
export interface RulesetSummary {
  /** Name of the text that it stands in, and the line on which it begins. */
  readonly file: string;
  readonly line: number;
  readonly family: Family;
  readonly familyUndecided: boolean;
  readonly backend: Backend;
  readonly version: string;
  readonly tables: readonly string[];
  readonly ruleCount: number;
  readonly policies: readonly PolicySummary[];
}

/** What is known of one thing about the machine, without the thing itself. */
export interface FactSummary {
  readonly fact: string;
  readonly provenance: Fact<unknown>['provenance'];
  readonly source: string;
}

/** One machine for the printers. */
export interface MachineReport {
  /** The machine's own text first. */
  readonly texts: readonly SourceText[];
  /** Further texts that findings point into, such as a file of suppressions. */
  readonly otherTexts: readonly SourceText[];
  /** From which severity on a finding fails the run. */
  readonly failOn: Severity | 'never';
  readonly hostName: string | undefined;
  readonly profile: Fact<Profile>;
  readonly rulesets: readonly RulesetSummary[];
  readonly facts: readonly FactSummary[];
  /** What `fwsim trace` must be told of what the configuration says: `forwarding=on`. */
  readonly assume: readonly string[];
  /** What was inferred, and from what. */
  readonly assumed: readonly { readonly what: string; readonly source: string }[];
  readonly findings: readonly Finding[];
  readonly suppressed: readonly SuppressedFinding[];
  readonly tooUnsure: number;
  readonly checked: readonly DiagnosticCode[];
  readonly couldNotLook?: string;
  /** A limit was reached: there may be more findings than these. */
  readonly unfinished?: string;
  readonly silence?: Silence;
}

/** What is told of a whole run, besides its machines. */
export interface RunDetails {
  /** Of fwsim. */
  readonly version: string;
  /** Every check, for what the formats tell about them. */
  readonly checks: readonly CheckMetadata[];
}

/** What {@link reportOf} is told besides the result. */
export interface ReportExtras {
  readonly otherTexts?: readonly SourceText[];
  /** Default: `warning`. */
  readonly failOn?: MachineReport['failOn'];
}

/** The report of what was found out about a machine. */
export function reportOf(result: LintResult, extras: ReportExtras = {}): MachineReport {
  const { read, profile, findings, suppressed, tooUnsure, checked, couldNotLook, unfinished, silence } =
    result;
  const { machine } = read;
  const facts: Readonly<Record<string, Fact<unknown> | undefined>> = {
    hostName: machine.hostName,
    kernelRelease: machine.kernelRelease,
    backend: machine.backend,
    interfaces: machine.interfaces,
    routes: machine.routes,
    policyRules: machine.policyRules,
    sysctls: machine.sysctls,
    sets: machine.sets,
    listeners: machine.listeners,
    conntrack: machine.conntrack,
    outside: machine.outside.find((f) => f.provenance === 'given'),
    inside: machine.inside?.[0],
    expectedInterfaces: machine.expectedInterfaces?.[0],
    roles: machine.roles?.[0],
    inputFilteredElsewhere: machine.inputFilteredElsewhere,
  };
  return {
    texts: read.texts,
    otherTexts: extras.otherTexts ?? [],
    failOn: extras.failOn ?? 'warning',
    hostName: machine.hostName.value,
    profile,
    rulesets: read.rulesets.map(({ linked, source }) => ({
      file: source.name,
      line: linked.line,
      family: linked.ruleset.family,
      familyUndecided: linked.familyUndecided,
      backend: linked.ruleset.backend,
      version: linked.ruleset.version,
      tables: linked.ruleset.tables.map((table) => table.name),
      ruleCount: ruleCount(linked.ruleset),
      policies: linked.ruleset.tables.flatMap((table) =>
        table.chains.flatMap(({ hook, name, policy, line }) =>
          hook === undefined ? [] : [{ table: table.name, chain: name, policy: policy ?? 'ACCEPT', line }],
        ),
      ),
    })),
    facts: Object.entries(facts).map(([fact, value]) => ({
      fact,
      provenance: value?.provenance ?? 'unknown',
      source: value?.source ?? '',
    })),
    assume: Object.values(machine.inferredSysctls ?? {})
      .filter(({ provenance }) => provenance === 'given')
      .map(({ value }) => `forwarding=${value === '1' ? 'on' : 'off'}`)
      .slice(0, 1),
    assumed: listInferences(machine).map(({ what, source }) => ({ what, source })),
    findings,
    suppressed,
    tooUnsure,
    checked,
    ...(couldNotLook === undefined ? {} : { couldNotLook }),
    ...(unfinished === undefined ? {} : { unfinished }),
    ...(silence ? { silence: plainSilence(silence) } : {}),
  };
}

/** A check's functions cannot go to another thread. */
function plainSilence(silence: Silence): Silence {
  const {
    run: _,
    conclude: __,
    ...check
  } = silence.check as Silence['check'] & {
    readonly run?: unknown;
    readonly conclude?: unknown;
  };
  return { ...silence, check };
}

/** The name of a machine's own text. */
export function machineName(report: MachineReport): string {
  return report.texts[0]?.name ?? '';
}

const rank: Readonly<Record<Severity, number>> = { error: 3, warning: 2, info: 1 };

/** Whether a finding fails the run. */
export function failsRun({ severity }: Pick<Finding, 'severity'>, failOn: Severity | 'never'): boolean {
  return failOn !== 'never' && rank[severity] >= rank[failOn];
}

/** Severities, gravest first. */
export const severities: readonly Severity[] = ['error', 'warning', 'info'];
