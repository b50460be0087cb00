/**
 * Goal: the command starts sooner because it keeps compiled code, and nothing else comes of that. Method: the launcher with a
 * program of a few lines, run again and again while its file of kept code is looked at, spoilt and given away.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { commandNames } from '../../src/cli/command-names.ts';
import { commands } from '../../src/cli/command-table.ts';
import { bundleLauncher } from '../support/bundling.ts';

const folder = mkdtempSync(join(tmpdir(), 'fwsim-launcher-'));
const caches = join(folder, 'caches');
const kept = join(caches, 'fwsim');
const many = Array.from({ length: 4000 }, (_, index) => `()=>[${index},"//x",/a*/.test("*/")]`).join(',');
const program = `(async function(from){"use strict";
const few=()=>typeof from+" "+process.argv.slice(2).join(" ");
const many=[${many}];
process.stdout.write(\`\${few()}
// \${process.argv.includes("many")?many.filter(one=>one()[2]).length:0}
\`);
if(process.argv.includes("bug"))process.exitCode=70;
})`;

beforeAll(async () => {
  writeFileSync(join(folder, 'program.cjs'), program);
  writeFileSync(join(folder, 'cli.mjs'), await bundleLauncher(program, 'program.cjs'));
  const comment = `program\n${program}`.replace(/^/gm, '//');
  writeFileSync(join(folder, 'single.mjs'), `${await bundleLauncher(program)}${comment}\n`);
});
beforeEach(() => {
  rmSync(caches, { recursive: true, force: true });
  mkdirSync(caches);
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(
  file: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  word = 'string',
) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [join(folder, file), ...args], {
    env: { XDG_CACHE_HOME: caches, ...env },
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect({ stderr, stdout, status }).toEqual({
    stderr: '',
    stdout: `${word} ${args.join(' ')}\n// ${args.includes('many') ? 4000 : 0}\n`,
    status: args.includes('bug') ? 70 : 0,
  });
}

/** The one file that is kept, its path. */
function onlyFile(): string {
  const names = readdirSync(kept);
  expect(names).toHaveLength(1);
  return join(kept, names[0] ?? '');
}

describe('kept code', () => {
  test('is written by the first run for the user alone, and left as it is by the second', () => {
    run('cli.mjs', ['lint']);
    const file = onlyFile();
    expect(file).toContain(`lint-${process.version}-`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(kept).mode & 0o777).toBe(0o700);
    const { ino } = statSync(file);
    run('cli.mjs', ['lint']);
    expect(statSync(onlyFile()).ino).toBe(ino);
  });

  test('is the same for the single file', () => {
    run('cli.mjs', ['lint']);
    const { ino } = statSync(onlyFile());
    run('single.mjs', ['lint']);
    expect(statSync(onlyFile()).ino).toBe(ino);
  });

  test('is of one command each; what is no command is a file to look at', () => {
    for (const words of [['lint'], ['fmt'], ['gw.rules'], []]) run('cli.mjs', words);
    expect(readdirSync(kept).map((name) => name.split('-')[0])).toEqual(['exposure', 'fmt', 'lint']);
  });

  test('grows when a run compiles much more', () => {
    run('cli.mjs', ['lint']);
    const before = statSync(onlyFile()).size;
    run('cli.mjs', ['lint', 'many']);
    expect(statSync(onlyFile()).size).toBeGreaterThan(before * 2);
  });

  test('is not written after a bug', () => {
    run('cli.mjs', ['lint', 'bug']);
    expect(existsSync(kept)).toBe(false);
  });

  test('is not used by another program', async () => {
    run('cli.mjs', ['lint']);
    const before = readFileSync(onlyFile());
    const other = program.replace('typeof from', "'number'   ");
    expect(other).toHaveLength(program.length);
    writeFileSync(join(folder, 'other.cjs'), other);
    writeFileSync(join(folder, 'other.mjs'), await bundleLauncher(other, 'other.cjs'));
    run('other.mjs', ['lint'], {}, 'number');
    expect(readFileSync(onlyFile()).equals(before)).toBe(false);
  });
});

describe('kept code that is not to be trusted', () => {
  const spoil: Readonly<Record<string, (file: string) => void>> = {
    'one bit has changed': (file) => {
      const bytes = readFileSync(file);
      const middle = bytes.length >> 1;
      bytes[middle] = (bytes[middle] ?? 0) ^ 0x40;
      writeFileSync(file, bytes);
    },
    'it was cut short': (file) => writeFileSync(file, readFileSync(file).subarray(0, 5_000)),
    'it is empty': (file) => writeFileSync(file, ''),
    'others may write it': (file) => chmodSync(file, 0o666),
    'it is a link': (file) => {
      renameSync(file, join(folder, 'elsewhere'));
      symlinkSync(join(folder, 'elsewhere'), file);
    },
  };

  test.each(Object.entries(spoil))('%s: it is replaced', (_, change) => {
    run('cli.mjs', ['lint']);
    const file = onlyFile();
    const good = readFileSync(file).length;
    change(file);
    run('cli.mjs', ['lint']);
    expect(readFileSync(onlyFile()).length).toBeGreaterThan(good / 2);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { ino } = statSync(file);
    run('cli.mjs', ['lint']);
    expect(statSync(file).ino).toBe(ino);
  });

  test('in a folder that others may write, or that is a link, nothing is read or written', () => {
    mkdirSync(kept);
    chmodSync(kept, 0o777);
    run('cli.mjs', ['lint']);
    expect(readdirSync(kept)).toEqual([]);
    rmSync(kept, { recursive: true });
    mkdirSync(join(caches, 'other'), { mode: 0o700 });
    symlinkSync(join(caches, 'other'), kept);
    run('cli.mjs', ['lint']);
    expect(readdirSync(join(caches, 'other'))).toEqual([]);
  });

  test.skipIf(process.geteuid?.() !== 0)('in a folder of another user, nothing is read or written', () => {
    chownSync(caches, 65_534, 65_534);
    run('cli.mjs', ['lint']);
    expect(existsSync(kept)).toBe(false);
    chownSync(caches, 0, 0);
    run('cli.mjs', ['lint']);
    const file = onlyFile();
    chownSync(file, 65_534, 65_534);
    const { ino } = statSync(file);
    run('cli.mjs', ['lint']);
    expect([statSync(file).uid, statSync(file).ino === ino]).toEqual([0, false]);
  });
});

test.each([
  ['it is switched off', { NODE_DISABLE_COMPILE_CACHE: '1' }],
  ['there is no such folder', { XDG_CACHE_HOME: '/nowhere/at/all' }],
  ['the folder cannot be made', { XDG_CACHE_HOME: '/proc' }],
])('%s: nothing is kept, and nothing is said', (_, env) => {
  run('cli.mjs', ['lint'], env);
  expect(readdirSync(caches)).toEqual([]);
});

test('--version is answered without the program', async () => {
  const alone = join(folder, 'alone.mjs');
  writeFileSync(alone, await bundleLauncher(program, 'not-there.cjs'));
  const { status, stdout } = spawnSync(process.execPath, [alone, '--version'], { encoding: 'utf8' });
  expect([status, stdout]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]);
});

test('the names of the commands are those of the table, the one that runs without a name first', () => {
  expect([...commandNames].sort()).toEqual(commands.map(({ name }) => name).sort());
  expect(commandNames[0]).toBe(commands.find(({ isDefault }) => isDefault)?.name);
});
