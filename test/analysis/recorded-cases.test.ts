/**
 * Goal: sets and engine agree. Method: the recorded packets, walked by the engine with its state carried on, are
 * looked up in the sets of their ruleset.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { entryOf, familyOf, type KernelCase, machineOf, readPacket } from '../../src/dev/conform-case.ts';
import { compile } from '../../src/engine/program.ts';
import { emptyState, simulate } from '../../src/engine/simulate.ts';
import { parse } from '../../src/grammar/parse.ts';
import { defaultRegistry } from '../../src/index.ts';
import { link } from '../../src/link/link.ts';
import { lawBook } from '../support/analysis-law.ts';
import { describeWithShared } from '../support/shared.ts';

const registry = defaultRegistry();

function readCases(path: string): readonly KernelCase[] {
  return gunzipSync(readFileSync(path))
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as KernelCase);
}

const totals = { judged: 0, passedOver: 0, undecided: 0 };

/** Everything that the analysis says wrongly about the packets of one case. */
function breachesOf(c: KernelCase): readonly string[] {
  const family = familyOf(c);
  const machine = machineOf(c);
  const setNames = new Set((machine.sets.value ?? []).map((s) => s.name));
  const linked = link(parse(c.ruleset), { registry, family, backend: 'nft', setNames });
  const rulesets = linked.rulesets.map((r) => r.ruleset);
  const [ruleset] = rulesets;
  if (ruleset === undefined) return [];
  const program = compile(rulesets, machine, registry);
  const book = lawBook(ruleset, program, registry);
  let state = emptyState();
  const found = c.packets.flatMap((p, i) => {
    const run = simulate(program, state, readPacket(p, family, machine), entryOf(p), 1_767_787_200_000 + i, {
      socket: 'none',
      payload: 'other',
    });
    const broken = book.breaches(run.trace, state);
    state = run.state;
    return broken.map((b) => `${c.id} packet ${i}: ${b}`);
  });
  totals.judged += book.counts.judged;
  totals.passedOver += book.counts.passedOver;
  totals.undecided += book.counts.undecided;
  return found;
}

const fixtures = join(import.meta.dirname, '..', 'fixtures', 'kernel-cases');

/** Random rulesets are large: an ordinary run takes every eighth. */
const share = { named: 1, 'ipv4-sample': 8, 'ipv6-sample': 8 } as const;

describe.each(Object.entries(share))('recorded packets of %s', (name, step) => {
  const cases = readCases(join(fixtures, `${name}.jsonl.gz`)).filter((_, i) => i % step === 0);
  test.each(cases.map((c) => [c.id, c] as const))('%s: where the sets say', (_id, c) => {
    expect(breachesOf(c)).toEqual([]);
  });
});

test('sets speak of nearly all packets', () => {
  expect(totals.judged).toBeGreaterThan(10 * totals.undecided);
  expect(totals.judged).toBeGreaterThan(8 * totals.passedOver);
});

describeWithShared('every recorded packet', 'kernel-cases', (path) => {
  const files = (process.env['FWSIM_ALL_CASES'] ?? '').split(' ').filter((f) => f !== '');
  test.skipIf(files.length === 0)('of the files in FWSIM_ALL_CASES is where the sets say', () => {
    for (const file of files) expect(readCases(join(path, file)).flatMap(breachesOf)).toEqual([]);
  });
});
