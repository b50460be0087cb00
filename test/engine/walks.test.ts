import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { noFacts } from '../../src/context/facts.ts';
import { buildMachine } from '../../src/context/machine.ts';
import { explore } from '../../src/engine/explore.ts';
import { emptyPacket } from '../../src/engine/icmp-error.ts';
import { PersistentMap } from '../../src/engine/persistent-map.ts';
import { compile, emptyState, type Program, simulate } from '../../src/engine/simulate.ts';
import { assumptionText, tapeOf } from '../../src/engine/tape.ts';
import { parse } from '../../src/grammar/parse.ts';
import { defaultRegistry } from '../../src/index.ts';
import { link } from '../../src/link/link.ts';
import { type Packet, tcpFlag } from '../../src/model/packet.ts';
import type { EntryPoint } from '../../src/model/trace.ts';
import { ipv4 } from '../../src/net/address.ts';

const registry = defaultRegistry();

/** A program of rules alone: nothing is known of the machine. */
function program(...lines: readonly string[]): Program {
  const linked = link(parse(`${lines.join('\n')}\nCOMMIT\n`), { registry, family: 'ipv4' });
  const rulesets = linked.rulesets.map((r) => r.ruleset);
  return compile(rulesets, buildMachine({ facts: noFacts, rulesets }), registry);
}

const server = 0xcb007101;
const base: Packet = {
  ...emptyPacket({ family: 'ipv4', src: ipv4(server), dst: ipv4(0xc6336407) } as Packet, {}),
  protocol: 6,
  lengthBytes: 40,
  sport: 40000,
  dport: 22,
  tcpFlags: tcpFlag.SYN,
  seq: 1000,
  window: 64240,
};
const toUs: EntryPoint = { kind: 'arrives', inInterface: 'eth0', hints: { destination: 'local' } };

describe('what the packet does not decide', () => {
  test('an address that may or may not be local asks, and the tape answers', () => {
    const p = program('*filter', ':INPUT DROP [0:0]', ':FORWARD ACCEPT [0:0]', ':OUTPUT ACCEPT [0:0]');
    const entry: EntryPoint = { kind: 'arrives', inInterface: 'eth0' };
    const asked = simulate(p, emptyState(), base, entry, 0);
    expect(asked.trace.fate).toMatchObject({
      kind: 'undecided',
      question: { key: 'local:203.0.113.1', answers: ['no', 'yes'] },
    });
    const told = simulate(p, emptyState(), base, entry, 0, tapeOf(['local=203.0.113.1']));
    expect(told.trace.fate).toMatchObject({ kind: 'drop', at: { chain: 'INPUT', policy: true } });
    expect(told.trace.assumptions.map(assumptionText)).toEqual(['local=203.0.113.1']);
  });

  test('a match that nobody knows forks, and each way replays', () => {
    const p = program(
      '*filter',
      ':INPUT ACCEPT [0:0]',
      ':FORWARD ACCEPT [0:0]',
      ':OUTPUT ACCEPT [0:0]',
      '-A INPUT -m geoip --src-cc XX -j DROP',
    );
    const found = explore(p, emptyState(), base, toUs, 0);
    expect(found.branches.map((b) => [b.tape['rule:filter/INPUT/1'], b.trace.fate.kind])).toEqual([
      ['no', 'local'],
      ['yes', 'drop'],
    ]);
    for (const b of found.branches)
      expect(simulate(p, emptyState(), base, toUs, 0, b.tape).trace).toEqual(b.trace);
  });

  test('more questions than the budget allows end undecided', () => {
    const rules = Array.from({ length: 20 }, () => '-A INPUT -m geoip --src-cc XX -j LOG');
    const p = program(
      '*filter',
      ':INPUT ACCEPT [0:0]',
      ':FORWARD ACCEPT [0:0]',
      ':OUTPUT ACCEPT [0:0]',
      ...rules,
    );
    const found = explore(p, emptyState(), base, toUs, 0, {}, { forks: 16 });
    expect(found.exhausted).toBe(true);
    expect(found.branches.length).toBeLessThanOrEqual(16);
  });
});

describe('bounds', () => {
  test('chains that double at each level run out of steps', () => {
    const lines = ['*filter', ':INPUT ACCEPT [0:0]', ':FORWARD ACCEPT [0:0]', ':OUTPUT ACCEPT [0:0]'];
    for (let i = 0; i < 40; i++) lines.push(`:c${i} - [0:0]`);
    lines.push('-A INPUT -j c0');
    for (let i = 0; i < 39; i++) lines.push(`-A c${i} -j c${i + 1}`, `-A c${i} -j c${i + 1}`);
    const run = simulate(program(...lines), emptyState(), base, toUs, 0, {}, { steps: 50_000 });
    expect(run.trace.fate).toEqual({ kind: 'exhausted', resource: 'steps', limit: 50_000 });
  });

  test('a circle of jumps ends sooner than what was asked for', () => {
    const p = program(
      '*filter',
      ':INPUT ACCEPT [0:0]',
      ':round - [0:0]',
      '-A INPUT -j round',
      '-A round -g round',
    );
    const run = simulate(p, emptyState(), base, toUs, 0, {}, { steps: 200_000 });
    expect(run.trace.fate).toEqual({ kind: 'exhausted', resource: 'steps', limit: 20_000 });
  });

  test('a state is a value: earlier ones still hold', () => {
    const p = program(
      '*filter',
      ':INPUT DROP [0:0]',
      ':FORWARD ACCEPT [0:0]',
      ':OUTPUT ACCEPT [0:0]',
      '-A INPUT -m conntrack --ctstate NEW -j ACCEPT',
    );
    const start = emptyState();
    const first = simulate(p, start, base, toUs, 0);
    expect(first.trace.fate.kind).toBe('local');
    expect(first.state.entries.size).toBe(1);
    expect(start.entries.size).toBe(0);
    expect(simulate(p, start, base, toUs, 0).trace).toEqual(first.trace);
    expect(JSON.parse(JSON.stringify(first.trace)).fate.kind).toBe('local');
  });
});

test('a persistent map is a map', () => {
  const step = fc.tuple(fc.constantFrom('put', 'drop'), fc.string({ maxLength: 3 }), fc.nat());
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const plain = new Map<string, number>();
      let map = PersistentMap.empty<number>();
      for (const [what, key, value] of steps) {
        const before = [...map.entries()].length;
        const next = what === 'put' ? map.with(key, value) : map.without(key);
        expect([...map.entries()].length).toBe(before);
        map = next;
        if (what === 'put') plain.set(key, value);
        else plain.delete(key);
      }
      expect(map.size).toBe(plain.size);
      expect(new Map(map.entries())).toEqual(plain);
    }),
  );
});
