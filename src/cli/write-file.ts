import {
  closeSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CommandFailure } from './command-failure.ts';
import { fileProblem } from './file-problem.ts';

/**
 * Replaces a file as a whole or not at all: the text goes into a new file beside it, reaches the disk, and takes
 * the name. Permissions stay, and a symbolic link keeps pointing where it did. What is there and is no file (a pipe,
 * `/dev/stdout`) is written into.
 * @throws CommandFailure when the file cannot be written; the old one is then untouched.
 */
export function writeFileAtomically(path: string, text: string): void {
  if (isDevice(path)) {
    writeInto(path, text);
    return;
  }
  const target = resolveLink(path);
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
  let made = false;
  try {
    const handle = openSync(temporary, 'wx', modeOf(target));
    made = true;
    try {
      const bytes = Buffer.from(text, 'utf8');
      for (let written = 0; written < bytes.length; ) written += writeSync(handle, bytes, written);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, target);
  } catch (error) {
    if (made) rmSync(temporary, { force: true });
    throw new CommandFailure(`cannot write "${path}": ${fileProblem(error as NodeJS.ErrnoException)}`);
  }
}

/** Whether a path is there and is neither a file nor a folder. */
function isDevice(path: string): boolean {
  try {
    const stat = statSync(path);
    return !stat.isFile() && !stat.isDirectory();
  } catch {
    return false;
  }
}

function writeInto(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new CommandFailure(`cannot write "${path}": ${fileProblem(error as NodeJS.ErrnoException)}`);
  }
}

function resolveLink(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function modeOf(path: string): number {
  try {
    return statSync(path).mode & 0o777;
  } catch {
    return 0o666;
  }
}
