import { describe, expect, test } from 'vitest';
import { looksLikeShellCommand, readShellCommand } from '../../src/grammar/shell-words.ts';
import { read } from '../link/read.ts';

const words = (line: string): readonly string[] | undefined =>
  readShellCommand(line, 0)?.words.map((w) => w.text);

describe('lines of scripts', () => {
  const commands: readonly (readonly [line: string, program: string, words: string])[] = [
    ['iptables -A INPUT -j DROP', 'iptables', '-A INPUT -j DROP'],
    ['  sudo iptables -t nat -A x', 'iptables', '-t nat -A x'],
    ['sudo -n /sbin/ip6tables -A x', 'ip6tables', '-A x'],
    ['iptables-nft -P INPUT DROP', 'iptables', '-P INPUT DROP'],
    ['$IPT -N x', 'iptables', '-N x'],
    ['"$IPTABLES" -N x', 'iptables', '-N x'],
    ['IFACE=eth0 iptables -N x', 'iptables', '-N x'],
    ['root@gw:~# iptables -F', 'iptables', '-F'],
    ['[root@gw ~]# iptables -F', 'iptables', '-F'],
    ['iptables -N x # why', 'iptables', '-N x'],
    ['iptables -N x >/dev/null 2>&1', 'iptables', '-N x'],
    ['iptables -N x 2>/dev/null || true', 'iptables', '-N x'],
    ['iptables -A x --comment \'a "b" c\'', 'iptables', '-A x --comment a "b" c'],
    ['iptables -A x --comment "a \\"b\\" $c"', 'iptables', '-A x --comment a "b" $c'],
    ['iptables -A x -s $(hostname -i) -j y', 'iptables', '-A x -s $(hostname -i) -j y'],
    ['iptables -A x \\\n  -j y', 'iptables', '-A x -j y'],
  ];
  test.each(commands)('%j', (line, program, text) => {
    expect(looksLikeShellCommand(line)).toBe(true);
    expect(readShellCommand(line, 0)?.program).toBe(program);
    expect(words(line)?.join(' ')).toBe(text);
  });

  test.each([
    'iptables -L -n',
    'iptables-save',
    'iptables-restore < x',
    '$IPTO -N x',
    'echo iptables -N x',
    'iptables',
  ])('changes nothing: %j', (line) => {
    expect(readShellCommand(line, 0)).toBeUndefined();
  });

  test('words have places', () => {
    const line = "sudo iptables -A x --comment 'a b'";
    const last = readShellCommand(line, 100)?.words.at(-1);
    expect(line.slice((last?.start ?? 0) - 100, (last?.end ?? 0) - 100)).toBe("'a b'");
  });
});

describe('scripts', () => {
  const script = [
    '#!/bin/sh',
    'EXT=eth0',
    'iptables -F',
    'iptables -X old 2>/dev/null',
    'iptables -P INPUT DROP',
    'iptables -N LOGDROP; iptables -A LOGDROP -j LOG && iptables -A LOGDROP -j DROP',
    'iptables -A INPUT -i "$EXT" -p tcp --dport $PORT -s $NET -j ACCEPT',
    'iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE',
    'iptables -A INPUT -p tcp \\',
    '   --dport 22 -j ACCEPT',
    'ip6tables -A INPUT -j ACCEPT',
    '',
  ].join('\n');

  test('are read from top to bottom, each program for itself', () => {
    const { rulesets, rules } = read(script);
    expect(rulesets.map((r) => [r.ruleset.family, r.ruleset.tables.map((t) => t.name)])).toEqual([
      ['ipv4', ['filter', 'nat']],
      ['ipv6', ['filter']],
    ]);
    expect(rules).toEqual([
      '-A INPUT -s $NET -p tcp -i $EXT -m tcp --dport $PORT -j ACCEPT'.replace(
        '-s $NET -p tcp -i $EXT',
        '-p tcp -i $EXT -s $NET',
      ),
      '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT',
      '-A LOGDROP -j LOG',
      '-A LOGDROP -j DROP',
      '-A POSTROUTING -o eth0 -j MASQUERADE',
      '-A INPUT -j ACCEPT',
    ]);
  });

  test('variables are no mistakes, and known by nobody', () => {
    const { said, rulesets } = read(script);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/^info shell-commands\|/);
    const [rule] = rulesets[0]?.ruleset.tables[0]?.chains[0]?.rules ?? [];
    expect(rule?.base.inInterface).toBeUndefined();
    expect(rule?.base.src).toBeUndefined();
    expect(rule?.matches.filter((m) => !m.known)).toHaveLength(3);
  });

  test('commands beside a dump are left alone', () => {
    const text =
      'root@gw:~# iptables -A INPUT -j DROP\nroot@gw:~# iptables-save\n*filter\n-A INPUT -j DROP\nCOMMIT\n';
    expect(read(text).rules).toEqual(['-A INPUT -j DROP']);
    expect(read(text).ids).toEqual(['commands-beside-dump']);
  });

  test('commands within a table are rules', () => {
    const { rules, ids } = read('*filter\niptables -A INPUT -j DROP\nCOMMIT\n');
    expect(rules).toEqual(['-A INPUT -j DROP']);
    expect(ids).toEqual(['command-in-table']);
  });

  test('what loops and conditions do is not read, and that is said', () => {
    const { ids } = read(
      'iptables -P INPUT DROP\nfor p in 1 2; do iptables -A INPUT -p tcp --dport $p; done\n',
    );
    expect(ids).toEqual(['shell-commands', 'unread-commands']);
  });
});
