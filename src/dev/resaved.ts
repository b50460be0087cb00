/**
 * `npm run resaved [-- FOLDER] [NAME…]`: prints each dump of a corpus as iptables-nft-save would, and compares with
 * what the real one printed. NAMEs are parts of file names; with one, all differences are shown.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from '../grammar/parse.ts';
import { defaultRegistry } from '../index.ts';
import { link } from '../link/link.ts';
import { printRuleset } from '../link/rule-text.ts';
import { corpusNames, readCorpusFile } from './corpus-files.ts';

const args = process.argv.slice(2);
const folder = args.find((a) => existsSync(a)) ?? join(process.cwd(), '..', 'shared', 'corpus');
const wanted = args.filter((a) => a !== folder);

if (!existsSync(folder)) {
  process.stderr.write('resaved: no corpus given, and none beside the project\n');
  process.exitCode = 2;
} else {
  const registry = defaultRegistry();
  const shownMax = wanted.length > 0 ? Infinity : 5;
  const out: string[] = [];
  let all = 0;
  let equal = 0;
  for (const name of corpusNames(folder)) {
    if (wanted.length > 0 && !wanted.some((w) => name.includes(w))) continue;
    const { text, resaved } = readCorpusFile(folder, name);
    if (resaved === undefined) continue;
    all++;
    const linked = link(parse(text), { registry, backend: 'nft', keepMeaning: false });
    const ours = linked.rulesets.map((r) => printRuleset(r.ruleset)).join('');
    if (ours === resaved) {
      equal++;
      continue;
    }
    const real = resaved.split('\n');
    const printed = ours.split('\n');
    const missing = real.filter((l) => !printed.includes(l));
    const added = printed.filter((l) => !real.includes(l));
    out.push(`${name}: ${missing.length} lines missing, ${added.length} of our own`);
    for (const l of missing.slice(0, shownMax)) out.push(`  real  ${l}`);
    for (const l of added.slice(0, shownMax)) out.push(`  ours  ${l}`);
    if (missing.length + added.length === 0) {
      const at = real.findIndex((l, i) => l !== printed[i]);
      out.push(`  order, line ${at + 1}: real ${real[at]}, ours ${printed[at]}`);
    }
  }
  out.push(`${equal} of ${all} dumps printed letter for letter`);
  process.stdout.write(`${out.join('\n')}\n`);
}
