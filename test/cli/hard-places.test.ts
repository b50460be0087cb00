/**
 * Goal: the program behaves where it is hard to. Method: what users run is bundled and started with disks that are full,
 * files that cannot be read, homes and locales that are none, terminals of odd sizes, streams that are closed; each time
 * with the message, the exit code, no stack trace, and no file that is half written.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { shippedOptions } from '../support/bundling.ts';
import { repositoryRoot } from '../support/source-tree.ts';

// Many programs are started; a busy machine may take its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const folder = mkdtempSync(join(tmpdir(), 'fwsim-hard-'));
const program = join(folder, 'bundle', 'main.js');
const place = join(folder, 'place');

beforeAll(async () => {
  await build({
    ...shippedOptions,
    entryPoints: { main: join(repositoryRoot, 'src/cli/main.ts') },
    outdir: join(folder, 'bundle'),
    splitting: true,
  });
  writeFileSync(join(folder, 'bundle', 'package.json'), '{"type":"module"}');
  mkdirSync(place);
  copyFileSync(join(repositoryRoot, 'rules-examples/gateway-web-in-forward.rules'), join(place, 'gw.rules'));
  writeFileSync(
    join(place, 'gw.policy.yml'),
    'rules: gw.rules\ntests:\n  - {name: ssh, packets: -i eth0 -p tcp --dport 22 -s 192.0.2.1, expect: drop}\n',
  );
  writeFileSync(join(place, 'gw.ranges'), 'eth1 192.168.1.0/24\n');
  // Another user than the one of the tests can come here, too.
  for (const path of [folder, join(folder, 'bundle'), place]) chmodSync(path, 0o755);
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Options {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
}

/** Runs a line of bash in which `fwsim` is the program. Only what is given is in the environment, and PATH. */
function shell(line: string, { env = {}, input = '' }: Options = {}) {
  const { PATH = '' } = process.env;
  const script = `fwsim() { '${process.execPath}' '${program}' "$@"; }\n${line}`;
  const result = spawnSync('bash', ['--norc', '-c', script], {
    env: { PATH, ...env },
    input,
    encoding: 'utf8',
    cwd: place,
  });
  expect(result.stderr).not.toMatch(/^\s+at .+:\d+|node:internal|\(node:\d+\)/m);
  return { code: result.status, out: result.stdout, err: result.stderr };
}

const packet = '-- -i eth0 -p tcp -d 203.0.113.1 --dport 80';
/** One line of each command that prints a text, and how it ends. */
const lines: readonly (readonly [line: string, code: number])[] = [
  ['gw.rules', 0],
  ['lint gw.rules', 1],
  [`trace gw.rules --assume local=203.0.113.1 ${packet}`, 0],
  ['query gw.rules --fate drop --new -- -i eth0 -p tcp --dport 80', 0],
  ['matrix gw.rules --port 22', 0],
  ['spoof gw.rules --ranges gw.ranges', 1],
  ['diff gw.rules gw.rules', 0],
  ['test gw.policy.yml', 0],
  ['graph gw.rules', 0],
  ['report gw.rules', 0],
  ['fmt gw.rules', 0],
  ['explain FW101', 0],
  ['checks', 0],
  ['collect --script', 0],
  ['--help', 0],
];

describe('each command', () => {
  test.each(lines)('fwsim %s: a reader that goes away is no error, a full disk is', (line, code) => {
    const { out, err } = shell(`fwsim ${line} | :; echo "$PIPESTATUS"; fwsim ${line} > /dev/full; echo $?`);
    expect(out).toBe(`${code}\n2\n`);
    expect(err.match(/^fwsim: .*$/gm)).toEqual(['fwsim: cannot write the output: the disk is full']);
  });
});

describe('files that cannot be written', () => {
  test.each([
    ['/dev/full', 'the disk is full'],
    ['.', 'it is a directory'],
    ['gone/report.html', 'there is no such file or folder'],
    ['gw.rules/report.html', 'a part of the path is not a directory'],
  ])('%s: %s', (path, why) => {
    const { code, err } = shell(`fwsim report gw.rules -o ${path}`);
    expect(code).toBe(2);
    expect(err.replace(/\s+/g, ' ')).toMatch(new RegExp(`^fwsim: cannot write ".*": ${why} $`));
  });

  test('what stops in the middle leaves the old file as it was, and no other', () => {
    writeFileSync(join(place, 'old.html'), 'old');
    const before = readdirSync(place);
    const { code, err } = shell('ulimit -f 8; fwsim report gw.rules -o old.html');
    expect([code, err]).toEqual([2, expect.stringMatching(/: it would be larger than is allowed\n$/)]);
    expect(readFileSync(join(place, 'old.html'), 'utf8')).toBe('old');
    expect(readdirSync(place)).toEqual(before);
  });
});

describe('files that cannot be read', () => {
  test.each([
    ['.', 'it is a directory'],
    ['gone', 'there is no such file or folder'],
    ['gw.rules/gone', 'a part of the path is not a directory'],
    ['/dev/zero', 'it is larger than 256 MiB'],
  ])('%s: %s', (path, why) => {
    expect(shell(`fwsim lint ${path}`)).toEqual({
      code: 2,
      out: '',
      err: `fwsim: cannot read "${path}": ${why}\n`,
    });
  });

  const root = process.getuid?.() === 0;
  test.skipIf(!root)('those of somebody else', () => {
    writeFileSync(join(place, 'secret.rules'), '*filter\nCOMMIT\n', { mode: 0o600 });
    const as = `'${process.execPath}' '${program}'`;
    const nobody = (line: string) =>
      shell(`setpriv --reuid=65534 --regid=65534 --clear-groups ${as} ${line}`);
    expect(nobody('fmt secret.rules')).toEqual({
      code: 2,
      out: '',
      err: 'fwsim: cannot read "secret.rules": permission denied\n',
    });
    expect(nobody('report gw.rules -o page.html').err).toMatch(/cannot write ".*": permission denied/);
    expect(nobody('lint gw.rules --config secret.rules').err).toMatch(/"secret.rules": permission denied/);
  });
});

describe('surroundings', () => {
  const answer = (env: Options['env'] = {}) => shell('fwsim lint gw.rules --select FW101', { env });

  test('that are none or odd: the same answer', () => {
    const plain = answer();
    expect(plain).toMatchObject({ code: 1, err: '' });
    const odd: readonly NonNullable<Options['env']>[] = [
      { HOME: '/nonexistent', XDG_CACHE_HOME: '/nonexistent', TMPDIR: '/nonexistent' },
      { HOME: '/proc', XDG_CONFIG_HOME: '/proc', LC_ALL: 'C', TERM: 'dumb' },
      { LANG: 'xx_YY.wrong', TERM: 'wrong' },
      ...['0', '-1', 'x', 'NaN'].map((columns) => ({ COLUMNS: columns })),
    ];
    for (const env of odd) expect(answer(env), JSON.stringify(env)).toEqual(plain);
  });

  test.each(['1', '99999999999999999999'])('%s columns', (columns) => {
    for (const line of ['gw.rules', 'lint gw.rules', '--help']) {
      const { code, out } = shell(`fwsim ${line}`, { env: { COLUMNS: columns } });
      expect([0, 1]).toContain(code);
      expect(out.length).toBeLessThan(200_000);
    }
  });

  test('without a terminal, the screen says what it needs', () => {
    const { code, out, err } = shell(
      'setsid -w "$BASH" -c "$(declare -f fwsim); fwsim tui gw.rules" < /dev/null',
    );
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/^fwsim: .*terminal/);
  });

  test('streams that are closed', () => {
    const empty = { code: 3, err: expect.stringMatching(/"<stdin>" is empty/) };
    expect(shell('fwsim lint <&-')).toMatchObject(empty);
    for (const closed of ['2>&-', '>&-', '<&- >&- 2>&-'])
      expect(shell(`fwsim lint gw.rules ${closed}`).code).toBe(1);
  });
});

describe('bytes', () => {
  const rules =
    '*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n';

  test('CRLF: the same ruleset, and what iptables-restore would say', () => {
    const { code, out, err } = shell('fwsim fmt', { input: rules.replaceAll('\n', '\r\n') });
    expect(out).toBe(shell('fwsim fmt', { input: rules }).out);
    expect([code, err]).toEqual([1, expect.stringMatching(/^error FW901 carriage-returns\n/)]);
  });

  test('a byte order mark, and bytes that are no UTF-8: told, at their place', () => {
    expect(shell('fwsim lint --format concise', { input: `\ufeff${rules}` })).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^<stdin>:1:1: error: .*byte order mark/m),
    });
    const bytes = Buffer.from(rules.replace('-i lo', '-i lo -m comment --comment "caf\u00e9"'), 'latin1');
    expect(shell('fwsim lint --format concise', { input: bytes }).out).toMatch(/^<stdin>:5:\d+: .*UTF-8/m);
  });
});

describe('Ctrl-C', () => {
  /** Large enough to be in the middle of it: the rules are read from a pipe that gives more and more. */
  const interrupted = async (args: readonly string[]): Promise<unknown> => {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: place,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    child.stdin.on('error', () => {});
    child.stdin.write('*filter\n:INPUT ACCEPT [0:0]\n');
    const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    await new Promise((resolve) => setTimeout(resolve, 500));
    child.kill('SIGINT');
    return { ended: await ended, said };
  };

  test('ends it by the signal, and leaves no file', async () => {
    const before = readdirSync(place);
    for (const args of [['lint'], ['report', '-', '-o', 'page.html'], ['fmt', '-']])
      expect(await interrupted(args)).toEqual({ ended: 'SIGINT', said: '' });
    expect(readdirSync(place)).toEqual(before);
  });
});
