/**
 * Feeds fwsim with inputs that nobody would write:
 *
 *   npm run fuzz -- [--runs N] [--from N] [--seed N] [--keep FOLDER]
 *   npm run fuzz -- --processes --runs N [--from N] [--seed N] [--program FILE] [--together N]
 *
 * Case I of a seed is always the same, so a run that was cut off goes on with --from. A failure is an exception that
 * is no message for the user, an exit code that does not exist, a control character in what is meant for a terminal, or
 * more than 2 s of processor time. With --processes the cases are whole runs of the built command. Each kind of failure
 * is made smaller, told once, and with --keep written as a candidate for test/fuzz/found.
 */

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { repositoryRoot } from '../support/source-tree.ts';
import { chanceOf } from './draw.ts';
import { drawCase, type Failure, failureOf, shrink } from './fuzz-run.ts';
import { readSeeds } from './seeds.ts';
import { checkSaid, commandBytes, drawCommand, targets } from './targets.ts';

const cpuMsMax = 2000;
/** Start and end of a process included. */
const processSecondsMax = 4;
const waitMsMax = 600_000;

function option(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}

/** What the thread is told, and where it writes the number of the case that it is at, then how often each target ran. */
interface Orders {
  readonly seed: number;
  readonly from: number;
  readonly to: number;
  readonly at: SharedArrayBuffer;
}

async function serve({ seed, from, to, at }: Orders): Promise<void> {
  const seeds = readSeeds();
  const place = new Int32Array(at);
  const known = new Set<string>();
  for (let index = from; index < to; index++) {
    Atomics.store(place, 0, index);
    const { target, input } = drawCase(seed, index, seeds);
    const reason = await failureOf(target, input);
    Atomics.add(place, 1 + targets.indexOf(target), 1);
    if (reason === undefined || known.has(`${target.name} ${reason}`)) continue;
    known.add(`${target.name} ${reason}`);
    // Made smaller outside of the clock.
    Atomics.store(place, 0, -1);
    const failure: Failure = {
      index,
      target: target.name,
      reason,
      input: await shrink(target, input, reason),
    };
    parentPort?.postMessage(failure);
  }
  Atomics.store(place, 0, to);
}

const seed = Number(option('--seed') ?? 20261122);
const from = Number(option('--from') ?? 0);
const runs = Number(option('--runs') ?? 100_000);
const together = Number(option('--together') ?? 1);
const keep = option('--keep');
let failures = 0;
/** How often each target ran, in the order of the targets. */
const shares = targets.map(() => 0);

function tell({ index, target, reason, input }: Failure): void {
  failures++;
  console.log(`--- ${target}, case ${index} of seed ${seed}: ${reason}`);
  console.log(JSON.stringify(Buffer.from(input).toString('latin1').slice(0, 600)));
  if (keep === undefined) return;
  mkdirSync(keep, { recursive: true });
  writeFileSync(join(keep, `${target}-${seed}-${index}`), input);
}

/** Runs [from, to) in a thread. Answers the case at which it hung or died, else undefined. */
function inThread(start: number, to: number): Promise<number | undefined> {
  const at = new SharedArrayBuffer(4 * (1 + targets.length));
  const place = new Int32Array(at);
  const orders: Orders = { seed, from: start, to, at };
  const worker = new Worker(new URL(import.meta.url), {
    workerData: orders,
    resourceLimits: { maxOldGenerationSizeMb: 1500 },
  });
  Atomics.store(place, 0, -1);
  return new Promise<number | undefined>((resolve) => {
    let seen = -1;
    let since = process.cpuUsage();
    let reported = Date.now();
    const watch = setInterval(() => {
      const now = Atomics.load(place, 0);
      const used = process.cpuUsage(since);
      if (now !== seen || now < 0) {
        seen = now;
        since = process.cpuUsage();
      } else if ((used.user + used.system) / 1000 > cpuMsMax) {
        clearInterval(watch);
        const { target, input } = drawCase(seed, now, seeds());
        tell({ index: now, target: target.name, reason: `more than ${cpuMsMax} ms`, input });
        resolve(now);
        void worker.terminate();
      }
      if (Date.now() - reported > 30_000) {
        reported = Date.now();
        console.log(`at case ${now}, ${failures} failures`);
      }
    }, 200);
    worker.on('message', tell);
    worker.on('error', (error) => {
      clearInterval(watch);
      const now = Atomics.load(place, 0);
      const { target, input } = drawCase(seed, now, seeds());
      tell({ index: now, target: target.name, reason: `the thread ends: ${error}`, input });
      resolve(now);
    });
    worker.on('exit', () => {
      clearInterval(watch);
      resolve(undefined);
    });
  }).finally(() => {
    for (const [i] of targets.entries()) shares[i] = (shares[i] ?? 0) + (place[1 + i] ?? 0);
  });
}

let readOnce: ReturnType<typeof readSeeds> | undefined;
function seeds(): ReturnType<typeof readSeeds> {
  readOnce ??= readSeeds();
  return readOnce;
}

/** What is wrong with one run of the built command; undefined: nothing. */
function runProgram(program: string, folder: string, index: number): Promise<Failure | undefined> {
  const drawn = drawCommand(chanceOf(seed, index), seeds());
  const own = join(folder, String(index));
  mkdirSync(own);
  for (const [name, bytes] of Object.entries(drawn.files)) writeFileSync(join(own, name), bytes);
  const args = drawn.args.map((word) => word.replaceAll('\0', ''));
  return new Promise((resolve) => {
    // Processor time, not time: the machine has other things to do, and may hold this up.
    const limited = [
      '-c',
      `ulimit -t ${processSecondsMax}; exec "$0" "$@"`,
      process.execPath,
      program,
      ...args,
    ];
    const child = spawn('sh', limited, { cwd: own, stdio: 'pipe' });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    child.stdin.on('error', () => undefined).end(drawn.stdin ?? '');
    // What waits for something that never comes takes no processor time.
    const clock = setTimeout(() => child.kill('SIGKILL'), waitMsMax);
    child.on('close', (code, signal) => {
      clearTimeout(clock);
      rmSync(own, { recursive: true });
      let reason: string | undefined;
      if (signal !== null) reason = `ended by ${signal}`;
      else {
        try {
          checkSaid(args, code, out, err);
        } catch (error) {
          reason = (error as Error).message;
        }
      }
      resolve(
        reason === undefined
          ? undefined
          : { index, target: 'process', reason, input: commandBytes({ ...drawn, args }) },
      );
    });
  });
}

async function inProcesses(): Promise<void> {
  const program = option('--program') ?? join(repositoryRoot, 'dist', 'cli.js');
  const folder = mkdtempSync(join(tmpdir(), 'fwsim-fuzz-'));
  try {
    let next = from;
    const inTurn = async (): Promise<void> => {
      while (next < from + runs) {
        const index = next++;
        const failure = await runProgram(program, folder, index);
        if (failure !== undefined) tell(failure);
        if ((index + 1 - from) % 200 === 0)
          console.log(`${index + 1 - from} processes, ${failures} failures`);
      }
    };
    await Promise.all(Array.from({ length: together }, inTurn));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (!isMainThread) await serve(workerData as Orders);
else {
  const begin = Date.now();
  if (process.argv.includes('--processes')) await inProcesses();
  else {
    let next: number | undefined = from;
    while (next !== undefined && next < from + runs) {
      const stopped: number | undefined = await inThread(next, from + runs);
      next = stopped === undefined ? undefined : stopped + 1;
    }
  }
  const seconds = Math.round((Date.now() - begin) / 1000);
  const names = process.argv.includes('--processes')
    ? 'whole processes'
    : targets.map((t, i) => `${t.name} ${shares[i]}`).join(', ');
  console.log(`seed ${seed}: ${runs} inputs from ${from} (${names}), ${failures} failures, ${seconds} s`);
  process.exitCode = failures > 0 ? 1 : 0;
}
