/** Puts state, screen and terminal together, and carries out what the reducer asks for. */

import { render } from 'ink';
import { type Action, reduce } from './state/reduce.ts';
import { type Effect, initialState, type State } from './state/state.ts';
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
  /** Starts what takes long: the linter, and the question for dead rules. */
  readonly beside: (give: (action: Action) => void) => void;
}

/** Long enough for the frame and for the next key of somebody who types. */
const walkDelayMs = 120;

/** A click or a turn of the wheel as an action; undefined where it means nothing. */
function pointAt(world: World, state: State, input: Input): Action | undefined {
  if (input.kind === 'wheel') return { kind: 'key', key: input.by === 1 ? 'down' : 'up' };
  if (input.kind !== 'click') return undefined;
  if (input.y === 0) {
    const tab = tabsOf(state).find(({ from, to }) => input.x >= from && input.x < to);
    const number = tab && ['path', 'packet', 'flow', 'findings'].indexOf(tab.screen) + 1;
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

  const carryOut = (effect: Effect): void => {
    switch (effect.kind) {
      case 'quit':
        done();
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
        clearTimeout(walk);
        walk = setTimeout(() => dispatch({ kind: 'walk' }), walkDelayMs);
        return;
      case 'copy':
        terminal.copy(effect.text);
        return;
      case 'write':
        try {
          writeFile(effect.path, effect.text);
          dispatch({ kind: 'wrote', path: effect.path, draft: effect.draft });
        } catch (error) {
          dispatch({ kind: 'failed', text: error instanceof Error ? error.message : String(error) });
        }
        return;
    }
  };
  const dispatch = (action: Action): void => {
    state = reduce(world, state, action);
    const { effects } = state;
    redrawSoon();
    for (const effect of effects) carryOut(effect);
  };

  terminal.listen((input) => {
    const action = input.kind === 'key' || input.kind === 'paste' ? input : pointAt(world, state, input);
    if (action) dispatch(action);
  });
  terminal.onResize(() => {
    dispatch({ kind: 'resize', ...terminal.size() });
    redrawAll();
  });
  options.beside(dispatch);
  try {
    await ended;
  } finally {
    clearTimeout(walk);
    frames.pause();
    instance.unmount();
    terminal.leave();
  }
}
