/** Goal: an ipset whose members are known is those addresses, exactly. Method: rules behind it, alive or dead. */
import { describe, expect, test } from 'vitest';
import { analyse } from '../../src/analysis/analysis.ts';
import { defaultRegistry, readMachine } from '../../src/index.ts';

const registry = defaultRegistry();

/** The rules of INPUT that no packet comes to, by number. */
function dead(sets: string, rules: readonly string[]): readonly number[] {
  const text = `${sets}\n*filter\n:INPUT ACCEPT [0:0]\n${rules.map((r) => `-A INPUT ${r}`).join('\n')}\nCOMMIT\n`;
  const { rulesets, machine } = readMachine([{ name: 'gw', text }], { registry });
  const [read] = rulesets;
  if (read === undefined) throw new Error('no ruleset');
  const { ruleset } = read.linked;
  const analysis = analyse({ ruleset, machine, registry });
  return ruleset.tables.flatMap((t) =>
    t.chains.flatMap((c) =>
      c.rules.filter((r) => analysis.taking(r) === analysis.vocabulary.space.none).map((r) => r.index + 1),
    ),
  );
}

const nets = 'create bad hash:net family inet\nadd bad 198.51.100.0/24\nadd bad 198.51.100.7 nomatch';

describe('a set that was saved', () => {
  test('covers rules for its members', () => {
    expect(dead(nets, ['-m set --match-set bad src -j DROP', '-s 198.51.100.8 -j ACCEPT'])).toEqual([2]);
  });

  test('not for an exception within it', () => {
    expect(dead(nets, ['-m set --match-set bad src -j DROP', '-s 198.51.100.7 -j ACCEPT'])).toEqual([]);
  });

  test('leaves others alone when it is negated', () => {
    expect(dead(nets, ['-m set ! --match-set bad src -j DROP', '-s 203.0.113.9 -j ACCEPT'])).toEqual([2]);
  });

  test('a netmask stands for networks', () => {
    const set = 'create hosts hash:ip family inet netmask 24\nadd hosts 198.51.100.0';
    expect(dead(set, ['-m set --match-set hosts src -j DROP', '-s 198.51.100.8 -j ACCEPT'])).toEqual([2]);
  });
});

describe('what the members do not say', () => {
  test('a set whose members expire covers nothing for ever', () => {
    const set = 'create hosts hash:ip family inet timeout 300\nadd hosts 198.51.100.8 timeout 300';
    expect(dead(set, ['-m set --match-set hosts src -j DROP', '-s 198.51.100.8 -j ACCEPT'])).toEqual([]);
  });

  test('a set that rules write is another one at each look', () => {
    expect(
      dead(nets, [
        '-s 203.0.113.1 -j SET --del-set bad src',
        '-m set --match-set bad src -j DROP',
        '-s 198.51.100.8 -j ACCEPT',
      ]),
    ).toEqual([]);
  });
});
