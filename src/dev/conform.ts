/**
 * Replays recorded kernel cases and prints how far the engine agrees:
 *
 *   npm run conform -- FILE.jsonl[.gz]… [--emit] [--only ID,ID] [--show N] [--grep WORD]
 *
 * `--emit` prints the answers instead, one JSON line per case.
 */

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { defaultRegistry } from '../index.ts';
import type { KernelCase } from './conform-case.ts';
import { type Category, categories, compareAnswers } from './conform-compare.ts';
import { conntrackLines, plainLine } from './conform-conntrack.ts';
import { runCase } from './conform-run.ts';

interface Options {
  readonly files: readonly string[];
  readonly emit: boolean;
  readonly only: ReadonlySet<string> | undefined;
  readonly show: number;
  readonly grep: string | undefined;
}

function readOptions(words: readonly string[]): Options {
  const files: string[] = [];
  let emit = false;
  let only: Set<string> | undefined;
  let show = 20;
  let grep: string | undefined;
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (word === '--emit') emit = true;
    else if (word === '--only') only = new Set((words[++i] ?? '').split(','));
    else if (word === '--show') show = Number(words[++i]);
    else if (word === '--grep') grep = words[++i];
    else files.push(word);
  }
  return { files, emit, only, show, grep };
}

function* readCases(file: string): Generator<KernelCase> {
  const bytes = readFileSync(file);
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  for (const line of text.split('\n')) if (line !== '') yield JSON.parse(line) as KernelCase;
}

const options = readOptions(process.argv.slice(2));
const registry = defaultRegistry();

for (const file of options.files) {
  const agreed: Record<Category, number> = { trace: 0, fate: 0, packet_out: 0, ct: 0, generated: 0 };
  let packets = 0;
  let perfect = 0;
  let cases = 0;
  let perfectCases = 0;
  let shown = 0;
  let tables = 0;
  let sameTables = 0;
  for (const c of readCases(file)) {
    if (options.only && !options.only.has(c.id)) continue;
    cases++;
    let run: ReturnType<typeof runCase>;
    try {
      run = runCase(c, registry);
    } catch (error) {
      if (options.emit) process.stdout.write(`${JSON.stringify({ id: c.id, error: String(error) })}\n`);
      else if (shown++ < options.show) console.log(`${c.id}: ${(error as Error).stack ?? error}`);
      packets += c.packets.length;
      continue;
    }
    if (options.emit) {
      process.stdout.write(`${JSON.stringify({ id: c.id, answers: run.answers })}\n`);
      continue;
    }
    const notes = run.problems.map((p) => `  ! ${p}`);
    if (run.conntrack !== c.conntrack_active)
      notes.push(`  ! conntrack: ours ${run.conntrack}, kernel ${c.conntrack_active}`);
    let good = true;
    run.answers.forEach((answer, i) => {
      const expected = c.expect[i];
      if (!expected) return;
      packets++;
      const differences = compareAnswers(answer, expected);
      for (const category of categories)
        if (!differences.some((d) => d.category === category)) agreed[category]++;
      if (differences.length === 0) perfect++;
      else good = false;
      for (const d of differences)
        if (!options.grep || `${d.category} ${d.ours} ${d.kernels}`.includes(options.grep))
          notes.push(`  ${i}: ${d.category}: ours ${d.ours}  kernel ${d.kernels}`);
    });
    if (c.conntrack_end) {
      tables++;
      const ours = conntrackLines(run.state);
      const kernels = c.conntrack_end.map(plainLine).sort();
      const extra = ours.filter((l) => !kernels.includes(l));
      const missing = kernels.filter((l) => !ours.includes(l));
      if (extra.length === 0 && missing.length === 0) sameTables++;
      else {
        notes.push(
          ...missing.map((l) => `  end: kernel has ${l}`),
          ...extra.map((l) => `  end: ours has ${l}`),
        );
        good = false;
      }
    }
    if (good) perfectCases++;
    if (!good && notes.length > 0 && shown < options.show) {
      shown++;
      console.log(`${c.id} (${c.title})`);
      for (const n of notes.slice(0, 12)) console.log(n.slice(0, 400));
    }
  }
  if (!options.emit) {
    const percent = (n: number): string =>
      `${n}/${packets} ${((100 * n) / Math.max(1, packets)).toFixed(2)} %`;
    console.log(
      `${file}: ${cases} cases (${perfectCases} agree wholly), packets in full ${percent(perfect)}`,
    );
    for (const category of categories) console.log(`  ${category.padEnd(11)} ${percent(agreed[category])}`);
    if (tables > 0) console.log(`  connections left at the end: ${sameTables}/${tables} cases`);
  }
}
