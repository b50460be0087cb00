/**
 * A universe small enough to send every packet of it: eight addresses, two ports, two interfaces, four states,
 * and one or two of each that no rule speaks of. Rulesets are drawn over the same few words.
 */
import fc from 'fast-check';
import { explore } from '../../src/engine/explore.ts';
import { compile, type Program } from '../../src/engine/program.ts';
import { emptyState } from '../../src/engine/simulate.ts';
import { parse } from '../../src/grammar/parse.ts';
import { defaultRegistry } from '../../src/index.ts';
import { readMachine } from '../../src/link/read-machine.ts';
import type { PacketSketch } from '../../src/lint/check.ts';
import { packetOf } from '../../src/lint/sketch.ts';
import type { Machine } from '../../src/model/machine.ts';
import type { Rule, Ruleset } from '../../src/model/ruleset.ts';
import { ipv4 } from '../../src/net/address.ts';

const registry = defaultRegistry();

/** One line of a drawn ruleset. */
export interface DrawnRule {
  readonly table: 'mangle' | 'filter';
  readonly chain: string;
  readonly conditions: readonly string[];
  readonly target: string;
}

const address = fc.constantFrom(
  '192.0.2.0/29',
  '192.0.2.0/30',
  '192.0.2.4/30',
  '192.0.2.2/31',
  '192.0.2.6/31',
  '192.0.2.1/32',
  '192.0.2.3/32',
  '192.0.2.6/32',
);
const maybeNot = fc.constantFrom('', '', '', '! ');

const condition = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(maybeNot, address).map(([n, a]) => `${n}-s ${a}`) },
  { weight: 2, arbitrary: fc.tuple(maybeNot, address).map(([n, a]) => `${n}-d ${a}`) },
  {
    weight: 2,
    arbitrary: fc.tuple(maybeNot, fc.constantFrom('eth0', 'eth1', 'eth+')).map(([n, i]) => `${n}-i ${i}`),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '-p tcp',
      '-p udp',
      '-p tcp -m tcp --dport 80',
      '-p tcp -m tcp --dport 443',
      '-p tcp -m multiport --dports 80,443',
      '-p tcp -m tcp ! --dport 80',
      '-p udp -m udp --dport 80:443',
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '-m conntrack --ctstate NEW',
      '-m conntrack --ctstate RELATED,ESTABLISHED',
      '-m conntrack ! --ctstate ESTABLISHED',
      '-m conntrack --ctstate INVALID',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('-m limit --limit 5/sec', '-m mark --mark 0x1', '-m mark ! --mark 0x1'),
  },
);

/** Conditions that may stand in one rule: no option twice. */
const conditions = fc.array(condition, { maxLength: 3 }).map((list) => {
  const seen = new Set<string>();
  return list.filter((text) => {
    const option = /-[sdip] |-m \w+/.exec(text)?.[0] ?? text;
    return seen.has(option) ? false : seen.add(option);
  });
});

const verdict = fc.constantFrom('-j ACCEPT', '-j DROP', '-j REJECT', '-j RETURN', '-j LOG', '');

function rulesOf(
  table: DrawnRule['table'],
  chain: string,
  below: readonly string[],
): fc.Arbitrary<DrawnRule[]> {
  const jumps = below.flatMap((c) => [`-j ${c}`, `-j ${c}`, `-g ${c}`]);
  const target = fc.oneof(
    {
      weight: 3,
      arbitrary:
        table === 'mangle'
          ? fc.constantFrom('-j MARK --set-xmark 0x1/0xffffffff', '-j ACCEPT', '-j RETURN', '-j DROP')
          : verdict,
    },
    ...(jumps.length > 0 ? [{ weight: 2, arbitrary: fc.constantFrom(...jumps) }] : []),
  );
  return fc.array(
    fc.record({ conditions, target }).map((r) => ({ table, chain, ...r })),
    { maxLength: below.length > 0 ? 5 : 3 },
  );
}

/** Rules of a few chains that call each other, and sometimes marks. */
export const drawnRules: fc.Arbitrary<readonly DrawnRule[]> = fc
  .tuple(
    fc.oneof(
      { weight: 3, arbitrary: fc.constant<DrawnRule[]>([]) },
      { weight: 1, arbitrary: rulesOf('mangle', 'PREROUTING', []) },
    ),
    rulesOf('filter', 'INPUT', ['a', 'b']),
    rulesOf('filter', 'FORWARD', ['a', 'b']),
    rulesOf('filter', 'a', ['b', 'c']),
    rulesOf('filter', 'b', ['c']),
    rulesOf('filter', 'c', []),
  )
  .map((lists) => lists.flat());

const declarations = {
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'].map((c) => `:${c} ACCEPT [0:0]`),
  filter: ['INPUT ACCEPT', 'FORWARD DROP', 'OUTPUT ACCEPT', 'a -', 'b -', 'c -'].map((c) => `:${c} [0:0]`),
};

/** The rules as iptables-save would print them. */
export function textOf(rules: readonly DrawnRule[]): string {
  return (['mangle', 'filter'] as const)
    .map((table) => {
      const lines = rules
        .filter((r) => r.table === table)
        .map((r) => ['-A', r.chain, ...r.conditions, r.target].filter((w) => w !== '').join(' '));
      return [`*${table}`, ...declarations[table], ...lines, 'COMMIT', ''].join('\n');
    })
    .join('');
}

/** A text read and compiled. */
export interface ReadText {
  readonly ruleset: Ruleset;
  readonly machine: Machine;
  readonly program: Program;
  /** All rules, in the order of the text. */
  readonly rules: readonly Rule[];
}

/** Reads a text of this universe, with what other commands say behind it. Throws where it would not load. */
export function readText(text: string): ReadText {
  const read = readMachine([{ name: 'drawn', text }], { registry, family: 'ipv4' });
  const ruleset = read.rulesets[0]?.linked.ruleset;
  if (ruleset === undefined || read.diagnostics.some((d) => d.severity === 'error'))
    throw new Error(
      `drawn rules do not load: ${parse(text).diagnostics[0]?.message ?? read.diagnostics[0]?.message}`,
    );
  const rules = ruleset.tables
    .flatMap((t) => t.chains.flatMap((c) => c.rules))
    .sort((a, b) => a.line - b.line);
  return { ruleset, machine: read.machine, program: compile([ruleset], read.machine, registry), rules };
}

/** The eight addresses that rules speak of, and one that they do not. */
const addresses = [...Array.from({ length: 8 }, (_, i) => ipv4(0xc0000200 + i)), ipv4(0xc6336407)];
const services: readonly (readonly [protocol: number, dport: number | undefined])[] = [
  [6, 80],
  [6, 443],
  [6, 22],
  [17, 80],
  [17, 53],
  [1, undefined],
];

/** Every packet of the universe. */
export function* packets(): Generator<PacketSketch> {
  for (const inInterface of ['eth0', 'eth1', 'eth2', 'ppp0', undefined])
    for (const src of addresses)
      for (const dst of addresses)
        for (const state of ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID'] as const)
          for (const [protocol, dport] of services) {
            const packet = { inInterface, src, dst, protocol, dport, sport: dport && 40_000, state };
            yield packet;
            // A process may mark what it sends.
            if (inInterface === undefined) yield { ...packet, mark: 1 };
          }
}

/** Numbers (`Rule.id`) of the rules that match the packet under some answers to what it does not decide. */
export function matchedBy(program: Program, sketch: PacketSketch): ReadonlySet<number> {
  const { packet, entry } = packetOf(sketch);
  const matched = new Set<number>();
  for (const { trace } of explore(program, emptyState(), packet, entry, undefined).branches)
    for (const event of trace.events) if (event.kind === 'rule') matched.add(event.rule.id);
  return matched;
}
