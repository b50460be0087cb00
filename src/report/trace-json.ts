/** A trace as JSON: the schema below, stable to the byte for the same input. */

import { listInferences } from '../context/machine.ts';
import type { Branch } from '../engine/explore.ts';
import { assumptionText } from '../engine/tape.ts';
import { ruleText } from '../link/rule-text.ts';
import type { Fact } from '../model/machine.ts';
import type { RuleRef, Trace } from '../model/trace.ts';
import type { Address } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import type { Flow } from '../trace/flow.ts';
import { generatedBy, type KernelComparison, wayOfTrace } from '../trace/kernel-run.ts';
import { notCovered } from '../trace/not-covered.ts';
import { decidedBy, waysOf } from '../trace/outcome.ts';
import { type Reply, replyEnd } from '../trace/reply.ts';
import type { PacketTrace, TraceResult } from '../trace/trace-packet.ts';
import { jsonText } from './escape-json.ts';
import { unreadLineCount } from './machine-header.ts';
import { type RuleBook, ruleBook } from './rule-book.ts';

/** Events of one way that are told. With --all, a chain of tens of thousands of rules comes whole. */
const eventsMax = 200_000;

/** Raised when a field changes its meaning or goes away; new fields do not raise it. */
const traceSchemaVersion = 1;

/**
 * Prints a trace as one JSON object, as schemas/trace.schema.json has it:
 *
 * - `schemaVersion`, `tool` (`name`, `version`)
 * - `input`: `files`, `ruleset` (the file of the rules), `family`, `familyUndecided`, `backend`, `version`, `date`,
 *   `hostName`, `given` (context with its source), `inferred` (`what`, `source`), `nativeTables`, `notCovered` (`what`, `present`,
 *   `names`), `unreadLineCount`
 * - `packet`, `entry`: the packet as the engine takes it and how it comes; addresses are texts
 * - `defaults`: values that were not given, `option` and `because`; `assume`: as given
 * - `branches`: each way with `assumptions` (`key`, `answer`, `option`), `immaterial` (those that lead the same way
 *   either way but for a log line), `events` (kinds and fields of src/model/trace.ts; a rule has `text`),
 *   `eventsLeftOut` (how many more a walk without end has), `fate`, `decidedBy`, `errno`, `connection`, and `reply`
 *   where the packet arrived: `none` (why none is to expect), or `sort` (`answer`, or `refusal` where no program listens), `packet`, `entry`, `shortcut` (it may go past this
 *   machine), `complete` (all its ways were walked) and `branches` as above, each with its `end`: `comes-back`, `not-translated` (its address is another than
 *   was asked), `elsewhere` (not to the asker), `stopped`, `open`
 * - `flow` with --flow: `steps` (`label`, `from`, `packet`, `entry`, `end`, `mayStop`, and as a branch), `complete`,
 *   `wholeCount` (packets of a whole conversation), `refused`, `connection` (the entry after the last packet)
 * - `kernel` with --kernel: `agrees`, `kernel`, `loader` (its release; what loaded the rules), `runs`, `notBuilt`. Each run has
 *   `assumptions`, `invented` and `leftOut` (how the machine was built), `branch` (index of the way that is nearest),
 *   `simulated` and `kernels`, both with `records` (`table`, `chain`, `number` unless it is the policy, `verdict`, `to`,
 *   `mark`), `end`, `after`, `rejectWith`, `outInterface`, `packet`, `ctState`, `direction`, `errno` and `generated`
 *   (packets that the kernel made, the same way), and `differences` (`what`, `ours`, `kernels`)
 * - `outcomeCount`: ways that end differently; `complete`: whether all ways were walked; `couldNotLook`
 *
 * Absent fields are not known or do not apply.
 */
export function printTraceJson(result: TraceResult, version: string): string {
  const { traced, couldNotLook } = result;
  const book = traced && ruleBook(traced.ruleset.linked.ruleset);
  const answer = {
    schemaVersion: traceSchemaVersion,
    tool: { name: 'fwsim', version },
    ...(traced && book ? tracedJson(traced, book) : { branches: [] }),
    couldNotLook,
  };
  return `${jsonText(answer, 2, (_key, value) => plain(value, book))}\n`;
}

function tracedJson(traced: PacketTrace, book: RuleBook) {
  const { read, ruleset, request, exploration } = traced;
  const { machine } = read;
  const { linked, source } = ruleset;
  const facts: readonly (readonly [string, Fact<unknown> | undefined])[] = [
    ['addresses', machine.interfaces],
    ['routes', machine.routes],
    ['sysctls', machine.sysctls],
    ['sets', machine.sets],
    ['listeners', machine.listeners],
    ['nativeTables', machine.nativeTables],
  ];
  return {
    input: {
      files: read.texts.map((t) => t.name),
      ruleset: source.name,
      family: traced.family,
      familyUndecided: linked.familyUndecided,
      backend: linked.ruleset.backend,
      version: linked.ruleset.version,
      date: linked.date,
      hostName: machine.hostName.value,
      given: facts.flatMap(([what, fact]) =>
        fact?.provenance === 'given' ? [{ what, source: fact.source }] : [],
      ),
      inferred: listInferences(machine),
      nativeTables: machine.nativeTables?.value,
      notCovered: notCovered(read, ruleset),
      unreadLineCount: unreadLineCount(traced.diagnostics),
    },
    packet: request.packet,
    entry: request.entry,
    defaults: request.defaults,
    assume: traced.assume,
    branches: exploration.branches.map((branch) => ({
      ...branchJson(branch, book),
      reply: replyJson(traced.replies.get(branch), branch.trace, book),
    })),
    flow: flowJson(traced.flow, book),
    kernel: kernelJson(traced.kernel, exploration.branches),
    outcomeCount: waysOf(traced.ways).length,
    complete: !exploration.exhausted,
  };
}

function branchJson({ assumptions, immaterial, trace }: Branch, book: RuleBook) {
  return {
    assumptions: assumptions.map((a) => ({ ...a, option: `--assume ${assumptionText(a)}` })),
    immaterial: immaterial.map((a) => a.key),
    ...traceJson(trace, book),
  };
}

function replyJson(reply: Reply | undefined, request: Trace, book: RuleBook) {
  if (!reply) return undefined;
  if (reply.kind === 'none') return { none: reply.because };
  const { sort, packet, entry, shortcut, exploration } = reply;
  return {
    sort,
    packet,
    entry,
    shortcut,
    branches: exploration.branches.map((branch) => ({
      end: replyEnd(request, branch.trace),
      ...branchJson(branch, book),
    })),
    complete: !exploration.exhausted,
  };
}

function flowJson(flow: Flow | undefined, book: RuleBook) {
  if (!flow) return undefined;
  const { steps, connection, ...rest } = flow;
  return {
    ...rest,
    steps: steps.map(({ branch, ...step }) => ({ ...step, ...branchJson(branch, book) })),
    connection: connection && { ...connection, expiresMs: undefined, createdMs: undefined },
  };
}

function traceJson(trace: Trace, book: RuleBook) {
  const at = decidedBy(trace);
  return {
    events: trace.events.slice(0, eventsMax),
    eventsLeftOut: Math.max(0, trace.events.length - eventsMax) || undefined,
    fate: trace.fate,
    decidedBy: at && 'policy' in at ? { ...at, line: book.chain(at.table, at.chain)?.line } : at,
    errno: trace.errno,
    connection: trace.connection,
  };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Both traces of each run in the same words: those of {@link PacketWay}. */
function kernelJson(kernel: KernelComparison | undefined, branches: readonly Branch[]) {
  if (!kernel) return undefined;
  const { answer, runs, agrees } = kernel;
  return {
    agrees,
    kernel: answer.kernel,
    loader: answer.loader,
    runs: runs.map(({ run, branch, differences }) => ({
      assumptions: run.assumptions.map((a) => ({ ...a, option: `--assume ${assumptionText(a)}` })),
      invented: run.invented,
      leftOut: run.leftOut,
      branch: branch && branches.indexOf(branch),
      simulated: branch && {
        ...wayOfTrace(branch.trace),
        generated: generatedBy(branch.trace).map(wayOfTrace),
      },
      kernels: { ...run.main, generated: run.generated },
      differences,
    })),
    notBuilt: answer.notBuilt,
  };
}

/** Addresses as texts, rules with theirs; the rest as it is. */
function plain(value: unknown, book: RuleBook | undefined): unknown {
  if (!isObject(value)) return value;
  if ('family' in value && 'w0' in value && 'w3' in value) return addressText(value as unknown as Address);
  if ('number' in value && 'id' in value && 'chain' in value && !('text' in value)) {
    const { id: _, ...place } = value;
    const rule = book?.rule(value as unknown as RuleRef);
    return rule ? { ...place, text: ruleText(rule) } : place;
  }
  return value;
}
