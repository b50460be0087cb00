/**
 * `npm run vectors [-- FILE…] [--extension NAME] [--all]`: prints every vector as iptables-save would, and scores
 * it against what the real iptables 1.8.9 printed or refused.
 */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultRegistry } from '../index.ts';
import { scoreVectors, type Vector } from './vector-score.ts';

const args = process.argv.slice(2);
const flagValue = (name: string): string | undefined => {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args[at + 1];
};
const only = flagValue('--extension');
const showAll = args.includes('--all');
const given = args.filter((a, i) => !a.startsWith('--') && args[i - 1] !== '--extension');
const shared = join(process.cwd(), '..', 'shared', 'vectors');
const files =
  given.length > 0
    ? given
    : ['iptables-extensions.jsonl', 'dialects.jsonl']
        .map((f) => join(shared, f))
        .filter((f) => existsSync(f));

if (files.length === 0) {
  process.stderr.write('vectors: no vector files given, and none beside the project\n');
  process.exitCode = 2;
}

const registry = defaultRegistry();
const percent = (part: number, whole: number): string =>
  whole === 0 ? '  –  ' : `${((100 * part) / whole).toFixed(1)} %`;
for (const file of files) {
  const vectors = readFileSync(file, 'utf8')
    .split('\n')
    .filter((l) => l !== '')
    .map((l) => JSON.parse(l) as Vector)
    .filter((v) => only === undefined || (v.extension ?? v.group) === only);
  const score = scoreVectors(vectors, registry);
  const out = [`${file}`, `${'extension'.padEnd(16)} printed exactly      refused on the right word`];
  for (const [name, s] of [...score.byName].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const good = s.printed === s.accepted && s.refusedRight === s.refused;
    if (!showAll && good) continue;
    out.push(`${name.padEnd(16)} ${`${s.printed}/${s.accepted}`.padEnd(20)} ${s.refusedRight}/${s.refused}`);
  }
  const t = score.total;
  out.push(
    `${'all'.padEnd(16)} ${`${t.printed}/${t.accepted} ${percent(t.printed, t.accepted)}`.padEnd(20)} ${t.refusedRight}/${t.refused} ${percent(t.refusedRight, t.refused)}  (refused at all: ${t.refusedAtAll})`,
  );
  for (const f of score.failures) out.push(`  ${f}`);
  process.stdout.write(`${out.join('\n')}\n\n`);
}
