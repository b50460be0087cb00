/** Puts state, screen and terminal together, and carries out what the reducer asks for. */

import { render } from 'ink';
import type { Asker } from './beside/asker.ts';
import type { Answers } from './beside/questions.ts';
import type { Draft } from './state/draft.ts';
import { type Action, reduce } from './state/reduce.ts';
import { type Effect, initialState, type State, screens } from './state/state.ts';
import { draftText } from './state/what-if.ts';
import type { World } from './state/world.ts';
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
  /** Writes a whole file, or throws an error whose message says why not. */
  readonly writeFile: (path: string, text: string) => void;
  /** Makes what answers beside the screen: what packets fare differently, the linter, dead rules. */
  readonly beside: (give: (draft: Draft, answers: Answers) => void) => Asker;
}

/** Long enough for the frame and for the next key of somebody who types. */
const walkDelayMs = 120;

/** Long enough for the frame. */
const frameDelayMs = 30;

/** A walk works so long before it lets keys in. */
const walkSliceMs = 8;

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

/** Runs until the user quits. */
export async function runApp(options: AppOptions): Promise<void> {
  const { world, terminal, writeFile } = options;
  const palette = createPalette(options.color);
  let state = initialState(world, options.packet, terminal.size());
  let done: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    done = resolve;
  });
  const draw = () => <Screen world={world} state={state} palette={palette} />;
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
  let walk: NodeJS.Timeout | undefined;
  let slice: NodeJS.Immediate | undefined;
  let waiting: Extract<Effect, { kind: 'write' }> | undefined;
  let writeTimer: NodeJS.Timeout | undefined;
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

  const stopWalking = (): void => {
    clearTimeout(walk);
    clearImmediate(slice);
  };
  /** Slice by slice, with keys and frames between. */
  const walkOn = (work: Generator<undefined, void>): void => {
    const until = performance.now() + walkSliceMs;
    while (performance.now() < until)
      if (work.next().done) {
        dispatch({ kind: 'walk' });
        return;
      }
    slice = setImmediate(walkOn, work);
  };

  /** Writes what waits to be written; whether nothing went wrong. */
  const writeWaiting = (): boolean => {
    clearTimeout(writeTimer);
    if (!waiting) return true;
    const { path, draft } = waiting;
    waiting = undefined;
    try {
      writeFile(path, draftText(world, draft));
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
        if (writeWaiting()) done();
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
        // Behind the frame and behind keys that wait already; of several changes, only the last is walked.
        stopWalking();
        walk = setTimeout(() => walkOn(world.prepare(state.draft, state.packet)), walkDelayMs);
        return;
      case 'copy':
        terminal.copy(effect.text);
        return;
      case 'write':
        // Behind the frame that says so.
        waiting = effect;
        writeTimer = setTimeout(writeWaiting, frameDelayMs);
        return;
    }
  };
  const dispatch = (action: Action): void => {
    state = reduce(world, state, action);
    const { effects, draft } = state;
    redrawSoon();
    for (const effect of effects) carryOut(effect);
    asker?.about(draft);
  };
  let asker: Asker | undefined;

  terminal.listen((input) => {
    const action = input.kind === 'key' || input.kind === 'paste' ? input : pointAt(world, state, input);
    if (action) dispatch(action);
  });
  terminal.onResize(() => {
    dispatch({ kind: 'resize', ...terminal.size() });
    redrawAll();
  });
  asker = options.beside((draft, answers) => dispatch({ kind: 'told', draft, answers }));
  asker.about(state.draft);
  try {
    await ended;
  } finally {
    asker.stop();
    stopWalking();
    frames.pause();
    instance.unmount();
    terminal.leave();
  }
}
