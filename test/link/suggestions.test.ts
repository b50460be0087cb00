import { describe, expect, test } from 'vitest';
import { read, readRule } from './read.ts';

const hints = (line: string, table = 'filter'): readonly (string | undefined)[] =>
  readRule(line, { table }).diagnostics.map((d) => d.hint);

/** Slips that people make, and what must be suggested. */
const slips: readonly (readonly [line: string, hint: RegExp])[] = [
  ['-A INPUT -p tcp --dprot 22', /^did you mean --dport\?$/],
  ['-A INPUT -m state --sate NEW', /^did you mean --state\?$/],
  ['-A INPUT -m conntrack --cstate NEW', /^did you mean --ctstate\?$/],
  ['-A INPUT -p tcp -dport 22', /--dport/],
  ['-A INPUT --dport 22', /: -m tcp or -p tcp must stand in front/],
  ['-A INPUT -j ACCEPT --reject-with tcp-reset', /option of the target REJECT/],
  ['-A INPUT -p tpc', /^did you mean tcp\?$/],
  ['-A INPUT -p tcp,udp', /one protocol a rule/],
  ['-A INPUT -m multiprot --dports 1', /^did you mean multiport\?$/],
  ['-A INPUT -m LOG', /^LOG is a target: -j LOG$/],
  ['-A INPUT -j limit', /^limit is a match: -m limit$/],
  ['-A INPUT -j ACEPT', /^did you mean ACCEPT\?$/],
  ['-A INPUT -j accept', /^did you mean ACCEPT\?$/],
  ['-A INPUT -j RJECT', /^did you mean REJECT\?$/],
  ['-A INPUT -j chian', /^did you mean chain\?$/],
  ['-A INPUT -g LOG', /^LOG is a target: -j LOG$/],
  ['-A INPTU -j ACCEPT', /^did you mean INPUT\?$/],
  ['-P INPUT REJECT', /-j REJECT/],
  ['-P INPUT DRPO', /^did you mean DROP\?$/],
  ['-P chain DROP', /.?/],
  ['-A INPUT -s fe80::1', /IPv6 address/],
  ["-A INPUT -s '10.0.0.1'", /single quotes/],
  ['-A INPUT -s 10.0.0.1-10.0.0.9', /iprange/],
  ['-A INPUT ACCEPT', /-j ACCEPT/],
  ['-A INPUT -p tcp \u2014dport 22', /long dash/],
  ['-A INPUT -m comment --comment \u201ca b\u201d', /typographic quotes/],
];

describe('suggestions', () => {
  test.each(slips)('%s', (line, hint) => {
    const all = hints(line);
    expect(all.length).toBeGreaterThan(0);
    expect(all.join('\n')).toMatch(hint);
  });

  test('tables and chains', () => {
    expect(read('*fliter\nCOMMIT\n').said).toEqual(['error unknown-table|*fliter|did you mean filter?']);
    expect(read('*filter\n:INPTU DROP [0:0]\nCOMMIT\n').said).toEqual([
      'warning policy-of-user-chain|DROP|did you mean INPUT?',
    ]);
    expect(read('*filter\n-A INPUT -j ACCEPT\nCOMIT\n').said[0]).toMatch(/COMIT\|did you mean COMMIT\?/);
  });

  test('built-in chains of the table', () => {
    expect(read('*nat\n-A FORWARD -j ACCEPT\nCOMMIT\n').said).toEqual([
      'error undeclared-chain|FORWARD|the built-in chains of nat are PREROUTING, INPUT, OUTPUT, POSTROUTING',
    ]);
  });

  test('a file in the wrong letter case', () => {
    expect(read('*filter\n-A INPUT -j ACCEPT\ncommit\n').said).toEqual([
      'error unreadable-line|commit|write it in upper case',
    ]);
  });
});
