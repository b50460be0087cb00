/** Goal: the program that users run talks to no network and starts no other program, but where they ask for it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shippedOptions } from '../support/bundling.ts';
import { importsOf, repositoryFiles, repositoryRoot } from '../support/source-tree.ts';

const folder = mkdtempSync(join(tmpdir(), 'fwsim-supply-'));
const program = join(folder, 'cli.mjs');

beforeAll(async () => {
  await build({
    ...shippedOptions,
    entryPoints: { cli: join(repositoryRoot, 'src/cli/main.ts') },
    outdir: folder,
    splitting: true,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunks/[name]-[hash]',
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Node's own modules that reach beyond this process and its files. */
const outward = [
  'child_process',
  'cluster',
  'dgram',
  'dns',
  'http',
  'http2',
  'https',
  'inspector',
  'net',
  'tls',
  'vm',
];

describe('modules of Node', () => {
  test('other programs are started by fwsim collect and trace --kernel alone; the launcher runs the program as a script', () => {
    const users = repositoryFiles('src', ['.ts', '.tsx'])
      .filter(({ path }) => !path.startsWith('src/dev/'))
      .flatMap(({ path, text }) =>
        importsOf(text)
          .filter(({ specifier }) => outward.includes(specifier.replace(/^node:/, '')))
          .map(({ specifier }) => `${path} ${specifier}`),
      );
    expect(users).toEqual([
      'src/cli/io.ts node:child_process',
      'src/cli/launcher.ts node:vm',
      'src/live/namespace.ts node:child_process',
    ]);
  });

  test('nothing that is bundled asks for the network', () => {
    const bundles = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.mjs'),
    );
    const asked = new Set<string>();
    for (const name of bundles) {
      const text = readFileSync(join(folder, name), 'utf8');
      for (const [, module = ''] of text.matchAll(
        /(?:from|import\(|getBuiltinModule\()\s*"(?:node:)?([\w/]+)"/g,
      ))
        asked.add(module);
    }
    expect([...asked].filter((module) => outward.includes(module))).toEqual(['child_process']);
  });
});

test('our own code fetches nothing', () => {
  const fetching = repositoryFiles('src', ['.ts', '.tsx']).filter(({ text }) =>
    /\bfetch\(|\bWebSocket\b|\bXMLHttpRequest\b/.test(text),
  );
  expect(fetching.map(({ path }) => path)).toEqual([]);
});

describe('without leave to start programs', () => {
  // The flag lost its prefix in Node 22; the old name is gone in 24.
  const major = Number(process.versions.node.split('.')[0]);
  const permission = major >= 22 ? '--permission' : '--experimental-permission';
  const run = (...args: readonly string[]) =>
    spawnSync(
      process.execPath,
      [
        permission,
        '--allow-fs-read=*',
        '--allow-fs-write=*',
        '--allow-worker',
        '--no-warnings',
        program,
        ...args,
      ],
      { cwd: repositoryRoot, encoding: 'utf8', input: '' },
    );
  const rules = 'rules-examples/gateway-web-in-forward.rules';

  test.each([
    [rules],
    ['lint', rules, '--jobs', '2', rules],
    [
      'trace',
      rules,
      '--assume',
      'local=203.0.113.1',
      '--',
      '-i',
      'eth0',
      '-p',
      'tcp',
      '-d',
      '203.0.113.1',
      '--dport',
      '80',
    ],
    ['query', rules, '--new', '--', '-i', 'eth0', '-p', 'tcp', '--dport', '80'],
    ['diff', rules, rules],
    ['matrix', rules, '--port', '80'],
    ['graph', rules],
    ['fmt', rules],
    ['explain', 'FW101'],
    ['collect', '--script'],
  ])('fwsim %s …', (...args) => {
    const { status, stderr, stdout } = run(...args);
    expect(stderr).not.toMatch(/ERR_ACCESS_DENIED|a bug of its own/);
    expect([0, 1]).toContain(status);
    expect(stdout).not.toBe('');
  });

  test('and fwsim collect, which needs it, says so', () => {
    const { status, stderr } = run('collect');
    expect([status, stderr]).toEqual([2, 'fwsim: /bin/sh could not be started\n']);
  });
});

describe('the lock file', () => {
  const lock = JSON.parse(readFileSync(join(repositoryRoot, 'package-lock.json'), 'utf8')) as {
    packages: Record<
      string,
      { integrity?: string; license?: string; resolved?: string; hasInstallScript?: boolean }
    >;
  };
  const locked = Object.entries(lock.packages).filter(([path]) => path !== '');

  test('pins each package by its hash, and says nothing of where it was fetched', () => {
    expect(
      locked.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([path]) => path),
    ).toEqual([]);
    expect(locked.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
  });

  test('holds licences that go with ours', () => {
    const known = ['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'MPL-2.0', 'CC0-1.0'];
    const other = locked.filter(
      ([, { license = '' }]) =>
        !license
          .replace(/[()]/g, '')
          .split(/ (?:OR|AND) /)
          .some((one) => known.includes(one)),
    );
    expect(other.map(([path, { license }]) => `${path} ${license}`)).toEqual([]);
  });

  test('needs no script at installation but one that is switched off', () => {
    const { allowScripts } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8')) as {
      allowScripts: Record<string, boolean>;
    };
    const scripted = locked.filter(([, { hasInstallScript }]) => hasInstallScript === true);
    expect(scripted.map(([path]) => allowScripts[path.replace('node_modules/', '')])).toEqual(
      scripted.map(() => false),
    );
  });
});
