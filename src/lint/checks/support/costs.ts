/** What counters and neighbours say about the cost of rules. */

import { targetText } from '../../../link/rule-text.ts';
import type { BaseMatch, Chain, Rule } from '../../../model/ruleset.ts';
import { conditionsKey } from './rule-shape.ts';

/** Packets that a rule has counted; undefined where the dump was made without counters. */
export function packetsOf(rule: Rule): number | undefined {
  return rule.counters?.packets;
}

/** Packets that a chain's rules and its policy have counted; undefined where any of its rules has no counters. */
export function packetsSeen(chain: Chain): number | undefined {
  let sum = chain.counters?.packets ?? 0;
  for (const rule of chain.rules) {
    const packets = packetsOf(rule);
    if (packets === undefined) return undefined;
    sum += packets;
  }
  return sum;
}

/** Runs of neighbours that are equal but for these conditions, each of at least `least` rules, in order. */
export function runsOf(
  chain: Chain,
  without: readonly (keyof BaseMatch)[],
  least: number,
  belongs: (rule: Rule) => boolean,
): readonly (readonly Rule[])[] {
  const runs: Rule[][] = [];
  let key: string | undefined;
  let run: Rule[] = [];
  const close = (): void => {
    if (run.length >= least) runs.push(run);
  };
  for (const rule of chain.rules) {
    const next = belongs(rule) ? `${conditionsKey(rule, without)} ${targetText(rule.target)}` : undefined;
    if (next !== undefined && next === key) run.push(rule);
    else {
      close();
      run = next === undefined ? [] : [rule];
      key = next;
    }
  }
  close();
  return runs;
}
