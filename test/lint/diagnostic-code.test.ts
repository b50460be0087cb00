import { expect, test } from 'vitest';
import { lintText } from './lint-text.ts';

const file = (rule: string, chains = ''): string =>
  `*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n${chains}${rule}\nCOMMIT\n`;

const told = (text: string, options: Parameters<typeof lintText>[1] = {}): readonly string[] =>
  lintText(text, options).findings.map((f) => `${f.code} ${f.id} ${f.severity}`);

test('what the kernel alone refuses is FW902, what iptables refuses is FW901', () => {
  expect(told(file('-A INPUT -m owner --uid-owner 33 -j ACCEPT'))).toContain('FW902 wrong-hook error');
  expect(told(file('-A INPUT -j FORWARD'))).toContain('FW902 jump-to-builtin error');
  expect(told(file('-A INPUT -p tcp -m tcp --dprot 22 -j ACCEPT'))).toContain('FW901 unknown-option error');
  expect(told(file('-A INPUT -j nowhere'))).toContain('FW901 unknown-chain error');
});

test('a host name is FW608 where that check runs, and FW901 elsewhere', () => {
  const text = file('-A INPUT -s gate.example.net -j ACCEPT');
  expect(told(text)).toContain('FW901 host-name warning');
  const named = told(text, { select: ['FW608'] });
  expect(named).toContain('FW608 host-name warning');
  expect(named.filter((t) => t.startsWith('FW901'))).toEqual([]);
});

test('in chains of the user’s, legacy asks what nft does not', () => {
  const text = file(
    '-A INPUT -j ipsec\n-A ipsec -m policy --dir out --pol ipsec -j ACCEPT',
    ':ipsec - [0:0]\n',
  );
  expect(told(text, { backend: 'legacy' })).toContain('FW902 wrong-hook-by-jump error');
  expect(told(text, { backend: 'nft' }).filter((t) => t.startsWith('FW902'))).toEqual([]);
});

test('what iptables -S prints does nothing but append', () => {
  const listing = '-P INPUT DROP\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n-A INPUT -i lo -j ACCEPT\n';
  expect(told(listing).filter((t) => t.startsWith('FW909'))).toEqual([]);
});
