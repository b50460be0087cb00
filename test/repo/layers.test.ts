import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { importsOf, repositoryFiles, withoutComments } from '../support/source-tree.ts';

/**
 * Who may import whom, as in ARCHITECTURE.md. Groups run from the top to the bottom: a folder may import any
 * folder of a group below its own, and itself. Folders of one group ignore each other.
 */
const groups: readonly (readonly string[])[] = [
  ['cli', 'tui', 'dev', 'live', 'testing', 'browser'],
  ['page'],
  ['report'],
  ['replay', 'graph', 'policy'],
  ['trace'],
  ['lint'],
  ['analysis'],
  ['engine', 'expression'],
  ['link'],
  ['extensions', 'context', 'capture'],
  ['packetset'],
  ['grammar', 'model'],
  ['diagnostics', 'net'],
  ['support'],
];

/** Packages that a folder may use, next to none. Tools of the repository (tests, scripts) are not looked at. */
const packages: Readonly<Record<string, readonly string[]>> = {
  grammar: ['chevrotain'],
  report: ['picocolors', 'string-width', '@dagrejs/dagre', 'sarif'],
  testing: ['fast-check', 'vitest'],
  cli: ['commander', 'yaml', 'valibot'],
  tui: ['ink', 'react', 'ink-text-input', 'string-width', 'picocolors'],
  dev: ['fast-check', 'picocolors'],
};

/** Folders that may touch files, the process, the clock and the terminal. All others run in a browser. */
const withPlatform = groups[0] ?? [];

/** What stands for the platform in code that imports nothing. */
const platformUse =
  /\bprocess\.(?:env|argv|std\w+|exit|cwd|hrtime|memoryUsage)\b|\bconsole\.|\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bMath\.random\(|\bBuffer\.|\bsetTimeout\(/;

/** Exceptions, each with its reason. */
const allowed: readonly { readonly from: RegExp; readonly to: RegExp; readonly because: string }[] = [
  {
    from: /^src\/cli\//,
    to: /^src\/tui\/[^/]+$/,
    because: 'the command line starts the terminal interface, by a lazy import',
  },
  {
    from: /^src\/cli\/commands\//,
    to: /^src\/live\/run\.ts$/,
    because: 'the command line sends packets through the running kernel, by a lazy import',
  },
  {
    from: /^src\/dev\//,
    to: /^src\/(?:cli|tui|testing)\/(?:lint\/|policy\/)?[^/]+$/,
    because: 'our own programs measure and document the others, from their tables',
  },
  {
    from: /^src\/lint\/checks\//,
    to: /^src\/extensions\/(?:matches|targets)\//,
    because: 'a check may ask for the data of one extension',
  },
];

const sources = repositoryFiles('src', ['.ts', '.tsx']);

/** `src/net/address.ts` is in `net`; files directly in src are in none. */
function folderOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

function levelOf(folder: string): number {
  return groups.findIndex((group) => group.includes(folder));
}

/** Why one file may not import another, or `undefined` if it may. Both are paths in the repository. */
function whyNot(from: string, to: string): string | undefined {
  if (allowed.some((exception) => exception.from.test(from) && exception.to.test(to))) return undefined;
  const above = folderOf(from);
  const below = folderOf(to);
  if (to === 'src/extensions/index.ts' && from !== 'src/registry.ts') {
    return 'the list of extensions is imported by src/registry.ts alone; take the registry as an argument';
  }
  if (/^src\/extensions\/(?:matches|targets)\//.test(to) && above !== 'extensions') {
    return 'one extension is nobody else’s business: use src/extensions/define.ts and the registry';
  }
  if (below === undefined) {
    // The files directly in src lead in from outside; they may lean on each other.
    return above === undefined || withPlatform.includes(above)
      ? undefined
      : 'files directly in src are the ways in from outside: import the file that defines the name instead';
  }
  if (above === undefined) {
    return below !== undefined && withPlatform.includes(below)
      ? `the library contains nothing of src/${below}: move what it needs down, or export it from a bin file`
      : undefined;
  }
  if (above === below) return undefined;
  if (
    above === 'cli' &&
    /^src\/cli\/commands\//.test(from) &&
    !['report', 'diagnostics', 'support'].includes(below)
  ) {
    return 'commands reach what lies below through the files directly in src: export it there';
  }
  if (levelOf(below) > levelOf(above)) return undefined;
  if (levelOf(below) === levelOf(above)) {
    return `src/${above} and src/${below} stand side by side: move the shared part into a folder below both, or pass it as an argument`;
  }
  return `src/${below} lies above src/${above}: pass the function as an argument, or move the needed part down`;
}

describe('layers', () => {
  test('every folder of src has its place in the picture', () => {
    const folders = new Set(
      sources.map(({ path }) => folderOf(path)).filter((folder) => folder !== undefined),
    );
    const homeless = [...folders].filter((folder) => levelOf(folder) === -1);
    expect(homeless, 'add the folder to the groups above, and to ARCHITECTURE.md').toEqual([]);
  });

  test('imports point down', () => {
    const wrong: string[] = [];
    for (const { path, text } of sources) {
      for (const { specifier, line } of importsOf(text)) {
        if (!specifier.startsWith('.')) continue;
        const target = posix.normalize(posix.join(posix.dirname(path), specifier));
        const why = whyNot(path, target);
        if (why !== undefined) wrong.push(`${path}:${line} imports ${target}: ${why}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('relative imports carry the extension of the file', () => {
    const wrong = sources.flatMap(({ path, text }) =>
      importsOf(text)
        .filter(({ specifier }) => specifier.startsWith('.') && !/\.(?:tsx?|json)$/.test(specifier))
        .map(({ specifier, line }) => `${path}:${line} imports ${specifier}: write ${specifier}.ts`),
    );
    expect(wrong).toEqual([]);
  });

  test('packages are used where they belong', () => {
    const wrong: string[] = [];
    for (const { path, text } of sources) {
      const folder = folderOf(path) ?? '';
      for (const { specifier, line } of importsOf(text)) {
        if (specifier.startsWith('.')) continue;
        if (specifier.startsWith('node:')) {
          if (withPlatform.includes(folder)) continue;
          wrong.push(
            `${path}:${line} imports ${specifier}: take what it gives as an argument, this runs in browsers`,
          );
          continue;
        }
        const name = specifier
          .split('/')
          .slice(0, specifier.startsWith('@') ? 2 : 1)
          .join('/');
        if (packages[folder]?.includes(name) === true) continue;
        wrong.push(
          `${path}:${line} imports ${name}: src/${folder} does not use it; see the table in this test`,
        );
      }
    }
    expect(wrong).toEqual([]);
  });

  test('only the top folders touch process, clock, chance and terminal', () => {
    const wrong: string[] = [];
    for (const { path, text } of sources) {
      if (withPlatform.includes(folderOf(path) ?? '')) continue;
      withoutComments(text)
        .split('\n')
        .forEach((line, index) => {
          const use = platformUse.exec(line)?.[0];
          if (use !== undefined) wrong.push(`${path}:${index + 1} uses ${use}: take it as an argument`);
        });
    }
    expect(wrong).toEqual([]);
  });

  test('the rules themselves', () => {
    expect(whyNot('src/engine/a.ts', 'src/link/b.ts')).toBeUndefined();
    expect(whyNot('src/engine/a.ts', 'src/support/b.ts')).toBeUndefined();
    expect(whyNot('src/link/a.ts', 'src/engine/b.ts')).toMatch(/lies above/);
    expect(whyNot('src/grammar/a.ts', 'src/model/b.ts')).toMatch(/side by side/);
    expect(whyNot('src/engine/a.ts', 'src/extensions/matches/tcp.ts')).toMatch(/define\.ts/);
    expect(whyNot('src/engine/a.ts', 'src/extensions/index.ts')).toMatch(/registry/);
    expect(whyNot('src/lint/checks/a.ts', 'src/extensions/matches/tcp.ts')).toBeUndefined();
    expect(whyNot('src/cli/commands/a.ts', 'src/engine/b.ts')).toMatch(/directly in src/);
    expect(whyNot('src/cli/commands/a.ts', 'src/index.ts')).toBeUndefined();
    expect(whyNot('src/lint/a.ts', 'src/index.ts')).toMatch(/ways in/);
    expect(whyNot('src/lint/a.ts', 'src/linting.ts')).toMatch(/ways in/);
    expect(whyNot('src/index.ts', 'src/linting.ts')).toBeUndefined();
    expect(whyNot('src/index.ts', 'src/cli/b.ts')).toMatch(/nothing of/);
  });
});
