/**
 * Compares the simulator on random cases, for as long as wanted, with the running kernel, or with the packet sets:
 *
 *   npm run soak -- [--with kernel|sets] --runs 5000 [--seed N] [--from N] [--state FILE] [--keep FOLDER]
 *                   [--wanted "KEY, KEY"] [--plain] [--survey] [--refusals]
 *   npm run soak -- --report FILE…
 *
 * Each case is steered: rules in front of the others bring in the extensions that were asked least so far. With --state
 * what was cut off goes on where it stood. Each difference is made smaller, printed with what draws it again, and with
 * --keep written down, of the kernel as a candidate for test/fixtures/kernel-live. --plain steers nothing. --survey lists
 * what the kernel's cases exercised and how often, --refusals the rules that it did not take. --report writes the
 * figures of such states into docs/conformance.md.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { countingRegistry } from '../support/exercised.ts';
import { type Finding, runDifferential } from '../support/kernel-differential.ts';
import { fitsKernel, kernelKeys, kernelRules } from '../support/kernel-fitness.ts';
import { kernelRecords } from '../support/kernel-record.ts';
import { surveyText } from '../support/kernel-survey.ts';
import { runSetsCampaign, steeringOf } from '../support/sets-campaign.ts';
import { withReport } from '../support/soak-report.ts';
import { readState, type SoakState, type SoakWith, writeState } from '../support/soak-state.ts';
import { repositoryRoot } from '../support/source-tree.ts';
import { steeringRules } from '../support/steering.ts';

/** Cases between two writings of the state. */
const chunk = 25;

function option(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

const wanted = option('--wanted')?.split(/,\s*/);
const keep = option('--keep');
const statePath = option('--state');
const runs = Number(option('--runs') ?? 300);
const start = Date.now();
const seconds = (): string => `${Math.round((Date.now() - start) / 1000)} s`;

function keepAs(name: string, value: unknown): void {
  if (keep === undefined) return;
  mkdirSync(keep, { recursive: true });
  writeFileSync(join(keep, `${name}.json`), `${JSON.stringify(value, undefined, 1)}\n`);
}

const rulesOf = (ruleset: string): readonly string[] =>
  ruleset.split('\n').filter((line) => /^(\*|-A|:\w+ DROP)/.test(line));

function save(state: SoakState): void {
  if (statePath !== undefined) writeState(statePath, state);
}

function soakSets(state: SoakState): void {
  runSetsCampaign(state, runs, {
    wanted,
    finding: ({ index, wanted: steered, reduced, breaches }) => {
      console.log(
        [
          `--- case ${index}: npm run soak -- --with sets --seed ${state.seed} --from ${index} --runs 1 --wanted "${steered.join(', ')}"`,
          `IPv${reduced.family}, of the machine is told: ${reduced.told}; ${JSON.stringify(reduced.host.sysctls)}`,
          ...rulesOf(reduced.ruleset),
          ...reduced.packets.map((p, i) => `${i}: ${JSON.stringify(p)}`),
          ...breaches.slice(0, 6).map((b) => `  ${b}`),
          '',
        ].join('\n'),
      );
      keepAs(`sets-${state.seed}-${index}`, reduced);
    },
    progress: () => {
      if (state.cases % chunk === 0) save(state);
      if (state.cases % 100 === 0)
        console.log(`${state.cases} cases, ${state.differences} differ, ${seconds()}`);
    },
  });
  save(state);
  const { ways, fromSets, reached, undecided } = state.counts;
  console.log(
    `seed ${state.seed}: ${state.cases} rulesets, ${state.packets} random packets, ${fromSets} out of sets (${reached} end as ` +
      `their set says), ${ways} ways, ${undecided} without an answer; ${state.differences} differ, ${seconds()}`,
  );
}

function show({ seed, index, path, recorded, differences, wanted: steered }: Finding): string {
  const { host, ruleset, packets } = recorded;
  return [
    `--- case ${index}: npm run soak -- --seed ${seed} --from ${index} --runs 1 --wanted "${steered.join(', ')}"   (path ${path})`,
    JSON.stringify({
      interfaces: host.interfaces.map((i) => [i.name, ...i.addresses]),
      sysctls: host.sysctls,
    }),
    ...rulesOf(ruleset),
    ...packets.map((p, i) => `${i}: ${JSON.stringify(p)}`),
    ...differences.map((d) => `packet ${d.packet} ${d.category}\n  ours   ${d.ours}\n  kernel ${d.kernels}`),
    '',
  ].join('\n');
}

async function soakKernel(state: SoakState): Promise<void> {
  const from = state.next;
  console.log(`seed ${state.seed}, cases ${from} to ${from + runs - 1}`);
  const before = { ...state };
  const plain = process.argv.includes('--plain');
  const tally = await runDifferential({
    seed: state.seed,
    from,
    runs,
    ...(option('--shrinks') ? { shrinks: Number(option('--shrinks')) } : {}),
    ...(plain
      ? {}
      : {
          exercise: { counting: countingRegistry(), into: state.exercised },
          steer: (index) => {
            const steering = steeringOf(state.exercised, index, kernelKeys);
            const names = wanted ?? steering.wanted;
            const rules = steeringRules(names, index, { fits: fitsKernel, instead: kernelRules });
            return { family: steering.family, rules, wanted: names };
          },
        }),
    onFinding(finding) {
      console.log(show(finding));
      keepAs(finding.recorded.id, { ...finding.recorded, title: '' });
    },
    onProgress({ cases, packets, refused, unsteady, findings }) {
      state.next = from + cases;
      state.cases = before.cases + cases;
      state.packets = before.packets + packets;
      state.refused = before.refused + refused;
      state.unsteady = before.unsteady + unsteady;
      state.differences = before.differences + findings.length;
      if (cases % chunk === 0) save(state);
      if (cases % 100 === 0) console.log(`${cases} cases, ${findings.length} differ, ${seconds()}`);
    },
  });
  if (process.argv.includes('--survey')) console.log(surveyText(tally.survey));
  if (process.argv.includes('--refusals'))
    for (const [line, n] of [...tally.refusals].sort((a, b) => b[1] - a[1])) console.log(n, line);
  const { cases, packets, rules, hits, refused, unsteady, findings } = tally;
  save(state);
  console.log(
    `seed ${state.seed}: ${cases} cases, ${packets} packets, ${rules} rules (${hits} hit), ${refused} refused, ` +
      `${unsteady} not the same twice, ${findings.length} differ, ${seconds()}`,
  );
}

/** Writes the figures of the states that are named behind --report into the page about them. */
function report(paths: readonly string[]): void {
  const page = join(repositoryRoot, 'docs', 'conformance.md');
  const states = paths.map((path) => readState(path, { with: 'kernel', seed: 0, next: 0 }));
  writeFileSync(page, withReport(readFileSync(page, 'utf8'), states));
}

const against: SoakWith = option('--with') === 'sets' ? 'sets' : 'kernel';
const state = readState(statePath, {
  with: against,
  seed: Number(option('--seed') ?? Math.floor(Date.now() / 1000) % 2 ** 31),
  next: Number(option('--from') ?? 0),
});
const reportAt = process.argv.indexOf('--report');
const available = against === 'sets' || reportAt > 0 ? ({ ok: true } as const) : kernelRecords();
if (reportAt > 0) report(process.argv.slice(reportAt + 1));
else if (!available.ok) console.log(`skipped: ${available.reason}`);
else {
  if (against === 'sets') soakSets(state);
  else await soakKernel(state);
  process.exitCode = state.differences > 0 ? 1 : 0;
}
