/**
 * Comparisons of a large dump, as the command makes them. The bars: with itself at most 1 s, with a copy that has 200
 * scattered edits at most 5 s, witnesses included, each the whole process.
 *
 *   node scripts/dev.mjs bench/diff.bench.ts FILE     another dump
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { scatteredEdits } from './support/edited-text.ts';

const root = join(import.meta.dirname, '..');
const command = join(root, 'dist', 'cli.js');
const corpus = join(process.env['FWSIM_SHARED'] ?? join(root, '..', 'shared'), 'corpus', 'gateway');

function largeDump(): string | undefined {
  const given = process.argv[2];
  if (given !== undefined) return given;
  if (!existsSync(corpus)) return undefined;
  const name = readdirSync(corpus).find((n) => /^net-network.*2016-06-27.*\.gz$/.test(n));
  return name === undefined ? undefined : join(corpus, name);
}

function tell(name: string, old: string, now: string): void {
  const times: number[] = [];
  let outcome = '';
  for (let run = 0; run < 3; run++) {
    const start = performance.now();
    const { stdout, status } = spawnSync(process.execPath, [command, 'diff', old, now, '--all'], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    times.push(performance.now() - start);
    const examples = stdout.match(/^ {2}example/gm)?.length ?? 0;
    outcome = `exit ${status}, ${stdout.match(/^IPv4 {2}[^:]*/m)?.[0] ?? ''}, ${examples} with an example`;
  }
  console.log(
    `  ${Math.min(...times)
      .toFixed(0)
      .padStart(6)} ms  ${name}: ${outcome}`,
  );
}

const dump = largeDump();
if (!existsSync(command)) console.log('diff: needs npm run build');
else if (dump === undefined) console.log('diff: needs the corpus in the shared data, or a FILE');
else {
  const bytes = readFileSync(dump);
  const text = (dump.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1');
  const folder = mkdtempSync(join(tmpdir(), 'fwsim-bench-'));
  const old = join(folder, 'old.rules');
  const now = join(folder, 'new.rules');
  writeFileSync(old, text, 'latin1');
  writeFileSync(now, scatteredEdits(text, 200), 'latin1');
  console.log(`diff: ${(text.match(/^(\[\d+:\d+\] )?-A /gm) ?? []).length} rules`);
  tell('with itself', old, old);
  tell('with 200 edits', old, now);
  rmSync(folder, { recursive: true });
}
