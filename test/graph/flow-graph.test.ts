/** Rulesets as graphs: which boxes and calls there are, how they are folded, and what a packet passes. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { foldChains } from '../../src/graph/fold.ts';
import { graphOf, type RulesetGraph } from '../../src/graph/graph.ts';
import type { Chain } from '../../src/model/ruleset.ts';
import { defaultRegistry } from '../../src/registry.ts';

const rules = `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
[7:420] -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
[3:180] -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:refuse - [0:0]
:nobody - [0:0]
[1:60] -A INPUT -i lo -j ACCEPT
[5:300] -A INPUT -g refuse
[2:120] -A FORWARD -o docker0 -j ACCEPT
[2:120] -A FORWARD -i eth1 -j refuse
[4:240] -A FORWARD -i eth2 -j refuse
[9:540] -A refuse -j LOG
[9:540] -A refuse -j DROP
COMMIT
`;

function graph(text: string, options: Partial<Parameters<typeof graphOf>[1]> = {}): RulesetGraph {
  const result = graphOf([{ name: 'gw.rules', text }], {
    registry: defaultRegistry(),
    boxesMax: 16,
    weights: 'counters',
    expression: [],
    ...options,
  });
  if (!result.drawn) throw new Error(JSON.stringify(result));
  return result.drawn;
}

describe('a graph', () => {
  test('has a box for each chain at each hook that leads to it', () => {
    const { nodes, unused } = graph(rules).graph;
    expect(nodes.map((n) => n.id)).toEqual([
      'PREROUTING/nat/PREROUTING',
      'PREROUTING/nat/DOCKER',
      'INPUT/filter/INPUT',
      'INPUT/filter/refuse',
      'FORWARD/filter/FORWARD',
      'FORWARD/filter/refuse',
    ]);
    expect(unused).toEqual(['filter nobody']);
  });
  test('leaves out tables that do nothing, but not a policy that drops', () => {
    const { hooks } = graph('*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\nCOMMIT\n').graph;
    expect(hooks.find((h) => h.hook === 'INPUT')).toMatchObject({ tables: ['filter'], idle: [] });
    expect(hooks.find((h) => h.hook === 'FORWARD')).toMatchObject({ tables: [], idle: ['filter'] });
  });
  test('says what the rules of a chain do, and who writes them', () => {
    const { nodes } = graph(rules).graph;
    const node = (id: string) => nodes.find((n) => n.id === id);
    expect(node('PREROUTING/nat/DOCKER')).toMatchObject({
      owner: 'Docker',
      actions: [{ target: 'DNAT', kind: 'nat', ruleCount: 1 }],
    });
    expect(node('INPUT/filter/refuse')).toMatchObject({
      owner: undefined,
      line: 14,
      actions: [
        { target: 'DROP', kind: 'drop' },
        { target: 'LOG', kind: 'other' },
      ],
    });
    expect(node('INPUT/filter/INPUT')).toMatchObject({ policy: 'DROP', builtin: true, ruleCount: 2 });
  });
  test('joins the calls between two boxes and adds up what they counted', () => {
    const { calls } = graph(rules).graph;
    const call = (from: string) => calls.find((c) => c.from === from);
    expect(call('FORWARD/filter/FORWARD')).toMatchObject({ ruleCount: 2, packets: 6, goto: false });
    expect(call('INPUT/filter/INPUT')).toMatchObject({ ruleCount: 1, packets: 5, goto: true });
    expect(graph(rules, { weights: 'none' }).graph.calls.map((c) => c.packets)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
  test('has the tables of INPUT in the order of the back end', () => {
    const both = `${rules}*security\n:INPUT DROP [0:0]\nCOMMIT\n*nat\n:INPUT DROP [0:0]\nCOMMIT\n`;
    const tables = (backend: 'nft' | 'legacy') =>
      graph(both, { backend }).graph.hooks.find((h) => h.hook === 'INPUT')?.tables;
    expect(tables('nft')).toEqual(['filter', 'nat', 'security']);
    expect(tables('legacy')).toEqual(['filter', 'security', 'nat']);
  });
});

describe('the road of a packet', () => {
  const road = (...expression: string[]) => {
    const { road: found } = graph(rules, { expression, assume: ['local=203.0.113.1', 'remote=172.17.0.2'] });
    if (!found) throw new Error('no road');
    return found;
  };
  test('goes through DNAT and FORWARD', () => {
    const found = road('-i', 'eth0', '-p', 'tcp', '-d', '203.0.113.1', '--dport', '8080');
    expect([...found.calls]).toEqual(['PREROUTING/nat/PREROUTING PREROUTING/nat/DOCKER']);
    expect(found.steps).toContain('routing FORWARD');
    expect(found.steps).not.toContain('routing INPUT');
  });
  test('ends where the packet is dropped', () => {
    const found = road('-i', 'eth0', '-p', 'tcp', '-d', '203.0.113.1', '--dport', '22');
    expect([...found.stoppedIn]).toEqual(['INPUT/filter/refuse']);
    expect([...found.steps]).toEqual(['arrives PREROUTING', 'PREROUTING routing', 'routing INPUT']);
  });
  test('of what is no packet is refused', () => {
    const result = graphOf([{ name: 'gw.rules', text: rules }], {
      registry: defaultRegistry(),
      boxesMax: 16,
      weights: 'counters',
      expression: ['-p', 'nonsense'],
    });
    expect(result.drawn).toBeUndefined();
    expect(result.refused?.diagnostics[0]?.message).toContain('nonsense');
  });
});

describe('folding', () => {
  const chain = (name: string, hook?: 'INPUT'): Chain => ({
    name,
    table: 'filter',
    hook,
    policy: undefined,
    counters: undefined,
    rules: [],
    declared: true,
    offset: 0,
    line: 1,
  });
  test('puts like names of one program together first', () => {
    const names = ['KUBE-SERVICES', 'KUBE-SEP-A', 'KUBE-SEP-B', 'KUBE-SEP-C', 'mine'];
    const groups = foldChains([chain('INPUT', 'INPUT'), ...names.map((n) => chain(n))], 4, (c) =>
      c.name.startsWith('KUBE') ? 'Kubernetes' : undefined,
    );
    expect(groups.map((g) => g.name)).toEqual(['INPUT', 'KUBE-SERVICES', 'KUBE-SEP-…', 'mine']);
  });
  test('keeps every chain once, within the limit, and the first one alone', () => {
    const name = fc.stringMatching(/^[ab](-[abc]){0,2}$/);
    fc.assert(
      fc.property(
        fc.uniqueArray(name, { maxLength: 40 }),
        fc.integer({ min: 2, max: 12 }),
        fc.func(fc.option(fc.constantFrom('p', 'q'), { nil: undefined })),
        (names, boxesMax, ownerOf) => {
          const chains = [chain('INPUT', 'INPUT'), ...names.map((n) => chain(n))];
          const groups = foldChains(chains, boxesMax, (c) => ownerOf(c.name));
          expect(groups.length).toBeLessThanOrEqual(boxesMax);
          expect(groups[0]?.chains).toEqual([chains[0]]);
          const kept = groups.flatMap((g) => g.chains.map((c) => c.name));
          expect(kept.toSorted()).toEqual(chains.map((c) => c.name).toSorted());
          if (chains.length <= boxesMax) expect(groups.map((g) => g.name)).toEqual(chains.map((c) => c.name));
        },
      ),
    );
  });
});
