/** A place for people: both 1-based, the column counted in code points, as editors and compilers do. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Answers questions about lines of one text. Building it costs one pass; each question a binary search. */
export interface PositionTable {
  readonly lineCount: number;
  /** Line and column of an offset; offsets past the end give the end of the last line. */
  position(offset: number): Position;
  /** The text of a 1-based line without its line end. */
  lineText(line: number): string;
  /** The offset at which a 1-based line starts. */
  lineStart(line: number): number;
}

const lineFeed = 10;
const carriageReturn = 13;

/** Indexes a text by its line feeds. A carriage return before a line feed belongs to the line end. */
export function createPositionTable(text: string): PositionTable {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);

  const clampLine = (line: number): number => Math.min(Math.max(line, 1), starts.length);
  const startOf = (line: number): number => starts[clampLine(line) - 1] ?? 0;

  const endOf = (line: number): number => {
    const next = starts[clampLine(line)];
    if (next === undefined) return text.length;
    const feed = next - 1;
    return feed > startOf(line) && text.charCodeAt(feed - 1) === carriageReturn ? feed - 1 : feed;
  };

  /** The last line that starts at or before the offset. */
  const lineAt = (offset: number): number => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };

  return {
    lineCount: text.charCodeAt(text.length - 1) === lineFeed ? starts.length - 1 : starts.length,
    position(offset) {
      const within = Math.min(Math.max(offset, 0), text.length);
      const line = lineAt(within);
      return { line, column: codePointCount(text, startOf(line), within) + 1 };
    },
    lineText: (line) => text.slice(startOf(line), endOf(line)),
    lineStart: startOf,
  };
}

/** Code points between two offsets; an offset inside a surrogate pair counts the pair's first half as none. */
function codePointCount(text: string, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; count++) {
    const wide = (text.codePointAt(at) ?? 0) > 0xffff;
    if (wide && at + 2 > end) return count;
    at += wide ? 2 : 1;
  }
  return count;
}
