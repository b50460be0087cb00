/**
 * The rules of a large machine as they go from the thread that has read them to the screen: each as JSON among bytes
 * that both share, and unpacked when it is shown. The screen so has no 100,000 rules of objects, which would take four
 * times the memory and be walked through by each collection of garbage, while a key waits.
 */

import type { Rule, Ruleset } from '../../model/ruleset.ts';
import {
  makeColumns,
  type RuleColumns,
  type RuleList,
  type ShownChain,
  type ShownRuleset,
} from './shown-rules.ts';

/** A chain whose rules stand from a position on, one after the other. */
interface PackedChain extends Omit<ShownChain, 'rules'> {
  readonly from: number;
  readonly size: number;
}

/** See the head of this file. Plain data. */
export interface PackedRulesets {
  readonly rulesets: readonly (Omit<ShownRuleset, 'tables'> & {
    readonly tables: readonly (Omit<ShownRuleset['tables'][number], 'chains'> & {
      readonly chains: readonly PackedChain[];
    })[];
  })[];
  readonly columns: RuleColumns;
  readonly blocks: readonly Uint8Array[];
  /** Where the JSON of each rule stands: in which block, from where, up to (not including) where. */
  readonly places: Int32Array;
}

/** Fields of a place. */
const placeWidth = 3;

/** Bytes of a block, but for a rule that is longer. */
const blockBytes = 1 << 20;

/** Rules that are kept as they were unpacked: some screens full. */
const unpackedKept = 512;

/** Appends texts to blocks that threads can share. */
class BlockWriter {
  readonly blocks: Uint8Array[] = [];
  readonly #encoder = new TextEncoder();
  #block: Uint8Array = new Uint8Array(0);
  #used = 0;

  /** Answers where it stands: block, start, end. */
  write(text: string): readonly [block: number, start: number, end: number] {
    // A UTF-16 code unit takes at most three bytes.
    if (this.#block.length - this.#used < text.length * 3) {
      this.#block = new Uint8Array(new SharedArrayBuffer(Math.max(blockBytes, text.length * 3)));
      this.#used = 0;
      this.blocks.push(this.#block);
    }
    const start = this.#used;
    this.#used += this.#encoder.encodeInto(text, this.#block.subarray(start)).written;
    return [this.blocks.length - 1, start, this.#used];
  }
}

/** Packs rulesets. What the chain says of a rule is left out of it. */
export function packRulesets(rulesets: readonly Ruleset[]): PackedRulesets {
  const lists = rulesets.flatMap((r) => r.tables.flatMap((t) => t.chains.map((c) => c.rules)));
  const columns = makeColumns(lists);
  const places = new Int32Array(columns.ids.length * placeWidth);
  const writer = new BlockWriter();
  let at = 0;
  for (const rules of lists)
    for (const rule of rules) {
      const { table: _table, chain: _chain, index: _index, ...own } = rule;
      places.set(writer.write(JSON.stringify(own)), placeWidth * at++);
    }
  let from = 0;
  return {
    rulesets: rulesets.map((ruleset) => ({
      ...ruleset,
      tables: ruleset.tables.map((table) => ({
        ...table,
        chains: table.chains.map(({ rules, ...chain }) => {
          const packed: PackedChain = { ...chain, from, size: rules.length };
          from += rules.length;
          return packed;
        }),
      })),
    })),
    columns,
    blocks: writer.blocks,
    places,
  };
}

/** The rulesets, each rule unpacked when it is asked for. */
export function unpackRulesets({
  rulesets,
  columns,
  blocks,
  places,
}: PackedRulesets): readonly ShownRuleset[] {
  const decoder = new TextDecoder();
  const kept = new Map<number, Rule>();
  const unpack = (at: number, chain: PackedChain): Rule => {
    const known = kept.get(at);
    if (known) return known;
    const [block = 0, start, end] = places.subarray(placeWidth * at, placeWidth * (at + 1));
    // What is shared cannot be decoded where it stands.
    const json = decoder.decode(blocks[block]?.slice(start, end));
    const own = JSON.parse(json) as Omit<Rule, 'table' | 'chain' | 'index'>;
    const rule: Rule = { ...own, table: chain.table, chain: chain.name, index: at - chain.from };
    if (kept.size >= unpackedKept) kept.delete(kept.keys().next().value as number);
    kept.set(at, rule);
    return rule;
  };
  const listOf = (chain: PackedChain): RuleList => ({
    length: chain.size,
    at: (index) => (index >= 0 && index < chain.size ? unpack(chain.from + index, chain) : undefined),
    get columns() {
      return { ...columns, from: chain.from };
    },
  });
  return rulesets.map((ruleset) => ({
    ...ruleset,
    tables: ruleset.tables.map((table) => ({
      ...table,
      chains: table.chains.map(({ from, size, ...chain }) => ({
        ...chain,
        rules: listOf({ ...chain, from, size }),
      })),
    })),
  }));
}
