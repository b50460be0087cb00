/**
 * Colours by meaning, of the sixteen that every terminal has, so that both dark and light backgrounds stay readable. Of
 * these, yellow, cyan and white do not show on a light ground, blue and black not on a dark one; green is a light colour
 * in some terminals, so it is only used bold. Every meaning is also a mark or a word, for terminals without colour.
 */

import picocolors from 'picocolors';
import type { Paint } from '../../report/theme.ts';

/** What a piece of text means. */
export type Tone =
  | 'strong'
  | 'faint'
  | 'accept'
  | 'drop'
  | 'other'
  | 'rewritten'
  | 'command'
  | 'error'
  | 'warning'
  | 'info'
  /** The row or field under the cursor. */
  | 'cursor';

/** A paint for every meaning. */
export type Palette = Readonly<Record<Tone, Paint>>;

/**
 * The palette with colour, or one that leaves every text as it is. `terminal` is what TERM says: the console of Linux
 * shows faint letters nearly as dark as its ground, which is black.
 */
export function createPalette(color: boolean, terminal?: string): Palette {
  const p = picocolors.createColors(color);
  return {
    strong: p.bold,
    faint: terminal === 'linux' ? p.cyan : p.dim,
    accept: (text) => p.bold(p.green(text)),
    drop: (text) => p.bold(p.red(text)),
    other: (text) => p.bold(p.magenta(text)),
    rewritten: p.magenta,
    command: p.bold,
    error: (text) => p.bold(p.red(text)),
    warning: (text) => p.bold(p.magenta(text)),
    info: p.bold,
    cursor: p.inverse,
  };
}
