/** Threads beside the screen let it go first: who presses a key waits, who asked all packets about a rule does not. */

import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { basename } from 'node:path';

/**
 * By how much a thread is nicer than the screen: a walk is waited for, answers come when they come.
 */
const nicer = { walks: 3, answers: 10 } as const;

/** The most that there is. */
const nicest = 19;

/** Makes the thread that calls this nicer, once, where each thread has a niceness of its own, as on Linux. */
export function letScreenGoFirst(work: keyof typeof nicer): void {
  try {
    // `PID/task/TID`. Linux takes a thread's number where a process is meant.
    const thread = Number(basename(readlinkSync('/proc/thread-self')));
    if (!Number.isInteger(thread) || thread === process.pid) return;
    setPriority(thread, Math.min(getPriority(process.pid) + nicer[work], nicest));
  } catch {
    // Elsewhere all threads are equal.
  }
}
