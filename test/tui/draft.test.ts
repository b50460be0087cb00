/** A draft of pieces says the same as a list of all rules would. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Rule } from '../../src/model/ruleset.ts';
import {
  type ChainName,
  changeChain,
  changeCount,
  type Draft,
  type DraftRule,
  draftRuleset,
  emptyDraft,
  viewChain,
} from '../../src/tui/state/draft.ts';
import { worldOf } from '../support/tui-world.ts';

const size = 12;
const rules = Array.from({ length: size }, (_, i) => `-A INPUT -p tcp --dport ${i + 1} -j ACCEPT`);
const { rulesets } = worldOf(['*filter', ':INPUT DROP [0:0]', ...rules, 'COMMIT', ''].join('\n'));
const name: ChainName = { family: 'ipv4', table: 'filter', chain: 'INPUT' };
const read = rulesets[0]?.tables[0]?.chains.find((c) => c.name === 'INPUT')?.rules ?? [];

type Model = readonly DraftRule[];
const asRead: Model = read.map((rule) => ({ rule, enabled: true, change: undefined }));

/** The same edit for the draft and for the list. */
interface Edit {
  readonly at: number;
  readonly removed: number;
  readonly inserted: readonly DraftRule[];
}

let nextId = 1_000;
const edit = fc
  .record({
    at: fc.nat({ max: size }),
    removed: fc.nat({ max: 3 }),
    count: fc.nat({ max: 2 }),
    enabled: fc.boolean(),
  })
  .map(({ at, removed, count, enabled }): Edit => {
    const made = (): DraftRule => ({ rule: { ...(read[0] as Rule), id: nextId++ }, enabled, change: 'new' });
    return { at, removed, inserted: Array.from({ length: count }, made) };
  });

function carryOut(draft: Draft, { at, removed, inserted }: Edit): Draft {
  return changeChain(rulesets, draft, name, () => ({ kind: 'rules', at, removed, inserted }));
}

test('after any edits it has the rows of a list, finds rules, and counts those in force', () => {
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 12 }), (edits) => {
      let draft = emptyDraft;
      let model = asRead;
      for (const one of edits) {
        draft = carryOut(draft, one);
        model = model.toSpliced(one.at, one.removed, ...one.inserted);
      }
      const view = viewChain(rulesets, draft, name);
      expect(view?.size).toBe(model.length);
      expect(model.map((_, row) => view?.at(row))).toEqual(model);
      expect(view?.at(-1)).toBeUndefined();
      expect(view?.at(model.length)).toBeUndefined();
      expect(model.map(({ rule }) => view?.rowOf(rule.id))).toEqual(model.map((_, row) => row));
      for (const { id } of read)
        if (!model.some(({ rule }) => rule.id === id)) expect(view?.rowOf(id)).toBe(-1);
      const enabled = model.map((_, row) => model.slice(0, row).filter((e) => e.enabled).length);
      expect(model.map((_, row) => view?.enabledAbove(row))).toEqual(enabled);

      const [ruleset] = rulesets;
      const inForce = ruleset && draftRuleset(ruleset, draft);
      const chain = inForce?.tables[0]?.chains.find((c) => c.name === 'INPUT');
      const wanted = model.filter((e) => e.enabled).map(({ rule }, index) => ({ ...rule, index }));
      expect(chain?.rules).toEqual(wanted);
      const gone = read.filter(({ id }) => !model.some(({ rule }) => rule.id === id)).length;
      expect(changeCount(rulesets, draft)).toBe(gone + model.filter((e) => e.change === 'new').length);
    }),
  );
});

test('a change leaves the draft before it as it was', () => {
  const before = carryOut(emptyDraft, { at: 2, removed: 1, inserted: [] });
  const view = viewChain(rulesets, before, name);
  const rows = Array.from({ length: view?.size ?? 0 }, (_, row) => view?.at(row));
  carryOut(before, { at: 0, removed: 5, inserted: [] });
  const again = viewChain(rulesets, before, name);
  expect(Array.from({ length: again?.size ?? 0 }, (_, row) => again?.at(row))).toEqual(rows);
});
