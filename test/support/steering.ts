/** Rules that bring a wanted extension into a random case, where most packets come by. */

import fc from 'fast-check';
import { extensions } from '../../src/extensions/index.ts';
import type { TextRule } from './arbitrary-kernel-rules.ts';
import { arbitraryRule } from './arbitrary-rules.ts';
import { exercisedKey } from './exercised.ts';
import {
  type ExtensionTable,
  extensionTables,
  isUserChain,
  runCase,
  type TableCase,
} from './extension-tables.ts';

/** Uses that are drawn from an extension's table of options, besides the lines of its table. */
const drawnUses = 24;

const pools = new Map<string, readonly TableCase[]>();
let tables: readonly ExtensionTable[] | undefined;

/** Rules with this extension that load, in built-in chains: the lines of its table, and uses drawn from its options. */
function poolOf(key: string): readonly TableCase[] {
  const known = pools.get(key);
  if (known !== undefined) return known;
  const [family = '', kind = '', name = ''] = key.split(' ');
  const extension = extensions.find((e) => exercisedKey(family === 'ipv6' ? 'ipv6' : 'ipv4', e) === key);
  tables ??= extensionTables();
  const lines = tables
    .filter((t) => t.kind === kind && t.name === name)
    .flatMap((t) => t.cases)
    .filter((c) => c.family === family && c.failId === undefined && c.rule !== '' && !isUserChain(c));
  const drawn =
    extension === undefined
      ? []
      : fc
          .sample(arbitraryRule(extension), { numRuns: drawnUses, seed: 1 })
          .filter((d) => d.family === family)
          .map((d) => ({
            ...d,
            expected: '',
            failId: undefined,
            sets: undefined,
            unverified: undefined,
            line: 0,
          }))
          .filter((c) => runCase(c, c.rule, true).errors.length === 0);
  const pool = [...lines, ...drawn];
  pools.set(key, pool);
  return pool;
}

/** Where a rule of no table stands, by turns. */
const places: readonly (readonly [table: string, chain: string])[] = [
  ['mangle', 'PREROUTING'],
  ['filter', 'INPUT'],
  ['mangle', 'FORWARD'],
  ['filter', 'OUTPUT'],
  ['mangle', 'POSTROUTING'],
];

/** What limits the choice of rules. */
export interface SteeringLimits {
  /** Whether a rule may be used. */
  fits(rule: string, key: string): boolean;
  /** Rules by `KIND NAME`, instead of those of the tables. */
  readonly instead: Readonly<Record<string, readonly string[]>>;
}

/** Two rules for each wanted extension that has any; the same for the same `turn`. */
export function steeringRules(
  wanted: readonly string[],
  turn: number,
  limits?: SteeringLimits,
): readonly TextRule[] {
  return wanted.flatMap((key, i) => {
    const own = limits?.instead[key.slice(key.indexOf(' ') + 1)];
    const pool: readonly Pick<TableCase, 'table' | 'chain' | 'rule'>[] =
      own === undefined
        ? poolOf(key).filter((c) => limits?.fits(c.rule, key) ?? true)
        : own.map((rule, n) => {
            const [table, chain] = places[(turn + n) % places.length] ?? ['filter', 'INPUT'];
            return { table, chain, rule };
          });
    return [0, 1].flatMap((n) => {
      const one = pool[((Math.imul(turn + 1, 7919) + 104_729 * (2 * i + n)) % pool.length) >>> 0];
      return one === undefined
        ? []
        : [{ table: one.table, chain: one.chain, text: `-A ${one.chain} ${one.rule}` }];
    });
  });
}
