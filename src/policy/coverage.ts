/** Rules that no test of a policy speaks about. */

import { atEntry } from '../analysis/fates.ts';
import type { ReadRuleset } from '../link/read-machine.ts';
import type { Rule } from '../model/ruleset.ts';
import { describeSet, type SetDescription } from '../packetset/print.ts';
import type { PacketSet } from '../packetset/space.ts';
import type { Asked, Bench } from './bench.ts';
import { askedBy, type TestSets } from './prove.ts';
import { askedReplies } from './replies.ts';

/** A rule that takes no packet of any test. */
export interface UncoveredRule {
  readonly rule: Rule;
  /** No packet at all comes to it. */
  readonly dead: boolean;
  /** Packets that it takes, as they are there. */
  readonly packets: SetDescription;
}

/** Of one ruleset. */
export interface Coverage {
  readonly ruleset: ReadRuleset;
  readonly ruleCount: number;
  readonly uncovered: readonly UncoveredRule[];
}

/** A rule is covered if some packet of a test, or an answer that a test is about, may be taken by it. */
export function coverageOf(bench: Bench, tests: readonly TestSets[]): Coverage {
  const { analysis, ruleset } = bench;
  const { space } = analysis.vocabulary;
  const asked: Asked[] = tests.flatMap((sets) => {
    const own = askedBy(bench, sets);
    const all = bench.asked(sets.packets, own.road, sets.test.anyState);
    return sets.test.replyPasses ? [all, ...askedReplies(bench, own, sets)] : [all];
  });
  const spoken = (road: 'arrive' | 'local'): PacketSet =>
    space.union(asked.filter((a) => a.road === road).map((a) => a.within));
  const roads = (['arrive', 'local'] as const).map((name) => {
    const road = analysis.road(name);
    return { road, relation: space.atEntry(spoken(name)) };
  });
  const uncovered: UncoveredRule[] = [];
  let ruleCount = 0;
  for (const table of ruleset.linked.ruleset.tables)
    for (const chain of table.chains)
      for (const rule of chain.rules) {
        ruleCount++;
        let taking = space.none;
        let covered = false;
        for (const { road, relation } of roads)
          for (const visit of road.visits) {
            if (covered || visit.table !== table.name) continue;
            const taken = visit.taking(rule);
            if (taken === space.none) continue;
            covered = !space.disjoint(taken, relation);
            taking = space.or(taking, atEntry(analysis.vocabulary, taken, road));
          }
        if (covered) continue;
        const set = space.may(taking);
        uncovered.push({
          rule,
          dead: set === space.none,
          packets: describeSet(space, set, { linesMax: 3, boxesMax: 20 }),
        });
      }
  return { ruleset, ruleCount, uncovered };
}
