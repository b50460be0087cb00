import { relative } from 'node:path';
import { CommandFailure } from '../../src/cli/command-failure.ts';
import type { Io } from '../../src/cli/io.ts';
import { createTheme } from '../../src/report/theme.ts';

/** What a command said, apart by stream. */
export interface FakeIo extends Io {
  /** `files`: what was written, by path from the working directory. */
  readonly said: { out: string; err: string; readonly files: Record<string, string> };
}

/** The working directory of such an io. */
const cwd = '/there';

/** An io without a process: files by path, stdin as a text (or a terminal if absent), no colour, 80 columns. */
export function fakeIo(files: Readonly<Record<string, string | Uint8Array>> = {}, stdin?: string): FakeIo {
  const said = { out: '', err: '', files: {} as Record<string, string> };
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
      const content = [path, relative(cwd, path)].flatMap((name) =>
        Object.hasOwn(files, name) ? files[name] : [],
      )[0];
      if (content === undefined) throw new CommandFailure(`cannot read "${path}": there is no such file`);
      return bytes(content);
    },
    isFile: (path) => Object.hasOwn(files, path) || Object.hasOwn(files, relative(cwd, path)),
    list: (path) => {
      const folder = relative(cwd, path);
      const begin = folder === '' || folder === '.' ? '' : `${folder}/`;
      const inside = Object.keys(files).filter((name) => name.startsWith(begin));
      const names = inside.map((name) => name.slice(begin.length));
      const folders = names.filter((name) => name.includes('/')).map((name) => name.split('/')[0] ?? '');
      return [
        ...names.filter((name) => !name.includes('/')).map((name) => ({ name, isFolder: false })),
        ...[...new Set(folders)].map((name) => ({ name, isFolder: true })),
      ];
    },
    writeFile: (path, text) => {
      said.files[relative(cwd, path)] = text;
    },
    cwd,
    stdinIsTerminal: stdin === undefined,
    outIsTerminal: false,
    errIsTerminal: false,
    outStyle: style,
    errStyle: style,
    fileStyle: { ...style, columns: 100 },
    now: () => time++,
    today: () => '2026-11-22',
  };
}
