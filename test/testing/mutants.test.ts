import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mutantsOf, packets, rulesFromText } from '../../src/testing/index.ts';
import '../../src/testing/vitest.ts';

const rules = rulesFromText(`*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 192.0.2.0/24 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -s 192.0.2.7/32 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
-A FORWARD -i eth0 -o eth1 -j REJECT --reject-with icmp-port-unreachable
COMMIT
`);
const mutants = mutantsOf(rules);

describe('mutants', () => {
  test('change one thing each', () => {
    expect(mutants.map(String)).toMatchInlineSnapshot(`
      [
        "line 2, flip: :INPUT ACCEPT [0:0]",
        "line 3, flip: :FORWARD ACCEPT [0:0]",
        "line 4, flip: :OUTPUT DROP [0:0]",
        "line 5, drop: without -A INPUT -s 192.0.2.0/24 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT",
        "line 5, widen: -A INPUT -s 192.0.2.0/23 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT",
        "line 5, swap: -A INPUT -s 192.0.2.0/24 -i eth1 -p tcp -m tcp --dport 22 -j ACCEPT",
        "line 5, move: -A FORWARD -s 192.0.2.0/24 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT",
        "line 5, flip: -A INPUT -s 192.0.2.0/24 -i eth0 -p tcp -m tcp --dport 22 -j DROP",
        "line 6, drop: without -A INPUT -s 192.0.2.7/32 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT",
        "line 6, widen: -A INPUT -s 192.0.2.6/31 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT",
        "line 6, swap: -A INPUT -s 192.0.2.7/32 -i eth1 -p tcp -m tcp --dport 22 -j ACCEPT",
        "line 6, move: -A FORWARD -s 192.0.2.7/32 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT",
        "line 6, flip: -A INPUT -s 192.0.2.7/32 -i eth0 -p tcp -m tcp --dport 22 -j DROP",
        "line 7, drop: without -A FORWARD -i eth0 -o eth1 -j REJECT --reject-with icmp-port-unreachable",
        "line 7, swap: -A FORWARD -i eth1 -o eth1 -j REJECT --reject-with icmp-port-unreachable",
        "line 7, swap: -A FORWARD -i eth0 -o eth0 -j REJECT --reject-with icmp-port-unreachable",
        "line 7, flip: -A FORWARD -i eth0 -o eth1 -j ACCEPT",
      ]
    `);
  });

  test('that change nothing for any packet are known', () => {
    const equal = mutants.filter((m) => m.judged === 'equal').map(String);
    // The second rule lets in what the first one has let in already.
    expect(equal).toMatchInlineSnapshot(`
      [
        "line 6, drop: without -A INPUT -s 192.0.2.7/32 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT",
        "line 6, widen: -A INPUT -s 192.0.2.6/31 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT",
        "line 6, flip: -A INPUT -s 192.0.2.7/32 -i eth0 -p tcp -m tcp --dport 22 -j DROP",
      ]
    `);
    expect(mutants.every((m) => m.judged !== 'unknown')).toBe(true);
  });

  test.each(mutants.filter((m) => m.judged === 'equal').map((m) => [String(m), m] as const))(
    '%s: no packet tells it from the rules',
    (_, mutant) => {
      fc.assert(
        fc.property(packets(rules), (drawn) => {
          expect(mutant.rules).toBehaveLike(rules, drawn);
        }),
        { seed: 1, numRuns: 60 },
      );
    },
  );

  test.each(mutants.filter((m) => m.judged === 'different').map((m) => [String(m), m] as const))(
    '%s: is told from the rules',
    (_, mutant) => {
      expect(mutant.rules).not.toBehaveLike(rules);
    },
  );
});
