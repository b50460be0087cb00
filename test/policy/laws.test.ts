/**
 * Goal: what a test of a policy is answered is what packets do. Method: rulesets put together from a few rules of a
 * gateway with NAT; whatever is proved or refuted is held against walks of the engine, packet by packet, and against
 * packets that a kernel was seen to judge.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { entryOf, familyOf, type KernelCase, machineOf, readPacket } from '../../src/dev/conform-case.ts';
import { compile } from '../../src/engine/program.ts';
import { parse } from '../../src/grammar/parse.ts';
import { link } from '../../src/link/link.ts';
import { prefix } from '../../src/net/address.ts';
import { createBench } from '../../src/policy/bench.ts';
import { fatesOfExpectation } from '../../src/policy/claims.ts';
import { expectations, noNames, type PolicyTest, plainTest, unplaced } from '../../src/policy/policy.ts';
import { proveTest } from '../../src/policy/prove.ts';
import { runPolicy } from '../../src/policy/run.ts';
import { defaultRegistry } from '../../src/registry.ts';
import { waysOf } from '../../src/trace/outcome.ts';
import { replyEnd } from '../../src/trace/reply.ts';
import { tracePacket } from '../../src/trace/trace-packet.ts';

const registry = defaultRegistry();

const menu = {
  raw: [
    '-A PREROUTING -i eth0 -d 192.168.1.0/24 -j DROP',
    '-A PREROUTING -i eth1 -s 192.168.1.10 -p tcp -m tcp --sport 8443 -j DROP',
    '-A PREROUTING -p udp -m udp --dport 53 -j CT --notrack',
  ],
  pre: [
    '-A PREROUTING -d 203.0.113.1 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.10:8443',
    '-A PREROUTING -i eth0 -p udp -m udp --dport 53 -j DNAT --to-destination 192.168.1.53',
    '-A PREROUTING -i eth1 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 3128',
  ],
  post: [
    '-A POSTROUTING -s 192.168.1.128/25 -j ACCEPT',
    '-A POSTROUTING -o eth0 -j MASQUERADE',
    '-A POSTROUTING -s 192.168.1.0/24 -o eth0 -p udp -j SNAT --to-source 203.0.113.5',
  ],
  filter: [
    '-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-A INPUT -i eth1 -p tcp -m tcp --dport 3128 -j ACCEPT',
    '-A INPUT -p tcp -m tcp --dport 22 -m limit --limit 3/min -j ACCEPT',
    '-A FORWARD -s 192.168.1.10 -p tcp -m tcp --sport 8443 -j DROP',
    '-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-A FORWARD -d 192.168.1.0/25 -m conntrack --ctstate ESTABLISHED -j ACCEPT',
    '-A FORWARD -i eth1 -o eth0 -p tcp -m tcp --sport 8443 -j ACCEPT',
    '-A FORWARD -i eth0 -p tcp -m tcp --dport 8443 -j ACCEPT',
    '-A FORWARD -i eth1 -o eth0 -j ACCEPT',
    '-A FORWARD -i eth0 -p udp -m udp --dport 53 -j REJECT --reject-with icmp-port-unreachable',
    '-A FORWARD -p udp -m udp --dport 53 -j ACCEPT',
    '-A OUTPUT -p tcp -m tcp --sport 3128 -d 192.168.1.128/25 -j DROP',
  ],
} as const;

const context = `[{"ifname":"eth0","addr_info":[{"family":"inet","local":"203.0.113.1","prefixlen":24,"scope":"global"}]},{"ifname":"eth1","addr_info":[{"family":"inet","local":"192.168.1.1","prefixlen":24,"scope":"global"}]}]
default via 203.0.113.254 dev eth0
203.0.113.0/24 dev eth0 proto kernel scope link src 203.0.113.1
192.168.1.0/24 dev eth1 proto kernel scope link src 192.168.1.1
net.ipv4.ip_forward = 1
`;

const chains = {
  raw: ['PREROUTING', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
} as const;

const table = (name: keyof typeof chains, rules: readonly string[]): string =>
  `*${name}\n${chains[name]
    .map((chain) => `:${chain} ${name === 'filter' && chain !== 'OUTPUT' ? 'DROP' : 'ACCEPT'} [0:0]\n`)
    .join('')}${rules.map((rule) => `${rule}\n`).join('')}COMMIT\n`;

const machines = fc
  .record({
    raw: fc.subarray([...menu.raw]),
    pre: fc.subarray([...menu.pre]),
    post: fc.shuffledSubarray([...menu.post]),
    filter: fc.shuffledSubarray([...menu.filter]),
  })
  .map(({ raw, pre, post, filter }) => [
    { name: 'gw.rules', text: table('raw', raw) + table('nat', [...pre, ...post]) + table('filter', filter) },
    { name: 'gw.context', text: context },
  ]);

const pool = {
  ways: [
    {
      in: 'eth0',
      from: ['198.51.100.7', '203.0.113.77'],
      to: ['203.0.113.1', '192.168.1.10', '192.168.1.200'],
    },
    {
      in: 'eth1',
      from: ['192.168.1.7', '192.168.1.200'],
      to: ['203.0.113.1', '198.51.100.7', '192.168.1.1'],
    },
  ],
  services: [
    '-p tcp --dport 443',
    '-p tcp --dport 80',
    '-p tcp --dport 22',
    '-p udp --dport 53',
    '-p tcp --dport 8443',
  ],
} as const;

/** Every packet that is tried on a machine. */
const packets = pool.ways.flatMap((way) =>
  way.from.flatMap((src) =>
    way.to.flatMap((dst) => pool.services.map((service) => `-i ${way.in} -s ${src} -d ${dst} ${service}`)),
  ),
);
/** Questions about sets that hold some of them. */
const questions = pool.ways.flatMap((way) => pool.services.map((service) => `-i ${way.in} ${service}`));

const about = (text: string, more: Partial<PolicyTest>): PolicyTest => ({
  ...plainTest,
  name: text,
  packets: [unplaced(text)],
  ...more,
});

const runs = { numRuns: 25, seed: 20_260_101 };
const kindOf = (kind: string): string => kind.replace(/^hook-|^send-error$/, '');

describe('what is said of one packet', () => {
  test('is proved if it ends so on every way, and refuted if on none', () => {
    const counts: Record<string, number> = {};
    fc.assert(
      fc.property(machines, fc.subarray(packets, { minLength: 3, maxLength: 3 }), (texts, some) => {
        const tests = some.flatMap((text) => expectations.map((expect) => about(text, { expect })));
        const run = runPolicy(texts, { names: noNames, tests }, { registry });
        for (const { test: one, claims } of run.tests) {
          const { traced } = tracePacket(texts, {
            registry,
            expression: one.name.split(' '),
            reply: false,
          });
          const ends = traced?.exploration.branches.map((b) => kindOf(b.trace.fate.kind)) ?? [];
          expect(ends.length).toBeGreaterThan(0);
          const wanted: readonly string[] = fatesOfExpectation[one.expect ?? 'accept'];
          const [claim] = claims;
          const verdict = claim?.verdict ?? '';
          counts[verdict] = (counts[verdict] ?? 0) + 1;
          const holds = ends.filter((end) => wanted.includes(end)).length;
          if (verdict === 'proved')
            expect([one.name, one.expect, holds]).toEqual([one.name, one.expect, ends.length]);
          if (verdict === 'refuted') expect([one.name, one.expect, holds]).toEqual([one.name, one.expect, 0]);
          if (claim?.witness) expect(wanted).not.toContain(kindOf(claim.witness.trace.fate.kind));
        }
      }),
      { ...runs, numRuns: 12 },
    );
    expect(counts['proved']).toBeGreaterThan(20);
    expect(counts['refuted']).toBeGreaterThan(20);
    expect(counts['undecided'] ?? 0).toBe(0);
  });
});

describe('what is said of answers', () => {
  test('is proved only where the engine loses none of them', () => {
    const counts: Record<string, number> = {};
    fc.assert(
      fc.property(machines, fc.subarray(questions, { minLength: 2, maxLength: 2 }), (texts, some) => {
        const tests = some.map((text) => about(text, { replyPasses: true }));
        const run = runPolicy(texts, { names: noNames, tests }, { registry });
        for (const { test: one, claims } of run.tests) {
          const claim = claims.find((c) => c.kind === 'reply');
          const verdict = claim?.verdict ?? '';
          counts[verdict] = (counts[verdict] ?? 0) + 1;
          if (verdict !== 'proved') continue;
          const [way, ...service] = [
            one.name.split(' ').slice(0, 2).join(' '),
            ...one.name.split(' ').slice(2),
          ];
          for (const packet of packets) {
            if (!packet.startsWith(`${way} `) || !packet.endsWith(service.join(' '))) continue;
            const { traced } = tracePacket(texts, { registry, expression: packet.split(' ') });
            for (const [branch, reply] of traced?.replies ?? [])
              if (reply.kind === 'walked')
                for (const back of waysOf(reply.ways))
                  expect([packet, replyEnd(branch.trace, back.branch.trace)]).toEqual([packet, 'comes-back']);
          }
        }
      }),
      runs,
    );
    expect(counts['proved']).toBeGreaterThan(5);
    expect(counts['refuted']).toBeGreaterThan(5);
  });
});

describe('the source in the end', () => {
  test('is the one that the engine gives', () => {
    const counts: Record<string, number> = {};
    fc.assert(
      fc.property(
        machines,
        fc.constantFrom(...packets.filter((p) => p.startsWith('-i eth1'))),
        fc.constantFrom('203.0.113.1', '203.0.113.5', '192.168.1.0/24'),
        (texts, packet, source) => {
          const one = about(packet, { sourceTranslatedTo: [unplaced(source)] });
          const run = runPolicy(texts, { names: noNames, tests: [one] }, { registry });
          const claim = run.tests[0]?.claims.find((c) => c.kind === 'source-translated-to');
          const verdict = claim?.verdict ?? '';
          counts[verdict] = (counts[verdict] ?? 0) + 1;
          const { traced } = tracePacket(texts, { registry, expression: packet.split(' '), reply: false });
          for (const { trace } of traced?.exploration.branches ?? []) {
            const { fate } = trace;
            if (fate.kind !== 'local' && fate.kind !== 'forward') continue;
            const { w3 } = fate.packet.src;
            const holds = source.endsWith('/24')
              ? w3 >>> 8 === 0xc0a801
              : w3 === 0xcb007100 + Number(source.slice(10));
            if (verdict === 'proved') expect([packet, source, holds]).toEqual([packet, source, true]);
            if (verdict === 'refuted') expect([packet, source, holds]).toEqual([packet, source, false]);
          }
        },
      ),
      { ...runs, numRuns: 60 },
    );
    expect(counts['proved']).toBeGreaterThan(5);
    expect(counts['refuted']).toBeGreaterThan(5);
  });
});

// ---------------------------------------------------------------------------------------------- recorded packets

const fixtures = join(import.meta.dirname, '..', 'fixtures', 'kernel-cases');

/** Fates of recordings in the words of sets. */
const recordedFates: Readonly<Record<string, string>> = {
  local: 'local',
  forward: 'forward',
  sent: 'sent',
  drop: 'drop',
  reject: 'reject',
  route_drop: 'route-drop',
};

/** A packet of a case by its header alone: of any state, since others were sent before it. */
function recordedTests(c: KernelCase) {
  const family = familyOf(c);
  const machine = machineOf(c);
  const setNames = new Set((machine.sets.value ?? []).map((s) => s.name));
  const linked = link(parse(c.ruleset), { registry, family, backend: 'nft', setNames });
  const [ruleset] = linked.rulesets;
  if (ruleset === undefined) return [];
  const program = compile([ruleset.ruleset], machine, registry);
  const sets = c.packets.map((p) => {
    const packet = readPacket(p, family, machine);
    const entry = entryOf(p);
    return {
      local: entry.kind === 'local',
      describe: (space: Parameters<Parameters<typeof createBench>[0]['queries'][number]>[0]) => {
        const bits = family === 'ipv4' ? 32 : 128;
        const parts = [
          space.interval('protocol', packet.protocol, packet.protocol),
          space.network('src', prefix(packet.src, bits)),
          space.network('dst', prefix(packet.dst, bits)),
          packet.sport === undefined ? space.all : space.interval('sport', packet.sport, packet.sport),
          packet.dport === undefined ? space.all : space.interval('dport', packet.dport, packet.dport),
          packet.icmpType === undefined
            ? space.all
            : space.interval('icmpType', packet.icmpType, packet.icmpType),
          entry.kind === 'local'
            ? space.all
            : space.interface('in', { name: entry.inInterface, exact: true }),
        ];
        return parts.reduce(space.and, space.all);
      },
    };
  });
  const bench = createBench({
    read: {
      texts: [],
      rulesets: [],
      machine,
      facts: undefined as never,
      diagnostics: [],
      unclaimed: [],
      assumed: [],
    },
    program,
    registry,
    ruleset: { linked: ruleset, place: undefined } as never,
    tape: {},
    queries: sets.map((s) => s.describe),
    nodesMax: 2 ** 21,
  });
  return c.expect.flatMap((answer, i) => {
    const recorded = recordedFates[answer.fate];
    const set = sets[i];
    // Sets leave out size and age: what the kernel says of them in answer to a packet.
    const aside = answer.fate === 'route_drop' && (answer.generated ?? []).length > 0;
    if (recorded === undefined || set === undefined || aside) return [];
    return expectations.map((expect) => {
      const test = about('', { expect, anyState: true, local: set.local });
      const none = { out: undefined, target: undefined, newSource: undefined, sources: undefined };
      const [every] = proveTest(bench, { test, packets: set.describe, ...none });
      const [some] = proveTest(bench, { test: { ...test, some: true }, packets: set.describe, ...none });
      const holds = (fatesOfExpectation[expect] as readonly string[]).includes(recorded);
      return { what: `${c.id} packet ${i} ${expect}`, every: every?.verdict, some: some?.verdict, holds };
    });
  });
}

describe.each([
  ['named', 6],
  ['ipv4-sample', 48],
  ['ipv6-sample', 48],
] as const)('recorded packets of %s', (name, step) => {
  const cases = gunzipSync(readFileSync(join(fixtures, `${name}.jsonl.gz`)))
    .toString('utf8')
    .split('\n')
    .filter((line, i) => line !== '' && i % step === 0)
    .map((line) => JSON.parse(line) as KernelCase);
  let proved = 0;

  test.each(cases.map((c) => [c.id, c] as const))('%s: end as is proved, not as is refuted', (_id, c) => {
    const answers = recordedTests(c);
    const wrong = answers.filter(
      ({ every, some, holds }) => (every === 'proved' && !holds) || (some === 'refuted' && holds),
    );
    expect(wrong).toEqual([]);
    proved += answers.filter(({ every }) => every === 'proved').length;
  });

  test('are often surely judged', () => {
    expect(proved).toBeGreaterThan(3);
  });
});
