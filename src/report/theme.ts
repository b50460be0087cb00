import picocolors from 'picocolors';

/** Puts colour around a text; the text must be escaped already. */
export type Paint = (text: string) => string;

/** Colours by what they mean. Meaning never rests on colour alone: the words say it too. */
export interface Theme {
  readonly error: Paint;
  readonly warning: Paint;
  readonly info: Paint;
  /** Names of codes, checks, files: what a reader looks for first. */
  readonly strong: Paint;
  /** File and line, numbers, labels: what a reader skips over. */
  readonly faint: Paint;
  /** The underline below a source line. */
  readonly caret: Paint;
  /** A command or a word to type. */
  readonly command: Paint;
  readonly verdictAccept: Paint;
  readonly verdictDrop: Paint;
  /** Neither: handed to someone else, or unknown. */
  readonly verdictOther: Paint;
  /** Addresses and ports that NAT has changed. */
  readonly rewritten: Paint;
}

/** The theme of a terminal with or without colour. Without it every paint gives its text back unchanged. */
export function createTheme(color: boolean): Theme {
  const paint = picocolors.createColors(color);
  return {
    error: (text) => paint.bold(paint.red(text)),
    warning: (text) => paint.bold(paint.yellow(text)),
    info: (text) => paint.bold(paint.cyan(text)),
    strong: paint.bold,
    faint: paint.dim,
    caret: (text) => paint.bold(paint.red(text)),
    command: paint.cyan,
    verdictAccept: paint.green,
    verdictDrop: paint.red,
    verdictOther: paint.yellow,
    rewritten: paint.magenta,
  };
}
