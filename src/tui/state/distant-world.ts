/**
 * The world of a large ruleset: walked in a thread of its own, since 100,000 rules take longer than a key may. It knows
 * the answers that have come. Asked for another one it throws {@link NotWalked}: whoever asked keeps what he was about
 * to do, has the question answered, and does it again.
 */

import type { Draft } from './draft.ts';
import { countRules, type ShownRuleset } from './shown-rules.ts';
import {
  type Answer,
  type Conversation,
  type Leg,
  type LegChoice,
  legKey,
  type NearWorld,
  type OpenedView,
  type World,
} from './world.ts';

/** What a walk is asked for: an answer with its first leg, another leg of it, or the conversation. */
export interface WalkQuestion {
  readonly draft: Draft;
  readonly packet: string;
  readonly about:
    | { readonly kind: 'answer' }
    | { readonly kind: 'leg'; readonly way: number; readonly choice: LegChoice }
    | { readonly kind: 'flow' };
}

/** What it gives. */
export type WalkResult =
  | { readonly kind: 'answer'; readonly answer: Answer; readonly leg: Leg | undefined }
  | { readonly kind: 'leg'; readonly leg: Leg | undefined }
  | { readonly kind: 'flow'; readonly flow: Conversation | string };

/** Works a question out in a world that walks by itself. */
export function answerWalk(world: NearWorld, { draft, packet, about }: WalkQuestion): WalkResult {
  const answer = world.ask(draft, packet);
  switch (about.kind) {
    case 'answer':
      return { kind: 'answer', answer, leg: world.leg(answer, 0, { kind: 'packet' }) };
    case 'leg':
      return { kind: 'leg', leg: world.leg(answer, about.way, about.choice) };
    case 'flow':
      return { kind: 'flow', flow: world.flow(answer) };
  }
}

/** Thrown where a walk is not there yet. */
export class NotWalked extends Error {
  readonly question: WalkQuestion;
  /** Takes the result in; then the world can be asked again. */
  readonly learn: (result: WalkResult) => void;

  constructor(question: WalkQuestion, learn: (result: WalkResult) => void) {
    super('not walked yet');
    this.question = question;
    this.learn = learn;
  }
}

/** What has come of an answer. */
interface Known {
  readonly draft: Draft;
  readonly packet: string;
  readonly legs: Map<string, Leg | undefined>;
  flow?: Conversation | string;
}

/** Undo and redo, and a line that is typed, go back and forth between some answers. A leg has some megabytes. */
const answersKept = 12;

/** Makes the world. No walk is known in the beginning. */
export function createDistantWorld(
  opened: OpenedView,
  rulesets: readonly ShownRuleset[],
  words: World['words'],
): World {
  const known = new WeakMap<Answer, Known>();
  let answers: readonly Answer[] = [];
  const find = (draft: Draft, packet: string): Answer | undefined =>
    answers.find((answer) => {
      const k = known.get(answer);
      return k?.draft === draft && k.packet === packet;
    });
  const packetLeg = legKey({ kind: 'packet' });
  return {
    opened,
    rulesets,
    ruleCount: countRules(rulesets),
    large: true,
    ask(draft, packet) {
      const answer = find(draft, packet);
      if (answer) return answer;
      throw new NotWalked({ draft, packet, about: { kind: 'answer' } }, (result) => {
        if (result.kind !== 'answer') return;
        known.set(result.answer, { draft, packet, legs: new Map([[`0 ${packetLeg}`, result.leg]]) });
        answers = [result.answer, ...answers].slice(0, answersKept);
      });
    },
    words,
    isReady: (draft, packet) => find(draft, packet) !== undefined,
    leg(answer, way, choice) {
      const k = known.get(answer);
      if (answer.kind !== 'walked' || !k) return undefined;
      const { draft, packet, legs } = k;
      const key = `${way} ${legKey(choice)}`;
      if (legs.has(key)) return legs.get(key);
      throw new NotWalked({ draft, packet, about: { kind: 'leg', way, choice } }, (result) => {
        if (result.kind === 'leg') legs.set(key, result.leg);
      });
    },
    flow(answer) {
      const k = known.get(answer);
      if (answer.kind !== 'walked') return answer.problem.message;
      if (!k) return 'No conversation begins with it';
      const { draft, packet } = k;
      if (k.flow !== undefined) return k.flow;
      throw new NotWalked({ draft, packet, about: { kind: 'flow' } }, (result) => {
        if (result.kind === 'flow') k.flow = result.flow;
      });
    },
  };
}
