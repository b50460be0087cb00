/**
 * One line of text with a cursor. The state is data and each key makes a new one: the cursor has to be known to put
 * errors under it, and to be seen without colour. Offsets are UTF-16; the cursor stands between characters.
 */

/** See the head of this file. */
export interface LineEditor {
  readonly text: string;
  readonly cursor: number;
}

/** Longer lines are cut: no option of iptables comes near. */
const lineLengthMax = 4096;

/** An editor with the cursor behind the text. */
export function editLine(text: string): LineEditor {
  return { text, cursor: text.length };
}

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

function before(text: string, cursor: number): number {
  let last = 0;
  for (const { index } of segmenter.segment(text.slice(0, cursor))) last = index;
  return last;
}

function after(text: string, cursor: number): number {
  const [first] = segmenter.segment(text.slice(cursor));
  return cursor + (first?.segment.length ?? 0);
}

function wordBefore(text: string, cursor: number): number {
  const head = text.slice(0, cursor);
  const words = head.trimEnd();
  return words.length - (words.split(/\s/).at(-1) ?? '').length;
}

function wordAfter(text: string, cursor: number): number {
  return cursor + (/^\s*\S*/.exec(text.slice(cursor))?.[0].length ?? 0);
}

/** Puts a text in at the cursor. Line ends of pasted text become blanks; control characters stay out. */
export function insertText({ text, cursor }: LineEditor, typed: string): LineEditor {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out.
  const clean = typed.replace(/[\r\n\t]+/g, ' ').replace(/[\u0000-\u001f\u007f-\u009f]/g, '');
  const room = clean.slice(0, Math.max(0, lineLengthMax - text.length));
  return { text: text.slice(0, cursor) + room + text.slice(cursor), cursor: cursor + room.length };
}

/** Replaces a piece of the text and puts the cursor behind it. */
export function replaceText({ text }: LineEditor, start: number, end: number, by: string): LineEditor {
  return { text: text.slice(0, start) + by + text.slice(end), cursor: start + by.length };
}

const remove = ({ text }: LineEditor, start: number, end: number): LineEditor => ({
  text: text.slice(0, start) + text.slice(end),
  cursor: start,
});

const edits: Readonly<Record<string, (line: LineEditor) => LineEditor>> = {
  left: (l) => ({ ...l, cursor: before(l.text, l.cursor) }),
  right: (l) => ({ ...l, cursor: after(l.text, l.cursor) }),
  'ctrl-left': (l) => ({ ...l, cursor: wordBefore(l.text, l.cursor) }),
  'alt-b': (l) => ({ ...l, cursor: wordBefore(l.text, l.cursor) }),
  'ctrl-right': (l) => ({ ...l, cursor: wordAfter(l.text, l.cursor) }),
  'alt-f': (l) => ({ ...l, cursor: wordAfter(l.text, l.cursor) }),
  home: (l) => ({ ...l, cursor: 0 }),
  'ctrl-a': (l) => ({ ...l, cursor: 0 }),
  end: (l) => ({ ...l, cursor: l.text.length }),
  'ctrl-e': (l) => ({ ...l, cursor: l.text.length }),
  backspace: (l) => remove(l, before(l.text, l.cursor), l.cursor),
  delete: (l) => remove(l, l.cursor, after(l.text, l.cursor)),
  'ctrl-w': (l) => remove(l, wordBefore(l.text, l.cursor), l.cursor),
  'ctrl-u': (l) => remove(l, 0, l.cursor),
  'ctrl-k': (l) => remove(l, l.cursor, l.text.length),
};

/** What an editing key does; undefined if it is none. `remove` at an end changes nothing. */
export function editKey(line: LineEditor, key: string): LineEditor | undefined {
  const edit = Object.hasOwn(edits, key) ? edits[key] : undefined;
  return edit?.(line);
}
