import { CommandFailure } from '../../src/cli/command-failure.ts';
import type { Io } from '../../src/cli/io.ts';
import { createTheme } from '../../src/report/theme.ts';

/** What a command said, apart by stream. */
export interface FakeIo extends Io {
  readonly said: { out: string; err: string };
}

/** An io without a process: files by path, stdin as a text (or a terminal if absent), no colour, 80 columns. */
export function fakeIo(files: Readonly<Record<string, string | Uint8Array>> = {}, stdin?: string): FakeIo {
  const said = { out: '', err: '' };
  const style = { theme: createTheme(false), columns: 80 };
  const bytes = (content: string | Uint8Array) =>
    typeof content === 'string' ? new TextEncoder().encode(content) : content;
  let time = 0;
  return {
    said,
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    readStdin: async () => bytes(stdin ?? ''),
    readFile: (path) => {
      const content = files[path];
      if (content === undefined) throw new CommandFailure(`cannot read "${path}": there is no such file`);
      return bytes(content);
    },
    stdinIsTerminal: stdin === undefined,
    outStyle: style,
    errStyle: style,
    now: () => time++,
  };
}
