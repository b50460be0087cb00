import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checks, defaultRegistry, lintMachine } from '../../src/index.ts';
import { readMachine } from '../../src/link/read-machine.ts';
import { shownFinding } from '../../src/tui/beside/shown-finding.ts';
import { firstPacket } from '../../src/tui/start.ts';
import { emptyDraft } from '../../src/tui/state/draft.ts';
import { type Action, reduce } from '../../src/tui/state/reduce.ts';
import { initialState, type State } from '../../src/tui/state/state.ts';
import { createWorld, type NearWorld, type World } from '../../src/tui/state/world.ts';
import { repositoryRoot } from './source-tree.ts';

/** The world of a ruleset's text. */
export function worldOf(text: string, name = 'gw.rules'): NearWorld {
  const texts = [{ name, text }];
  const registry = defaultRegistry();
  return createWorld({ name, texts, read: readMachine(texts, { registry }), registry, diagnostics: [] });
}

/** The world of a file of `rules-examples/`. */
export function exampleWorld(name: string): NearWorld {
  const path = `rules-examples/${name}.rules`;
  return worldOf(readFileSync(join(repositoryRoot, path), 'utf8'), path);
}

/** A world's first state; `packet` as a line, else the one that the program begins with. */
export function firstState(world: World, columns = 80, rows = 24, packet?: string): State {
  return initialState(world, packet ?? firstPacket(world, []), { columns, rows });
}

/** The linter's answer, as it comes from its thread. */
export function findingsOf(world: World): Action {
  const { texts, registry } = world.opened;
  const list = structuredClone(lintMachine(texts, { registry, checks }).findings.map(shownFinding));
  return { kind: 'told', draft: emptyDraft, answers: { findings: { kind: 'done', list } } };
}

/**
 * Presses keys, blank between them; `=TEXT` is pasted (with `_` for blanks). A large ruleset is walked after each, as
 * the screen does it a little later.
 */
export function press(world: World, state: State, keys: string): State {
  let now = state;
  for (const key of keys.split(' ')) {
    const action: Action = key.startsWith('=')
      ? { kind: 'paste', text: key.slice(1).replaceAll('_', ' ') }
      : { kind: 'key', key, ...(key.length === 1 ? { text: key } : key === 'space' ? { text: ' ' } : {}) };
    now = reduce(world, now, action);
    if (now.effects.some((e) => e.kind === 'walk')) now = reduce(world, now, { kind: 'walk' });
  }
  return now;
}
