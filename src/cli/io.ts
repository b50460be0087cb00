import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import type { ResourceLimits, Worker } from 'node:worker_threads';
import type { TerminalStyle } from '../report/diagnostics.ts';
import { pipeLayout } from '../report/layout.ts';
import { createTheme } from '../report/theme.ts';
import { CommandFailure } from './command-failure.ts';
import { exitCodes } from './exit-codes.ts';
import { fileProblem } from './file-problem.ts';
import { nextChange } from './watch-files.ts';
import { writeFileAtomically } from './write-file.ts';

/** When colour is used. */
export type ColorChoice = 'auto' | 'always' | 'never';

/** All that a command may touch of the world around it. Tests hand in their own. */
export interface Io {
  /** Data goes to stdout and nothing else does. */
  readonly out: (text: string) => void;
  /** Everything that is not data: diagnostics about the run, progress, errors. */
  readonly err: (text: string) => void;
  readonly readStdin: () => Promise<Uint8Array>;
  /** @throws CommandFailure when the file cannot be read; the message names the file and the reason. */
  readonly readFile: (path: string) => Uint8Array;
  /** Whether there is a file (no folder) of this path. */
  readonly isFile: (path: string) => boolean;
  /** What is in a folder; nothing where there is no such folder. */
  readonly list: (path: string) => readonly { readonly name: string; readonly isFolder: boolean }[];
  /** Waits until one of these files is changed; absent where nobody can wait. */
  readonly nextChange?: (paths: readonly string[]) => Promise<void>;
  /** @throws CommandFailure when the file cannot be written; an old one is then untouched. */
  readonly writeFile: (path: string, text: string) => void;
  /** The working directory, absolute. */
  readonly cwd: string;
  readonly stdinIsTerminal: boolean;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  /** How text on stdout and stderr looks. They differ when one of them is piped. */
  readonly outStyle: TerminalStyle;
  readonly errStyle: TerminalStyle;
  /** How text in files looks: without colour, as wide as in a pipe. */
  readonly fileStyle: TerminalStyle;
  /** Milliseconds, for budgets. */
  readonly now: () => number;
  /** The day, `2026-11-22`, in the time zone of the user. */
  readonly today: () => string;
  /** Starts a thread that serves the jobs of `fwsim lint`; absent where there is no program to start. */
  readonly startWorker?: (limits?: ResourceLimits) => Worker;
  /**
   * Runs a POSIX sh script that prints to our own stdout and stderr. Absent where there are no programs.
   * @returns its exit code; 128 and more where a signal ended it
   * @throws CommandFailure where there is no shell
   */
  readonly runScript?: (script: string) => Promise<number>;
}

/** Larger input is refused: it would not fit into one string of the JavaScript engine once decoded. */
const inputBytesMax = 256 * 1024 * 1024;

/** The process's own streams, files and clock. */
export function processIo(color: ColorChoice, env: NodeJS.ProcessEnv = process.env, program?: URL): Io {
  return {
    out: quietWriter(process.stdout, (why) =>
      process.stderr.write(`fwsim: cannot write the output: ${why}\n`),
    ),
    err: quietWriter(process.stderr, () => {}),
    readStdin,
    readFile,
    isFile,
    list: listFolder,
    nextChange,
    writeFile: writeFileAtomically,
    cwd: process.cwd(),
    stdinIsTerminal: process.stdin.isTTY === true,
    outIsTerminal: process.stdout.isTTY === true,
    errIsTerminal: process.stderr.isTTY === true,
    outStyle: styleOf(process.stdout, color, env),
    errStyle: styleOf(process.stderr, color, env),
    fileStyle: { theme: createTheme(false), columns: pipeLayout.columns },
    // `performance` would load a dozen of Node's modules.
    now: () => process.uptime() * 1000,
    today,
    runScript,
    ...(program ? { startWorker: (limits) => startWorker(program, limits) } : {}),
  };
}

function today(): string {
  const now = new Date();
  const two = (number: number): string => String(number).padStart(2, '0');
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}

function listFolder(path: string): readonly { readonly name: string; readonly isFolder: boolean }[] {
  try {
    return readdirSync(path, { withFileTypes: true }).map((entry) => ({
      name: entry.name,
      isFolder: entry.isDirectory(),
    }));
  } catch {
    return [];
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * Whether to use colour: the option decides, then NO_COLOR, then FORCE_COLOR, then whether it is a terminal.
 * The two variables count when they are not empty; `FORCE_COLOR=0` means none.
 */
export function wantsColor(choice: ColorChoice, env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  if (choice !== 'auto') return choice === 'always';
  if (env['NO_COLOR']) return false;
  const forced = env['FORCE_COLOR'];
  if (forced) return forced !== '0' && forced !== 'false';
  return isTerminal && env['TERM'] !== 'dumb';
}

function styleOf(stream: NodeJS.WriteStream, color: ColorChoice, env: NodeJS.ProcessEnv): TerminalStyle {
  const isTerminal = stream.isTTY === true;
  const given = Number(env['COLUMNS']);
  const columns = isTerminal ? stream.columns || 80 : given > 0 ? given : pipeLayout.columns;
  return { theme: createTheme(wantsColor(color, env, isTerminal)), columns: Math.max(columns, 20) };
}

/**
 * Writes to a stream until its reader goes away (`| head`): from then on in silence, so that the command ends with
 * its own exit code. Any other write error is told once, and is how the run ends, whatever it has found.
 */
function quietWriter(stream: NodeJS.WriteStream, tell: (why: string) => void): (text: string) => void {
  let open = true;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (open && error.code !== 'EPIPE') {
      tell(fileProblem(error));
      process.once('exit', () => {
        process.exitCode = exitCodes.usage;
      });
    }
    open = false;
  });
  return (text) => {
    if (open && text !== '') stream.write(text);
  };
}

/** Node's threads are loaded when one is wanted: that takes as long as reading a short ruleset does. */
function startWorker(program: URL, resourceLimits: ResourceLimits = {}): Worker {
  const threads = process.getBuiltinModule('node:worker_threads');
  return new threads.Worker(program, { resourceLimits });
}

async function runScript(script: string): Promise<number> {
  const { spawn } = await import('node:child_process');
  return new Promise((resolve, reject) => {
    const refused = (): void => reject(new CommandFailure('/bin/sh could not be started'));
    try {
      const shell = spawn('/bin/sh', ['-c', script], { stdio: ['ignore', 'inherit', 'inherit'] });
      shell.on('error', refused);
      shell.on('exit', (code) => resolve(code ?? 128));
    } catch {
      // Node may have been started without leave to run programs.
      refused();
    }
  });
}

/** Reads all of stdin without blocking: a synchronous read fails on terminals and slow pipes with EAGAIN. */
async function readStdin(): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > inputBytesMax) throw tooLarge('<stdin>');
      chunks.push(chunk);
    }
  } catch (error) {
    throw readFailure('<stdin>', error);
  }
  return Buffer.concat(chunks);
}

function readFile(path: string): Uint8Array {
  try {
    const size = statSync(path).size;
    if (size > inputBytesMax) throw tooLarge(path);
    const handle = openSync(path, 'r');
    try {
      return readToEnd(handle, path, size);
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    throw readFailure(path, error);
  }
}

/** What there is to read, however much the file said that it holds: a device may never end. */
function readToEnd(handle: number, path: string, size: number): Uint8Array {
  let bytes = Buffer.allocUnsafe(Math.max(size + 1, 1 << 16));
  let length = 0;
  for (;;) {
    const count = readSync(handle, bytes, length, bytes.length - length, null);
    if (count === 0) return bytes.subarray(0, length);
    length += count;
    if (length > inputBytesMax) throw tooLarge(path);
    if (length < bytes.length) continue;
    const longer = Buffer.allocUnsafe(bytes.length * 2);
    bytes.copy(longer);
    bytes = longer;
  }
}

function tooLarge(name: string): CommandFailure {
  return new CommandFailure(`cannot read "${name}": it is larger than ${inputBytesMax / 1024 / 1024} MiB`);
}

/** The same words for every kind of failure to read; other exceptions are bugs and pass through. */
function readFailure(name: string, error: unknown): unknown {
  if (error instanceof CommandFailure) return error;
  if ((error as NodeJS.ErrnoException | null)?.code === undefined) return error;
  return new CommandFailure(`cannot read "${name}": ${fileProblem(error as NodeJS.ErrnoException)}`);
}
