/** Goal: `fwsim lint`, `explain` and `checks` as a user meets them. Method: whole command lines with an io of their own. */
import { describe, expect, test } from 'vitest';
import { run as checks } from '../../src/cli/commands/checks.ts';
import { run as explain } from '../../src/cli/commands/explain.ts';
import { run as lint } from '../../src/cli/commands/lint.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
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
    expect(await lint(asked(['clean', 'dead'], { format: 'json' }), io)).toBe(exitCodes.findings);
    const object = JSON.parse(io.said.out);
    expect(object.schemaVersion).toBe(1);
    expect(object.inputs.map((input: { file: string }) => input.file)).toEqual(['clean', 'dead']);
    expect(object.findings.map((f: { file: string; code: string }) => [f.file, f.code])).toEqual([
      ['dead', 'FW204'],
    ]);
  });

  test('further text about the machine comes by --with', async () => {
    const io = fakeIo({ ...files, addr: 'net.ipv4.ip_forward = 1\n' });
    await lint(asked(['clean'], { with: ['addr'], format: 'json' }), io);
    const { context } = JSON.parse(io.said.out);
    expect(context[0].facts).toContainEqual({ fact: 'sysctls', provenance: 'given', source: 'sysctl -a' });
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
