/** Puts state, screen and terminal together, and carries out what the reducer asks for. */

import { setTimeout } from 'node:timers/promises';
import { render } from 'ink';
import type { Asker } from './beside/asker.ts';
import type { Answers } from './beside/questions.ts';
import type { Walker } from './beside/walker.ts';
import { NotWalked } from './state/distant-world.ts';
import type { Draft } from './state/draft.ts';
import { type Action, reduce } from './state/reduce.ts';
import { currentLeg, type Effect, initialState, type State, screens } from './state/state.ts';
import type { World } from './state/world.ts';
import type { EarlyKeys } from './terminal/early-keys.ts';
import { FrameWriter } from './terminal/frame-writer.ts';
import type { Input } from './terminal/keys.ts';
import type { Terminal } from './terminal/terminal.ts';
import { headRows } from './views/layout.ts';
import { createPalette } from './views/palette.ts';
import { listTopRow, Screen, screenLayout, tabsOf } from './views/screen.tsx';

/** What the app is given. */
export interface AppOptions {
  readonly world: World;
  readonly terminal: Terminal;
  readonly packet: string;
  readonly color: boolean;
  /** Keys that have come so far. */
  readonly early: EarlyKeys;
  /** Writes a whole file, or throws an error whose message says why not. */
  readonly writeFile: (path: string, text: string) => void;
  /** The rules as text, with a draft in force; or an error whose message says why there is none. */
  readonly textOf: (draft: Draft) => Promise<string>;
  /** Makes what answers beside the screen: what packets fare differently, the linter, dead rules. */
  readonly beside: (give: (draft: Draft, answers: Answers) => void) => Asker;
  /** Walks packets for a world that does not do so itself. */
  readonly walker: Walker | undefined;
}

/** Long enough for the next key of somebody who types. */
const walkDelayMs = 60;

/** Long enough for the frame. */
const frameDelayMs = 30;

/** What `make` makes of the world, or what must be walked for that first. */
function attempt<T>(make: () => T): T | NotWalked {
  try {
    return make();
  } catch (error) {
    if (error instanceof NotWalked) return error;
    throw error;
  }
}

/** The first state, when its walk is there; or why it cannot be. */
async function firstState(
  { world, packet, walker }: AppOptions,
  size: State['size'],
): Promise<State | string> {
  for (;;) {
    const state = attempt(() => initialState(world, packet, size));
    if (!(state instanceof NotWalked)) return state;
    const result = await walker?.ask(state.question);
    if (typeof result !== 'object') return result ?? 'nobody walks packets';
    state.learn(result);
  }
}

/** The next state, with the walks that its screen shows. */
function nextState(world: World, state: State, action: Action): State {
  const next = reduce(world, state, action);
  currentLeg(world, next);
  if (next.screen === 'flow') world.flow(next.answer);
  return next;
}

/** What somebody did, not what came from elsewhere. */
const byHand: ReadonlySet<Action['kind']> = new Set(['key', 'paste', 'click-row']);

/** A click or a turn of the wheel as an action; undefined where it means nothing. */
function pointAt(world: World, state: State, input: Input): Action | undefined {
  if (input.kind === 'wheel') return { kind: 'key', key: input.by === 1 ? 'down' : 'up' };
  if (input.kind !== 'click') return undefined;
  if (input.y === 0) {
    const tab = tabsOf(state).find(({ from, to }) => input.x >= from && input.x < to);
    const number = tab && screens.indexOf(tab.screen) + 1;
    return number === undefined ? undefined : { kind: 'key', key: String(number) };
  }
  if (input.y === headRows - 1) return { kind: 'key', key: 'p' };
  const layout = screenLayout(world, state);
  const row = input.y - layout.listTop;
  if (row < 0 || row >= layout.listRows || input.x >= layout.listColumns) return undefined;
  return { kind: 'click-row', row: listTopRow(world, state, layout) + row };
}

/** Runs until the user quits. The answer is why nothing could be shown, or undefined after a normal end. */
export async function runApp(options: AppOptions): Promise<string | undefined> {
  const { world, terminal, writeFile, textOf, walker, early } = options;
  const palette = createPalette(options.color, process.env['TERM']);
  const first = await Promise.race([firstState(options, terminal.size()), early.givenUp]);
  if (typeof first !== 'object') return first;
  let state = first;
  let done: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    done = resolve;
  });
  /** What was done by hand, and cannot be shown before something is walked; in order. */
  let waiting: readonly Action[] = [];
  const shown = (): State =>
    waiting.length === 0 || state.walkPending ? state : { ...state, walkPending: 'packet' };
  const draw = () => <Screen world={world} state={shown()} palette={palette} />;
  const frames = new FrameWriter(terminal.out);
  terminal.clear();
  const instance = render(draw(), {
    stdout: frames as unknown as NodeJS.WriteStream,
    debug: true,
    patchConsole: false,
    exitOnCtrlC: false,
    isScreenReaderEnabled: false,
  });
  let scheduled = false;
  let walkTimer: NodeJS.Timeout | undefined;
  let asked = false;
  /** What is being written; whether it went well. */
  let writing: Promise<boolean> | undefined;
  /** Keys that come in one go are drawn once. */
  const redrawSoon = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      instance.rerender(draw());
    });
  };
  /** Everything anew: after a resize or a visit to the shell nothing of the old screen is left. */
  const redrawAll = (): void => {
    terminal.clear();
    frames.resume();
    redrawSoon();
  };

  /** Has something walked, unless that is being done; then what waits for it goes on. */
  const askWalker = async ({ question, learn }: NotWalked): Promise<void> => {
    if (asked) return;
    asked = true;
    const result = (await walker?.ask(question)) ?? 'nobody walks packets';
    asked = false;
    if (typeof result === 'string') {
      waiting = [];
      dispatch({ kind: 'not-walked', text: `This cannot be walked: ${result}` });
      return;
    }
    learn(result);
    redrawSoon();
    while (waiting[0] && take(waiting[0])) waiting = waiting.slice(1);
    if (state.walkPending && waiting.length === 0) dispatch({ kind: 'walk' });
  };

  /** Writes behind the frame that says so, and behind what is being written. */
  const write = async (
    { path, draft }: Extract<Effect, { kind: 'write' }>,
    before: Promise<boolean> | undefined,
  ): Promise<boolean> => {
    await before;
    await setTimeout(frameDelayMs);
    try {
      writeFile(path, await textOf(draft));
      dispatch({ kind: 'wrote', path, draft });
      return true;
    } catch (error) {
      dispatch({ kind: 'failed', text: error instanceof Error ? error.message : String(error) });
      return false;
    }
  };

  const carryOut = (effect: Effect): void => {
    switch (effect.kind) {
      case 'quit':
        // Nobody leaves without what he wanted to be written, or without being told that it is not.
        if (!writing) done();
        else void writing.then((well) => well && done());
        return;
      case 'suspend':
        frames.pause();
        terminal.suspend(() => {
          dispatch({ kind: 'resize', ...terminal.size() });
          redrawAll();
        });
        return;
      case 'redraw':
        redrawAll();
        return;
      case 'walk':
        // Of several changes, only the last is walked.
        clearTimeout(walkTimer);
        walkTimer = globalThis.setTimeout(dispatch, walkDelayMs, { kind: 'walk' } satisfies Action);
        return;
      case 'copy':
        terminal.copy(effect.text);
        return;
      case 'write': {
        const mine = write(effect, writing);
        writing = mine;
        void mine.then(() => {
          if (writing === mine) writing = undefined;
        });
        return;
      }
    }
  };
  /** Carries an action out; false where something must be walked first. */
  const take = (action: Action): boolean => {
    const next = attempt(() => nextState(world, state, action));
    if (next instanceof NotWalked) {
      void askWalker(next);
      return false;
    }
    state = next;
    const { effects, draft } = state;
    redrawSoon();
    for (const effect of effects) carryOut(effect);
    asker?.about(draft);
    return true;
  };
  const dispatch = (action: Action): void => {
    if (waiting.length > 0 && action.kind === 'key' && ['esc', 'ctrl-c'].includes(action.key)) waiting = [];
    if (!byHand.has(action.kind)) {
      take(action);
      return;
    }
    // One after the other, as they were done.
    if (waiting.length > 0 || !take(action)) waiting = [...waiting, action];
    redrawSoon();
  };
  let asker: Asker | undefined;

  terminal.onResize(() => {
    dispatch({ kind: 'resize', ...terminal.size() });
    redrawAll();
  });
  asker = options.beside((draft, answers) => dispatch({ kind: 'told', draft, answers }));
  asker.about(state.draft);
  early.handOver((input) => {
    const action = input.kind === 'key' || input.kind === 'paste' ? input : pointAt(world, state, input);
    if (action) dispatch(action);
  });
  try {
    await ended;
  } finally {
    asker.stop();
    clearTimeout(walkTimer);
    frames.pause();
    instance.unmount();
    terminal.leave();
  }
  return undefined;
}
