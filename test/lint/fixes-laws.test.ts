/**
 * Goal: a safe fix keeps what becomes of every packet. Method: drawn rulesets over a universe whose packets can all be
 * sent are mended; packets are walked by the engine before and after, under every answer to what they do not decide,
 * and must end alike, with the same marks and the same log lines.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { explore } from '../../src/engine/explore.ts';
import { emptyState } from '../../src/engine/simulate.ts';
import { fixMachine } from '../../src/fixing.ts';
import { defaultRegistry } from '../../src/index.ts';
import { ruleBody } from '../../src/link/rule-text.ts';
import { checks } from '../../src/lint/checks/index.ts';
import { packetOf } from '../../src/lint/sketch.ts';
import { drawnRules, packets, type ReadText, readText, textOf } from '../support/tiny-universe.ts';

const registry = defaultRegistry();
const select = [
  'FW201',
  'FW202',
  'FW204',
  'FW205',
  'FW206',
  'FW207',
  'FW210',
  'FW211',
  'FW703',
  'FW704',
  'FW709',
];
const all = [...packets()];

/** Every way that a packet can end: its fate, its mark, and what was logged on the way. */
function endsOf({ program, rules }: ReadText, index: number): ReadonlySet<string> {
  const { packet, entry } = packetOf(all[index] as (typeof all)[number]);
  const texts = new Map(rules.map((rule) => [rule.id, rule]));
  const ends = new Set<string>();
  for (const { trace } of explore(program, emptyState(), packet, entry, undefined).branches) {
    const logged = trace.events.flatMap((event) => {
      const rule = event.kind === 'rule' ? texts.get(event.rule.id) : undefined;
      return rule?.target.kind === 'extension' && rule.target.extension === 'LOG' ? [ruleBody(rule)] : [];
    });
    const marks = trace.events.flatMap((event) => (event.kind === 'change' ? [JSON.stringify(event)] : []));
    ends.add(JSON.stringify([trace.fate.kind, logged, marks.length]));
  }
  return ends;
}

test('packets fare as before', { timeout: 120_000 }, () => {
  let changed = 0;
  fc.assert(
    fc.property(drawnRules, fc.nat(96), (drawn, offset) => {
      const text = textOf(drawn);
      const { safe, texts, last } = fixMachine(
        [{ name: 'drawn', text }],
        { registry, checks, select, family: 'ipv4' },
        { unsafe: false },
      );
      if (safe.length === 0) return;
      changed++;
      const before = readText(text);
      const after = readText(texts[0]?.text ?? '');
      for (let i = offset; i < all.length; i += 97)
        expect([all[i], endsOf(after, i)]).toEqual([all[i], endsOf(before, i)]);
      // What could be applied is applied.
      const again = fixMachine(
        [{ name: 'drawn', text: texts[0]?.text ?? '' }],
        { registry, checks, select, family: 'ipv4' },
        { unsafe: false },
      );
      expect(again.safe).toEqual([]);
      expect(again.last.findings.length).toBe(last.findings.length);
    }),
    { numRuns: 35, seed: 20261122 },
  );
  expect(changed).toBeGreaterThan(20);
});
