/**
 * `npm run corpus [-- --update] [--show CODE,…] [--file NAME] [--code CODE,…] [--unread]`: lints every dump of the
 * corpus beside the project and of rules-examples, and tells what has changed since the list was last written.
 *
 *   --update      writes the list of findings, and the measured precision of each code
 *   --show CODE   prints the findings of these codes with their lines, and what was judged of them
 *   --unread      with --show: only those that nobody has judged
 *   --file NAME   only dumps whose name contains this
 *   --code CODE   runs only these checks; not with --update
 *
 * A reader's verdicts stand in test/corpus/verdicts.tsv: dump, fingerprint, `true`, `false` or `unclear`, and why.
 */

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPositionTable } from '../diagnostics/position.ts';
import { checks, defaultRegistry, lintMachine } from '../linting.ts';
import { corpusNames, readCorpusFile } from './corpus-files.ts';
import {
  compareFound,
  type Found,
  isReal,
  keyOfFound,
  measurePrecision,
  parseFound,
  parseVerdicts,
  printFound,
} from './corpus-list.ts';

const args = process.argv.slice(2);
const flagValue = (name: string): string | undefined => {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args[at + 1];
};
const codesOf = (text: string | undefined): readonly string[] => text?.split(',') ?? [];
const update = args.includes('--update');
const shown = codesOf(flagValue('--show'));
const only = codesOf(flagValue('--code'));
const wantedFile = flagValue('--file');
const root = process.cwd();
const corpusFolder = join(root, '..', 'shared', 'corpus');
const listFile = join(root, 'test', 'corpus', 'found.tsv');
const verdictsFile = join(root, 'test', 'corpus', 'verdicts.tsv');
const precisionFile = join(root, 'src', 'lint', 'precision.ts');

interface Dump {
  readonly name: string;
  readonly text: string;
}

function* dumps(): Generator<Dump> {
  if (existsSync(corpusFolder))
    for (const name of corpusNames(corpusFolder))
      yield { name, text: readCorpusFile(corpusFolder, name).text };
  const examples = join(root, 'rules-examples');
  for (const file of readdirSync(examples).sort())
    if (file.endsWith('.rules'))
      yield { name: `rules-examples/${file}`, text: readFileSync(join(examples, file), 'utf8') };
}

const read = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');
const registry = defaultRegistry();
const verdicts = parseVerdicts(read(verdictsFile));
const found: Found[] = [];
const texts = new Map<string, string>();
const say = (line: string): boolean => process.stdout.write(`${line}\n`);
let dumpCount = 0;
let realCount = 0;

for (const { name, text } of dumps()) {
  if (wantedFile !== undefined && !name.includes(wantedFile)) continue;
  dumpCount++;
  if (isReal(name)) realCount++;
  const started = performance.now();
  const { findings } = lintMachine([{ name, text }], {
    registry,
    checks,
    presets: ['all'],
    preview: true,
    ...(only.length > 0 ? { select: only } : {}),
  });
  const elapsed = performance.now() - started;
  if (elapsed > 5000) process.stderr.write(`${name}: ${(elapsed / 1000).toFixed(1)} s\n`);
  const table = createPositionTable(text);
  for (const f of findings) {
    const line = f.span === undefined ? 0 : table.position(f.span.start).line;
    const entry: Found = { file: name, code: f.code, severity: f.severity, line, fingerprint: f.fingerprint };
    found.push(entry);
    texts.set(
      `${name} ${f.fingerprint}`,
      `${f.message}\n      ${text.split('\n')[line - 1]?.slice(0, 160) ?? ''}`,
    );
  }
}

const lineOf = (f: Found): string =>
  `${f.severity} ${f.code} ${f.file}:${f.line} ${f.fingerprint}\n      ${texts.get(`${f.file} ${f.fingerprint}`) ?? ''}`;
for (const f of found) {
  if (!shown.includes(f.code)) continue;
  const verdict = verdicts.get(keyOfFound(f.file, f.fingerprint));
  if (verdict !== undefined && args.includes('--unread')) continue;
  say(lineOf(f));
  if (verdict !== undefined) say(`      ${verdict.judgement}: ${verdict.why}`);
}

const inRun = (f: Found): boolean =>
  (wantedFile === undefined || f.file.includes(wantedFile)) && (only.length === 0 || only.includes(f.code));
const { added, removed } = compareFound(parseFound(read(listFile)).filter(inRun), found);
for (const f of removed) say(`- ${f.severity} ${f.code} ${f.file}:${f.line} ${f.fingerprint}`);
for (const f of added) say(`+ ${lineOf(f)}`);

const precision = measurePrecision(found, verdicts);
say(
  `\n${dumpCount} dumps (${realCount} real, of which what follows), ${found.length} findings, +${added.length} −${removed.length}`,
);
for (const p of precision) {
  const judged = p.right + p.wrong + p.unclear;
  const share =
    p.right + p.wrong === 0 ? '' : ` ${((100 * p.right) / (p.right + p.wrong)).toFixed(0)} % right`;
  say(`${p.code} ${String(p.found).padStart(5)} in ${p.dumps} dumps, ${judged} read${share}`);
}
if (update && only.length === 0 && wantedFile === undefined) {
  writeFileSync(listFile, printFound(found));
  const rows = precision.map(
    ({ code, found, dumps, right, wrong, unclear }) =>
      `  ${code}: { found: ${found}, dumps: ${dumps}, right: ${right}, wrong: ${wrong}, unclear: ${unclear} },`,
  );
  writeFileSync(
    precisionFile,
    `/** What was found on real dumps, and what readers judged of it. Written by \`npm run corpus -- --update\`. */

/** Real dumps that were looked at. */
export const dumpsRead = ${realCount};

/** By code: how many findings on how many of these dumps; of those that somebody has read, how many were true, false, or neither for certain. Absent: never met. */
export const measuredPrecision: Readonly<
  Record<
    string,
    {
      readonly found: number;
      readonly dumps: number;
      readonly right: number;
      readonly wrong: number;
      readonly unclear: number;
    }
  >
> = {
${rows.join('\n')}
};
`,
  );
}
