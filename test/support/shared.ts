import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'vitest';

/**
 * Recordings and corpora too large for the repository live in a folder beside it. `FWSIM_SHARED` names another
 * place; where neither exists, the tests that need it say that they were skipped.
 */
const sharedRoot = resolve(
  process.env['FWSIM_SHARED'] ?? join(import.meta.dirname, '..', '..', '..', 'shared'),
);

/** The path of a file or folder in the shared data, whether or not it exists: `sharedPath('vectors', 'parse')`. */
export function sharedPath(...parts: readonly string[]): string {
  return join(sharedRoot, ...parts);
}

/** Whether this part of the shared data is there. */
function hasShared(...parts: readonly string[]): boolean {
  return existsSync(sharedPath(...parts));
}

/**
 * A `describe` that needs one part of the shared data and is visibly skipped without it.
 * The body is not run at all in that case, so it may read the files while tests are collected.
 */
export function describeWithShared(title: string, part: string, body: (path: string) => void): void {
  if (hasShared(part)) describe(title, () => body(sharedPath(part)));
  else test.skip(`${title} (needs ${part} in the shared data; set FWSIM_SHARED)`, () => undefined);
}
