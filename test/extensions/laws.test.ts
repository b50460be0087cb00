/**
 * Goal: what holds for every extension, whoever wrote it. Method: random uses, drawn from the table of options and
 * the shapes of values; random packets near the values that a use speaks of.
 *
 * - What is printed is read again as the same data, and printing is a fixed point.
 * - Data survives JSON.
 * - `compile` answers what `packets` describes, for every answer to what the packet does not decide.
 * - `!` in front of an only condition gives the complement.
 * - No packet that matches fails a column.
 *
 * `FWSIM_LAW_RUNS` sets the number of uses per extension.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type {
  ColumnTest,
  CompileContext,
  Extension,
  MatchEnv,
  MatchExtension,
  Tri,
} from '../../src/extensions/define.ts';
import { extensions } from '../../src/extensions/index.ts';
import { lacksHeader } from '../../src/model/layer4-header.ts';
import type { Machine } from '../../src/model/machine.ts';
import type { Rule } from '../../src/model/ruleset.ts';
import { networkContains } from '../../src/net/address.ts';
import { interfaceMatches } from '../../src/net/interface-pattern.ts';
import { createCollector } from '../../src/packetset/boundaries.ts';
import { buildCodec } from '../../src/packetset/codec.ts';
import type { PacketSet } from '../../src/packetset/space.ts';
import { createPacketSpace } from '../../src/packetset/space-bdd.ts';
import { arbitrarySituation, hintsOf, type Situation } from '../support/arbitrary-packets.ts';
import { arbitraryRule, type DrawnRule, negationOf } from '../support/arbitrary-rules.ts';
import { runCase, type TableAnswer, usesOf } from '../support/extension-tables.ts';

const useCount = Number(process.env['FWSIM_LAW_RUNS'] ?? 25);
const packetCount = 12;
const unknownsMax = 6;

/** A machine of which nothing is known. */
const machine = new Proxy(
  {},
  { get: () => ({ value: undefined, provenance: 'unknown', source: '' }) },
) as Machine;

function read(drawn: DrawnRule, rule: string, keepMeaning: boolean): TableAnswer {
  const { table, chain, family } = drawn;
  return runCase(
    {
      rule,
      table,
      chain,
      family,
      expected: rule,
      failId: undefined,
      sets: undefined,
      unverified: undefined,
      line: 0,
    },
    rule,
    keepMeaning,
  );
}

interface Accepted {
  readonly drawn: DrawnRule;
  readonly answer: TableAnswer;
  readonly rule: Rule;
  readonly data: object;
}

/** Reads a drawn rule; undefined if it is refused. */
function accept(extension: Extension, drawn: DrawnRule): Accepted | undefined {
  const answer = read(drawn, drawn.rule, true);
  const [rule] = answer.rules;
  if (answer.errors.length > 0 || answer.rules.length !== 1 || !rule) return undefined;
  const [use] = usesOf(rule, extension.kind, extension.name);
  return use?.known ? { drawn, answer, rule, data: use.data as object } : undefined;
}

// ---------------------------------------------------------------------------------------------- matches

interface Env {
  readonly env: MatchEnv;
  /** The match threw the packet away. */
  dropped: boolean;
  /** Whether something was asked since this was last set to false. */
  asked: boolean;
  answer: Tri;
}

function environment({ drawn }: Accepted): { readonly at: (s: Situation) => Env } {
  return {
    at: (s) => {
      const state: Env = {
        asked: false,
        dropped: false,
        answer: 0,
        env: {
          family: drawn.family,
          table: drawn.table,
          hook: drawn.chain,
          inInterface: s.inInterface,
          outInterface: s.outInterface,
          physIn: s.physIn,
          physOut: s.physOut,
          connection: s.connection,
          hasSocket: s.packet.uid !== undefined,
          timeMs: undefined,
          machine,
          fib: {
            addressTypes: () => undefined,
            reversePath: () => undefined,
            pathMtu: () => undefined,
            realm: () => undefined,
            deviceGroup: () => undefined,
          },
          ipsec: undefined,
          ask: () => {
            state.asked = true;
            return state.answer;
          },
          readState: () => undefined,
          writeState: () => undefined,
          readSet: () => undefined,
          connections: () => [],
          hotDrop: () => {
            state.dropped = true;
            return 0;
          },
        },
      };
      return state;
    },
  };
}

/** What the match answers to one packet: `no` and `yes` are the answers under either reply to its questions. */
interface Judged {
  readonly no: boolean;
  readonly yes: boolean;
  readonly asked: boolean;
  readonly dropped: boolean;
}

function judge(extension: MatchExtension, use: Accepted): (s: Situation) => Judged {
  const { drawn, rule, data } = use;
  const context: CompileContext = {
    family: drawn.family,
    backend: 'nft',
    table: drawn.table,
    chain: drawn.chain,
    base: rule.base,
    slot: 'slot',
    machine,
  };
  const matcher = extension.compile(data, context);
  const environments = environment(use);
  return (s) => {
    const state = environments.at(s);
    const no = matcher(s.packet, state.env) === 1;
    if (!state.asked) return { no, yes: no, asked: false, dropped: state.dropped };
    state.answer = 1;
    const yes = matcher(s.packet, state.env) === 1;
    return { no, yes, asked: true, dropped: state.dropped };
  };
}

/** Whether a packet may lie in the set, and whether it may lie outside, under some choice. */
interface Membership {
  readonly inside: boolean;
  readonly outside: boolean;
  readonly unknowns: number;
}

function membership(extension: MatchExtension, use: Accepted): (s: Situation) => Membership {
  const { drawn, rule, data } = use;
  const context = { family: drawn.family, base: rule.base, machine };
  const collector = createCollector(drawn.family);
  extension.packets(data, collector.space, context);
  const space = createPacketSpace(buildCodec(collector.boundaries()));
  const set: PacketSet = extension.packets(data, space, context);
  const levels = space.unknownsOf(set).map((u) => u.level);
  if (levels.length > unknownsMax) throw new Error(`${levels.length} choices in one match`);
  return (s) => {
    let inside = false;
    let outside = false;
    for (let bits = 0; bits < 2 ** levels.length; bits++) {
      const answer = space.contains(set, {
        ...s,
        choices: (v) => (bits & (1 << levels.indexOf(v.level))) !== 0,
      });
      if (answer) inside = true;
      else outside = true;
    }
    return { inside, outside, unknowns: levels.length };
  };
}

function columnHolds(c: ColumnTest, s: Situation): boolean {
  switch (c.column) {
    case 'src':
    case 'dst':
      return networkContains(c.network, s.packet[c.column]);
    case 'in':
      return interfaceMatches(c.pattern, s.inInterface);
    case 'out':
      return interfaceMatches(c.pattern, s.outInterface);
    default: {
      const value = s.packet[c.column];
      return value !== undefined && value >= c.low && value <= c.high;
    }
  }
}

/** Packets that have all that a condition could be about, so that its negation is the complement. */
function isWhole(s: Situation): boolean {
  const { packet } = s;
  return (
    packet.fragmentOffsetBytes === 0 &&
    packet.ethSrc !== undefined &&
    packet.uid !== undefined &&
    s.connection.entry !== undefined &&
    s.inInterface !== undefined &&
    s.outInterface !== undefined &&
    (s.physIn === undefined) === (s.physOut === undefined)
  );
}

/** What these look at a packet need not have, and then neither the condition nor its negation holds. */
const looksAtOptionalPart: ReadonlySet<string> = new Set([
  'ah',
  'dst',
  'eui64',
  'frag',
  'hbh',
  'icmp6',
  'osf', // TCP SYNs only
  'rt',
  'srh',
]);

/** These take what stands in the place of a header for one. */
const readsAnyBytes: ReadonlySet<string> = new Set(['ecn', 'tcp', 'tcpmss', 'udp']);

/** The kernel skips these conditions, negated or not: the length of frag; an in-port where none is known. */
const maySkip: ReadonlySet<string> = new Set(['frag', 'physdev']);

/** Known in order to be refused: iptables 1.8.9 or the kernel has them no more. */
const removed: ReadonlySet<string> = new Set(['account', 'MIRROR', 'ULOG']);

function situations(use: Accepted): readonly Situation[] {
  const p = use.rule.base.protocol;
  const protocol = p && !p.negated ? p.value : undefined;
  return fc.sample(arbitrarySituation(use.drawn.family, hintsOf(use.data), protocol), {
    numRuns: packetCount,
    seed: 1,
  });
}

/** A packet that the rule's own -p lets through: no match is asked about others. */
function reaches(s: Situation, rule: Rule): boolean {
  const p = rule.base.protocol;
  return p === undefined || (s.packet.protocol === p.value) !== p.negated;
}

function checkPackets(extension: MatchExtension, use: Accepted): void {
  const judged = judge(extension, use);
  const members = membership(extension, use);
  const columns = extension.columns?.(use.data) ?? [];
  for (const s of situations(use)) {
    if (!reaches(s, use.rule)) continue;
    // Sets speak of headers that are there, and so do columns.
    if (lacksHeader(s.packet) && readsAnyBytes.has(extension.name)) continue;
    const told = (): string => `${use.answer.printed}\nof ${JSON.stringify(s)}`;
    const { no, yes, asked } = judged(s);
    const { inside, outside, unknowns } = members(s);
    const may = no || yes;
    const mayNot = !no || !yes;
    if ((may && !inside) || (mayNot && !outside))
      expect.fail(`compile may say ${may ? 'yes' : 'no'}, its packets do not: ${told()}`);
    if (unknowns === 1 && asked && (inside !== may || outside !== mayNot))
      expect.fail(`compile asks and its packets have a choice, but they differ: ${told()}`);
    if (may && !lacksHeader(s.packet) && !columns.every((c) => columnHolds(c, s)))
      expect.fail(`matches, but fails one of its columns ${JSON.stringify(columns)}: ${told()}`);
  }
}

function checkNegation(extension: MatchExtension, use: Accepted): void {
  const text = negationOf(extension, use.drawn);
  const turned = text === undefined ? undefined : accept(extension, { ...use.drawn, rule: text });
  if (!turned) return;
  const plain = judge(extension, use);
  const negated = judge(extension, turned);
  for (const s of situations(use)) {
    if (!reaches(s, use.rule)) continue;
    const [a, b] = [plain(s), negated(s)];
    if (a.asked || b.asked || a.dropped || b.dropped) continue;
    const told = (): string => `${use.drawn.rule}\nof ${JSON.stringify(s)}`;
    if (a.no && b.no && !maySkip.has(extension.name))
      expect.fail(`both the condition and its negation hold: ${told()}`);
    if (!a.no && !b.no && isWhole(s) && !looksAtOptionalPart.has(extension.name))
      expect.fail(`neither the condition nor its negation holds: ${told()}`);
  }
}

// ---------------------------------------------------------------------------------------------- printing

function checkPrinting(extension: Extension, use: Accepted): void {
  const { drawn, answer, data } = use;
  const again = read(drawn, answer.printed, true);
  expect(again.errors, `${drawn.rule} printed as ${answer.printed}`).toEqual([]);
  expect(again.printed, drawn.rule).toBe(answer.printed);
  const [rule] = again.rules;
  const [second] = rule ? usesOf(rule, extension.kind, extension.name) : [];
  expect(second?.data, drawn.rule).toEqual(data);
  expect(JSON.parse(JSON.stringify(data)), drawn.rule).toEqual(data);

  // What iptables-save prints, where that keeps all conditions.
  const saved = read(drawn, drawn.rule, false).printed;
  if (saved === answer.printed) expect(read(drawn, saved, false).printed, drawn.rule).toBe(saved);
}

for (const extension of extensions) {
  test(`${extension.kind} ${extension.name}`, () => {
    let accepted = 0;
    let refusal = '';
    fc.assert(
      fc.property(arbitraryRule(extension), (drawn) => {
        const use = accept(extension, drawn);
        if (!use) {
          refusal = `${drawn.rule}: ${read(drawn, drawn.rule, true).errors[0]?.message}`;
          return;
        }
        accepted++;
        checkPrinting(extension, use);
        if (extension.kind === 'match') {
          checkPackets(extension, use);
          checkNegation(extension, use);
        }
      }),
      { numRuns: useCount, seed: 20_260_101 },
    );
    if (removed.has(extension.name)) expect(accepted).toBe(0);
    else expect(accepted, `only refused uses were drawn, such as ${refusal}`).toBeGreaterThan(0);
  });
}

describe('the arbitraries', () => {
  test('draw packets whose fields go together', () => {
    for (const family of ['ipv4', 'ipv6'] as const) {
      fc.assert(
        fc.property(arbitrarySituation(family), ({ packet, connection }) => {
          if (packet.fragmentOffsetBytes > 0) expect(packet.sport).toBe(undefined);
          expect(packet.sport === undefined).toBe(packet.dport === undefined);
          if (packet.protocol !== 6) expect(packet.tcpFlags).toBe(0);
          expect(connection.entry === undefined).toBe(
            connection.state === 'INVALID' || connection.state === 'UNTRACKED',
          );
        }),
      );
    }
  });
});
