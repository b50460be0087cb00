import { describe, expect, test } from 'vitest';
import { readRule } from './read.ts';

/** A variable of some template that nobody filled in. */
const unfilled = '$\u007bNAME}';

/** Rule lines, what iptables-nft-save 1.8.9 prints of them, and that nothing is said. All checked with the real one. */
const accepted: readonly (readonly [line: string, printed: string])[] = [
  ['-A INPUT -p tcp --dpor 22 -j ACCEPT', '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT'],
  ['-A INPUT -p tcp --dest 10.0.0.1 -j ACCEPT', '-A INPUT -d 10.0.0.1/32 -p tcp -j ACCEPT'],
  ['-A INPUT --proto TCP -j ACCEPT', '-A INPUT -p tcp -j ACCEPT'],
  ['-A INPUT -p tcp --dport=22 -j ACCEPT', '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT'],
  ['--append=INPUT -j ACCEPT', '-A INPUT -j ACCEPT'],
  ['-AINPUT -j ACCEPT', '-A INPUT -j ACCEPT'],
  ['-A INPUT -m tcp --dport 22 -p tcp', '-A INPUT -p tcp -m tcp --dport 22'],
  ['-A INPUT -p tcp --dport 22 -m tcp --sport 5', '-A INPUT -p tcp -m tcp --sport 5 --dport 22'],
  ['-A INPUT ! -p tcp --dport 22', '-A INPUT ! -p tcp -m tcp --dport 22'],
  ['-A INPUT -s 10.1.2.3/255.255.0.0 -j DROP', '-A INPUT -s 10.1.0.0/16 -j DROP'],
  ['-A INPUT -s 10.0.0.0/255.0.255.0', '-A INPUT -s 10.0.0.0/255.0.255.0'],
  ['-A INPUT -p all -s 0/0 -d 0/0 -i +', '-A INPUT'],
  ['-A INPUT -m "state" --state "NEW" -j "ACCEPT"', '-A INPUT -m state --state NEW -j ACCEPT'],
  [
    '-A INPUT -m state -m tcp -p tcp --dport 1 --state NEW',
    '-A INPUT -p tcp -m state --state NEW -m tcp --dport 1',
  ],
  ['-A INPUT -m comment --comment "a\\"b\\\\c"', '-A INPUT -m comment --comment "a\\"b\\\\c"'],
  ['-A INPUT -j ACCEPT -m comment --comment ""', '-A INPUT -m comment --comment "" -j ACCEPT'],
  ['[7:8]-A INPUT -j ACCEPT', '-A INPUT -j ACCEPT'],
  ['[ 7:8 ] -A INPUT -j ACCEPT', '-A INPUT -j ACCEPT'],
  ['-4 -A INPUT -j ACCEPT', '-A INPUT -j ACCEPT'],
  ['-A INPUT -g chain', '-A INPUT -g chain'],
  ['-A INPUT -i ! -j ACCEPT', '-A INPUT -i ! -j ACCEPT'],
  ['-A INPUT -M /sbin/modprobe -v -j ACCEPT', '-A INPUT -j ACCEPT'],
];

describe('spellings that load', () => {
  test.each(accepted)('%s', (line, printed) => {
    const { rules, said } = readRule(line);
    expect(said).toEqual([]);
    expect(rules).toEqual([printed]);
  });

  test('a list of addresses makes a rule of each pair', () => {
    expect(readRule('-A INPUT -s 1.1.1.1,2.2.2.2 -d 3.3.3.3,4.4.4.4').rules).toEqual([
      '-A INPUT -s 1.1.1.1/32 -d 3.3.3.3/32',
      '-A INPUT -s 1.1.1.1/32 -d 4.4.4.4/32',
      '-A INPUT -s 2.2.2.2/32 -d 3.3.3.3/32',
      '-A INPUT -s 2.2.2.2/32 -d 4.4.4.4/32',
    ]);
  });

  test('counters within a rule win over those in front of it', () => {
    const { rulesets } = readRule('[1:2] -A INPUT -c 5 6 -j ACCEPT');
    const [rule] = rulesets[0]?.ruleset.tables[0]?.chains[0]?.rules ?? [];
    expect(rule?.counters).toEqual({ packets: 5, bytes: 6 });
  });

  test('the legacy back end keeps what nft puts together', () => {
    const line = '-A INPUT -p udp -m udp --dport 5 -m udp --sport 6';
    expect(readRule(line).rules).toEqual(['-A INPUT -p udp -m udp --sport 6 --dport 5']);
    expect(readRule(line, { backend: 'legacy' }).rules).toEqual([line]);
  });
});

/** Lines that iptables-nft-restore 1.8.9 refuses, the word that its message quotes, and how we read them. */
const refused: readonly (readonly [line: string, word: string, id: string, printed: string | undefined])[] = [
  ['-A INPUT -s ! 1.2.3.4', '1.2.3.4', 'old-negation', '-A INPUT ! -s 1.2.3.4/32'],
  ['-A INPUT -i ! eth0', 'eth0', 'old-negation', '-A INPUT ! -i eth0'],
  ['-A INPUT -p ! tcp', '!', 'old-negation', '-A INPUT ! -p tcp'],
  ['-A INPUT -p tcp --dport ! 22', '!', 'old-negation', '-A INPUT -p tcp -m tcp ! --dport 22'],
  ['-A INPUT -m state --state ! NEW', '!', 'old-negation', '-A INPUT -m state ! --state NEW'],
  ['-A INPUT -ptcp', '-ptcp', 'attached-value', '-A INPUT -p tcp'],
  ['-A INPUT --protocol=tcp', '--protocol=tcp', 'attached-value', '-A INPUT -p tcp'],
  ['-A INPUT -s1.2.3.4', '-s1.2.3.4', 'attached-value', '-A INPUT -s 1.2.3.4/32'],
  ['-A INPUT -jACCEPT', '-jACCEPT', 'attached-value', '-A INPUT -j ACCEPT'],
  ['-t filter -A INPUT -j ACCEPT', '-t', 'table-option', '-A INPUT -j ACCEPT'],
  ['-A INPUT -w -j ACCEPT', '-w', 'wait-option', '-A INPUT -j ACCEPT'],
  ['-A INPUT -n -j ACCEPT', '-n', 'listing-option', '-A INPUT -j ACCEPT'],
  ['-A INPUT -c 5 -j ACCEPT', '-c', 'bad-counters', '-A INPUT -j ACCEPT'],
  ['[7] -A INPUT -j ACCEPT', '[7]', 'bad-counters', '-A INPUT -j ACCEPT'],
  ['-A INPUT -j ACCEPT # why', '#', 'bad-argument', '-A INPUT -j ACCEPT'],
  ['-A INPUT ACCEPT', 'ACCEPT', 'bad-argument', '-A INPUT'],
  ['-A INPUT ! ! -p tcp', '!', 'double-negation', '-A INPUT ! -p tcp'],
  ['-A INPUT -p tcp !', '!', 'dangling-negation', '-A INPUT -p tcp'],
  ['-A INPUT ! -j ACCEPT', '!', 'cannot-invert', '-A INPUT -j ACCEPT'],
  ['-A INPUT -s 1.2.3.4 -s 5.6.7.8', '-s', 'repeated-option', '-A INPUT -s 5.6.7.8/32'],
  ['-A INPUT -j ACCEPT -j DROP', '-j', 'repeated-option', '-A INPUT -j ACCEPT'],
  ['-A INPUT -A INPUT -j ACCEPT', '-A', 'repeated-command', '-A INPUT -j ACCEPT'],
  ['-A INPUT -o eth0', '-o', 'interface-in-wrong-hook', '-A INPUT -o eth0'],
  ['-A INPUT -j INPUT', 'INPUT', 'jump-to-builtin', '-A INPUT -j INPUT'],
  ['-A INPUT -p tcp --d 10.0.0.1', '--d', 'ambiguous-option', '-A INPUT -p tcp --d 10.0.0.1'],
  ['-A INPUT --dport 22', '--dport', 'unknown-option', '-A INPUT --dport 22'],
  ['-A INPUT -s 256.1.1.1', '256.1.1.1', 'bad-address', '-A INPUT -s 256.1.1.1'],
  ['-A INPUT -s 1.2.3.4/33', '33', 'bad-mask', '-A INPUT -s 1.2.3.4/33'],
  ['! -A INPUT -j ACCEPT', '!', 'cannot-invert', '-A INPUT -j ACCEPT'],
  ['-j ACCEPT', '-j ACCEPT', 'no-command', undefined],
];

describe('spellings that do not load', () => {
  test.each(refused)('%s: at %s, %s', (line, word, id, printed) => {
    const { rules, said } = readRule(line);
    expect(said.map((s) => s.split('|').slice(0, 2).join('|'))).toContain(`error ${id}|${word}`);
    expect(rules).toEqual(printed === undefined ? [] : [printed]);
  });

  test('DROP in nat', () => {
    expect(readRule('-A chain -j DROP', { table: 'nat' }).said[0]).toMatch(/^error drop-in-nat\|DROP\|/);
  });

  test('masked MAC addresses are told once, with the number of lines', () => {
    const line = '-A INPUT -m mac --mac-source XX:XX:XX:XX:XX:XX -j DROP';
    const { diagnostics, rules } = readRule(`${line}\n${line}\n${line}`);
    expect(diagnostics).toHaveLength(1);
    expect(diagnostics[0]).toMatchObject({ id: 'bad-mac', severity: 'error' });
    expect(diagnostics[0]?.message).toMatch(/and 2 more lines/);
    expect(diagnostics[0]?.related).toHaveLength(2);
    expect(rules).toEqual([line, line, line]);
  });
});

describe('spellings that load, but not as they read', () => {
  test('iptables takes all of -ieth0 as the name', () => {
    const { rules, said } = readRule('-A INPUT -ieth0 -j ACCEPT');
    expect(said).toEqual(['warning attached-value|-ieth0|write -i eth0']);
    expect(rules).toEqual(['-A INPUT -i -ieth0 -j ACCEPT']);
  });

  test('host names and what nobody filled in', () => {
    expect(readRule('-A INPUT -s www.example.com -j ACCEPT').said).toEqual([
      'warning host-name|www.example.com|write its address',
    ]);
    expect(readRule(`-A INPUT -i ${unfilled} -j ACCEPT`).said[0]).toMatch(/^warning placeholder\|\$\{NAME\}/);
    expect(readRule('-A INPUT -s <office> -j ACCEPT').said[0]).toMatch(
      /^error bad-address\|<office>\|nobody/,
    );
    expect(readRule(`-A INPUT -p tcp --dport ${unfilled}`).said[0]).toMatch(
      /^error bad-port\|\$\{NAME\}\|nobody/,
    );
  });

  test('a quote that is not closed', () => {
    const { said, rules } = readRule('-A INPUT -m comment --comment "office -j ACCEPT');
    expect(said[0]).toMatch(/^warning unclosed-quote\|"office -j ACCEPT\|/);
    expect(rules).toEqual(['-A INPUT -m comment --comment "office -j ACCEPT"']);
  });

  test('lines for the other family are skipped', () => {
    expect(readRule('-A INPUT -s ::1 -6 -j ACCEPT').rules).toEqual([]);
    expect(readRule('-4 -A INPUT -j ACCEPT', { family: 'ipv6' }).rules).toEqual([]);
    expect(readRule('-6 -A INPUT -s ::1 -j ACCEPT', { family: 'ipv6' }).said).toEqual([]);
  });
});

describe('what nobody knows is kept', () => {
  test('an unknown match takes the options behind it', () => {
    const line = '-A INPUT -p tcp -m geoip ! --src-cc DE,AT --set x -m tcp --dport 22 -j ACCEPT';
    const { rules, rulesets, said } = readRule(line);
    expect(rules).toEqual([line]);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/^error unknown-match\|geoip\|/);
    const [rule] = rulesets[0]?.ruleset.tables[0]?.chains[0]?.rules ?? [];
    expect(rule?.matches.map((m) => [m.extension, m.known])).toEqual([
      ['geoip', false],
      ['tcp', true],
    ]);
  });

  test('an unknown target takes the options behind it', () => {
    const line = '-A INPUT -m ipp2p --edk -j TARPIT --tarpit "a b"';
    expect(readRule(line).rules).toEqual([line]);
  });

  test('a line of too many words', () => {
    const rest = Array.from({ length: 200 }, (_, i) => `-m comment --comment ${i}`).join(' ');
    const { rules, ids } = readRule(`-A INPUT ${rest} -j DROP`);
    expect(ids).toEqual(['too-many-words']);
    expect(rules).toEqual([`-A INPUT ${rest} -j DROP`]);
    expect(readRule(`-A INPUT -m comment --comment ${'x'.repeat(1024)}`).ids).toContain('word-too-long');
  });

  test('it is named once for a dump', () => {
    const line = '-A INPUT -m layer7 --l7proto http -j DROP';
    expect(readRule(`${line}\n${line}`).diagnostics.map((d) => d.message)).toEqual([
      expect.stringContaining('(and 1 more line)'),
    ]);
  });
});
