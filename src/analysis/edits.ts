/**
 * Rules on trial while they are edited: each ruleset is answered for at the cost of what has changed since the last.
 *
 * One space serves all of them. A new boundary takes spare codes of it; where they do not last, or the rulesets are too
 * different (a field that no rule mentioned before, another machine state), everything begins afresh.
 */

import { compile } from '../engine/program.ts';
import type { Registry } from '../extensions/registry.ts';
import type { Machine } from '../model/machine.ts';
import type { BaseMatch, MatchUse, Rule, Ruleset, RuleTarget } from '../model/ruleset.ts';
import { analyseSide } from './analysis.ts';
import { Kept } from './kept.ts';
import { answerRules, type RuleAnswers } from './rule-answers.ts';
import { createSide, type Side } from './side.ts';
import { createVocabulary, type MaySet, type Vocabulary } from './vocabulary.ts';

/** What {@link answerEdits} is told. */
export interface EditsOptions {
  readonly machine: Machine;
  readonly registry: Registry;
  /** Ceiling on nodes; beyond it, answers are undecided. */
  readonly nodesMax?: number;
}

/** Answers for a ruleset. Those given before hold on, for the rulesets that they were given for. */
export type AnswerEdits = (ruleset: Ruleset) => RuleAnswers;

/**
 * Begins a row of answers for rulesets of one family on one machine, each of which is nearly the one before it.
 *
 * What has not changed is found by content; it is found fastest where chains and rules are the same objects. The
 * answers are those of {@link answerRules} for each ruleset alone, but that a limit on nodes may be reached later.
 *
 * @example
 * const answers = answerEdits({ machine, registry });
 * answers(ruleset).dead();          // all rules are looked at
 * answers(changed).dead();          // what one rule changes
 */
export function answerEdits(o: EditsOptions): AnswerEdits {
  let state: EditState | undefined;
  return (ruleset) => {
    const program = compile([ruleset], o.machine, o.registry);
    const side = createSide({ ruleset, program, registry: o.registry });
    if (state === undefined || !state.follow(side)) state = new EditState(side, o.nodesMax);
    return state.answers(side);
  };
}

/** Room for some new addresses within one network. Fields that are rewritten pay for it, bit by bit. */
const spareCodes = 15;
/** What one answer has computed must still be known for the next: a cache that is too small makes all edits slow. */
const cacheEntriesPerRule = 400;
/** Nodes beyond those of the first ruleset, by how much of them and at least so many, before all begins afresh. */
const nodesGrowth = 3;
const nodesGrowthMin = 1 << 20;

/** One space, with all that was said in it. */
class EditState {
  readonly #vocabulary: Vocabulary;
  readonly #kept = new Kept();
  /** Sets of rules by the rule itself, and by its content. */
  readonly #byRule = new WeakMap<Rule, MaySet>();
  readonly #byContent = new Map<string, MaySet | undefined>();
  readonly #keys = new ContentKeys();
  readonly #nodesMax: number;
  #nodesFirst: number | undefined;

  constructor(side: Side, nodesMax?: number) {
    for (const rule of rulesOf(side.ruleset)) this.#byContent.set(this.#keys.of(rule), undefined);
    const vocabulary = createVocabulary({
      sides: [side],
      spareCodes,
      cacheEntriesMin: cacheEntriesPerRule * this.#byContent.size,
      ...(nodesMax === undefined ? {} : { nodesMax }),
    });
    this.#nodesMax = (nodesMax ?? Number.POSITIVE_INFINITY) / 2;
    this.#vocabulary = { ...vocabulary, matches: this.#matches(vocabulary) };
  }

  #matches({ matches, space }: Vocabulary): Vocabulary['matches'] {
    return (side, rule, within = space.all) => {
      if (within !== space.all) return matches(side, rule, within);
      let known = this.#byRule.get(rule);
      if (known !== undefined) return known;
      const key = this.#keys.of(rule);
      known = this.#byContent.get(key) ?? matches(side, rule);
      if (space.isDecided(known.may) && space.isDecided(known.must)) {
        this.#byContent.set(key, known);
        this.#byRule.set(rule, known);
      }
      return known;
    };
  }

  /** Makes room for the next ruleset; false where a new state is better. */
  follow(side: Side): boolean {
    const { space } = this.#vocabulary;
    this.#nodesFirst ??= space.nodeCount;
    const most = Math.max(this.#nodesFirst + nodesGrowthMin, this.#nodesFirst * nodesGrowth);
    if (space.nodeCount > Math.min(most, this.#nodesMax)) return false;
    const changed = new Map<string, Rule>();
    for (const rule of rulesOf(side.ruleset)) {
      if (this.#byRule.has(rule)) continue;
      const key = this.#keys.of(rule);
      if (!this.#byContent.has(key)) changed.set(key, rule);
    }
    if (!this.#vocabulary.replace(side, [...changed.values()])) return false;
    for (const key of changed.keys()) this.#byContent.set(key, undefined);
    return true;
  }

  answers(side: Side): RuleAnswers {
    this.#kept.begin();
    const analysis = analyseSide(side, this.#vocabulary, undefined, this.#kept);
    return answerRules(analysis, { kept: this.#kept });
  }
}

function* rulesOf(ruleset: Ruleset): Generator<Rule> {
  for (const table of ruleset.tables) for (const chain of table.chains) yield* chain.rules;
}

/** One text for each content of a rule, its place apart. Parts are looked at once: rules that moved share them. */
class ContentKeys {
  readonly #parts = new WeakMap<object, string>();

  of({ base, matches, target }: Rule): string {
    return `${this.#part(base)}${matches.map((use) => this.#part(use)).join('')}${this.#part(target)}`;
  }

  #part(part: BaseMatch | MatchUse | RuleTarget): string {
    let text = this.#parts.get(part);
    if (text === undefined) {
      text = JSON.stringify(part);
      this.#parts.set(part, text);
    }
    return text;
  }
}
