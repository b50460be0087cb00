/** Goal: presets, severities, profiles and what is declared decide what runs and how grave it is. */
import { describe, expect, test } from 'vitest';
import type { CheckMetadata } from '../../src/lint/check.ts';
import { checks } from '../../src/lint/checks/index.ts';
import { createOwnerOf } from '../../src/lint/generators.ts';
import { type CheckSelection, isSelected, selectionOf, severityChoice } from '../../src/lint/select.ts';
import { parsePorts, sensitivePorts } from '../../src/lint/sensitive-ports.ts';
import { settlingText } from '../../src/lint/settling.ts';
import { lintText } from './lint-text.ts';

const [some] = checks;
if (!some) throw new Error('no checks');

function check(parts: Partial<CheckMetadata>): CheckMetadata {
  return {
    ...(some as CheckMetadata),
    code: 'FW777',
    name: 'some-check',
    state: 'stable',
    groups: [],
    ...parts,
  };
}

describe('presets', () => {
  const cases: readonly (readonly [CheckSelection, Partial<CheckMetadata>, boolean])[] = [
    [{}, { groups: ['recommended'] }, true],
    [{}, { groups: ['strict'] }, false],
    [{ presets: ['strict'] }, { groups: ['recommended'] }, true],
    [{ presets: ['strict'] }, { groups: ['strict'] }, true],
    [{ presets: ['cis'] }, { groups: ['recommended'] }, false],
    [{ presets: ['cis', 'perf'] }, { groups: ['perf'] }, true],
    [{ presets: ['all'] }, { groups: [] }, true],
    [{ presets: ['all'] }, { groups: [], state: 'preview' }, false],
    [{ presets: ['all'], preview: true }, { groups: [], state: 'preview' }, true],
    [{ select: ['FW777'] }, { state: 'preview' }, true],
    [{ select: ['fw7'] }, { state: 'preview' }, false],
    [{ select: ['FW7'] }, {}, true],
    [{ select: ['FW1'] }, { groups: ['recommended'] }, false],
    [{ also: ['FW7'] }, {}, true],
    [{ also: ['some-check'] }, { state: 'preview' }, true],
    [{ also: ['FW7'], ignore: ['FW777'] }, {}, false],
    [{ severities: { FW777: 'info' } }, {}, true],
    [{ severities: { FW7: 'info' } }, {}, false],
    [{ severities: { FW7: 'off' } }, { groups: ['recommended'] }, false],
    [{ severities: { FW7: 'off', FW777: 'error' } }, { groups: ['recommended'] }, true],
    [{}, { groups: ['recommended'], profiles: ['router'] }, false],
    [{ select: ['FW777'] }, { profiles: ['router'] }, true],
    [{ select: ['FW1'] }, { code: 'FW977' }, true],
    [{ ignore: ['FW977'] }, { code: 'FW977' }, false],
  ];
  test.each(cases)('%j with %j: %s', (selection, parts, runs) => {
    expect(isSelected(check(parts), selection, 'host')).toBe(runs);
  });

  test('say why a check does not run', () => {
    const why = (selection: CheckSelection, parts: Partial<CheckMetadata> = {}) =>
      selectionOf(check(parts), selection, 'host');
    expect(why({ ignore: ['FW7'] })).toMatchObject({ because: 'ignored' });
    expect(why({ severities: { FW7: 'off' } })).toMatchObject({ because: 'off' });
    expect(why({ select: ['FW1'] })).toMatchObject({ because: 'not-selected' });
    expect(why({})).toMatchObject({ because: 'not-in-presets' });
    expect(why({ select: ['FW7'] }, { state: 'preview' })).toMatchObject({ because: 'preview' });
  });
});

test('the most specific word sets the severity', () => {
  const severities = { FW: 'error', FW7: 'info', FW77: 'warning', 'other-check': 'error' } as const;
  expect(severityChoice(check({}), severities)).toBe('warning');
  expect(severityChoice(check({}), { ...severities, 'some-check': 'off' })).toBe('off');
  expect(severityChoice(check({ code: 'FW100' }), severities)).toBe('error');
  expect(severityChoice(check({ code: 'FW100' }), {})).toBeUndefined();
});

const gateway = `*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD ! -s 192.168.1.0/24 -i eth0 -p tcp -m multiport --dports 80,443 -j DROP
COMMIT
`;
const first = (options: Parameters<typeof lintText>[1]) =>
  lintText(gateway, { select: ['FW101'], family: 'ipv4', ...options }).findings[0];

describe('severity and confidence of findings', () => {
  test('a severity that is set counts, but an inferred finding is never an error', () => {
    expect(first({})).toMatchObject({ severity: 'warning', confidence: 'inferred' });
    expect(first({ severities: { FW101: 'info' } })).toMatchObject({ severity: 'info' });
    expect(first({ severities: { FW1: 'error' } })).toMatchObject({ severity: 'warning' });
  });

  test('less sure ones are left out, and counted', () => {
    const result = lintText(gateway, { select: ['FW101'], family: 'ipv4', minConfidence: 'context' });
    expect(result.findings).toEqual([]);
    expect(result.tooUnsure).toBe(1);
  });
});

describe('what the administrator declares', () => {
  const declared = (parts: object) => ({ declared: { source: 'fwsim.yml', ...parts } });

  test('takes the place of guesses, and says where it stands', () => {
    const texts = (options: Parameters<typeof lintText>[1]) => first(options)?.inferences.map((i) => i.text);
    expect(texts({})).toContainEqual(expect.stringMatching(/^eth0 leads outside/));
    expect(texts(declared({ outside: ['eth0'] }))).not.toContainEqual(expect.stringMatching(/leads outside/));
    const { machine } = lintText(gateway, declared({ outside: ['eth0'], inside: ['eth1'] })).read;
    expect(machine.outside).toEqual([{ value: 'eth0', provenance: 'given', source: 'fwsim.yml (outside)' }]);
    expect(machine.inside?.[0]?.source).toBe('fwsim.yml (inside)');
  });

  test('an inner interface is not outside, whatever the rules look like', () => {
    const { machine } = lintText(gateway, declared({ inside: ['eth0'] })).read;
    expect(machine.outside).toEqual([]);
  });

  test('roles decide whether the machine forwards, and its profile', () => {
    const { machine } = lintText('*filter\nCOMMIT\n', declared({ roles: ['mail', 'router'] })).read;
    expect(machine.router).toMatchObject({ value: true, source: 'fwsim.yml (roles)' });
    expect(machine.sysctls.value['net.ipv4.ip_forward']).toBe('1');
    const host = lintText(gateway, declared({ roles: ['host'] }));
    expect(host.read.machine.sysctls.value['net.ipv4.ip_forward']).toBe('0');
    expect(host.profile).toMatchObject({ value: 'host', source: 'fwsim.yml (roles)' });
    expect(lintText(gateway).profile).toMatchObject({ value: 'router', provenance: 'inferred' });
  });

  test('what a command has printed goes before roles', () => {
    const { machine } = lintText(gateway, {
      ...declared({ roles: ['router'] }),
      context: 'net.ipv4.ip_forward = 0\n',
    }).read;
    expect(machine.sysctls.value['net.ipv4.ip_forward']).toBe('0');
  });

  test('INPUT that is filtered elsewhere is not called open', () => {
    expect(first(declared({ inputFilteredElsewhere: true }))).toBeUndefined();
  });

  test('interfaces that come and go are not missed', () => {
    const context =
      '2: eth0: <BROADCAST,UP> mtu 1500 state UP\n    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff\n    inet 192.0.2.1/24 scope global eth0\n';
    const rules = '*filter\n-A INPUT -i foo7 -j ACCEPT\nCOMMIT\n';
    const codes = (parts: object) =>
      lintText(rules, { ...declared(parts), context, select: ['FW112'], family: 'ipv4' }).findings.map(
        (f) => f.code,
      );
    expect(codes({})).toContain('FW112');
    expect(codes({ expectedInterfaces: ['foo+'] })).not.toContain('FW112');
    expect(codes({ expectedInterfaces: ['foo'] })).toContain('FW112');
  });
});

test('who owns a chain can be set, by program and by name', () => {
  const owner = (chain: string, choices = {}) => createOwnerOf(choices)(chain)?.name;
  expect(owner('DOCKER')).toBe('Docker');
  expect(owner('DOCKER-USER')).toBeUndefined();
  expect(owner('DOCKER', { docker: 'user' })).toBeUndefined();
  expect(owner('f2b-sshd', { docker: 'user' })).toBe('fail2ban');
  expect(owner('site_web', { 'site_*': 'managed' })).toMatch(/a program/);
  expect(owner('site.web', { 'site_*': 'managed' })).toBeUndefined();
  expect(owner('f2b-sshd', { 'f2b-*': 'user' })).toBeUndefined();
  expect(owner('anything', { '*': 'user' })).toBeUndefined();
});

describe('sensitive ports', () => {
  const has = (port: number, changes = {}) =>
    sensitivePorts(changes).some((p) => p.protocol === 'tcp' && p.low <= port && port <= p.high);
  test('are added and taken away, also out of the middle of a range', () => {
    expect(has(6379)).toBe(true);
    expect(has(8200)).toBe(false);
    expect(has(8200, { add: ['tcp/8200'] })).toBe(true);
    expect(has(6379, { remove: ['tcp/6000-7000'] })).toBe(false);
    const some = { remove: ['tcp/5903-5904'] };
    expect([5902, 5903, 5904, 5905].map((port) => has(port, some))).toEqual([true, false, false, true]);
  });
  test.each(['tcp/70000', 'tcp/9-8', 'icmp/8', '80', 'tcp/80,81'])('%s is none', (text) => {
    expect(parsePorts(text)).toBeUndefined();
  });
});

describe('why a check is silent', () => {
  test('it names what it asked for and nobody told', () => {
    const { silence } = lintText('*filter\n-A INPUT -i foo7 -j ACCEPT\nCOMMIT\n', {
      family: 'ipv4',
      explainSilence: 'FW112',
    });
    expect(silence).toMatchObject({ selection: { runs: true }, told: 0 });
    expect(silence?.unknown).toContain('no `ip -j addr` given');
  });

  test('it counts what was suppressed and what was too unsure', () => {
    const options = { select: ['FW101'], family: 'ipv4', explainSilence: 'FW101' } as const;
    expect(lintText(gateway, { ...options, minConfidence: 'proved' }).silence).toMatchObject({
      tooUnsure: 1,
    });
    const noted = `# fwsim-ignore-file FW101: filtered by the provider\n${gateway}`;
    expect(lintText(noted, options).silence).toMatchObject({ suppressed: 1, told: 0 });
    expect(lintText(gateway, { ...options, select: ['FW2'] }).silence).toMatchObject({
      selection: { runs: false, because: 'not-selected' },
    });
  });
});

test('progress is told before each check', () => {
  const steps: string[] = [];
  lintText(gateway, { family: 'ipv4', select: ['FW1'], onProgress: ({ what }) => steps.push(what) });
  expect(steps[0]).toBe('reading');
  expect(steps).toContain('FW101');
});

describe('what more context would buy', () => {
  const on = (...commands: readonly (string | undefined)[]) => ({
    inferences: commands.map((settledBy) => ({
      text: 'a guess',
      ...(settledBy === undefined ? {} : { settledBy }),
    })),
  });
  test.each([
    [[on('a')], '"a" would settle it: '],
    [[on('a'), on('a')], '"a" would settle all of them: '],
    [[on('b'), on('a'), on('a')], '"a" would settle 2 of them, "b" 1: '],
    [[on('b', 'a'), on('a'), on('a')], '"a" would settle 2 of them, "a" and "b" together 1: '],
    [[on('a', 'b')], '"a" and "b" together would settle it: '],
    [[on(undefined), on('a', undefined), on('a')], '"a" would settle 1 of them: '],
  ])('%j', (findings, text) => {
    expect(settlingText(findings)?.startsWith(text)).toBe(true);
  });
  test('nothing, where no command can tell', () => {
    expect(settlingText([on(undefined)])).toBeUndefined();
    expect(settlingText([])).toBeUndefined();
  });
});
