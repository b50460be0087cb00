/** Random cases, run both in the simulator and on the running kernel; what differs is shrunk. */

import { cpus } from 'node:os';
import fc from 'fast-check';
import type { CaseAnswer, KernelCase } from '../../src/dev/conform-case.ts';
import { compareAnswers } from '../../src/dev/conform-compare.ts';
import { runCase } from '../../src/dev/conform-run.ts';
import type { Registry } from '../../src/extensions/registry.ts';
import { arbitraryKernelCase, type Steering, steeredKernelCase } from './arbitrary-kernel-cases.ts';
import type { Counting, Exercised } from './exercised.ts';
import { allExtensions } from './extension-tables.ts';
import { Recorder, type RecordJob, type RecordResult } from './kernel-record.ts';
import { type Survey, surveyCase } from './kernel-survey.ts';

/** One thing that the simulator and the kernel say differently. */
export interface CaseDifference {
  /** Place of the packet in its case. */
  readonly packet: number;
  readonly category: string;
  readonly ours: string;
  readonly kernels: string;
}

/** How a piece of a packet may end without anybody seeing what became of it. */
const unseen = ['queued', 'route_drop', 'ingress_drop', 'send_error'];

/** What the recorder could see, where it cannot see all. */
function asFarAsSeen(kernels: CaseAnswer, ours: CaseAnswer): CaseAnswer {
  // SNPT writes into a packet and the copy that lo brings back at once: nobody knows it by its source any more.
  const copied = kernels.generated?.some(({ copy }) => copy);
  return copied && kernels.fate === 'lost' && ours.fate === 'sent' ? { ...kernels, fate: 'sent' } : kernels;
}

/** Whether a piece waits or is gone only a later one tells: where both sides say one of these, it is left at that. */
function withoutWait(kernels: CaseAnswer, ours: CaseAnswer): CaseAnswer {
  const same = (k: CaseAnswer, o: CaseAnswer | undefined): CaseAnswer =>
    o && unseen.includes(k.fate) && unseen.includes(o.fate) ? { ...k, fate: o.fate } : k;
  const { generated } = kernels;
  if (!generated) return same(kernels, ours);
  return { ...same(kernels, ours), generated: generated.map((g, i) => same(g, ours.generated?.[i])) };
}

/** What differs between the simulator and a recorded case; empty: they agree. */
export function caseDifferences(
  recorded: KernelCase,
  registry: Registry = allExtensions,
): readonly CaseDifference[] {
  const { answers, problems } = runCase(recorded, registry);
  const said = problems.map((p) => ({ packet: -1, category: 'link', ours: p, kernels: 'loaded' }));
  return [
    ...said,
    ...answers.flatMap((answer, packet) => {
      const expected = recorded.expect[packet];
      const sent = recorded.packets[packet];
      if (!expected || !sent) return [];
      const seen = asFarAsSeen(expected, answer);
      const judged = sent.mf || sent.frag_off !== undefined ? withoutWait(seen, answer) : seen;
      return compareAnswers(answer, judged).map((d) => ({ packet, ...d }));
    }),
  ];
}

/** A case on which simulator and kernel differ, as small as it could be made. */
export interface Finding {
  readonly seed: number;
  /** Number of the case in its run: `--from INDEX --runs 1` draws it again. */
  readonly index: number;
  /** fast-check's way to the shrunk case. */
  readonly path: string;
  readonly recorded: KernelCase;
  readonly differences: readonly CaseDifference[];
  /** Extensions that it was steered to. */
  readonly wanted: readonly string[];
}

export interface DifferentialOptions {
  readonly seed: number;
  readonly from: number;
  readonly runs: number;
  /** Stop drawing after so long. */
  readonly seconds?: number;
  /** How many times a case may be recorded while it is shrunk. */
  readonly shrinks?: number;
  readonly processes?: number;
  /** What a case must have; asked when the case begins. */
  readonly steer?: (index: number) => Steering & { readonly wanted: readonly string[] };
  /** Counts which extensions took part, case by case. */
  readonly exercise?: { readonly counting: Counting; readonly into: Exercised };
  readonly onFinding?: (finding: Finding) => void;
  readonly onProgress?: (tally: Tally) => void;
}

/** What was done. */
export interface Tally {
  cases: number;
  packets: number;
  rules: number;
  /** Rules that matched some packet. */
  hits: number;
  /** Rulesets that the kernel did not take even without the rules that it named. */
  refused: number;
  /** Cases that two recordings show differently. */
  unsteady: number;
  findings: Finding[];
  refusals: Map<string, number>;
  survey: Survey;
}

/** Takes rules out that the kernel refuses, as far as its message says which. */
async function recordLoadable(recorder: Recorder, job: RecordJob, tally?: Tally): Promise<RecordResult> {
  let now = job;
  for (let turn = 0; turn < 20; turn++) {
    const result = await recorder.record(now);
    if (!('error' in result)) return result;
    const at = /line:? (\d+)/.exec(result.error.replace(/\(line \d+\)$/, ''))?.[1];
    const lines = now.ruleset.split('\n');
    const line = at === undefined ? undefined : lines[Number(at) - 1];
    if (tally) {
      const key = `${line ?? '?'}  ${result.error.slice(0, 200)}`;
      tally.refusals.set(key, (tally.refusals.get(key) ?? 0) + 1);
    }
    if (!line?.startsWith('-A ')) return result;
    lines.splice(Number(at) - 1, 1);
    now = { ...now, ruleset: lines.join('\n') };
  }
  return { id: job.id, error: 'too many refused rules' };
}

class Differs extends Error {
  readonly recorded: KernelCase;
  readonly differences: readonly CaseDifference[];

  constructor(recorded: KernelCase, differences: readonly CaseDifference[]) {
    super(differences.map((d) => `${d.packet} ${d.category}: ${d.ours} | ${d.kernels}`).join('\n'));
    this.recorded = recorded;
    this.differences = differences;
  }
}

/**
 * Makes a recorded case smaller: fewer packets, rules, settings and sets, as long as it differs in the same category.
 * The packets are those that were really sent, so none depends on another any more.
 */
async function reduce(recorder: Recorder, start: KernelCase): Promise<KernelCase> {
  const wanted = caseDifferences(start)[0]?.category;
  let best = start;
  const attempt = async (candidate: KernelCase): Promise<boolean> => {
    const result = await recorder.record(candidate as unknown as RecordJob);
    if ('error' in result || !caseDifferences(result).some((d) => d.category === wanted)) return false;
    best = result;
    return true;
  };
  for (let size = Math.ceil(best.packets.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let at = best.packets.length - size; at >= 0; at -= size)
      if (best.packets.length > size) await attempt({ ...best, packets: best.packets.toSpliced(at, size) });
  for (let at = best.ruleset.split('\n').length - 1; at >= 0; at--) {
    const lines = best.ruleset.split('\n');
    if (lines[at]?.startsWith('-A ')) await attempt({ ...best, ruleset: lines.toSpliced(at, 1).join('\n') });
  }
  for (const table of best.ruleset.match(/^\*\w+\n(?::.*\n)*COMMIT\n/gm) ?? [])
    await attempt({ ...best, ruleset: best.ruleset.replace(table, '') });
  for (const chain of best.ruleset.match(/^:\S+ - .*\n/gm) ?? [])
    await attempt({ ...best, ruleset: best.ruleset.replace(chain, '') });
  for (const key of Object.keys(best.host.sysctls)) {
    // What a bridge asks has no default: a rule may change it.
    if (key.startsWith('net.bridge.')) continue;
    const { [key]: _, ...sysctls } = best.host.sysctls;
    await attempt({ ...best, host: { ...best.host, sysctls } });
  }
  if (best.ipsets !== undefined) {
    const { ipsets: _, ...rest } = best;
    await attempt(rest);
  }
  return best;
}

/** A seed of its own for each case, so that any of them can be drawn alone. */
function seedOf(seed: number, index: number): number {
  let h = (seed ^ Math.imul(index + 1, 0x9e3779b1)) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

async function tryCase(
  recorder: Recorder,
  options: DifferentialOptions,
  index: number,
  tally: Tally,
): Promise<void> {
  let first = true;
  let left = options.shrinks ?? 40;
  const steering = options.steer?.(index);
  const drawn = steering === undefined ? arbitraryKernelCase : steeredKernelCase(steering);
  const property = fc.asyncProperty(drawn, async (job) => {
    const outer = first;
    first = false;
    if (!outer && left-- <= 0) return;
    const result = await recordLoadable(
      recorder,
      { ...job, id: `${options.seed}-${index}` },
      outer ? tally : undefined,
    );
    if ('error' in result) {
      if (outer) tally.refused++;
      return;
    }
    if (outer) {
      surveyCase(tally.survey, result);
      tally.packets += result.packets.length;
      const rules = result.ruleset.split('\n').filter((l) => l.startsWith('-A ')).length;
      const hit = new Set(
        result.expect.flatMap((e) =>
          (e.trace ?? []).filter((t) => t.rule).map((t) => `${t.table} ${t.chain} ${t.rule}`),
        ),
      );
      tally.rules += rules;
      tally.hits += hit.size;
    }
    const { counting, into } = options.exercise ?? {};
    const differences = caseDifferences(result, outer ? counting?.registry : undefined);
    if (outer && into !== undefined) counting?.endCase(into);
    if (differences.length === 0) return;
    const again = await recorder.record({
      ...job,
      ruleset: result.ruleset,
      packets: result.packets,
      id: result.id,
      // Slower, so that what depends on ticks of the clock shows.
      pause: 6,
    });
    if ('error' in again) return;
    const steady = again.expect.every((e, i) => compareAnswers(e, result.expect[i] ?? e).length === 0);
    if (!steady || caseDifferences(again).length === 0) {
      if (outer) tally.unsteady++;
      return;
    }
    throw new Differs(again, differences);
  });
  const outcome = await fc.check(property, { seed: seedOf(options.seed, index), numRuns: 1 });
  tally.cases++;
  if (!outcome.failed) return;
  const problem = outcome.errorInstance;
  if (!(problem instanceof Differs)) throw problem;
  const recorded = await reduce(recorder, problem.recorded);
  const finding: Finding = {
    seed: options.seed,
    index,
    path: outcome.counterexamplePath ?? '',
    recorded,
    differences: caseDifferences(recorded),
    wanted: steering?.wanted ?? [],
  };
  tally.findings.push(finding);
  options.onFinding?.(finding);
}

/** Draws cases and compares. Cases are numbered; each is drawn from the seed and its number alone. */
export async function runDifferential(options: DifferentialOptions): Promise<Tally> {
  const tally: Tally = {
    cases: 0,
    packets: 0,
    rules: 0,
    hits: 0,
    refused: 0,
    unsteady: 0,
    findings: [],
    refusals: new Map(),
    survey: new Map(),
  };
  const count = options.processes ?? Math.max(1, Math.min(2, cpus().length));
  const end = options.seconds === undefined ? Number.POSITIVE_INFINITY : Date.now() + options.seconds * 1000;
  let next = options.from;
  const work = async (cpu: number): Promise<void> => {
    const recorder = new Recorder(cpu);
    try {
      while (next < options.from + options.runs && Date.now() < end) {
        await tryCase(recorder, options, next++, tally);
        options.onProgress?.(tally);
      }
    } finally {
      recorder.close();
    }
  };
  await Promise.all(Array.from({ length: count }, (_, cpu) => work(cpu)));
  return tally;
}
