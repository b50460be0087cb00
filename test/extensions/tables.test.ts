import { describe, expect, test } from 'vitest';
import {
  type ExtensionTable,
  extensionTables,
  runCase,
  type TableCase,
  usesOf,
} from '../support/extension-tables.ts';

for (const table of extensionTables()) {
  describe(table.path, () => {
    test('has lines with its extension', () => {
      const own = new RegExp(`(-[mjp] |--match |--jump |--protocol )${table.name}\\b`, 'i');
      expect(table.cases.some((c) => own.test(c.rule))).toBe(true);
    });

    for (const cases of byLine(table.cases)) {
      const [first] = cases;
      const refused = first?.expected === undefined ? ' is refused' : '';
      test(`${first?.line}: ${first?.rule || '(empty)'}${refused}`, () => {
        for (const c of cases) {
          const place = `${c.family} ${c.table}/${c.chain}`;
          if (c.expected === undefined) checkRefused(c, place);
          else checkPrinted(c, c.expected, place, table);
        }
      });
    }
  });
}

function byLine(cases: readonly TableCase[]): readonly (readonly TableCase[])[] {
  const lines = new Map<number, TableCase[]>();
  for (const c of cases) lines.set(c.line, [...(lines.get(c.line) ?? []), c]);
  return [...lines.values()];
}

function checkRefused(c: TableCase, place: string): void {
  const answer = runCase(c, c.rule, false);
  expect(
    answer.errors.map((e) => e.id),
    place,
  ).toContain(c.failId);
}

function checkPrinted(c: TableCase, expected: string, place: string, table: ExtensionTable): void {
  const answer = runCase(c, c.rule, false);
  expect(answer.errors, place).toEqual([]);
  expect(answer.printed, place).toBe(expected);

  // What keeps its meaning is read again as the same data, and that data survives JSON.
  const whole = runCase(c, c.rule, true);
  const again = runCase(c, whole.printed, true);
  expect(again.errors, place).toEqual([]);
  expect(again.printed, place).toBe(whole.printed);
  const data = (rules: typeof whole.rules): unknown =>
    rules.map((r) => usesOf(r, table.kind, table.name).map((u) => u.data));
  expect(data(again.rules), place).toEqual(data(whole.rules));
  expect(JSON.parse(JSON.stringify(data(whole.rules))), place).toEqual(data(whole.rules));
}
