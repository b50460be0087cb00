import { escapeTerminal, terminalWidth } from '../../report/escape-terminal.ts';
import type { Io } from '../io.ts';

/** Work that is done sooner needs no progress shown. */
const patienceMs = 1000;

/** Goes to the first column and clears the line. */
const clearLine = '\r\x1b[K';

/** A line on a terminal that says what is being done, and goes away at the end. */
export interface Progress {
  tell(text: string): void;
  end(): void;
}

/** Progress on stderr, if that is a terminal and the work takes more than a second; in a pipe never. */
export function createProgress(io: Io): Progress {
  const start = io.now();
  let shown = false;
  return {
    tell(text) {
      if (!io.errIsTerminal || io.now() - start < patienceMs) return;
      shown = true;
      const line = escapeTerminal(text);
      // A line that wraps could not be cleared.
      const fits = terminalWidth(line) < io.errStyle.columns ? line : line.slice(0, io.errStyle.columns - 1);
      io.err(`${clearLine}${fits}`);
    },
    end() {
      if (shown) io.err(clearLine);
      shown = false;
    },
  };
}
