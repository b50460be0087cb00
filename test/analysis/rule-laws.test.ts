/**
 * Goal: what is said of rules holds for packets. Method: rulesets over a universe whose packets can all be sent; every
 * packet is walked by the engine under every answer to what it does not decide.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { analyse } from '../../src/analysis/analysis.ts';
import { answerRules, type RuleAnswers } from '../../src/analysis/rule-answers.ts';
import { defaultRegistry } from '../../src/index.ts';
import type { PacketSketch } from '../../src/lint/check.ts';
import type { CtState } from '../../src/model/netfilter.ts';
import type { Rule } from '../../src/model/ruleset.ts';
import type { Address } from '../../src/net/address.ts';
import { findWitness } from '../../src/packetset/witness.ts';
import {
  type DrawnRule,
  drawnRules,
  matchedBy,
  packets,
  type ReadText,
  readText,
  textOf,
} from '../support/tiny-universe.ts';

const registry = defaultRegistry();
const answersFor = (
  { ruleset, machine, program }: ReadText,
  options: Parameters<typeof answerRules>[1] = {},
): RuleAnswers => answerRules(analyse({ ruleset, machine, registry, program }), options);

/** Rules that some packet of the universe matches. */
function hitRules({ program }: ReadText): ReadonlySet<number> {
  const hit = new Set<number>();
  for (const sketch of packets()) for (const id of matchedBy(program, sketch)) hit.add(id);
  return hit;
}

/** An ordinary packet that the analysis says the rule may take. */
function witnessOf(answers: RuleAnswers, rule: Rule): PacketSketch | undefined {
  const { space } = answers.analysis.vocabulary;
  for (const [road, set] of answers.entering(rule)) {
    const witness = findWitness(space, set, { interfaceNames: ['eth0', 'eth1'] });
    if (witness === undefined) continue;
    const value = (field: string): unknown => new Map<string, unknown>(witness.fields).get(field);
    const protocol = (value('protocol') as number | undefined) ?? 6;
    const ports = protocol === 6 || protocol === 17;
    return {
      inInterface: road === 'local' ? undefined : (value('inInterface') as string),
      src: value('src') as Address,
      dst: value('dst') as Address,
      protocol,
      dport: ports ? ((value('dport') as number | undefined) ?? 80) : undefined,
      sport: ports ? 40000 : undefined,
      ...(road === 'local' ? { mark: (value('mark') as number | undefined) ?? 0 } : {}),
      state: (value('ctState') as CtState | undefined) ?? 'NEW',
    };
  }
  return undefined;
}

/** The same text with some rules made harmless: their conditions stay, their targets go. */
function disarmed(
  drawn: readonly DrawnRule[],
  harmless: (rule: DrawnRule, index: number) => boolean,
): readonly DrawnRule[] {
  return drawn.map((r, i) => (harmless(r, i) ? { ...r, target: '' } : r));
}

const settings = { numRuns: 60, seed: 20261122 };

describe('rules of drawn rulesets', () => {
  test('a dead rule is hit by no packet, a live one by some and by its witness', () => {
    fc.assert(
      fc.property(drawnRules, (drawn) => {
        const read = readText(textOf(drawn));
        const answers = answersFor(read);
        // Each table by itself knows less, and must not call more rules dead.
        const apart = answersFor(read, { roadNodesMax: 0 });
        const hit = hitRules(read);
        for (const rule of read.rules) {
          const standing = answers.standing(rule);
          const where = `${rule.chain} ${rule.index + 1}`;
          expect([where, standing]).toEqual([where, hit.has(rule.id) ? 'live' : 'dead']);
          if (standing === 'dead') continue;
          expect([where, apart.standing(rule)]).toEqual([where, 'live']);
          const witness = witnessOf(answers, rule);
          expect([where, witness && matchedBy(read.program, witness).has(rule.id)]).toEqual([where, true]);
        }
      }),
      { ...settings, numRuns: 8 },
    );
  }, 120_000);

  test('the rules of a cover alone keep every packet away, and without them the answer is another', () => {
    let covers = 0;
    fc.assert(
      fc.property(drawnRules, (drawn) => {
        const read = readText(textOf(drawn));
        const answers = answersFor(read);
        for (const [i, rule] of read.rules.entries()) {
          const death = answers.death(rule);
          if (death?.kind !== 'covered') continue;
          covers++;
          const cover = new Set(death.cover.filter((p) => p.needed).map((p) => read.rules.indexOf(p.rule)));
          const jump = (r: DrawnRule): boolean => /-[jg] [abc]$/.test(r.target);
          const only = readText(textOf(disarmed(drawn, (r, k) => k !== i && !cover.has(k) && !jump(r))));
          expect(answersFor(only).standing(only.rules[i] as Rule)).toBe('dead');
          const without = readText(textOf(disarmed(drawn, (_, k) => cover.has(k))));
          const then = answersFor(without);
          const other = then.death(without.rules[i] as Rule);
          if (then.standing(without.rules[i] as Rule) === 'dead' && other?.kind === 'covered')
            for (const part of other.cover) expect(cover.has(without.rules.indexOf(part.rule))).toBe(false);
        }
      }),
      settings,
    );
    // A law that nothing came under would say nothing.
    expect(covers).toBeGreaterThan(10);
  }, 120_000);

  test('what is lost of a live rule never comes to it', () => {
    let lossy = 0;
    fc.assert(
      fc.property(drawnRules, (drawn) => {
        const read = readText(textOf(drawn));
        const answers = answersFor(read);
        const { space } = answers.analysis.vocabulary;
        for (const rule of read.rules) {
          const loss = answers.loss(rule);
          if (loss === undefined || loss.share === 0) continue;
          lossy++;
          expect(loss.takers.length).toBeGreaterThan(0);
          const first = loss.takers.reduce((sum, t) => sum + t.firstShare, 0);
          expect(first).toBeGreaterThan(0.999);
          expect(space.disjoint(loss.lost, answers.analysis.taking(rule))).toBe(true);
        }
      }),
      settings,
    );
    expect(lossy).toBeGreaterThan(10);
  });
});
