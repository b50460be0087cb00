import { describe, expect, test } from 'vitest';
import { describeOnKernel, loadRulesets } from '../support/kernel.ts';
import { read } from './read.ts';

const table = (...lines: readonly string[]): string => `*filter\n${lines.join('\n')}\nCOMMIT\n`;

/** Texts that load, and what becomes of them; the same ones are put before the kernel below. */
const loading: readonly (readonly [title: string, text: string])[] = [
  ['an empty table is none', '*mangle\nCOMMIT\n'],
  ['a table that is only flushed is none', table('-F')],
  ['one chain line makes all built-in chains', table(':INPUT DROP [5:6]')],
  ['so does one rule', table('-A INPUT -p tcp -j ACCEPT')],
  [
    'tables have an order of their own',
    '*nat\n:PREROUTING ACCEPT\nCOMMIT\n*raw\n-A OUTPUT -j ACCEPT\nCOMMIT\n',
  ],
  ['chains are sorted by name', table(':foo - [0:0]', ':_x - [0:0]', ':Zed - [0:0]', '-A INPUT -j Zed')],
  ['-I', table('-A INPUT -s 1.1.1.1', '-I INPUT -s 2.2.2.2', '-I INPUT 2 -s 3.3.3.3')],
  [
    '-I of a list puts it in backwards',
    table('-A INPUT -s 1.1.1.1', '-I INPUT 2 -s 4.4.4.4,5.5.5.5 -d 6.6.6.6,7.7.7.7'),
  ],
  ['-R', table('-A INPUT -s 1.1.1.1', '-A INPUT -s 2.2.2.2', '-R INPUT 2 -s 3.3.3.3')],
  ['-D by number', table('-A INPUT -s 1.1.1.1', '-A INPUT -s 2.2.2.2', '-D INPUT 1')],
  ['-D by content', table('-A INPUT -s 1.1.1.1 -p tcp --dport 22', '-D INPUT -p tcp -s 1.1.1.1 --dport 22')],
  ['-D of what has another spelling', table('-A INPUT -j LOG', '-D INPUT -j LOG --log-level 4')],
  ['-D of a list', table('-A INPUT -s 1.1.1.1', '-A INPUT -s 2.2.2.2', '-D INPUT -s 1.1.1.1,2.2.2.2')],
  ['-F of a chain', table('-A INPUT -s 1.1.1.1', '-A OUTPUT -s 2.2.2.2', '-F INPUT', '-A INPUT -s 3.3.3.3')],
  [
    '-F of all, which reaches nothing',
    table(':foo - [0:0]', '-A foo -s 1.1.1.1', '-F', '-A INPUT -s 3.3.3.3'),
  ],
  ['-N, -F, -X', table('-N foo', '-A foo -j ACCEPT', '-F foo', '-X foo', '-N bar')],
  ['-X when the last jump is gone', table('-N foo', '-A INPUT -j foo', '-D INPUT -j foo', '-X foo')],
  ['-P', table(':INPUT DROP', '-P INPUT ACCEPT', '-P FORWARD DROP')],
  [
    'a chain that is declared again is flushed',
    table(':foo - [0:0]', '-A foo -j ACCEPT', ':foo - [0:0]', '-A foo -j DROP'),
  ],
  ['a built-in one is not', table('-A INPUT -j ACCEPT', ':INPUT DROP [0:0]', '-A INPUT -j DROP')],
  ['a policy of "-" is ACCEPT', table(':INPUT - [0:0]')],
  [
    'a table that comes again replaces the first',
    `${table(':foo - [0:0]', '-A INPUT -j foo')}${table('-A INPUT -j DROP')}`,
  ],
  ['a blank after the star', '* filter \n-A INPUT -j ACCEPT\nCOMMIT\n'],
  ['a blank after the colon', table(': foo - [0:0]')],
  ['lines for the other family', table('-4 -A INPUT -j ACCEPT', '-6 -A INPUT -s ::1 -j ACCEPT')],
];

/** Lines that iptables-nft-restore refuses in a table, with the id of what we say. */
const refused: readonly (readonly [lines: readonly string[], id: string])[] = [
  [['-A nosuch -j ACCEPT'], 'undeclared-chain'],
  [['-A INPUT -j nosuch'], 'unknown-chain'],
  [['-A INPUT -j foo', ':foo - [0:0]'], 'chain-declared-below'],
  [['-I INPUT 3 -j ACCEPT'], 'bad-rule-number'],
  [['-I INPUT 0 -j ACCEPT'], 'bad-rule-number'],
  [['-I INPUT x -j ACCEPT'], 'bad-rule-number'],
  [['-A INPUT -s 1.1.1.1', '-R INPUT 2 -s 3.3.3.3'], 'bad-rule-number'],
  [['-A INPUT -s 1.1.1.1', '-R INPUT 1 -s 3.3.3.3,4.4.4.4'], 'replace-with-list'],
  [['-D INPUT -s 9.9.9.9'], 'no-such-rule'],
  [['-D INPUT 1'], 'no-such-rule'],
  [['-N foo', '-N foo'], 'chain-exists'],
  [['-N -foo'], 'bad-chain-name'],
  [['-N DROP'], 'bad-chain-name'],
  [['-N abcdefghijklmnopqrstuvwxyz123'], 'chain-name-too-long'],
  [['-N foo', '-A INPUT -j foo', '-X foo'], 'chain-in-use'],
  [['-N foo', '-A foo -j ACCEPT', '-X'], 'chain-in-use'],
  [['-X nosuch'], 'undeclared-chain'],
  [['-F nosuch'], 'undeclared-chain'],
  [['-Z nosuch'], 'undeclared-chain'],
  [['-P INPUT QUEUE'], 'bad-policy'],
  [['-P nosuch DROP'], 'policy-of-user-chain'],
  [['-P INPUT'], 'missing-argument'],
  [[':INPUT'], 'missing-policy'],
  [[':INPUT FOO [0:0]'], 'bad-policy'],
  [[':ACCEPT - [0:0]'], 'bad-chain-name'],
  [[':-foo - [0:0]'], 'bad-chain-name'],
  [['-N foo', '-E foo bar'], 'rename-in-batch'],
  [[' :foo - [0:0]'], 'indented-line'],
  [[' # comment'], 'indented-line'],
  [['  '], 'blank-line'],
  [['foo bar'], 'unreadable-line'],
  [['-A INPUT -p tcp', '-j ACCEPT'], 'wrapped-line'],
];

describe('commands', () => {
  test.each(loading)('nothing is said: %s', (_, text) => {
    const worth = read(text).ids.filter(
      (id) => !['chain-flushed', 'table-replaced', 'other-family', 'flush-without-chain'].includes(id),
    );
    expect(worth).toEqual([]);
  });

  test.each(refused)('%j: %s', (lines, id) => {
    const { diagnostics } = read(table(...lines));
    expect(diagnostics.filter((d) => d.severity === 'error').map((d) => d.id)).toEqual([id]);
  });

  test('renaming takes the jumps along', () => {
    const { rules } = read(table('-N foo', '-A INPUT -j foo', '-E foo bar'), { backend: 'legacy' });
    expect(rules).toEqual(['-A INPUT -j bar']);
  });

  test('a hundred thousand insertions and deletions at the front', () => {
    const lines = Array.from({ length: 100_000 }, (_, i) =>
      i % 4 === 3 ? '-D INPUT 1' : `-I INPUT -s 10.0.0.${i % 256} -j DROP`,
    );
    expect(read(table(...lines)).rules).toHaveLength(50_000);
  });
});

describeOnKernel('commands, before the kernel', () => {
  test('what we print is what iptables-nft-save prints', () => {
    // iptables-nft-restore 1.8.9 itself dies of -R in the batch that makes the rule.
    const texts = loading.filter(([title]) => title !== '-R').map(([, text]) => text);
    const results = loadRulesets(texts.map((text) => ({ text, family: 4 })));
    expect(results.map((r) => [r.loaded, r.message, r.saved])).toEqual(
      texts.map((text) => [true, '', read(text).printed]),
    );
  });

  test('what we refuse does not load', () => {
    const results = loadRulesets(refused.map(([lines]) => ({ text: table(...lines), family: 4 })));
    expect(results.map((r, i) => [refused[i]?.[0], r.loaded])).toEqual(
      refused.map(([lines]) => [lines, false]),
    );
  });
});
