/**
 * Goal: what programs put into built-in chains is not nagged about, and what only looks like it is.
 * Method: rulesets in which a check has something to say of the same rule, once as a program writes it and once by hand.
 */
import { describe, expect, test } from 'vitest';
import { lintText } from './lint-text.ts';

const codesOf = (rules: string): readonly string[] =>
  lintText(rules).findings.map(
    ({ code, place }) => `${code} ${place.table} ${place.chain} ${place.ruleNumber}`,
  );

const filter = (...rules: readonly string[]): string =>
  `*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n${rules.join('\n')}\nCOMMIT\n`;

describe('rules of programs in built-in chains', () => {
  test('libvirt repeats its rules at each start', () => {
    const own = [
      '-A FORWARD -d 192.168.122.0/24 -o virbr0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-A FORWARD -s 192.168.122.0/24 -i virbr0 -j ACCEPT',
      '-A FORWARD -o virbr0 -j REJECT --reject-with icmp-port-unreachable',
    ];
    const codes = codesOf(filter(...own, ...own));
    expect(codes.filter((code) => code.startsWith('FW210'))).toEqual([]);
  });

  test('the same by hand, for an interface of one’s own', () => {
    const own = '-A FORWARD -s 192.168.122.0/24 -i eth1 -j ACCEPT';
    expect(codesOf(filter(own, own))).toContain('FW210 filter FORWARD 2');
  });

  test('a rule for a service in a guest is the administrator’s', () => {
    const own = '-A FORWARD -i eth0 -o virbr0 -p tcp -m tcp --dport 22 -j ACCEPT';
    expect(codesOf(filter(own, own))).toContain('FW210 filter FORWARD 2');
  });

  test('an accept of Docker that the administrator’s chain goes before is what that chain is for', () => {
    const guard = '-A FORWARD -i br-0123456789ab -j DROP';
    const dockers = '-A FORWARD -i br-0123456789ab ! -o br-0123456789ab -j ACCEPT';
    const byHand = '-A FORWARD -i br-0123456789ab -o eth0 -j ACCEPT';
    expect(codesOf(filter(guard, dockers))).not.toContain('FW201 filter FORWARD 2');
    expect(codesOf(filter(guard, byHand))).toContain('FW201 filter FORWARD 2');
  });

  test('a comment says who wrote a rule', () => {
    const comment = '-m comment --comment "cali:tVrPXS3gLheAtlmB"';
    const twice = (words: string): readonly string[] => [
      `-A FORWARD -s 10.0.0.0/8 ${words} -j ACCEPT`,
      `-A FORWARD -s 10.0.0.0/8 ${words} -j ACCEPT`,
    ];
    expect(codesOf(filter(...twice(comment)))).not.toContain('FW210 filter FORWARD 2');
    expect(codesOf(filter(...twice('-m comment --comment "office"')))).toContain('FW210 filter FORWARD 2');
  });
});

describe('what is no shadow', () => {
  test('the guard against forged loopback addresses below the accept of lo', () => {
    const rules = filter('-A INPUT -i lo -j ACCEPT', '-A INPUT -s 127.0.0.0/8 -j DROP');
    expect(codesOf(rules).filter((code) => code.startsWith('FW201'))).toEqual([]);
  });

  test('a refusal of what only belongs to accepted connections is no error', () => {
    const rules = filter(
      '-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT',
      '-A INPUT -s 203.0.113.0/24 -m conntrack --ctstate ESTABLISHED -j DROP',
    );
    const found = lintText(rules).findings.find(({ code }) => code === 'FW201');
    expect(found?.severity).toBe('warning');
  });
});

test('a file that leaves the policy of INPUT as it is says nothing of it', () => {
  const added = '*filter\n:ufw-user-input - [0:0]\n-A ufw-user-input -p tcp --dport 22 -j ACCEPT\nCOMMIT\n';
  const kept =
    '*filter\n:INPUT - [0:0]\n:FORWARD - [0:0]\n:OUTPUT - [0:0]\n-A INPUT -i eth0 -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n';
  const open = kept.replace(':INPUT -', ':INPUT ACCEPT');
  const tells = (rules: string): boolean => codesOf(rules).some((code) => code.startsWith('FW301'));
  expect([tells(added), tells(kept), tells(open)]).toEqual([false, false, true]);
});

test('rules that never ask for states are looked at with all checks as with one', () => {
  const rules =
    '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -s 8.8.8.0/24 -j DROP\nCOMMIT\n';
  expect(lintText(rules).findings.map(({ code }) => code)).toContain('FW301');
});
