/** Rules that are packed are the same rules, and found at the same places. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createDistantWorld } from '../../src/tui/state/distant-world.ts';
import { emptyDraft, viewChain } from '../../src/tui/state/draft.ts';
import { packRulesets, unpackRulesets } from '../../src/tui/state/packed-rules.ts';
import { columnsOf, countRules, type RuleList } from '../../src/tui/state/shown-rules.ts';
import { repositoryRoot } from '../support/source-tree.ts';
import { firstState, press, worldOf } from '../support/tui-world.ts';

const folder = join(repositoryRoot, 'rules-examples');
const examples = readdirSync(folder).filter((name) => name.endsWith('.rules'));
const all = (rules: RuleList) => Array.from({ length: rules.length }, (_, i) => rules.at(i));

test.each(examples)('%s', (name) => {
  const { rulesets } = worldOf(readFileSync(join(folder, name), 'utf8'));
  const unpacked = unpackRulesets(structuredClone(packRulesets(rulesets)));
  const whole = unpacked.map((ruleset) => ({
    ...ruleset,
    tables: ruleset.tables.map((table) => ({
      ...table,
      chains: table.chains.map((chain) => ({ ...chain, rules: all(chain.rules) })),
    })),
  }));
  expect(whole).toEqual(rulesets);
  expect(countRules(unpacked)).toBe(countRules(rulesets));
});

describe('many chains', () => {
  // More rules than are kept unpacked, one of them longer than a block, with letters of two bytes.
  const long = 'ü'.repeat(400_000);
  const chains = Array.from({ length: 40 }, (_, c) => `C${c}`);
  const text = [
    '*filter',
    ':INPUT DROP [0:0]',
    ...chains.map((c) => `:${c} - [0:0]`),
    `-A INPUT -m unknown --words "${long}" -j C7`,
    ...chains.flatMap((c, n) => [
      ...Array.from({ length: 25 }, (_, i) => `-A ${c} -s 10.0.${n}.${i}/32 -j ACCEPT`),
      ...(n % 5 === 0 ? [`-A ${c} -g C39`] : []),
    ]),
    'COMMIT',
    '',
  ].join('\n');
  const near = worldOf(text);
  const packed = packRulesets(near.rulesets);
  const unpacked = unpackRulesets(packed);

  test('each is the same, forwards and backwards, and there is none outside', () => {
    for (const name of [...chains, 'INPUT'].flatMap((chain) => [
      { family: 'ipv4', table: 'filter', chain } as const,
    ])) {
      const own = viewChain(near.rulesets, emptyDraft, name);
      const view = viewChain(unpacked, emptyDraft, name);
      expect(view?.size).toBe(own?.size);
      for (let row = (own?.size ?? 0) - 1; row >= 0; row--) {
        expect(view?.at(row)).toEqual(own?.at(row));
        expect(view?.offsetAt(row)).toBe(own?.offsetAt(row));
        expect(view?.rowOf(own?.at(row)?.rule.id ?? -1)).toBe(row);
      }
      expect(view?.at(own?.size ?? 0)).toBeUndefined();
      expect(view?.at(-1)).toBeUndefined();
      expect(view?.rowOf(-5)).toBe(-1);
      for (const chain of ['C7', 'C39', 'C1']) expect(view?.rowOfJump(chain)).toBe(own?.rowOfJump(chain));
    }
  });

  test('their columns are shared', () => {
    const lists = unpacked.flatMap((r) => r.tables.flatMap((t) => t.chains.map((c) => c.rules)));
    expect(new Set(lists.map((rules) => columnsOf(rules).ids)).size).toBe(1);
  });

  test('search, lines and the way back lead to the same places', () => {
    const far = createDistantWorld(near.opened, unpacked, near.words);
    const keys = [
      '/ =10.0.33.7/32 enter',
      ': =line_60 enter',
      ': =chain_C39 enter backspace',
      ': =chain_C7 enter backspace',
    ];
    const start = firstState(near);
    for (const k of keys) {
      const own = press(near, start, k).cursor;
      expect(own).not.toEqual(start.cursor);
      expect(press(far, start, k).cursor).toEqual(own);
    }
  });
});
