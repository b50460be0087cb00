import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** The folder of package.json. */
export const repositoryRoot = join(import.meta.dirname, '..', '..');

/** A text file of this repository. */
export interface RepositoryFile {
  /** Relative to the repository, with slashes: `src/net/address.ts`. */
  readonly path: string;
  readonly text: string;
}

/** All files below a folder of the repository whose names end in one of the endings, in path order. */
export function repositoryFiles(folder: string, endings: readonly string[]): readonly RepositoryFile[] {
  let entries: readonly string[];
  try {
    entries = readdirSync(join(repositoryRoot, folder), { recursive: true, encoding: 'utf8' });
  } catch {
    return [];
  }
  return entries
    .filter((entry) => endings.some((ending) => entry.endsWith(ending)) && !entry.includes('node_modules'))
    .map((entry) => join(repositoryRoot, folder, entry))
    .sort()
    .map((path) => ({ path: relative(repositoryRoot, path), text: readFileSync(path, 'utf8') }));
}

/** One import, export-from or dynamic import of a file. */
export interface ImportStatement {
  readonly specifier: string;
  readonly line: number;
  readonly kind: 'static' | 'dynamic';
}

/** Finds imports by their shape; comments are blanked out first, so that examples in them do not count. */
export function importsOf(text: string): readonly ImportStatement[] {
  const code = withoutComments(text);
  const found: ImportStatement[] = [];
  const shapes = [
    [/^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm, 'static'],
    [/^\s*import\s*['"]([^'"]+)['"]/gm, 'static'],
    [/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g, 'dynamic'],
  ] as const;
  for (const [shape, kind] of shapes) {
    for (const match of code.matchAll(shape)) {
      const end = match.index + match[0].length;
      found.push({ specifier: match[1] ?? '', line: code.slice(0, end).split('\n').length, kind });
    }
  }
  return found;
}

/** Blanks out comments and keeps every line where it is. Rough: `//` counts after a blank or at a line's start. */
export function withoutComments(text: string): string {
  const blank = (comment: string) => comment.replaceAll(/[^\n]/g, ' ');
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, blank).replaceAll(/(^|\s)\/\/[^\n]*/g, blank);
}
