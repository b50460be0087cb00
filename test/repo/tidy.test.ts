import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type RepositoryFile, repositoryFiles, repositoryRoot } from '../support/source-tree.ts';

const sources = repositoryFiles('src', ['.ts', '.tsx']);
const tests = repositoryFiles('test', ['.ts', '.tsx', '.sh', '.py']);
const others = [
  ...repositoryFiles('scripts', ['.mjs', '.sh']),
  ...repositoryFiles('bench', ['.ts']),
  ...repositoryFiles('docs', ['.md']),
  ...repositoryFiles('rules-examples', ['.rules', '.md']),
  ...readdirSync(repositoryRoot)
    .filter((name) => /\.(?:md|json|ts)$/.test(name) && name !== 'package-lock.json')
    .map((path) => ({ path, text: readFileSync(join(repositoryRoot, path), 'utf8') })),
];
const everything = [...sources, ...tests, ...others];

/** Files longer than this hold two subjects. Style asks for less; this is where it stops. */
const lineCountMax = 700;

/** `file:line` of each line that a pattern is found in. */
function linesWith(files: readonly RepositoryFile[], pattern: RegExp): readonly string[] {
  return files.flatMap(({ path, text }) =>
    text
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  );
}

describe('tidiness', () => {
  test('no test runs alone', () => {
    const alone = new RegExp(String.raw`\b(?:test|it|describe|suite|bench)(?:\.\w+)*\.${'only'}\b`);
    expect(linesWith(tests, alone)).toEqual([]);
  });

  test('nothing is left for later in a comment', () => {
    const later = new RegExp(
      String.raw`\b(?:${['TO', 'FIX', 'XX'].map((a, i) => a + ['DO', 'ME', 'X'][i]).join('|')})\b`,
    );
    expect(linesWith(everything, later), 'do it, or write down the limit where the user meets it').toEqual(
      [],
    );
  });

  test('the repository speaks of itself alone: no paths of one machine', () => {
    // Put together, so that this list does not find itself.
    const foreign = [
      ['/wo', 'rk/'],
      ['/ho', 'me/'],
      ['../sha', 'red'],
      ['/ro', 'ot/'],
      ['regis', 'try.npmjs'],
    ];
    const pattern = new RegExp(foreign.map((parts) => parts.join('').replaceAll('.', '\\.')).join('|'));
    expect(linesWith(everything, pattern)).toEqual([]);
  });

  test('every export of src says what it is', () => {
    expect(sources.flatMap(undocumentedExports), 'put a doc comment above it').toEqual([]);
  });

  test(`no file has more than ${lineCountMax} lines`, () => {
    const long = [...sources, ...tests, ...others.filter(({ path }) => path.endsWith('.mjs'))]
      .map(({ path, text }) => ({ path, lines: text.split('\n').length }))
      .filter(({ path, lines }) => lines > lineCountMax && !path.includes('fixtures'));
    expect(long, 'look for the second subject').toEqual([]);
  });

  test('no file is called after nothing', () => {
    const vague = /\/(?:utils?|helpers?|common|types|misc|shared-code)\.tsx?$/;
    expect(
      sources
        // Extensions are called as netfilter calls them, and one is called "helper".
        .filter(({ path }) => vague.test(path) && !path.startsWith('src/extensions/matches/'))
        .map(({ path }) => path),
      'name the subject',
    ).toEqual([]);
  });

  test('every folder of src has a README', () => {
    const folders = new Set(
      sources.map(({ path }) => path.split('/')[1] ?? '').filter((name) => !name.includes('.')),
    );
    const without = [...folders].filter(
      (folder) => !existsSync(join(repositoryRoot, 'src', folder, 'README.md')),
    );
    expect(without, 'what it is for, what it may import, where to begin reading').toEqual([]);
  });
});

/** Exported declarations without a doc comment right above; further signatures of one function need none. */
function undocumentedExports({ path, text }: RepositoryFile): readonly string[] {
  const lines = text.split('\n');
  const found: string[] = [];
  lines.forEach((line, index) => {
    const name =
      /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|const|let|class|interface|type|enum) (\w+)/.exec(
        line,
      )?.[1];
    if (name === undefined) return;
    let above = index - 1;
    while (/^\s*(?:\/\/|@)/.test(lines[above] ?? '')) above--;
    const overload = new RegExp(`^export function ${name}\\b`);
    if (lines[above]?.trimEnd().endsWith('*/') === true) return;
    if (lines.slice(0, index).some((earlier) => overload.test(earlier))) return;
    found.push(`${path}:${index + 1} ${name}`);
  });
  return found;
}
