/**
 * Compares the simulator with the running kernel on random cases, for as long as wanted:
 *
 *   npm run soak -- --runs 5000 [--seed N] [--from N] [--keep FOLDER] [--survey] [--refusals]
 *
 * Case number I of a seed is always the same one: a run that was cut off goes on with --from. Each difference is
 * shrunk, printed with what draws it again, and with --keep written as a candidate for test/fixtures/kernel-live.
 * --survey lists what the cases exercised and how often, --refusals the rules that the kernel did not take.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Finding, runDifferential } from '../support/kernel-differential.ts';
import { kernelRecords } from '../support/kernel-record.ts';
import { surveyText } from '../support/kernel-survey.ts';

function option(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

function show({ seed, index, path, recorded, differences }: Finding): string {
  const { host, ruleset, packets } = recorded;
  return [
    `--- case ${index}: npm run soak -- --seed ${seed} --from ${index} --runs 1   (path ${path})`,
    JSON.stringify({
      interfaces: host.interfaces.map((i) => [i.name, ...i.addresses]),
      sysctls: host.sysctls,
    }),
    ...ruleset.split('\n').filter((line) => /^(\*|-A|:\w+ DROP)/.test(line)),
    ...packets.map((p, i) => `${i}: ${JSON.stringify(p)}`),
    ...differences.map((d) => `packet ${d.packet} ${d.category}\n  ours   ${d.ours}\n  kernel ${d.kernels}`),
    '',
  ].join('\n');
}

const available = kernelRecords();
if (!available.ok) console.log(`skipped: ${available.reason}`);
else {
  const seed = Number(option('--seed') ?? Math.floor(Date.now() / 1000) % 2 ** 31);
  const runs = Number(option('--runs') ?? 300);
  const from = Number(option('--from') ?? 0);
  const keep = option('--keep');
  const start = Date.now();
  console.log(`seed ${seed}, cases ${from} to ${from + runs - 1}`);
  const tally = await runDifferential({
    seed,
    from,
    runs,
    ...(option('--shrinks') ? { shrinks: Number(option('--shrinks')) } : {}),
    onFinding(finding) {
      console.log(show(finding));
      if (keep === undefined) return;
      mkdirSync(keep, { recursive: true });
      const { recorded } = finding;
      const text = JSON.stringify({ ...recorded, title: '' }, undefined, 1);
      writeFileSync(join(keep, `${recorded.id}.json`), `${text}\n`);
    },
    onProgress({ cases, findings }) {
      if (cases % 100 === 0)
        console.log(
          `${cases} cases, ${findings.length} differ, ${Math.round((Date.now() - start) / 1000)} s`,
        );
    },
  });
  if (process.argv.includes('--survey')) console.log(surveyText(tally.survey));
  if (process.argv.includes('--refusals'))
    for (const [line, n] of [...tally.refusals].sort((a, b) => b[1] - a[1])) console.log(n, line);
  const { cases, packets, rules, hits, refused, unsteady, findings } = tally;
  console.log(
    `seed ${seed}: ${cases} cases, ${packets} packets, ${rules} rules (${hits} hit), ${refused} refused, ` +
      `${unsteady} not the same twice, ${findings.length} differ, ${Math.round((Date.now() - start) / 1000)} s`,
  );
  process.exitCode = findings.length > 0 ? 1 : 0;
}
