/**
 * How many mistakes in rules do their tests notice?
 *
 *   npm run mutants -- POLICY… [--run COMMAND]
 *
 * Each ruleset that the policies name is changed in one place at a time (`src/testing/mutants.ts`). Mutants under which
 * no packet fares differently are set aside: that is proved. The others should be refuted by a policy, and by COMMAND,
 * which is run in the policy's folder with the path of the mutant in RULES and should fail. Ends with 1 if one survives.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { readPolicy } from '../cli/policy/read-policy.ts';
import { runPolicy } from '../policy/run.ts';
import { defaultRegistry } from '../registry.ts';
import { type JudgedMutant, mutantsOf, mutationKinds } from '../testing/mutants.ts';
import { loadRules, type Rules } from '../testing/rules.ts';

interface Judged {
  readonly mutant: JudgedMutant;
  readonly byPolicy: boolean;
  /** Undefined where no command was given. */
  readonly byCommand: boolean | undefined;
}

const { values, positionals } = parseArgs({ options: { run: { type: 'string' } }, allowPositionals: true });
if (positionals.length === 0) {
  console.error('usage: npm run mutants -- POLICY… [--run COMMAND]');
  process.exitCode = 2;
} else {
  const judged = positionals.flatMap((path) => judge(resolve(path), values.run));
  print(judged, values.run !== undefined);
}

/** Tries every mutant of the rulesets that one policy names. */
function judge(path: string, command: string | undefined): readonly Judged[] {
  const file = readPolicy({ name: path, text: readFileSync(path, 'utf8') });
  const folder = dirname(path);
  const scratch = mkdtempSync(join(tmpdir(), 'fwsim-mutants-'));
  try {
    return file.rules.flatMap((name) => {
      const rules = loadRules(
        join(folder, name),
        file.context.map((c) => join(folder, c)),
        { assume: file.assume },
      );
      const refuted = (texts: Rules['texts']): boolean =>
        runPolicy(texts, file.policy, { registry: defaultRegistry(), assume: file.assume }).tests.some(
          (t) => t.verdict === 'failed' || t.verdict === 'undecided',
        );
      const noticed = (text: string): boolean | undefined => {
        if (command === undefined) return undefined;
        const changed = join(scratch, 'mutant.rules');
        writeFileSync(changed, text);
        const env = { ...process.env, RULES: changed };
        return spawnSync('sh', ['-c', command], { cwd: folder, stdio: 'ignore', env }).status !== 0;
      };
      // Tests that fail on the rules as they are would notice anything.
      if (refuted(rules.texts)) throw new Error(`${path} does not hold for ${name} as it is`);
      if (noticed(rules.texts[0]?.text ?? '')) throw new Error(`"${command}" fails for ${name} as it is`);
      return mutantsOf(rules).map(
        (mutant): Judged =>
          mutant.judged === 'equal'
            ? { mutant, byPolicy: false, byCommand: undefined }
            : { mutant, byPolicy: refuted(mutant.rules.texts), byCommand: noticed(mutant.text) },
      );
    });
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function print(all: readonly Judged[], withCommand: boolean): void {
  const different = all.filter(({ mutant }) => mutant.judged !== 'equal');
  const columns = ['mutants', 'equal', 'by policy', ...(withCommand ? ['by command'] : []), 'alive'];
  const row = (label: string, list: readonly Judged[]): string => {
    const live = list.filter(({ mutant }) => mutant.judged !== 'equal');
    const numbers = [
      list.length,
      list.length - live.length,
      live.filter((j) => j.byPolicy).length,
      ...(withCommand ? [live.filter((j) => j.byCommand === true).length] : []),
      live.filter((j) => !j.byPolicy && j.byCommand !== true).length,
    ];
    return `${label.padEnd(6)}${numbers.map((n, i) => String(n).padStart((columns[i]?.length ?? 0) + 2)).join('')}`;
  };
  console.log(`${''.padEnd(6)}${columns.map((c) => `  ${c}`).join('')}`);
  for (const kind of mutationKinds)
    console.log(
      row(
        kind,
        all.filter(({ mutant }) => mutant.kind === kind),
      ),
    );
  console.log(row('all', all));
  const alive = different.filter((j) => !j.byPolicy && j.byCommand !== true);
  for (const { mutant } of alive) console.log(`alive   ${mutant}`);
  for (const { mutant } of all.filter((j) => j.mutant.judged === 'equal')) console.log(`equal   ${mutant}`);
  if (withCommand)
    for (const { mutant } of different.filter((j) => j.byPolicy && j.byCommand === false))
      console.log(`by policy alone   ${mutant}`);
  if (alive.length > 0) process.exitCode = 1;
}
