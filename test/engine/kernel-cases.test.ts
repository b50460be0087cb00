/**
 * Goal: the engine does what Linux did. Method: each recorded packet is replayed, state carried over, and every field
 * that the kernel told is compared.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { KernelCase } from '../../src/dev/conform-case.ts';
import { compareAnswers } from '../../src/dev/conform-compare.ts';
import { conntrackLines, plainLine } from '../../src/dev/conform-conntrack.ts';
import { runCase } from '../../src/dev/conform-run.ts';
import { defaultRegistry } from '../../src/index.ts';
import { describeWithShared } from '../support/shared.ts';

const registry = defaultRegistry();

function readCases(path: string): readonly KernelCase[] {
  const text = gunzipSync(readFileSync(path)).toString('utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as KernelCase);
}

/** Cases whose end depends on a port that the kernel drew by lot; what each packet met agrees all the same. */
const drawnPorts = new Set(['k4-01644']);

function differencesOf(c: KernelCase): readonly string[] {
  const run = runCase(c, registry);
  const out = run.answers.flatMap((answer, i) => {
    const expected = c.expect[i];
    return expected
      ? compareAnswers(answer, expected).map(
          (d) => `${c.id} packet ${i} ${d.category}: ours ${d.ours}, kernel ${d.kernels}`,
        )
      : [];
  });
  if (run.conntrack !== c.conntrack_active) out.push(`${c.id}: conntrack ${run.conntrack ? 'on' : 'off'}`);
  if (c.conntrack_end && !drawnPorts.has(c.id)) {
    const ours = conntrackLines(run.state);
    const kernels = c.conntrack_end.map(plainLine).sort();
    if (ours.join('\n') !== kernels.join('\n'))
      out.push(`${c.id} connections at the end:\n${ours.join('\n')}\nkernel:\n${kernels.join('\n')}`);
  }
  return out;
}

const fixtures = join(import.meta.dirname, '..', 'fixtures', 'kernel-cases');

describe('behaviours recorded on the kernel', () => {
  test.each(readCases(join(fixtures, 'named.jsonl.gz')).map((c) => [`${c.title} (${c.id})`, c] as const))(
    '%s',
    (_title, c) => {
      expect(differencesOf(c)).toEqual([]);
    },
  );
});

describe('generated cases', () => {
  for (const file of ['ipv4-sample.jsonl.gz', 'ipv6-sample.jsonl.gz'])
    test(file, { timeout: 60_000 }, () => {
      expect(readCases(join(fixtures, file)).flatMap(differencesOf)).toEqual([]);
    });
});

describeWithShared('all recorded cases', 'kernel-cases', (folder) => {
  for (const file of readdirSync(folder).filter((f) => f.endsWith('.jsonl.gz')))
    test(file, { timeout: 120_000 }, () => {
      expect(readCases(join(folder, file)).flatMap(differencesOf)).toEqual([]);
    });
});
