/**
 * Goal: comparisons work on what is out there. Method: each dump against its own print, and against a copy with a few
 * random edits, whose differences must be decided and shown. A few dumps in the ordinary run; FWSIM_ALL_DUMPS=1: all.
 */
import { expect, test } from 'vitest';
import { diffMachines } from '../../src/comparing.ts';
import { corpusNames, readCorpusFile } from '../../src/dev/corpus-files.ts';
import { formatText } from '../../src/formatting.ts';
import { defaultRegistry } from '../../src/registry.ts';
import { describeWithShared } from '../support/shared.ts';

const registry = defaultRegistry();
const all = process.env['FWSIM_ALL_DUMPS'] !== undefined;
const lengthMax = 60_000;
const sampleMax = 12;

/** What this cluster's nodes send to themselves takes ten million nodes for each side: "not decided" is an answer. */
const beyondBudget = /^kubernetes\/azure-container-networking.*-v2$/;

/** Pseudo-random numbers, the same for the same text. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
}

/** A copy with some rules gone, turned over, or about another port. */
function edited(text: string, edits: number): string {
  const lines = text.split('\n');
  const rules = lines.flatMap((line, i) => (/^(\[\d+:\d+\] )?-A /.test(line) ? [i] : []));
  const roll = dice(text.length);
  for (let n = 0; n < edits && rules.length > 0; n++) {
    const at = rules[roll(rules.length)] ?? 0;
    const line = lines[at] ?? '';
    const turned = line.replace(/-j (ACCEPT|DROP)$/, (_, t) => `-j ${t === 'ACCEPT' ? 'DROP' : 'ACCEPT'}`);
    const other = line.replace(/--dport (\d+)/, (_, p) => `--dport ${(Number(p) % 65_535) + 1}`);
    lines[at] = [turned, other].find((l) => l !== line) ?? '';
  }
  return lines.join('\n');
}

describeWithShared('every dump of the corpus', 'corpus', (folder) => {
  const readable = corpusNames(folder).flatMap((name) => {
    const { text } = readCorpusFile(folder, name);
    return /^\*\w/m.test(text) && (all || text.length < lengthMax) ? [{ name, text }] : [];
  });
  const step = all ? 1 : Math.max(1, Math.floor(readable.length / sampleMax));
  const chosen = readable.filter((_, i) => i % step === 0);

  test.each(chosen)('$name', { timeout: 120_000 }, ({ name, text }) => {
    const printed = formatText({ name, text }).text;
    const same = diffMachines([{ name, text }], [{ name: 'printed', text: printed }], { registry });
    expect(same.couldNotLook).toBeUndefined();
    expect(same.compared?.families.map((f) => f.diff.kind)).toEqual(
      same.compared?.families.map(() => 'equal'),
    );

    const other = diffMachines([{ name, text }], [{ name: 'edited', text: edited(text, 5) }], { registry });
    if (beyondBudget.test(name)) expect(other.couldNotLook ?? 'nodes').toContain('nodes');
    else expect(other.couldNotLook).toBeUndefined();
    for (const { diff } of other.compared?.families ?? [])
      for (const d of diff.kind === 'different' ? diff.differences : []) {
        expect(d.packets.kind).not.toBe('undecided');
        expect(d.old.deciders.length).toBeGreaterThan(0);
        expect(d.new.deciders.length).toBeGreaterThan(0);
      }
  });
});
