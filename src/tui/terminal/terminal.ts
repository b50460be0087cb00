/** The terminal as a place to draw on: entered and left as a whole, whatever happens in between. */

import { openSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { createKeyDecoder, type Input } from './keys.ts';

const enter = [
  '\u001b[?1049h', // the other screen
  '\u001b[?25l', // no cursor
  '\u001b[?2004h', // pasted text in brackets
  '\u001b[?1000h\u001b[?1006h', // clicks and the wheel
  '\u001b[2J\u001b[H',
].join('');
const leave = ['\u001b[?1006l\u001b[?1000l', '\u001b[?2004l', '\u001b[?25h', '\u001b[?1049l'].join('');

/** A terminal in use. */
export interface Terminal {
  readonly out: NodeJS.WriteStream;
  size(): { readonly columns: number; readonly rows: number };
  /** Calls back for everything that is typed or clicked. */
  listen(give: (input: Input) => void): void;
  onResize(resized: () => void): void;
  /** Stops this process as the shell's Ctrl-Z does; `resumed` is called when it goes on. */
  suspend(resumed: () => void): void;
  /** Puts a text into the clipboard of the terminal (OSC 52), where it allows that. */
  copy(text: string): void;
  clear(): void;
  /** Gives the terminal back. May be called more than once. */
  leave(): void;
}

/** Signals that end the process; the terminal is given back first. */
const ending = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const;

/** The keyboard: stdin where it is a terminal, else the terminal of the process; undefined if it has none. */
export function openKeyboard(): ReadStream | undefined {
  if (process.stdin.isTTY) return process.stdin as ReadStream;
  try {
    return new ReadStream(openSync('/dev/tty', 'r'));
  } catch {
    return undefined;
  }
}

/** Takes the terminal over. `out` is a terminal. */
export function enterTerminal(keyboard: ReadStream, out: NodeJS.WriteStream): Terminal {
  let entered = false;
  /** Until somebody listens, keys wait in the terminal. */
  let listening = false;
  const takeOver = (): void => {
    keyboard.setRawMode(true);
    if (listening) keyboard.resume();
    out.write(enter);
    entered = true;
  };
  const giveBack = (): void => {
    if (!entered) return;
    entered = false;
    out.write(leave);
    try {
      keyboard.setRawMode(false);
    } catch {
      // The terminal is gone; there is nothing to restore.
    }
    keyboard.pause();
  };
  const end = (signal: NodeJS.Signals): void => {
    giveBack();
    for (const name of ending) process.removeListener(name, end);
    process.kill(process.pid, signal);
  };
  for (const signal of ending) process.on(signal, end);
  process.on('exit', giveBack);
  takeOver();
  const decoders: { close(): void }[] = [];
  return {
    out,
    size: () => ({ columns: out.columns ?? 80, rows: out.rows ?? 24 }),
    listen: (give) => {
      const decoder = createKeyDecoder(give);
      decoders.push(decoder);
      listening = true;
      keyboard.on('data', (bytes: Buffer) => decoder.write(bytes));
      // The other end hung up: as good as a quit.
      keyboard.on('end', () => give({ kind: 'key', key: 'ctrl-c' }));
      keyboard.on('error', () => give({ kind: 'key', key: 'ctrl-c' }));
    },
    onResize: (resized) => {
      out.on('resize', resized);
    },
    suspend: (resumed) => {
      giveBack();
      process.once('SIGCONT', () => {
        takeOver();
        resumed();
      });
      // The whole group, so that the shell sees the job stopped even behind a pipe.
      process.kill(0, 'SIGTSTP');
    },
    copy: (text) => {
      out.write(`\u001b]52;c;${Buffer.from(text, 'utf8').toString('base64')}\u0007`);
    },
    clear: () => {
      out.write('\u001b[2J\u001b[H');
    },
    leave: () => {
      giveBack();
      for (const name of ending) process.removeListener(name, end);
      process.removeListener('exit', giveBack);
      for (const decoder of decoders) decoder.close();
      if (keyboard !== process.stdin) keyboard.destroy();
      else keyboard.unref?.();
    },
  };
}
