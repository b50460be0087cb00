import { join, relative, resolve } from 'node:path';
import { matchesWildcard } from '../../support/wildcard.ts';
import { CommandFailure } from '../command-failure.ts';
import type { Io } from '../io.ts';

/** Folders that no pattern looks into unless it names them. */
const passedBy = new Set(['node_modules', '.git']);
const filesMax = 10_000;

/**
 * The files that words mean: names as they are, patterns with `*`, `?` and `**` (any folders) as the files that they
 * match, sorted. A file that exists is meant by its name, whatever characters it has.
 * @throws CommandFailure where a pattern matches none
 */
export function findFiles(words: readonly string[], io: Io): readonly string[] {
  const found = words.flatMap((word) => {
    if (!/[*?]/.test(word) || io.isFile(resolve(io.cwd, word))) return [word];
    const absolute = word.startsWith('/');
    const segments = word.split('/').filter((s) => s !== '' && s !== '.');
    const files: string[] = [];
    search(absolute ? '/' : io.cwd, segments, files, io);
    if (files.length === 0)
      throw new CommandFailure(`no file matches "${word}"`, {
        hint: '"*" is any part of a name, "**" any folders',
      });
    return files.map((file) => (absolute ? file : relative(io.cwd, file))).sort();
  });
  return [...new Set(found)];
}

function search(folder: string, segments: readonly string[], found: string[], io: Io): void {
  const [segment, ...rest] = segments;
  if (segment === undefined || found.length >= filesMax) return;
  if (segment === '..') {
    search(join(folder, '..'), rest, found, io);
    return;
  }
  if (segment === '**') search(folder, rest, found, io);
  for (const { name, isFolder } of io.list(folder)) {
    const hidden = name.startsWith('.') && !segment.startsWith('.');
    if (segment === '**') {
      if (isFolder && !hidden && !passedBy.has(name)) search(join(folder, name), segments, found, io);
    } else if (hidden || !matchesWildcard(segment, name, { single: true })) continue;
    else if (rest.length === 0) {
      if (!isFolder) found.push(join(folder, name));
    } else if (isFolder) search(join(folder, name), rest, found, io);
  }
}
