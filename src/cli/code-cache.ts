/**
 * The program's compiled code, kept between runs. Reading and compiling the program takes longer than an ordinary
 * ruleset does; Node.js 22 could keep what V8 made of it, 20 cannot, and neither checks whose files it believes.
 *
 * V8 takes the code that it is handed for its own, so nobody else may write it: folder and file belong to the user
 * whom the process acts for, and only he can write them. What fails here costs time and nothing else, so it is not told.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

/** Compiled code as it was kept. */
export interface KeptCode {
  readonly code: Buffer;
  /** What the process's compiled code took when this was kept, in bytes of V8's heap. */
  readonly heapBytes: number;
}

/** The head of a file: what it is for, what it must come to, how much it was; padded, since V8 wants it aligned. */
const headBytes = 256;

/**
 * Where compiled code is kept: `fwsim` in the user's folder of caches. Absent if it is switched off
 * (NODE_DISABLE_COMPILE_CACHE, Node's own switch) or if that folder is not the user's own, as under a sudo that keeps HOME.
 */
export function codeFolder(env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (env['NODE_DISABLE_COMPILE_CACHE']) return undefined;
  const given = env[process.platform === 'win32' ? 'LOCALAPPDATA' : 'XDG_CACHE_HOME'];
  const base = given && isAbsolute(given) ? given : join(homedir(), '.cache');
  const above =
    lstatSync(base, { throwIfNoEntry: false }) ?? lstatSync(dirname(base), { throwIfNoEntry: false });
  return above && isOwn(above) ? join(base, 'fwsim') : undefined;
}

/**
 * The code that was kept in a file of `folder`.
 * @param program what it was compiled from: any text without blanks that another program does not have
 * @returns nothing if there is none, if it is of another program, damaged, or if somebody else could have written it
 */
export function readCode(folder: string, name: string, program: string): KeptCode | undefined {
  try {
    if (!isTrusted(lstatSync(folder))) return undefined;
    const handle = openSync(join(folder, name), constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    try {
      const stat = fstatSync(handle);
      if (!stat.isFile() || !isTrusted(stat)) return undefined;
      const bytes = readFileSync(handle);
      const [of, sum, heapBytes] = bytes.toString('latin1', 0, headBytes).split(' ');
      const code = bytes.subarray(headBytes);
      return of === program && sum === sumOf(code) ? { code, heapBytes: Number(heapBytes) } : undefined;
    } finally {
      closeSync(handle);
    }
  } catch {
    return undefined;
  }
}

/** Keeps code in a file of `folder`, as a whole or not at all. The folder is made if it is not there. */
export function writeCode(
  folder: string,
  name: string,
  program: string,
  { code, heapBytes }: KeptCode,
): void {
  const temporary = join(folder, `.${name}.${process.pid}.tmp`);
  try {
    // Not by `recursive`: in /proc, Node.js 20 tries that for ever.
    for (const path of [dirname(folder), folder]) if (!existsSync(path)) mkdirSync(path, { mode: 0o700 });
    if (!isTrusted(lstatSync(folder))) return;
    const head = `${program} ${sumOf(code)} ${heapBytes} `.padEnd(headBytes);
    writeFileSync(temporary, Buffer.concat([Buffer.from(head, 'latin1'), code]), { flag: 'wx', mode: 0o600 });
    renameSync(temporary, join(folder, name));
  } catch {
    rmSync(temporary, { force: true });
  }
}

/**
 * A sum that any change of a few bytes changes: V8 ends the process on code that is damaged, and itself looks at its length
 * only. Node's own digests take twice as long, most of it to be loaded. Summed in parts: V8 compiles a function sooner that
 * is called again.
 */
function sumOf(code: Buffer): string {
  const words = new Int32Array(code.buffer, code.byteOffset, code.length >> 2);
  let sum = code.length;
  for (let start = 0; start < words.length; start += 1024) sum = sumOfPart(words, start, sum);
  return (sum >>> 0).toString(16);
}

function sumOfPart(words: Int32Array, start: number, before: number): number {
  const end = Math.min(start + 1024, words.length);
  let sum = before;
  for (let index = start; index < end; index++) sum = (Math.imul(sum, 31) + (words[index] ?? 0)) | 0;
  return sum;
}

function isOwn({ uid }: Stats): boolean {
  return process.geteuid === undefined || uid === process.geteuid();
}

/** Whether nobody but the user (and root) can have written it. Where there are no user numbers, folders of users are theirs. */
function isTrusted(stat: Stats): boolean {
  return (
    isOwn(stat) && !stat.isSymbolicLink() && (process.geteuid === undefined || (stat.mode & 0o022) === 0)
  );
}
