/** Text with a terminal's colours, as pieces that a page can show: what printers for terminals say need not be said twice. */

/** A piece of text and how it is painted: names of {@link paints}, separated by blanks; empty: not at all. */
export interface PaintedPiece {
  readonly text: string;
  readonly paint: string;
}

/** What the theme for terminals uses, by the number of the escape sequence. Source: ECMA-48, 8.3.117 (SGR). */
const paints: Readonly<Record<number, string>> = {
  1: 'bold',
  2: 'faint',
  31: 'red',
  32: 'green',
  33: 'yellow',
  35: 'magenta',
  36: 'cyan',
};

const ends: Readonly<Record<number, readonly string[]>> = {
  22: ['bold', 'faint'],
  39: ['red', 'green', 'yellow', 'magenta', 'cyan'],
};

/** Takes a printer's text apart. Only colours may be in it: everything else has been made visible by the printer. */
export function paintedPieces(text: string): readonly PaintedPiece[] {
  const pieces: PaintedPiece[] = [];
  const on = new Set<string>();
  text.split('\u001b[').forEach((part, index) => {
    const sequence = index === 0 ? undefined : /^(\d+)m/.exec(part);
    if (sequence) {
      const code = Number(sequence[1]);
      const paint = paints[code];
      if (paint !== undefined) on.add(paint);
      for (const name of ends[code] ?? []) on.delete(name);
    }
    const plain = part.slice(sequence?.[0].length ?? 0);
    if (plain !== '') pieces.push({ text: plain, paint: [...on].join(' ') });
  });
  return pieces;
}
