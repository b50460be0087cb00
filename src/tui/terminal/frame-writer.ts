/**
 * Takes whole frames from Ink and writes what differs from the last one, each changed line to its absolute place.
 *
 * Ink's own incremental writer counts one line too few to go up when a frame is lower than the terminal (6.8.0), and
 * clears the screen when it is not. In debug mode Ink hands out every frame whole, and at once.
 */

import { Writable } from 'node:stream';

/** The begin and end of a frame, for terminals that then show it as a whole; others ignore them. */
const begin = '\u001b[?2026h';
const end = '\u001b[?2026l';

/** The text that turns one frame on the screen into the next; empty if nothing differs. */
export function frameChange(before: readonly string[], after: readonly string[]): string {
  let text = '';
  for (let row = 0; row < Math.max(before.length, after.length); row++) {
    const line = after[row] ?? '';
    if (line === before[row]) continue;
    // Erased first: a line as wide as the terminal leaves the cursor on its last column.
    text += `\u001b[${row + 1};1H\u001b[0m\u001b[2K${line}`;
  }
  return text === '' ? '' : `${begin}${text}\u001b[0m${end}`;
}

/** What Ink takes for its terminal. */
export class FrameWriter extends Writable {
  readonly isTTY = true;
  readonly #out: NodeJS.WriteStream;
  #shown: readonly string[] = [];
  #waiting: string | undefined;
  #open = true;

  constructor(out: NodeJS.WriteStream) {
    super({ decodeStrings: false });
    this.#out = out;
  }

  get columns(): number {
    return this.#out.columns ?? 80;
  }

  get rows(): number {
    return this.#out.rows ?? 24;
  }

  override _write(frame: string | Buffer, _encoding: string, done: () => void): void {
    this.#draw(String(frame));
    done();
  }

  /** Nothing of the old screen is left: the next frame is written whole. */
  forget(): void {
    this.#shown = [];
  }

  /** Writes nothing any more: the terminal belongs to somebody else. */
  pause(): void {
    this.#open = false;
  }

  /** Writes again, from nothing. */
  resume(): void {
    this.#open = true;
    this.forget();
  }

  #draw(frame: string): void {
    if (!this.#open) return;
    // A slow line gets the newest frame when it is ready, not all that were missed.
    if (this.#out.writableNeedDrain) {
      if (this.#waiting === undefined)
        this.#out.once('drain', () => {
          const newest = this.#waiting;
          this.#waiting = undefined;
          if (newest !== undefined) this.#draw(newest);
        });
      this.#waiting = frame;
      return;
    }
    // A frame may be higher than a terminal that is too small for it.
    const lines = frame.split('\n').slice(0, this.rows);
    const text = frameChange(this.#shown, lines);
    this.#shown = lines;
    if (text !== '') this.#out.write(text);
  }
}
