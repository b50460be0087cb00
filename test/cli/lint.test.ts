/** Goal: `fwsim lint`, `explain` and `checks` as a user meets them. Method: whole command lines with an io of their own. */
import { describe, expect, test } from 'vitest';
import { run as checks } from '../../src/cli/commands/checks.ts';
import { run as explain } from '../../src/cli/commands/explain.ts';
import { run as lint } from '../../src/cli/commands/lint.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { lintFormats } from '../../src/cli/lint/formats.ts';
import { fakeIo } from '../support/fake-io.ts';

const clean = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 192.168.1.0/24 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`;
const dead = clean.replace(
  'COMMIT',
  '-A INPUT -j DROP\n-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT\nCOMMIT',
);
const files = {
  clean,
  dead,
  listing: 'Chain INPUT (policy ACCEPT)\ntarget     prot opt source               destination\n',
};

function asked(
  operands: readonly string[],
  options: Readonly<Record<string, string | boolean | readonly string[]>> = {},
) {
  return { operands, options, expression: [] };
}

describe('lint', () => {
  test('a pipe works: findings on stdout, nothing on stderr', async () => {
    const io = fakeIo({}, dead);
    expect(await lint(asked([]), io)).toBe(exitCodes.findings);
    expect(io.said.err).toBe('');
    expect(io.said.out).toMatch(/^error FW204 rule-after-catch-all /);
    expect(io.said.out).toContain('sudo iptables-save | fwsim trace ');
  });

  test.each([
    [['clean'], {}, exitCodes.ok],
    [['dead'], {}, exitCodes.findings],
    [['clean', 'dead'], {}, exitCodes.findings],
    [['dead'], { failOn: 'never' }, exitCodes.ok],
    [['dead'], { select: ['FW1'] }, exitCodes.ok],
    [['dead'], { ignore: ['FW204'] }, exitCodes.ok],
    [['dead'], { ignore: ['rule-after-catch-all'] }, exitCodes.ok],
    [['listing'], {}, exitCodes.couldNotLook],
    [['listing', 'dead'], {}, exitCodes.couldNotLook],
  ])('%j with %j ends with %i', async (operands, options, exitCode) => {
    expect(await lint(asked(operands, options), fakeIo(files))).toBe(exitCode);
  });

  test('what could not be looked at is told on stderr, with what to run', async () => {
    const io = fakeIo(files);
    await lint(asked(['listing']), io);
    expect(io.said.out).toBe('');
    expect(io.said.err).toMatch(/"listing" is what iptables -L prints.*run iptables-save/);
  });

  test('a word that is no check is refused, with what was meant', async () => {
    await expect(lint(asked(['clean'], { select: ['FW20A'] }), fakeIo(files))).rejects.toMatchObject({
      message: expect.stringContaining('"FW20A" is no check'),
    });
  });

  test('JSON can be read, and is nothing else', async () => {
    const io = fakeIo(files);
    expect(await lint(asked(['clean', 'dead'], { format: ['json'] }), io)).toBe(exitCodes.findings);
    const object = JSON.parse(io.said.out);
    expect(object.schemaVersion).toBe(1);
    expect(object.inputs.map((input: { file: string }) => input.file)).toEqual(['clean', 'dead']);
    expect(object.findings.map((f: { file: string; code: string }) => [f.file, f.code])).toEqual([
      ['dead', 'FW204'],
    ]);
  });

  test('further text about the machine comes by --with', async () => {
    const io = fakeIo({ ...files, addr: 'net.ipv4.ip_forward = 1\n' });
    await lint(asked(['clean'], { with: ['addr'], format: ['json'] }), io);
    const { context } = JSON.parse(io.said.out);
    expect(context[0].facts).toContainEqual({ fact: 'sysctls', provenance: 'given', source: 'sysctl -a' });
  });
});

describe('formats', () => {
  test('several at once, one of them to stdout', async () => {
    const io = fakeIo(files);
    const options = { format: ['sarif=out/x.sarif', 'concise'] };
    expect(await lint(asked(['dead'], options), io)).toBe(exitCodes.findings);
    expect(io.said.out).toMatch(/^dead:9:\d+: error: .* \[FW204\]\n$/);
    expect(JSON.parse(io.said.files['out/x.sarif'] ?? '').version).toBe('2.1.0');
  });

  test('one for a file: stdout stays empty', async () => {
    const io = fakeIo(files);
    await lint(asked(['dead'], { outputFile: 'x.txt' }), io);
    expect(io.said.out).toBe('');
    expect(io.said.files['x.txt']).toMatch(/^error FW204/);
  });

  test.each(lintFormats)('%s is printed', async (format) => {
    const io = fakeIo(files);
    expect(await lint(asked(['dead'], { format: [format] }), io)).toBe(exitCodes.findings);
    expect(io.said.out).toMatch(/FW204/);
  });

  test.each([
    [{ format: ['sarfi'] }, /no format "sarfi"/],
    [{ format: ['json', 'pretty'] }, /two formats go to stdout/],
    [{ format: ['json=x', 'sarif=./x'] }, /two formats go to/],
    [{ format: ['json='] }, /names no file/],
    [{ format: ['json=dead'] }, /"dead" is read, and would be overwritten/],
    [{ jobs: '0' }, /--jobs takes/],
    [{ jobs: 'many' }, /--jobs takes/],
    [{ preset: ['recomended'] }, /no preset "recomended"/],
    [{ explainSilence: 'FW20A' }, /"FW20A" is no check/],
    [{ config: 'gone.yml' }, /cannot read "gone.yml"/],
    [{ baseline: 'a', writeBaseline: 'b' }, /--write-baseline goes with neither/],
    [{ pruneBaseline: true }, /no baseline to prune/],
    [{ baseline: 'clean' }, /"clean" is no baseline/],
  ])('%j is refused', async (options, message) => {
    await expect(lint(asked(['dead'], options), fakeIo(files))).rejects.toMatchObject({
      message: expect.stringMatching(message),
    });
  });
});

describe('configuration', () => {
  const run = async (
    more: Readonly<Record<string, string>>,
    operands: readonly string[] = ['dead'],
    options: Parameters<typeof asked>[1] = {},
  ) => {
    const io = fakeIo({ ...files, ...more });
    const exitCode = await lint(asked(operands, { format: ['json'], ...options }), io);
    const object = JSON.parse(io.said.out);
    const told = object.findings.map((f: { code: string; severity: string }) => `${f.code} ${f.severity}`);
    return { exitCode, told, object };
  };

  test('is found in the working directory, beside the ruleset first', async () => {
    const low = { 'fwsim.yml': 'lint: {severity: {FW204: info}}\n' };
    expect(await run(low)).toMatchObject({ exitCode: exitCodes.ok, told: ['FW204 info'] });
    const nearer = { ...low, 'a/gw.rules': dead, 'a/fwsim.yml': 'lint: {severity: {FW204: warning}}\n' };
    expect(await run(nearer, ['a/gw.rules'])).toMatchObject({ told: ['FW204 warning'] });
    expect(await run(nearer, ['dead'])).toMatchObject({ told: ['FW204 info'] });
    const above = { '../fwsim.yml': 'lint: {severity: {FW204: warning}}\n' };
    expect(await run(above)).toMatchObject({ told: ['FW204 warning'] });
  });

  test('is named, or not read at all', async () => {
    const more = { 'fwsim.yml': 'lint: {severity: {FW204: info}}\n', other: 'lint: {ignore: [FW2]}\n' };
    expect(await run(more, ['dead'], { config: 'other' })).toMatchObject({ told: [] });
    expect(await run(more, ['dead'], { config: false })).toMatchObject({ told: ['FW204 error'] });
  });

  test('each machine has its own', async () => {
    const more = {
      'a/gw': dead,
      'a/fwsim.yml': 'lint: {ignore: [FW204]}\n',
      'b/gw': dead,
      'b/fwsim.yml': 'lint: {fail-on: never}\n',
    };
    expect(await run(more, ['a/gw', 'b/gw'])).toMatchObject({
      exitCode: exitCodes.ok,
      told: ['FW204 error'],
    });
  });

  test('the command line goes before it', async () => {
    const more = { 'fwsim.yml': 'lint: {ignore: [FW204], severity: {FW2: off}, fail-on: never}\n' };
    expect(await run(more, ['dead'], { select: ['FW204'], failOn: 'error' })).toMatchObject({
      exitCode: exitCodes.findings,
      told: ['FW204 error'],
    });
  });

  test('captures are read from where the configuration lies, and become facts', async () => {
    const more = {
      'a/gw': clean,
      'a/fwsim.yml': 'context: {captures: {sysctl: facts/s.txt}, outside: [eth0]}\n',
      'a/facts/s.txt': 'net.ipv4.ip_forward = 1\n',
    };
    const { object } = await run(more, ['a/gw']);
    const { facts } = object.context[0];
    expect(facts).toContainEqual({ fact: 'sysctls', provenance: 'given', source: 'sysctl -a' });
    expect(facts).toContainEqual({ fact: 'outside', provenance: 'given', source: 'a/fwsim.yml (outside)' });
    expect(object.inputs[0]).toMatchObject({ with: ['a/facts/s.txt'], profile: 'router' });
  });

  test('a mistake in it ends the run before anything is printed', async () => {
    const io = fakeIo({ ...files, 'fwsim.yml': 'lint:\n  sevrity: {}\n' });
    await expect(lint(asked(['dead']), io)).rejects.toMatchObject({
      exitCode: exitCodes.usage,
      message: expect.stringMatching(/^fwsim\.yml:2:3: .*"severity"/),
    });
    expect(io.said.out).toBe('');
  });
});

describe('what is known already', () => {
  const printed = async (
    more: Readonly<Record<string, string>>,
    options: Parameters<typeof asked>[1] = {},
    operands: readonly string[] = ['dead'],
  ) => {
    const io = fakeIo({ ...files, ...more });
    const exitCode = await lint(asked(operands, options), io);
    return { exitCode, ...io.said };
  };

  test('a baseline is written, hides, and is pruned', async () => {
    const written = await printed({}, { writeBaseline: 'known.json' });
    expect(written).toMatchObject({ exitCode: exitCodes.ok, out: '' });
    expect(written.err).toMatch(/1 findings are written to "known.json"/);
    const known = written.files['known.json'] ?? '';
    expect(JSON.parse(known).findings).toMatchObject([{ file: 'dead', code: 'FW204' }]);

    const later = await printed({ known }, { baseline: 'known' });
    expect(later.exitCode).toBe(exitCodes.ok);
    expect(later.out).toContain('not told: 1 in the baseline');
    expect((await printed({ known, other: dead }, { baseline: 'known' }, ['other'])).exitCode).toBe(
      exitCodes.findings,
    );

    const kept = await printed({ known }, { baseline: 'known', pruneBaseline: true });
    expect(kept.files).toEqual({});
    const mended = await printed({ known, dead: clean }, { baseline: 'known', pruneBaseline: true });
    expect(mended.err).toMatch(/1 findings are gone/);
    expect(JSON.parse(mended.files['known'] ?? '').findings).toEqual([]);
    const notRun = { baseline: 'known', pruneBaseline: true, select: ['FW1'] };
    expect((await printed({ known, dead: clean }, notRun)).files).toEqual({});
  });

  test('the same findings give the same baseline', async () => {
    const one = await printed({}, { writeBaseline: 'x' }, ['dead', 'clean']);
    const other = await printed({}, { writeBaseline: 'x' }, ['clean', 'dead']);
    expect(one.files).toEqual(other.files);
  });

  test('a file of suppressions hides by fingerprint; what is wrong with an entry is shown in its place', async () => {
    const verbose = await printed({}, { verbose: true });
    const [name = ''] = /FW204-[0-9a-f]{20}/.exec(verbose.out) ?? [];
    const file = (entry: string) => ({ '.fwsim/suppressions.yml': `suppressions:\n  ${name}: ${entry}\n` });
    const hidden = await printed(file('{reason: for repairs}'));
    expect(hidden).toMatchObject({ exitCode: exitCodes.ok });
    expect(hidden.out).toContain('not told: 1 suppressed');
    const noReason = await printed(file('{until: 2027-01}'));
    expect(noReason.out).toMatch(/FW910 suppression-problem \(no-reason\)/);
    expect(noReason.out).toContain('.fwsim/suppressions.yml:2:3');
    expect(noReason.out).toContain('FW204');
    expect((await printed(file('{reason: x, file: dead}'), {}, ['clean'])).out).not.toContain('FW910');
    const stale = { ...file('{reason: x, file: dead}'), dead: clean };
    expect((await printed(stale)).out).toContain('hides nothing any more');
  });

  test('dates are those of the day of the run', async () => {
    const until = (date: string) => ({
      dead: dead.replace(
        '--dport 443',
        `--dport 443 -m comment --comment "fwsim-ignore FW204: x until=${date}"`,
      ),
    });
    expect((await printed(until('2026-11'))).exitCode).toBe(exitCodes.ok);
    const past = await printed(until('2026-10'));
    expect(past.exitCode).toBe(exitCodes.findings);
    expect(past.out).toMatch(/FW910 suppression-problem \(expired\)/);
  });
});

describe('how a run ends and what it tells on the way', () => {
  test('--exit-zero succeeds, but "could not look" is never clean', async () => {
    expect(await lint(asked(['dead'], { exitZero: true }), fakeIo(files))).toBe(exitCodes.ok);
    expect(await lint(asked(['listing'], { exitZero: true }), fakeIo(files))).toBe(exitCodes.couldNotLook);
  });

  test('a limit that was reached is told, and is never clean', async () => {
    const sources = Array.from(
      { length: 400 },
      (_, i) =>
        `-A INPUT -s 10.${i % 7}.${i % 256}.${i % 11}/32 -p tcp -m tcp --dport ${1000 + 3 * i} -j ACCEPT\n`,
    );
    const big = clean.replace('COMMIT', `${sources.join('')}COMMIT`);
    const io = fakeIo({ big });
    expect(await lint(asked(['big'], { nodes: '1000', exitZero: true }), io)).toBe(exitCodes.couldNotLook);
    expect(io.said.err).toContain('need more than 1000 nodes: there may be more findings than these');
    expect(await lint(asked(['big']), fakeIo({ big }))).toBe(exitCodes.ok);
    const fixing = fakeIo({ big });
    expect(await lint(asked(['big'], { nodes: '1000', fix: true }), fixing)).toBe(exitCodes.couldNotLook);
    expect(fixing.said.err).toContain('need more than 1000 nodes');
  });

  test('--explain-silence says why a check told nothing, and nothing else', async () => {
    const io = fakeIo(files);
    expect(await lint(asked(['dead'], { explainSilence: 'FW112' }), io)).toBe(exitCodes.ok);
    expect(io.said.out).toMatch(/^warning FW112|^error FW112/);
    expect(io.said.out).toContain('it asked, and nobody told: no `ip -j addr` given');
    expect(io.said.out).not.toContain('FW204');
  });

  test('progress is told on a terminal, after a second, and cleared at the end', async () => {
    const watched = (errIsTerminal: boolean, stepMs: number) => {
      let time = 0;
      return {
        ...fakeIo(files),
        errIsTerminal,
        now: () => {
          time += stepMs;
          return time;
        },
      };
    };
    const slow = watched(true, 600);
    await lint(asked(['clean', 'dead']), slow);
    expect(slow.said.err).toContain('\r\x1b[K1 of 2, clean: FW');
    expect(slow.said.err.endsWith('\r\x1b[K')).toBe(true);
    for (const quiet of [watched(true, 0), watched(false, 600)]) {
      await lint(asked(['clean', 'dead']), quiet);
      expect(quiet.said.err).toBe('');
    }
  });
});

describe('explain and checks', () => {
  test.each(['FW204', 'fw204', 'rule-after-catch-all'])('%s has a page', async (name) => {
    const io = fakeIo();
    expect(await explain(asked([name]), io)).toBe(exitCodes.ok);
    expect(io.said.out).toMatch(/^error FW204 rule-after-catch-all\n/);
    for (const heading of [
      'What it reports',
      'Why it matters',
      'How it is decided',
      'When to ignore it',
      'For example',
      'Instead',
    ])
      expect(io.said.out).toContain(heading);
    expect(Math.max(...io.said.out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(160);
  });

  test('an unknown one is refused, with what was meant', async () => {
    await expect(explain(asked(['FW999']), fakeIo())).rejects.toMatchObject({
      message: 'there is no check "FW999"',
    });
  });

  test('the list has every check, as text and as JSON', async () => {
    const text = fakeIo();
    await checks(asked([]), text);
    expect(text.said.out).toMatch(/^FW101 {2}local-service-guarded-in-forward {2,}error/);
    const json = fakeIo();
    await checks(asked([], { json: true }), json);
    const listed = JSON.parse(json.said.out).checks.map((c: { code: string }) => c.code);
    expect(listed).toContain('FW908');
  });
});
