/**
 * Goal: `fwsim lint` as a program: threads answer as one does, files and pipes work, and nothing is loaded that is not
 * asked for. Method: the program is bundled in pieces, as it is shipped, and started.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shippedOptions } from '../support/bundling.ts';

const folder = mkdtempSync(join(tmpdir(), 'fwsim-lint-'));
const program = join(folder, 'bundle', 'main.js');

beforeAll(async () => {
  await build({
    ...shippedOptions,
    entryPoints: { main: 'src/cli/main.ts' },
    outdir: join(folder, 'bundle'),
    splitting: true,
    // What a piece holds is told by its name.
    chunkNames: '[name]-[hash]',
  });
  writeFileSync(join(folder, 'bundle', 'package.json'), '{"type":"module"}');
  mkdirSync(join(folder, 'many'));
  for (let index = 0; index < 6; index++) writeFileSync(join(folder, 'many', `${index}.rules`), rules(index));
});
afterAll(() => rmSync(folder, { recursive: true }));

const rules = (index: number): string => `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
${'-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n'.repeat(index + 1)}COMMIT
`;

function fwsim(
  args: readonly string[],
  options: { readonly input?: string; readonly node?: readonly string[] } = {},
) {
  const { PATH = '' } = process.env;
  const { input = '', node = [] } = options;
  const result = spawnSync(process.execPath, [...node, program, ...args], {
    cwd: folder,
    input,
    encoding: 'utf8',
    env: { PATH },
  });
  return { code: result.status, out: result.stdout, err: result.stderr };
}

const many = Array.from({ length: 6 }, (_, index) => `many/${index}.rules`);

describe('threads', () => {
  test.each(['json', 'sarif', 'pretty'])('%s: the same bytes from four threads as from one', (format) => {
    const one = fwsim(['lint', ...many, '--format', format]);
    expect(one.err).toBe('');
    expect(fwsim(['lint', ...many, '--format', format, '--jobs', '4'])).toEqual(one);
  });

  test('what could not be looked at comes through', () => {
    writeFileSync(
      join(folder, 'listing'),
      'Chain INPUT (policy ACCEPT)\ntarget prot opt source destination\n',
    );
    const { code, err } = fwsim(['lint', ...many, 'listing', '--jobs', '3']);
    expect(code).toBe(3);
    expect(err).toMatch(/"listing" is what iptables -L prints/);
  });
});

test('a file gets what is printed otherwise, whole', () => {
  const printed = fwsim(['lint', '--format', 'markdown'], { input: rules(2) });
  const filed = fwsim(['lint', '--format', 'markdown=report.md'], { input: rules(2) });
  expect(filed.out).toBe('');
  expect(readFileSync(join(folder, 'report.md'), 'utf8')).toBe(printed.out);
});

test('YAML, other formats and other commands are not loaded before they are needed', () => {
  const tracer = join(folder, 'tracer.mjs');
  writeFileSync(
    tracer,
    `import { registerHooks, register } from 'node:module';
register('data:text/javascript,' + encodeURIComponent(\`
  export async function load(url, context, next) {
    const loaded = await next(url, context);
    if (url.startsWith('file:')) (await import('node:fs')).writeSync(2, '@' + url + '\\\\n');
    return loaded;
  }\`));
`.replace('registerHooks, ', ''),
  );
  const loadedBy = (args: readonly string[]): string =>
    fwsim(args, { input: rules(0), node: ['--import', tracer] })
      .err.split('\n')
      .filter((line) => line.startsWith('@'))
      .map((line) => readFileSync(new URL(line.slice(1)), 'utf8'))
      .join('\n');
  const pretty = 'more like this: ';
  const plain = loadedBy(['lint']);
  expect(plain).toContain(pretty);
  const marks = {
    yaml: 'Map keys must be unique',
    sarif: 'originalUriBaseIds',
    baseline: 'is no baseline of fwsim',
  };
  for (const mark of Object.values(marks)) expect(plain).not.toContain(mark);
  expect(loadedBy(['lint', '--format', 'sarif'])).toContain(marks.sarif);
  expect(loadedBy(['lint', '--format', 'sarif'])).not.toContain(pretty);
  writeFileSync(join(folder, 'fwsim.yml'), 'lint: {fail-on: info}\n');
  expect(loadedBy(['lint'])).toContain(marks.yaml);
  rmSync(join(folder, 'fwsim.yml'));
});
