/** Goal: a finding keeps its name while others edit the ruleset. Method: edits that leave the rule as it is. */
import { describe, expect, test } from 'vitest';
import { isFingerprint } from '../../src/lint/fingerprint.ts';
import { lintText } from './lint-text.ts';

const dump = `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:KUBE-SVC-ABCDEFGHIJKLMNOP - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -j DROP
-A INPUT -s 192.0.2.0/24 -p tcp -m tcp --dport 443 -m conntrack --ctstate NEW -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`;

function names(text: string): readonly string[] {
  const select = ['FW204', 'FW210'];
  return lintText(text, { select, family: 'ipv4' }).findings.map((f) => f.fingerprint);
}

const original = names(dump);

test('each finding has one of its own', () => {
  expect(original.length).toBe(3);
  expect(new Set(original).size).toBe(original.length);
  for (const name of original) expect(isFingerprint(name)).toBe(true);
});

describe('stays the same', () => {
  test.each([
    ['with lines above', (text: string) => `# a comment\n\n${text}`],
    ['with counters', (text: string) => text.replaceAll('-A INPUT', '[12:3456] -A INPUT')],
    [
      'with options in another order',
      (text: string) =>
        text.replace(
          '-s 192.0.2.0/24 -p tcp -m tcp --dport 443 -m conntrack --ctstate NEW',
          '-p tcp -m conntrack --ctstate NEW -m tcp --dport 443 -s 192.0.2.0/24',
        ),
    ],
    [
      'with another spelling',
      (text: string) => text.replace('-s 192.0.2.0/24', '--source 192.0.2.0/255.255.255.0'),
    ],
    [
      'with a comment in the rule',
      (text: string) => text.replaceAll('--dport 80', '--dport 80 -m comment --comment "web"'),
    ],
    [
      'with a rule above it',
      (text: string) => text.replace('-A INPUT -j DROP', '-A INPUT -p udp -j ACCEPT\n-A INPUT -j DROP'),
    ],
  ])('%s', (_, edit) => {
    const edited = edit(dump);
    expect(edited).not.toBe(dump);
    expect(names(edited)).toEqual(original);
  });

  test('under another hash of a generator', () => {
    const select = ['FW204'];
    const ofChain = (text: string) =>
      lintText(text, { select, family: 'ipv4', generators: { 'KUBE-*': 'user', kubernetes: 'user' } });
    const inner = dump
      .replaceAll('-A INPUT', '-A KUBE-SVC-ABCDEFGHIJKLMNOP')
      .replace('COMMIT', '-A INPUT -j KUBE-SVC-ABCDEFGHIJKLMNOP\nCOMMIT');
    const before = ofChain(inner).findings.map((f) => f.fingerprint);
    const after = ofChain(inner.replaceAll('ABCDEFGHIJKLMNOP', 'QRSTUVWXYZ234567')).findings;
    expect(before.length).toBeGreaterThan(0);
    expect(after.map((f) => f.fingerprint)).toEqual(before);
  });
});

describe('changes', () => {
  test.each([
    ['with the rule', (text: string) => text.replace('192.0.2.0/24', '192.0.2.0/25')],
    [
      'with the chain',
      (text: string) =>
        text.replaceAll('INPUT', 'OUTPUT').replace(':OUTPUT ACCEPT [0:0]\n', '').replaceAll(' -i lo', ''),
    ],
  ])('%s', (_, edit) => {
    const edited = names(edit(dump));
    expect(edited.length).toBeGreaterThan(0);
    expect(edited).not.toEqual(original);
  });
});
