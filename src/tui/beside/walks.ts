/** Walks of packets through a large ruleset, in a thread of their own. */

import { readMachine } from '../../link/read-machine.ts';
import { defaultRegistry } from '../../registry.ts';
import { answerWalk, type WalkQuestion, type WalkResult } from '../state/distant-world.ts';
import type { Draft } from '../state/draft.ts';
import { createWorld } from '../state/world.ts';
import type { BesideMachine } from './questions.ts';

/** Drafts that are known again: their rules are compiled once. */
const draftsKept = 4;

/** Reads the machine, for all walks that are asked for. Drafts with the same serial are the same. */
export function openWalks({
  texts,
  family,
  backend,
  diagnostics,
}: BesideMachine): (question: WalkQuestion, draftSerial: number) => WalkResult {
  const registry = defaultRegistry();
  const read = readMachine(texts, { registry, family, backend });
  const world = createWorld({ name: texts[0]?.name ?? '', texts, read, registry, diagnostics });
  const drafts = new Map<number, Draft>();
  return (question, draftSerial) => {
    const draft = drafts.get(draftSerial) ?? question.draft;
    drafts.delete(draftSerial);
    drafts.set(draftSerial, draft);
    for (const old of [...drafts.keys()].slice(0, -draftsKept)) drafts.delete(old);
    return answerWalk(world, { ...question, draft });
  };
}
