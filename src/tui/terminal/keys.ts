/**
 * From the bytes of a terminal to named keys. Node's own decoder reads the keys; what it does not know (the mouse,
 * pasted text in brackets) is taken out before.
 */

import { emitKeypressEvents, type Interface, type Key } from 'node:readline';
import { PassThrough } from 'node:stream';

/** What the terminal sent. Columns and rows count from 0. */
export type Input =
  | { readonly kind: 'key'; readonly key: string; readonly text?: string }
  | { readonly kind: 'paste'; readonly text: string }
  | { readonly kind: 'click'; readonly x: number; readonly y: number }
  | { readonly kind: 'wheel'; readonly by: 1 | -1; readonly x: number; readonly y: number };

const names: Readonly<Record<string, string>> = {
  return: 'enter',
  escape: 'esc',
  pageup: 'pageup',
  pagedown: 'pagedown',
};

/** A key's name: `j`, `J`, `ctrl-d`, `alt-b`, `shift-up`, `enter`, `space`, `f1`. */
function keyName(text: string | undefined, key: Key): string {
  const name = key.name === undefined ? undefined : (names[key.name] ?? key.name);
  // A line feed by itself is what some terminals send for enter.
  if (name === 'enter' || key.sequence === '\n') return 'enter';
  if (key.ctrl && name !== undefined) return `ctrl-${name}`;
  if (key.meta && name !== undefined && name !== 'esc') return `alt-${name}`;
  const typed = text !== undefined && text >= ' ' && text !== '\u007f';
  if (typed) return text === ' ' ? 'space' : text;
  if (name === undefined) return '';
  return key.shift ? `shift-${name}` : name;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals speak in them.
const mouse = /\u001b\[<(\d+);(\d+);(\d+)([Mm])/;
const pasteStart = '\u001b[200~';
const pasteEnd = '\u001b[201~';

/** The longest pasted text that is kept. */
const pasteMax = 64 * 1024;

/** Feeds bytes in, gets inputs out. */
export interface KeyDecoder {
  write(bytes: Uint8Array): void;
  close(): void;
}

/** A sequence that comes in two pieces comes within this; who presses escape does not want to wait. */
const escapeWaitMs = 25;

/** Makes a decoder. A lone escape is told apart from the beginning of a sequence by a short wait. */
export function createKeyDecoder(give: (input: Input) => void): KeyDecoder {
  const keys = new PassThrough();
  // Of an interface, the decoder asks for its patience alone.
  emitKeypressEvents(keys, { escapeCodeTimeout: escapeWaitMs } as unknown as Interface);
  keys.on('keypress', (text: string | undefined, key: Key) => {
    const name = keyName(text, key);
    const typed = text !== undefined && text >= ' ' && text !== '\u007f' && !key.ctrl && !key.meta;
    if (name !== '') give({ kind: 'key', key: name, ...(typed ? { text } : {}) });
  });
  const decoder = new TextDecoder();
  let pasted: string | undefined;

  const take = (text: string): void => {
    let rest = text;
    while (rest !== '') {
      if (pasted !== undefined) {
        const end = rest.indexOf(pasteEnd);
        const piece = end < 0 ? rest : rest.slice(0, end);
        pasted = (pasted + piece).slice(0, pasteMax);
        if (end < 0) return;
        give({ kind: 'paste', text: pasted });
        pasted = undefined;
        rest = rest.slice(end + pasteEnd.length);
        continue;
      }
      const paste = rest.indexOf(pasteStart);
      const report = mouse.exec(rest);
      const next = Math.min(paste < 0 ? rest.length : paste, report ? report.index : rest.length);
      if (next > 0) keys.write(rest.slice(0, next));
      if (report && report.index === next) {
        takeMouse(report);
        rest = rest.slice(next + report[0].length);
      } else if (paste === next && paste >= 0) {
        pasted = '';
        rest = rest.slice(next + pasteStart.length);
      } else rest = '';
    }
  };
  const takeMouse = ([, button, column, row, end]: RegExpExecArray): void => {
    const x = Number(column) - 1;
    const y = Number(row) - 1;
    if (button === '64') give({ kind: 'wheel', by: -1, x, y });
    else if (button === '65') give({ kind: 'wheel', by: 1, x, y });
    else if (button === '0' && end === 'M') give({ kind: 'click', x, y });
  };
  return {
    write: (bytes) => take(decoder.decode(bytes, { stream: true })),
    close: () => keys.destroy(),
  };
}
