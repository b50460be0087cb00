import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Bdd, FALSE, TRUE, UNDECIDED } from '../../src/packetset/bdd.ts';
import {
  andExists,
  createCofactors,
  exists,
  forall,
  pick,
  rename,
  renaming,
  satCount,
  size,
  support,
  tailQuantifier,
  variableSet,
} from '../../src/packetset/bdd-relations.ts';
import { createMeter } from '../../src/support/budget.ts';

/** A Boolean expression over a few variables, with its truth table as the judge. */
type Expression =
  | { readonly op: 'variable'; readonly level: number }
  | { readonly op: 'constant'; readonly value: boolean }
  | { readonly op: 'not'; readonly a: Expression }
  | { readonly op: 'and' | 'or' | 'xor' | 'diff'; readonly a: Expression; readonly b: Expression }
  | { readonly op: 'ite'; readonly a: Expression; readonly b: Expression; readonly c: Expression };

const variableCount = 6;

const { expression } = fc.letrec<{ expression: Expression }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.record({ op: fc.constant('variable' as const), level: fc.nat(variableCount - 1) }),
    fc.record({ op: fc.constant('constant' as const), value: fc.boolean() }),
    fc.record({ op: fc.constant('not' as const), a: tie('expression') }),
    fc.record({
      op: fc.constantFrom('and' as const, 'or' as const, 'xor' as const, 'diff' as const),
      a: tie('expression'),
      b: tie('expression'),
    }),
    fc.record({
      op: fc.constant('ite' as const),
      a: tie('expression'),
      b: tie('expression'),
      c: tie('expression'),
    }),
  ),
}));

function build(bdd: Bdd, e: Expression): number {
  switch (e.op) {
    case 'variable':
      return bdd.variable(e.level);
    case 'constant':
      return e.value ? TRUE : FALSE;
    case 'not':
      return bdd.not(build(bdd, e.a));
    case 'ite':
      return bdd.ite(build(bdd, e.a), build(bdd, e.b), build(bdd, e.c));
    default:
      return bdd[e.op](build(bdd, e.a), build(bdd, e.b));
  }
}

function holds(e: Expression, row: readonly number[]): boolean {
  switch (e.op) {
    case 'variable':
      return row[e.level] === 1;
    case 'constant':
      return e.value;
    case 'not':
      return !holds(e.a, row);
    case 'and':
      return holds(e.a, row) && holds(e.b, row);
    case 'or':
      return holds(e.a, row) || holds(e.b, row);
    case 'xor':
      return holds(e.a, row) !== holds(e.b, row);
    case 'diff':
      return holds(e.a, row) && !holds(e.b, row);
    case 'ite':
      return holds(e.a, row) ? holds(e.b, row) : holds(e.c, row);
  }
}

const rows = Array.from({ length: 2 ** variableCount }, (_, n) =>
  Array.from({ length: variableCount }, (_, level) => (n >> level) & 1),
);
const table = (e: Expression): string => rows.map((row) => Number(holds(e, row))).join('');
const allReady = new Uint8Array(variableCount).fill(1);
const evaluate = (bdd: Bdd, f: number, row: readonly number[]): number =>
  bdd.descend(f, Uint8Array.from(row), allReady);
const tableOf = (bdd: Bdd, f: number): string => rows.map((row) => evaluate(bdd, f, row)).join('');
const someLevels = fc.uniqueArray(fc.nat(variableCount - 1), { maxLength: variableCount });
/** The rows that agree with this one outside of the levels. */
const siblings = (row: readonly number[], levels: readonly number[]): readonly number[][] =>
  levels.reduce<number[][]>(
    (list, level) => list.flatMap((r) => [0, 1].map((v) => r.with(level, v))),
    [[...row]],
  );

describe('a diagram', () => {
  test('stands for its expression, and two of them are one exactly if they say the same', () => {
    const bdd = new Bdd();
    fc.assert(
      fc.property(expression, expression, (a, b) => {
        const f = build(bdd, a);
        const g = build(bdd, b);
        expect(tableOf(bdd, f)).toBe(table(a));
        expect(f === g).toBe(table(a) === table(b));
        expect(bdd.implies(f, g)).toBe(bdd.diff(f, g) === FALSE);
        expect(bdd.disjoint(f, g)).toBe(bdd.and(f, g) === FALSE);
      }),
      { numRuns: 500 },
    );
  });

  test('is quantified, multiplied and cofactored as its truth table is', () => {
    const bdd = new Bdd();
    const { cofactor, simplify } = createCofactors(bdd);
    fc.assert(
      fc.property(expression, expression, someLevels, fc.nat(variableCount - 1), (a, b, levels, level) => {
        const f = build(bdd, a);
        const g = build(bdd, b);
        const variables = variableSet(bdd, levels);
        const some = (e: Expression) =>
          rows.map((r) => Number(siblings(r, levels).some((s) => holds(e, s)))).join('');
        const every = rows.map((r) => Number(siblings(r, levels).every((s) => holds(a, s)))).join('');
        expect(tableOf(bdd, exists(bdd, f, variables))).toBe(some(a));
        expect(tableOf(bdd, forall(bdd, f, variables))).toBe(every);
        expect(tableOf(bdd, andExists(bdd, f, g, variables))).toBe(some({ op: 'and', a, b }));
        for (const value of [0, 1] as const) {
          const fixed = rows.map((r) => Number(holds(a, r.with(level, value)))).join('');
          expect(tableOf(bdd, cofactor(f, level, value))).toBe(fixed);
        }
        const tail = tailQuantifier(bdd, level);
        const below = rows[0]?.map((_, l) => l).filter((l) => l >= level) ?? [];
        expect(tail.some(f)).toBe(exists(bdd, f, variableSet(bdd, below)));
        expect(tail.every(f)).toBe(forall(bdd, f, variableSet(bdd, below)));
        if (g !== FALSE) {
          expect(bdd.and(simplify(f, g), g)).toBe(bdd.and(f, g));
          for (const l of support(bdd, simplify(f, g))) expect(support(bdd, f)).toContain(l);
        }
      }),
      { numRuns: 120 },
    );
  });

  test('is renamed by any permutation of its variables', () => {
    const bdd = new Bdd();
    const permutation = fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: variableCount });
    fc.assert(
      fc.property(expression, permutation, (e, to) => {
        const f = rename(
          bdd,
          build(bdd, e),
          renaming(
            bdd,
            to.map((t, from) => [from, t] as const),
          ),
        );
        const expected = rows
          .map((row) =>
            Number(
              holds(
                e,
                to.map((t) => row[t] as number),
              ),
            ),
          )
          .join('');
        expect(tableOf(bdd, f)).toBe(expected);
      }),
    );
  });

  test('counts and picks its solutions', () => {
    const bdd = new Bdd();
    fc.assert(
      fc.property(expression, (e) => {
        const f = build(bdd, e);
        const count = [...table(e)].filter((x) => x === '1').length;
        expect(satCount(bdd, f, variableCount)).toBe(BigInt(count));
        const picked = pick(bdd, f);
        expect(picked === undefined).toBe(count === 0);
        if (picked) expect(evaluate(bdd, f, rows[0]?.map((_, l) => picked.get(l) ?? 0) ?? [])).toBe(TRUE);
      }),
    );
  });
});

/** Equality of two words of bits, the halves apart: exponential in this order of variables. */
function hard(bdd: Bdd, bits: number): number {
  let f: number = TRUE;
  for (let i = 0; i < bits; i++) {
    f = bdd.and(f, bdd.not(bdd.xor(bdd.variable(i), bdd.variable(i + bits))));
  }
  return f;
}

describe('the arena', () => {
  test('tables that have grown many times keep diagrams unique', () => {
    const bdd = new Bdd({ cacheEntriesMax: 1 << 17 });
    const f = hard(bdd, 15);
    expect(bdd.nodeCount).toBeGreaterThan(100_000);
    expect(size(bdd, f)).toBe(3 * 2 ** 15 - 3);
    expect(hard(bdd, 15)).toBe(f);
  });

  test('a work that runs out of nodes ends undecided, and the next may go on', () => {
    const bdd = new Bdd({ nodesMax: 5_000 });
    const small = hard(bdd, 5);
    const mark = bdd.mark();
    expect(hard(bdd, 14)).toBe(UNDECIDED);
    expect(bdd.exhausted).toBe(true);
    expect(bdd.and(UNDECIDED, small)).toBe(UNDECIDED);
    expect(bdd.and(UNDECIDED, FALSE)).toBe(FALSE);
    expect(bdd.or(TRUE, UNDECIDED)).toBe(TRUE);
    expect(bdd.not(UNDECIDED)).toBe(UNDECIDED);
    expect(bdd.implies(UNDECIDED, small)).toBe(false);
    bdd.reset(mark);
    expect(bdd.exhausted).toBe(false);
    expect(hard(bdd, 5)).toBe(small);
    expect(hard(bdd, 6)).not.toBe(UNDECIDED);
  });

  test('a cancelled meter ends the work', () => {
    const meter = createMeter({});
    const bdd = new Bdd({ meter });
    meter.cancel();
    expect(hard(bdd, 14)).toBe(UNDECIDED);
    bdd.reset(2);
    expect(hard(bdd, 14)).toBe(UNDECIDED);
  });

  test('reset forgets what is younger and keeps what is older whole', () => {
    fc.assert(
      fc.property(
        fc.array(expression, { maxLength: 6 }),
        fc.array(expression, { maxLength: 6 }),
        (old, young) => {
          const bdd = new Bdd();
          const kept = old.map((e) => build(bdd, e));
          const mark = bdd.mark();
          const first = young.map((e) => build(bdd, e));
          bdd.reset(mark);
          expect(bdd.nodeCount).toBe(mark);
          expect(old.map((e) => build(bdd, e))).toEqual(kept);
          expect(bdd.nodeCount).toBe(mark);
          expect(young.map((e) => build(bdd, e))).toEqual(first);
          for (const [i, e] of young.entries()) expect(tableOf(bdd, first[i] as number)).toBe(table(e));
        },
      ),
    );
  });

  test('compaction keeps the functions of its roots and nothing else', () => {
    fc.assert(
      fc.property(fc.array(expression, { minLength: 1, maxLength: 8 }), fc.nat(7), (list, keep) => {
        const bdd = new Bdd();
        const all = list.map((e) => build(bdd, e));
        const roots = all.slice(0, keep + 1);
        const reachable = new Set<number>();
        for (const f of roots) bdd.forEachNode(f, (id) => reachable.add(id));
        const moved = bdd.compact(roots);
        expect(bdd.nodeCount).toBe(reachable.size + 2);
        for (const [i, f] of roots.entries()) {
          expect(tableOf(bdd, moved(f))).toBe(table(list[i] as Expression));
          expect(build(bdd, list[i] as Expression)).toBe(moved(f));
        }
      }),
    );
  });
});
