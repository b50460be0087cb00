/**
 * Goal: verdicts without a trace are those of the trace. Method: random rules and packets, and what was recorded on the
 * kernel. Tracing every miss asks each match in turn and passes over no rule by its columns, so that it is a second way.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { noFacts } from '../../src/context/facts.ts';
import { buildMachine } from '../../src/context/machine.ts';
import { entryOf, familyOf, type KernelCase, machineOf, readPacket } from '../../src/dev/conform-case.ts';
import { conntrackLines } from '../../src/dev/conform-conntrack.ts';
import {
  compile,
  emptyState,
  judge,
  openTraversal,
  type Program,
  type Simulation,
  simulate,
} from '../../src/engine/simulate.ts';
import { parse } from '../../src/grammar/parse.ts';
import { link } from '../../src/link/link.ts';
import type { Packet } from '../../src/model/packet.ts';
import type { EntryPoint, Trace } from '../../src/model/trace.ts';
import type { Family } from '../../src/net/address.ts';
import { arbitraryPacket, hintsOf } from '../support/arbitrary-packets.ts';
import { allExtensions, extensionTables } from '../support/extension-tables.ts';

const timeMs = Date.UTC(2026, 0, 7, 12);
const tape = { socket: 'none', payload: 'other' };

/** Rules of the extensions' tables that load into INPUT of the filter table. */
function linesOf(family: Family): readonly string[] {
  const fitting = extensionTables()
    .flatMap((t) => t.cases)
    .filter((c) => c.expected !== undefined && c.family === family && c.table === 'filter')
    .filter((c) => c.chain === 'INPUT' || c.chain === 'FORWARD')
    .map((c) => c.rule);
  const head =
    family === 'ipv4'
      ? ['-s 192.0.2.0/24', '! -d 10.0.0.0/8', '-s 10.0.0.1/255.0.0.255', '-f', '! -f -i eth+']
      : ['-s 2001:db8::/32', '! -d fe80::/10', '! -s ::1/128', '-d 2001:db8::1/128 -i lo'];
  const both = ['-i eth0', '! -i eth+', '-i +', '-o eth1', '! -o eth1', '-p tcp', '! -p udp', '-i vnet12'];
  return [...new Set([...fitting, ...head, ...both])];
}

const ends = ['', '-j ACCEPT', '-j DROP', '-j RETURN', '-j QUEUE', '-j one', '-g two', '-j REJECT'] as const;

/** A chain of INPUT with two others below it. */
function arbitraryRules(family: Family): fc.Arbitrary<string> {
  const rule = fc
    .tuple(fc.constantFrom(...linesOf(family)), fc.constantFrom(...ends))
    .map(([line, end]) => (/(^| )-[jg] /.test(line) ? line : `${line} ${end}`));
  const chain = fc.array(rule, { minLength: 1, maxLength: 8 });
  return fc.tuple(chain, chain, chain, fc.constantFrom('ACCEPT', 'DROP')).map(([input, one, two, policy]) => {
    // Chains call only those after them.
    const below = (rules: readonly string[], own: string): string[] =>
      rules.map(
        (r) =>
          `-A ${own} ${own === 'two' ? r.replace(/-[jg] (one|two)$/, '') : r.replace(/-j one$/, '-j two')}`,
      );
    return [
      '*filter',
      `:INPUT ${policy} [0:0]`,
      ':one - [0:0]',
      ':two - [0:0]',
      ...input.map((r) => `-A INPUT ${r}`),
      ...below(one, 'one'),
      ...below(two, 'two'),
      'COMMIT',
      '',
    ].join('\n');
  });
}

function programOf(text: string, family: Family): Program {
  const rulesets = link(parse(text), { registry: allExtensions, family }).rulesets.map((r) => r.ruleset);
  return compile(rulesets, buildMachine({ facts: noFacts, rulesets }), allExtensions);
}

interface Draw {
  readonly text: string;
  readonly program: Program;
  readonly packet: Packet;
  readonly inInterface: string;
}

function arbitraryWalk(family: Family): fc.Arbitrary<Draw> {
  return arbitraryRules(family).chain((text) => {
    const program = programOf(text, family);
    const hints = hintsOf(program.families[family].ruleset);
    return fc.record({
      text: fc.constant(text),
      program: fc.constant(program),
      packet: arbitraryPacket(family, hints),
      inInterface: fc.constantFrom('eth0', 'eth1', 'lo', 'vnet12'),
    });
  });
}

const endOf = ({ trace, state }: Simulation) => ({
  fate: trace.fate,
  errno: trace.errno,
  assumptions: trace.assumptions,
  connections: conntrackLines(state),
});

/** The trace, and those of generated packets within it, as if misses had not been asked for. */
function withoutMisses(trace: Trace): Trace {
  const events = trace.events
    .filter((e) => e.kind !== 'miss')
    .map((e) => (e.kind === 'generated' ? { ...e, trace: withoutMisses(e.trace) } : e));
  return { ...trace, events };
}

/** The fate of the packet, in three ways that must agree. */
function inThreeWays(
  program: Program,
  state: ReturnType<typeof emptyState>,
  packet: Packet,
  entry: EntryPoint,
  at: number | undefined,
): Simulation {
  const matched = simulate(program, state, packet, entry, at, tape);
  const all = simulate(program, state, packet, entry, at, tape, { detail: 'all' });
  const { fate, errno, assumptions, state: next } = judge(program, state, packet, entry, at, tape);
  expect({ fate, errno, assumptions, connections: conntrackLines(next) }).toEqual(endOf(matched));
  expect(endOf(all)).toEqual(endOf(matched));
  expect(withoutMisses(all.trace)).toEqual(matched.trace);
  return matched;
}

describe.each(['ipv4', 'ipv6'] as const)('random rules and packets of %s', (family) => {
  const walks = arbitraryWalk(family);

  test('a judgement is the fate of the trace, and misses change nothing', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(walks, fc.constantFrom(undefined, timeMs), ({ program, packet, inInterface }, at) => {
        const entry: EntryPoint = { kind: 'arrives', inInterface, hints: { destination: 'local' } };
        inThreeWays(program, emptyState(), packet, entry, at);
      }),
      { numRuns: 400 },
    );
  });

  test('a table alone says what it says on the way', { timeout: 60_000 }, () => {
    let compared = 0;
    fc.assert(
      fc.property(walks, ({ program, packet, inInterface }) => {
        const hints = { destination: 'local', connection: { state: 'INVALID' } } as const;
        const entry: EntryPoint = { kind: 'arrives', inInterface, hints };
        const whole = { ...packet, moreFragments: false, packetType: 'unicast' } as const;
        const { trace } = simulate(program, emptyState(), whole, entry, undefined, tape);
        const expected = ownVerdict(trace);
        if (expected === undefined) return;
        const place = { family, table: 'filter', hook: 'INPUT' } as const;
        const input = openTraversal(program, emptyState(), place, { tape });
        // Twice: nothing stays of the packet before.
        for (let round = 0; round < 2; round++) {
          const verdict = input?.verdict(whole, { inInterface, outInterface: undefined });
          const by = input?.decidedBy;
          expect({ verdict, by, key: input?.question?.key }).toEqual(expected);
        }
        compared++;
      }),
      { numRuns: 400 },
    );
    expect(compared).toBeGreaterThan(100);
  });
});

/** What filter's INPUT did in a trace; undefined where the packet did not come there, or something else spoke. */
function ownVerdict(trace: Trace): { verdict: string; by: unknown; key: string | undefined } | undefined {
  const { fate, events } = trace;
  if (!events.some((e) => e.kind === 'table' && e.table === 'filter')) return undefined;
  if (events.some((e) => e.kind === 'conntrack' && e.state !== 'INVALID')) return undefined;
  switch (fate.kind) {
    case 'local': {
      const last = events.findLast((e) => e.kind === 'policy' || e.kind === 'rule');
      const by =
        last?.kind === 'policy'
          ? { table: last.table, chain: last.chain, policy: true }
          : last?.kind === 'rule'
            ? last.rule
            : undefined;
      return { verdict: 'accept', by, key: undefined };
    }
    case 'drop':
    case 'reject':
      return { verdict: 'drop', by: fate.at, key: undefined };
    case 'queue':
    case 'stolen':
      return { verdict: fate.kind, by: fate.at, key: undefined };
    case 'undecided':
      // Where REJECT's answer would go, and what becomes of it, is no question of the table.
      if (events.some((e) => e.kind === 'generated')) return undefined;
      return fate.question.key.startsWith('rule:')
        ? { verdict: 'undecided', by: undefined, key: fate.question.key }
        : undefined;
    default:
      return undefined;
  }
}

describe('what was recorded on the kernel', () => {
  const folder = join(import.meta.dirname, '..', 'fixtures', 'kernel-cases');
  test.each(['named.jsonl.gz', 'ipv4-sample.jsonl.gz', 'ipv6-sample.jsonl.gz'])(
    '%s',
    { timeout: 120_000 },
    (file) => {
      const text = gunzipSync(readFileSync(join(folder, file))).toString('utf8');
      for (const line of text.split('\n').filter((l) => l !== '')) {
        const c = JSON.parse(line) as KernelCase;
        const family = familyOf(c);
        const machine = machineOf(c);
        const setNames = new Set((machine.sets.value ?? []).map((s) => s.name));
        const options = { registry: allExtensions, family, backend: 'nft', setNames } as const;
        const rulesets = link(parse(c.ruleset), options).rulesets.map((r) => r.ruleset);
        const program = compile(rulesets, machine, allExtensions);
        let state = emptyState();
        c.packets.forEach((p, i) => {
          const packet = readPacket(p, family, machine);
          state = inThreeWays(program, state, packet, entryOf(p), timeMs + i).state;
        });
      }
    },
  );
});

test('a step is a rule, whether or not a column passes over it', () => {
  const rules = Array.from({ length: 100 }, (_, i) => `-A INPUT -s 10.0.0.${i}/32 -j DROP`).join('\n');
  const program = programOf(`*filter\n:INPUT ACCEPT [0:0]\n${rules}\nCOMMIT\n`, 'ipv4');
  const packet = fc.sample(arbitraryPacket('ipv4'), 1)[0] as Packet;
  const stranger = { ...packet, src: { family: 'ipv4', w0: 0, w1: 0, w2: 0, w3: 1 } } as const;
  const place = { family: 'ipv4', table: 'filter', hook: 'INPUT' } as const;
  const surroundings = { inInterface: 'eth0', outInterface: undefined };
  const verdictAfter = (steps: number) =>
    openTraversal(program, emptyState(), place, { steps })?.verdict(stranger, surroundings);
  expect(verdictAfter(100)).toBe('accept');
  expect(verdictAfter(99)).toBe('exhausted');
});
