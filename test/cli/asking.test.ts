/** Commands about all packets: arguments, streams and exit codes. */
import { describe, expect, test } from 'vitest';
import { runCommandLine } from '../../src/cli/run-command-line.ts';
import { fakeIo } from '../support/fake-io.ts';

const rules = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT ! -s 192.168.1.0/24 -i eth1 -j DROP
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`;
const files = {
  'gw.rules': rules,
  ranges: 'eth1 192.168.1.0/24\n',
  'bad.ranges': 'eth1\n',
  'open.ranges': 'eth2 10.0.0.0/8\n',
};

async function run(...args: readonly string[]) {
  const io = fakeIo(files);
  const code = await runCommandLine(args, () => io);
  return { code, out: io.said.out, err: io.said.err };
}

describe('fwsim FILE', () => {
  test('is the exposure table', async () => {
    const { code, out, err } = await run('gw.rules');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('open    tcp 22 (ssh)');
    expect(out).toMatch(/^lint/m);
  });
  test('as JSON says the same', async () => {
    const { code, out } = await run('gw.rules', '--json', '--no-lint');
    expect(code).toBe(0);
    const json = JSON.parse(out);
    expect(Object.keys(json)).toEqual([
      'schemaVersion',
      'tool',
      'files',
      'hostName',
      'families',
      'findings',
      'couldNotLook',
    ]);
    expect(json.families[0].interfaces[0].to.rows[0]).toMatchObject({
      state: 'open',
      service: 'tcp 22 (ssh)',
      by: [{ kind: 'rule', chain: 'INPUT', ruleNumber: 2 }],
    });
  });
  test('that is not there is an error of use', async () => {
    const { code, err } = await run('lintt');
    expect(code).toBe(2);
    expect(err).toContain('Did you mean lint?');
    expect((await run('other.rules')).err).toContain('there is no such file');
  });
  test('takes a budget that is a number', async () => {
    expect(await run('gw.rules', '--nodes', 'many')).toMatchObject({ code: 2, out: '' });
    expect(await run('gw.rules', '--nodes', '100000')).toMatchObject({ code: 0 });
  });
});

describe('fwsim query', () => {
  test('answers in rows', async () => {
    const { code, out } = await run('query', 'gw.rules', '--new', '--', '-i', 'eth0', '-p', 'tcp');
    expect(code).toBe(0);
    expect(out).toContain('accepted to this machine');
    expect(out).toContain('fwsim trace gw.rules');
  });
  test('has short forms', async () => {
    const { out } = await run('query', 'gw.rules', '--who-reaches', '203.0.113.1:22', '--json');
    const json = JSON.parse(out);
    expect(json.packets).toBe('-p tcp -d 203.0.113.1 --dport 22');
    expect(json.at).toBe('end');
    expect(
      json.families[0].rows.every((r: { fate: string }) => ['local', 'forward', 'sent'].includes(r.fate)),
    ).toBe(true);
  });
  test.each([
    [['--who-reaches', 'gw'], 'is not ADDRESS'],
    [['--who-reaches', '203.0.113.1', '--reached-from', '203.0.113.2'], 'two questions'],
    [['--hook', 'INPUT', '--end'], 'at which place'],
    [['--', '-p', 'tcp', '--dportt', '3'], 'dportt'],
    [['--', '-j', 'DROP'], 'no target'],
  ])('refuses %j', async (args, message) => {
    const { code, out, err } = await run('query', 'gw.rules', ...args);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toContain(message);
  });
});

describe('fwsim matrix', () => {
  test.each([
    [['--format', 'dot'], 'digraph matrix'],
    [['--json'], '"schemaVersion": 1'],
    [[], 'from\\to'],
  ])('prints with %j', async (args, expected) => {
    const { code, out } = await run('matrix', 'gw.rules', '--port', '22', ...args);
    expect(code).toBe(0);
    expect(out).toContain(expected);
  });
  test.each([
    [['--port', '70000'], 'is no port of tcp'],
    [['--port', '22/tcp'], '22/tcp" is no port of tcp'],
    [['--port', '256', '--protocol', 'icmp'], 'is no type of ICMP'],
    [['--protocol', 'foo'], 'is no protocol'],
    [['--ranges', 'bad.ranges'], 'line 1'],
  ])('refuses %j', async (args, message) => {
    const { code, err } = await run('matrix', 'gw.rules', ...args);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});

test('fwsim matrix takes the name of a service for its port', async () => {
  const byNumber = await run('matrix', 'gw.rules', '--port', '22');
  expect(byNumber.code).toBe(0);
  expect(await run('matrix', 'gw.rules', '--port', 'ssh')).toEqual(byNumber);
});

describe('fwsim spoof', () => {
  test('exits with 0 for a proof, 1 for a packet, 3 where it cannot know', async () => {
    const proved = await run('spoof', 'gw.rules', '--ranges', 'ranges');
    expect(proved.out).toContain('proved');
    expect(proved.code).toBe(0);
    const found = await run('spoof', 'gw.rules', '--ranges', 'open.ranges');
    expect(found.out).toContain('spoofable');
    expect(found.code).toBe(1);
    const unknown = await run('spoof', 'gw.rules');
    expect(unknown.err).toContain('--ranges FILE');
    expect(unknown.code).toBe(3);
  });
});

describe('--assume', () => {
  test('is one machine fact for all packets, and part of the commands that walk a witness', async () => {
    const asked = ['query', 'gw.rules', '--new'];
    const packets = ['--', '-i', 'eth0', '-d', '203.0.113.9', '-p', 'tcp', '--dport', '22'];
    const open = await run(...asked, ...packets);
    expect(open.out).toContain('through it');
    const known = await run(...asked, '--assume', 'local=203.0.113.9', ...packets);
    expect(known.code).toBe(0);
    expect(known.out).not.toContain('through it');
    expect(known.out).toMatch(/fwsim trace gw\.rules --assume local=203\.0\.113\.9 --/);
    const io = fakeIo({ ...files, 'new.rules': rules.replace('--dport 22', '--dport 23') });
    const line = [
      'diff',
      'gw.rules',
      'new.rules',
      '--assume',
      'remote=203.0.113.9',
      '--',
      '-d',
      '203.0.113.9',
    ];
    expect(await runCommandLine(line, () => io)).toBe(0);
    expect(io.said.out).toContain('equal');
  });
  test.each([
    ['limit=over', 'is about one packet'],
    ['local=nowhere', 'is not an address'],
    ['weather=fine', 'is nothing that can be assumed'],
  ])('refuses %s', async (text, why) => {
    const { code, out, err } = await run('query', 'gw.rules', '--assume', text);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(why);
  });
});
