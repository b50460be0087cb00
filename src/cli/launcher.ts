#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Script } from 'node:vm';
import { isMainThread } from 'node:worker_threads';
import { codeFolder, readCode, writeCode } from './code-cache.ts';
import { commandNames } from './command-names.ts';
import { exitCodes } from './exit-codes.ts';
import { version } from './version.ts';

/** The file beside this one that holds the program; absent where it stands behind this code in the same file. */
declare const FWSIM_PROGRAM_FILE: string | undefined;

/** Names the program's text: a digest of it. */
declare const FWSIM_PROGRAM_DIGEST: string;

/** The program: src/cli/main.ts with all that it imports, as a function that is told from where it was started. */
type Program = (startedFrom: string) => Promise<void>;

const [first, second] = process.argv.slice(2);
if (isMainThread && second === undefined && (first === '--version' || first === '-V')) {
  // Answered before the program is read.
  process.stdout.write(`${version}\n`);
} else {
  await runProgram();
}

/** Runs the program, with the code that an earlier run of the same command has compiled if there is any. */
async function runProgram(): Promise<void> {
  const file = new URL(FWSIM_PROGRAM_FILE ?? import.meta.url, import.meta.url);
  // Both are written in ASCII, and single bytes are read several times as fast.
  const text = readFileSync(file, 'latin1');
  const source = FWSIM_PROGRAM_FILE === undefined ? programBehind(text) : text;
  const command = commandNames.includes(first ?? '') ? first : commandNames[0];
  const name = `${command}-${process.version}-${process.platform}-${process.arch}`;
  const folder = codeFolder();
  const kept = folder === undefined ? undefined : readCode(folder, name, FWSIM_PROGRAM_DIGEST);
  const script = new Script(source, { filename: file.pathname, cachedData: kept?.code });
  await (script.runInThisContext() as Program)(import.meta.url);
  if (folder === undefined || !isMainThread || process.exitCode === exitCodes.bug) return;
  const { getHeapCodeStatistics } = await import('node:v8');
  const heapBytes = getHeapCodeStatistics().bytecode_and_metadata_size;
  // Functions are compiled when they are first called: another input may have called many more.
  if (kept && script.cachedDataRejected !== true && heapBytes < kept.heapBytes * 1.1) return;
  writeCode(folder, name, FWSIM_PROGRAM_DIGEST, { code: script.createCachedData(), heapBytes });
}

/** The program in a text that holds it as comments behind this code: so Node.js has not taken it for its own yet. */
function programBehind(text: string): string {
  const start = text.search(/^\/\/program$/m);
  return text.slice(text.indexOf('\n', start), -1).replaceAll('\n//', '\n').slice(1);
}
