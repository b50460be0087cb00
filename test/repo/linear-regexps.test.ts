/**
 * Goal: no text makes a regular expression of ours slow. Method: each one is proved to take linear time on the backtracking
 * engine that runs it, by the ways that its automaton has; nothing is timed.
 */
import { describe, expect, test, vi } from 'vitest';
import { type RegexpText, regexpLiterals } from '../support/regexp-literals.ts';
import { superlinear } from '../support/regexp-ways.ts';
import { repositoryFiles } from '../support/source-tree.ts';

const say = ({ source, flags }: RegexpText): string => `/${source}/${flags}`;

describe('the judgement', () => {
  test.each([
    [/^(a+)+b/, 'exponential'],
    [/^(a|a)*b/, 'exponential'],
    [/^(a*)*$/, 'exponential'],
    [/^(?:aba|ab|a)*c/, 'exponential'],
    [/\s+$/, 'quadratic'],
    [/^a*a*b/, 'quadratic'],
    [/a+b/, 'quadratic'],
    [/^(?:a(?:[ab]*c)?)*/, 'quadratic'],
    [/^.*x.*y/, 'quadratic'],
    [/(?=.*x)y/, 'quadratic'],
    [/^\s*x/m, 'quadratic'],
    [/^.*\n*$/is, 'quadratic'],
  ])('%s', (one, kind) => {
    expect(superlinear(one)).toMatch(kind);
  });

  test.each([
    /\d+/,
    /^\s+$/,
    /^a+b/,
    /^(?:ab|a)*c/,
    /^[ \t]*x/m,
    /^x[^\n]*\n/m,
    /(?:(?!\*\/)[\s\S])*/,
    /^(?:[^"\\]|\\.)*"/,
    /(a+)+/,
  ])('%s is linear', (one) => {
    expect(superlinear(one)).toBeUndefined();
  });
});

/** Programs of this project that read its own files alone. */
const own = /^src\/dev\//;

describe('regular expressions of fwsim', async () => {
  const files = repositoryFiles('src', ['.ts', '.tsx']).filter(({ path }) => !own.test(path));
  const written = await Promise.all(
    files.map(async ({ path, text }) => ({ path, text, found: await regexpLiterals(path, text) })),
  );

  test('are found', () => {
    // A rough count of another kind: methods that are called on a literal.
    for (const { path, text, found } of written) {
      const called = text.match(/^[^\n'"`]*?\/[dgimsuvy]*\.(?:test|exec)\(/gm)?.length ?? 0;
      expect(found.length, path).toBeGreaterThanOrEqual(called);
    }
    for (const { found } of written) for (const { source, flags } of found) new RegExp(source, flags);
  });

  test('take linear time', () => {
    const slow = written.flatMap(({ path, found }) =>
      found.flatMap((one) => {
        // The lexer tries its tokens where the last one ended; a line of more than 10 KB is not given to it.
        const why = superlinear(one, { sticky: path === 'src/grammar/tokens.ts' });
        return why === undefined ? [] : [`${path} ${say(one)}: ${why}`];
      }),
    );
    expect(slow).toEqual([]);
  });

  test('that are put together are known by name, and take linear time', async () => {
    const together = written.filter(({ text }) => /\bRegExp\(/.test(text)).map(({ path }) => path);
    expect(together).toEqual([
      'src/context/read-host.ts',
      // A word of ours between literals: ` ! --dport \S+`.
      'src/lint/checks/FW216-negations-exclude-everyone.ts',
      'src/lint/fixes/line-edits.ts',
    ]);
    const made: RegexpText[] = [];
    class Noting extends RegExp {
      constructor(source: string | RegExp, flags?: string) {
        super(source, flags);
        made.push({ source: this.source, flags: this.flags });
      }
    }
    vi.resetModules();
    vi.stubGlobal('RegExp', Noting);
    await import('../../src/context/read-host.ts');
    await import('../../src/lint/fixes/line-edits.ts');
    vi.unstubAllGlobals();
    expect(made.length).toBeGreaterThanOrEqual(3);
    expect(made.filter((one) => superlinear(one) !== undefined)).toEqual([]);
    expect(superlinear({ source: String.raw` ! --dport \S+`, flags: '' })).toBeUndefined();
  });
});
