/** What the thread does that has read a large machine: see `walker.ts`. */

import { whyNothingToLookAt } from '../../link/recognise.ts';
import { defaultRegistry } from '../../registry.ts';
import { answerWalk, type WalkQuestion, type WalkResult } from '../state/distant-world.ts';
import type { Draft } from '../state/draft.ts';
import { packRulesets } from '../state/packed-rules.ts';
import { createWorld, viewOpened } from '../state/world.ts';
import type { BesideMachine, OpenedFar } from './questions.ts';
import { readLightly } from './read-lightly.ts';

/** Drafts that are known again: their rules are compiled once. */
const draftsKept = 4;

/** See the head of this file. */
export interface Walks {
  readonly opened: OpenedFar;
  /** Drafts with the same serial are the same. */
  walk(question: WalkQuestion, draftSerial: number): WalkResult;
  print(draft: Draft): string;
}

/** Reads the machine, for all that is asked of it. */
export function openWalks(machine: BesideMachine): Walks {
  const { texts, diagnostics } = machine;
  const registry = defaultRegistry();
  const read = readLightly(machine, registry);
  const opened = { name: texts[0]?.name ?? '', texts, read, registry, diagnostics };
  const world = createWorld(opened);
  const drafts = new Map<number, Draft>();
  const couldNotLook = whyNothingToLookAt(read);
  const { machine: known, setNames, sources } = viewOpened(opened);
  return {
    opened:
      couldNotLook === undefined
        ? {
            kind: 'rules',
            rules: packRulesets(world.rulesets),
            machine: known,
            setNames,
            words: { ipv4: world.words('ipv4'), ipv6: world.words('ipv6') },
            sources: [...sources].map(([family, text]) => [family, texts.findIndex((t) => t.text === text)]),
          }
        : { kind: 'nothing', couldNotLook },
    walk(question, draftSerial) {
      const draft = drafts.get(draftSerial) ?? question.draft;
      drafts.delete(draftSerial);
      drafts.set(draftSerial, draft);
      for (const old of [...drafts.keys()].slice(0, -draftsKept)) drafts.delete(old);
      return answerWalk(world, { ...question, draft });
    },
    print: (draft) => world.text(draft),
  };
}
