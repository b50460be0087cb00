import { describe, expect, test } from 'vitest';
import { run } from '../../src/cli/commands/test.ts';
import { readPolicy } from '../../src/cli/policy/read-policy.ts';
import { fakeIo } from '../support/fake-io.ts';

const rules = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`;
const closed =
  'rules: gw.rules\ntests:\n  - name: telnet\n    packets: -i eth0 -p tcp --dport 23\n    expect: drop\n';
const open = closed
  .replace('telnet', 'ssh')
  .replace('tests:', 'assume: [local=203.0.113.1]\ntests:')
  .replace('-p tcp --dport 23', '-d 203.0.113.1 -p tcp --dport 22');

async function tried(
  files: Readonly<Record<string, string>>,
  operands: readonly string[],
  options: Readonly<Record<string, string | boolean | readonly string[]>> = {},
) {
  const io = fakeIo({ 'gw.rules': rules, ...files });
  try {
    return { code: await run({ operands, options, expression: [] }, io), ...io.said };
  } catch (error) {
    return { code: 2, ...io.said, err: `${(error as Error).message}` };
  }
}

describe('fwsim test', () => {
  test('ends with 0 where all is proved, with 1 where a packet refutes', async () => {
    const both = { 'a.policy.yml': closed, 'b.policy.yml': open };
    expect(await tried(both, ['a.policy.yml'])).toMatchObject({ code: 0, err: '' });
    const answer = await tried(both, ['*.policy.yml']);
    expect(answer.code).toBe(1);
    expect(answer.out).toContain('2 tests: 1 passed, 1 failed');
    expect(answer.out).toContain('accepted by INPUT 1 (line 5)');
    expect(answer.out).toMatch(/try it {4}fwsim trace gw\.rules .*-- -i eth0 -p tcp/);
  });

  test('prints for programs', async () => {
    const files = { 'a.policy.yml': closed.replace('telnet', '"a # <b>"'), 'b.policy.yml': open };
    const as = async (format: string) =>
      (await tried(files, ['a.policy.yml', 'b.policy.yml'], { format })).out;
    const tap = await as('tap');
    expect(tap).toContain('TAP version 14\n1..2\nok 1 - a \\# <b>\nnot ok 2 - ssh\n  ---\n');
    expect(await as('junit')).toMatch(/<testsuites name="fwsim test" tests="2" failures="1" errors="0">/);
    expect(await as('junit')).toContain('name="a # &lt;b&gt;"');
    expect(await as('github')).toMatch(/^::error file=b\.policy\.yml,line=4,col=11,title=ssh::every packet/);
    const json = JSON.parse(await as('json'));
    expect(json).toMatchObject({ schemaVersion: 1, passed: 1, failed: 1, undecided: 0 });
    expect(json.reports[1].tests[0].claims[0]).toMatchObject({
      verdict: 'refuted',
      fate: 'local',
      decidedBy: { chain: 'INPUT', ruleNumber: 1, line: 5 },
    });
  });

  test.each([
    ['tests:\n  - expct: drop\n', 'x.policy.yml:2:5: there is no key "expct" here (did you mean "expect"?)'],
    ['rules: gw.rules\ntests:\n  - packets: -i eth0 --dprt 22\n    expect: drop\n', 'x.policy.yml:3:22: '],
    [
      'rules: gw.rules\ntests:\n  - packets: -s @nobody\n    expect: drop\n',
      'x.policy.yml:3:17: there is no network "nobody"',
    ],
    ['tests:\n  - packets: -i eth0\n', 'x.policy.yml:2:5: this test claims nothing'],
    ['tests:\n  - expect: drop\n', 'x.policy.yml names no rules'],
    ['tests: []\n', 'x.policy.yml:1:8: '],
  ])('says what is wrong with %j, and where', async (text, message) => {
    const { code, err } = await tried({ 'x.policy.yml': text }, ['x.policy.yml']);
    expect(code).toBe(2);
    expect(err.startsWith(message), err).toBe(true);
  });

  test('writes a first policy that can be read and passes', async () => {
    const first = await tried({}, [], { init: 'gw.rules' });
    expect(first.code).toBe(0);
    expect(readPolicy({ name: 'p', text: first.out }).policy.tests.length).toBeGreaterThan(1);
    expect(await tried({ 'p.policy.yml': first.out }, ['p.policy.yml'])).toMatchObject({ code: 0 });
  });

  test('ends with 3 where a family has no ruleset', async () => {
    const six = closed.replace('    packets', '    family: 6\n    packets');
    expect((await tried({ 'a.policy.yml': six }, ['a.policy.yml'])).code).toBe(3);
  });
});
