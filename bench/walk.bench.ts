/**
 * Packets through compiled chains. The bars: at most 15 ns per rule that a column refuses, 1,000,000 packets/s through
 * an INPUT chain of 30 rules, 50,000 packets/s traced on their whole way, no memory per rule where only verdicts are
 * asked for.
 *
 *   node scripts/dev.mjs bench/walk.bench.ts large FILE…     these dumps alone
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { emptyPacket } from '../src/engine/icmp-error.ts';
import {
  compile,
  emptyState,
  judge,
  openTraversal,
  type Program,
  type Surroundings,
  simulate,
  type Traversal,
} from '../src/engine/simulate.ts';
import { extensions } from '../src/extensions/index.ts';
import { createRegistry } from '../src/extensions/registry.ts';
import { parse } from '../src/grammar/parse.ts';
import { link } from '../src/link/link.ts';
import { readMachine } from '../src/link/read-machine.ts';
import { type Packet, tcpFlag } from '../src/model/packet.ts';
import type { EntryPoint } from '../src/model/trace.ts';
import { type Address, type Family, ipv4, ipv6 } from '../src/net/address.ts';

const registry = createRegistry(extensions);

/** Pseudo-random numbers, the same in every run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
}

/** Median time of one run, in nanoseconds. */
function medianNs(run: () => void): number {
  for (let i = 0; i < 3; i++) run();
  const times: number[] = [];
  for (let total = 0; times.length < 7 || total < 1000; ) {
    const start = performance.now();
    run();
    const time = performance.now() - start;
    times.push(time);
    total += time;
  }
  times.sort((a, b) => a - b);
  return (times[times.length >> 1] ?? Number.NaN) * 1e6;
}

interface Line {
  readonly name: string;
  /** How many rules or packets one run works off. */
  readonly count: number;
  readonly run: () => void;
}

/** Prints each line's time per rule, its ratio to the first line, and the bar. */
function perRule(title: string, bar: string, lines: readonly Line[]): void {
  console.log(`${title} (bar: ${bar})`);
  let first: number | undefined;
  for (const { name, count, run } of lines) {
    const ns = medianNs(run) / count;
    first ??= ns;
    const against = ns === first ? 'yardstick' : `${(ns / first).toFixed(2)} × ${lines[0]?.name}`;
    console.log(`  ${ns.toFixed(2).padStart(8)} ns/rule  ${name}  (${against})`);
  }
}

/** Prints each line's packets per second, its ratio to the first line, and the bar. */
function perSecond(title: string, bar: string | undefined, lines: readonly Line[]): void {
  console.log(bar === undefined ? title : `${title} (bar: ${bar})`);
  let first: number | undefined;
  for (const { name, count, run } of lines) {
    const rate = (count / medianNs(run)) * 1e9;
    first ??= rate;
    const against = rate === first ? 'yardstick' : `${(rate / first).toFixed(2)} × ${lines[0]?.name}`;
    console.log(`  ${Math.round(rate).toLocaleString('en').padStart(12)} packets/s  ${name}  (${against})`);
  }
}

// ---------------------------------------------------------------------------------------------- rulesets

function packetOf(family: Family, src: Address, dst: Address, dport: number): Packet {
  return {
    ...emptyPacket({ family, src: dst, dst: src } as Packet, {}),
    protocol: 6,
    lengthBytes: 60,
    sport: 40000,
    dport,
    tcpFlags: tcpFlag.SYN,
    seq: 1000,
    window: 64240,
  };
}

function programOf(family: Family, text: string, context = ''): Program {
  const read = readMachine([{ name: 'bench', text: context + text }], { registry, family });
  return compile(
    read.rulesets.map((r) => r.linked.ruleset),
    read.machine,
    registry,
  );
}

function filter(rules: readonly string[]): string {
  return `*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n${rules.join('\n')}\nCOMMIT\n`;
}

function inputOf(family: Family, rules: readonly string[]): Traversal {
  const place = { family, table: 'filter', hook: 'INPUT' } as const;
  const program = programOf(family, filter(rules));
  const traversal = openTraversal(program, emptyState(), place);
  const read = program.families[family].chain('filter', 'INPUT')?.size;
  if (!traversal || read !== rules.length) throw new Error(`${rules.length} rules, ${read} read`);
  return traversal;
}

const many = 10_000;

/** Rules of one kind, none of which takes the packet below. */
const simple: Readonly<Record<string, (i: number) => string>> = {
  'by source': (i) => `-A INPUT -s 10.${(i >> 8) & 255}.${i & 255}.0/24 -j DROP`,
  'by destination and port': (i) =>
    `-A INPUT -d 10.${(i >> 8) & 255}.${i & 255}.1/32 -p tcp -m tcp --dport ${1 + (i % 60000)} -j ACCEPT`,
  'by port': (i) => `-A INPUT -p tcp -m tcp --dport ${1024 + (i % 30000)} -j ACCEPT`,
  'by port, behind a comment and a state': (i) =>
    `-A INPUT -p tcp -m comment --comment web -m conntrack --ctstate NEW -m tcp --dport ${1024 + (i % 30000)} -j ACCEPT`,
  'by protocol': () => '-A INPUT -p udp -j ACCEPT',
  'by interface': (i) => `-A INPUT -i vnet${i} -j ACCEPT`,
  'by a pattern of interfaces': (i) => `-A INPUT -i vnet${i % 20}+ -j ACCEPT`,
  'by not this source, and ICMP type': (i) =>
    `-A INPUT ! -s 192.0.2.${i & 255}/32 -p icmp -m icmp --icmp-type ${i % 7} -j DROP`,
};

/** All four words of an address under their masks. */
const simple6 = (i: number): string =>
  `-A INPUT -s 2001:db8:${((i >> 8) & 255).toString(16)}:${(i & 255).toString(16)}::/64 -j DROP`;

const here: Surroundings = {
  inInterface: 'eth0',
  outInterface: undefined,
  connection: { state: 'NEW', direction: 'original', entry: undefined },
};
const packet4 = packetOf('ipv4', ipv4(0xc0000263), ipv4(0xcb007101), 80);
const packet6 = packetOf('ipv6', ipv6(0x20010db8, 0x99990000, 0, 1), ipv6(0x20010db8, 0, 0, 1), 80);

const ordinary = [
  '-A INPUT -i lo -j ACCEPT',
  '-A INPUT -m conntrack --ctstate INVALID -j DROP',
  '-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  '-A INPUT -s 198.51.100.0/24 -j DROP',
  ...Array.from(
    { length: 24 },
    (_, i) => `-A INPUT -s 192.168.${i % 4}.0/24 -i eth1 -p tcp -m tcp --dport ${8000 + i} -j ACCEPT`,
  ),
  '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT',
  '-A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT',
];

const gatewayContext = `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000
    link/ether 52:54:00:1f:02:02 brd ff:ff:ff:ff:ff:ff
    inet 203.0.113.1/24 brd 203.0.113.255 scope global eth0
3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000
    link/ether 52:54:00:1f:02:03 brd ff:ff:ff:ff:ff:ff
    inet 192.168.1.1/24 brd 192.168.1.255 scope global eth1
default via 203.0.113.254 dev eth0
192.168.1.0/24 dev eth1 proto kernel scope link src 192.168.1.1
203.0.113.0/24 dev eth0 proto kernel scope link src 203.0.113.1
net.ipv4.ip_forward = 1
`;
/** The machine's own address. */
const toItself = 0xcb007101;
const gatewayRules = readFileSync('rules-examples/gateway-web-in-forward.rules', 'utf8');

// ---------------------------------------------------------------------------------------------- (d) memory

/** Bytes of heap taken by verdicts on a chain of so many rules; the collector must not run in between. */
function bytesTaken(rules: number, packets: number): number {
  const traversal = inputOf(
    'ipv4',
    Array.from({ length: rules }, (_, i) => mixed(i)),
  );
  const ask = (count: number): void => {
    for (let k = 0; k < count; k++) traversal.verdict(packet4, here);
  };
  // Long enough for the optimising compiler.
  ask(20 + Math.ceil(20_000_000 / rules));
  // The least of several runs: compiler threads and inline caches take memory of their own at times.
  const taken = Array.from({ length: 7 }, () => {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    ask(packets);
    return process.memoryUsage().heapUsed - before;
  });
  return Math.min(...taken);
}

const kinds = Object.values(simple);
const mixed = (i: number): string => kinds[i % kinds.length]?.(i) ?? '';

const [, , mode, ...files] = process.argv;
if (mode === 'memory') {
  const packets = 500;
  const [few, lots] = [bytesTaken(100, packets), bytesTaken(many, packets)];
  const perRule = (lots - few) / (packets * (many - 100));
  console.log(`memory where only verdicts are asked for (bar: none per rule)`);
  console.log(`  ${(few / packets).toFixed(0).padStart(8)} bytes/packet  100 rules`);
  console.log(
    `  ${(lots / packets).toFixed(0).padStart(8)} bytes/packet  ${many.toLocaleString('en')} rules`,
  );
  console.log(`  ${perRule.toFixed(4).padStart(8)} bytes/rule`);
} else if (mode === 'large') for (const file of files) large(file, readFileSync(file, 'utf8'));
else run();

function run(): void {
  // -------------------------------------------------------------------------------------------- (a) a long chain
  const words = new Uint32Array(many).map((_, i) => 0x0a000000 + i * 256);
  const masks = new Uint32Array(many).fill(0xffffff00);
  /** Read at the end, so that no answer goes unused. */
  let passed = 0;
  const passOver = (traversal: Traversal, packet: Packet) => () => {
    for (let k = 0; k < 100; k++) if (traversal.verdict(packet, here) === 'drop') passed++;
  };
  const loop = (a: number): number => {
    for (let i = 0; i < many; i++) if (((a ^ (words[i] ?? 0)) & (masks[i] ?? 0)) === 0) return i;
    return many;
  };
  const rulesOf = (rule: (i: number) => string): string[] => Array.from({ length: many }, (_, i) => rule(i));
  perRule('a chain of 10,000 rules, each passed over', '15 ns', [
    {
      name: 'a bare loop over addresses and masks',
      count: 100 * many,
      run: () => {
        for (let k = 0; k < 100; k++) passed += loop(packet4.src.w3 + (k & 1));
      },
    },
    ...Object.entries(simple).map(([name, rule]) => ({
      name,
      count: 100 * many,
      run: passOver(inputOf('ipv4', rulesOf(rule)), packet4),
    })),
    {
      name: 'all of these by turns',
      count: 100 * many,
      run: passOver(inputOf('ipv4', rulesOf(mixed)), packet4),
    },
    { name: 'by IPv6 source', count: 100 * many, run: passOver(inputOf('ipv6', rulesOf(simple6)), packet6) },
  ]);

  // -------------------------------------------------------------------------------------------- (b) an INPUT chain
  const random = generator(7);
  const packets = Array.from({ length: 1000 }, () => {
    const src = [0xc0000200, 0xc6336400, 0xc0a80000, 0xc0a80100][random(4)] as number;
    return packetOf(
      'ipv4',
      ipv4(src + random(256)),
      ipv4(0xcb007101),
      [22, 80, 443, 8000 + random(24)][random(4)] as number,
    );
  });
  const traverse = (traversal: Traversal) => () => {
    for (const packet of packets) if (traversal.verdict(packet, here) === 'accept') passed++;
  };
  const short = programOf('ipv4', filter(ordinary), gatewayContext);
  const arrives: EntryPoint = { kind: 'arrives', inInterface: 'eth0' };
  const state = emptyState();
  perSecond('an INPUT chain of 30 rules, verdicts alone', '1,000,000 packets/s', [
    { name: 'the chain', count: packets.length, run: traverse(inputOf('ipv4', ordinary)) },
    {
      name: 'the chain, with rules that log',
      count: packets.length,
      run: traverse(inputOf('ipv4', [...ordinary.slice(0, 29), '-A INPUT -j LOG'])),
    },
    {
      name: 'all hooks, connections and routing',
      count: packets.length,
      run: () => {
        for (const packet of packets)
          if (judge(short, state, packet, arrives, 0).fate.kind === 'local') passed++;
      },
    },
  ]);

  // -------------------------------------------------------------------------------------------- (c) whole paths
  const gateway = programOf('ipv4', gatewayRules, gatewayContext);
  const inside: EntryPoint = { kind: 'arrives', inInterface: 'eth1' };
  const traffic = Array.from({ length: 1000 }, (): readonly [Packet, EntryPoint] => {
    const dport = [22, 25, 80, 443, 5432][random(5)] as number;
    const outside = ipv4(0xc0000200 + random(256));
    if (random(2) === 0) return [packetOf('ipv4', outside, ipv4(0xcb007101), dport), arrives];
    return [packetOf('ipv4', ipv4(0xc0a80110 + random(64)), outside, dport), inside];
  });
  /** Every packet is new to a machine that just booted, or the machine goes on from one to the next. */
  const all =
    (
      walk: (from: typeof state, packet: Packet, entry: EntryPoint, i: number) => typeof state,
      carry: boolean,
    ) =>
    () => {
      let now = state;
      traffic.forEach(([packet, entry], i) => {
        const next = walk(now, packet, entry, i);
        if (carry) now = next;
      });
    };
  const traced =
    (detail: 'matched' | 'all'): Parameters<typeof all>[0] =>
    (from, packet, entry, i) =>
      simulate(gateway, from, packet, entry, i, {}, { detail }).state;
  const judged: Parameters<typeof all>[0] = (from, packet, entry, i) =>
    judge(gateway, from, packet, entry, i).state;
  const count = traffic.length;
  perSecond('the whole path through a gateway', '50,000 packets/s traced', [
    { name: 'traced', count, run: all(traced('matched'), false) },
    { name: 'traced, the state carried on', count, run: all(traced('matched'), true) },
    { name: 'traced with every miss', count, run: all(traced('all'), false) },
    { name: 'verdicts alone', count, run: all(judged, false) },
    { name: 'verdicts alone, the state carried on', count, run: all(judged, true) },
  ]);

  // -------------------------------------------------------------------------------------------- (d) memory
  spawnSync(
    process.execPath,
    [
      '--expose-gc',
      '--min-semi-space-size=64',
      '--max-semi-space-size=64',
      fileURLToPath(import.meta.url),
      'memory',
    ],
    { stdio: 'inherit' },
  );

  // -------------------------------------------------------------------------------------------- (e) large rulesets
  large('100,000 simple rules', filter(Array.from({ length: 100_000 }, (_, i) => mixed(i))), toItself);
  large('a node of a cluster with 2,000 services', cluster(2000, 5));
  if (passed === 0) throw new Error('no packet came through');
}

/** Rules in the form of kube-proxy: services, each with its endpoints drawn by lot. */
function cluster(services: number, endpoints: number): string {
  const chains: string[] = [];
  const rules: string[] = [];
  const of = (i: number): string => i.toString(36).toUpperCase().padStart(16, 'X');
  for (let i = 0; i < services; i++) {
    const service = `KUBE-SVC-${of(i)}`;
    const address = `10.96.${i >> 8}.${i & 255}/32`;
    const port = 80 + (i % 9000);
    chains.push(service);
    rules.push(
      `-A KUBE-SERVICES -d ${address} -p tcp -m comment --comment "prod/web-${i}:http cluster IP" -m tcp --dport ${port} -j ${service}`,
      `-A ${service} ! -s 10.244.0.0/14 -d ${address} -p tcp -m comment --comment "prod/web-${i}:http cluster IP" -m tcp --dport ${port} -j KUBE-MARK-MASQ`,
    );
    for (let k = 0; k < endpoints; k++) {
      const endpoint = `KUBE-SEP-${of(i * endpoints + k)}`;
      const pod = `10.${244 + (i & 3)}.${(i >> 2) & 255}.${10 + k}`;
      const lot =
        k + 1 < endpoints
          ? `-m statistic --mode random --probability ${(1 / (endpoints - k)).toFixed(11)} `
          : '';
      chains.push(endpoint);
      rules.push(
        `-A ${service} -m comment --comment "prod/web-${i}:http -> ${pod}:8080" ${lot}-j ${endpoint}`,
        `-A ${endpoint} -s ${pod}/32 -m comment --comment "prod/web-${i}:http" -j KUBE-MARK-MASQ`,
        `-A ${endpoint} -p tcp -m comment --comment "prod/web-${i}:http" -m tcp -j DNAT --to-destination ${pod}:8080`,
      );
    }
  }
  return [
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    ':INPUT ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ':POSTROUTING ACCEPT [0:0]',
    ...['KUBE-SERVICES', 'KUBE-MARK-MASQ', ...chains].map((name) => `:${name} - [0:0]`),
    '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000',
    ...rules,
    'COMMIT',
    '',
  ].join('\n');
}

/** How long a large ruleset takes to be made ready, step by step, and how fast it is then. */
function large(title: string, text: string, destination = 0x0a600000): void {
  const ms = (what: () => void): number => {
    const times = Array.from({ length: 3 }, () => {
      globalThis.gc?.();
      const start = performance.now();
      what();
      return performance.now() - start;
    });
    return Math.min(...times);
  };
  let parsed = parse(text);
  const parsing = ms(() => {
    parsed = parse(text);
  });
  const options = { registry, family: 'ipv4' } as const;
  let linked = link(parsed, options);
  const linking = ms(() => {
    linked = link(parsed, options);
  });
  const { machine } = readMachine([{ name: 'bench', text: gatewayContext }], { registry });
  const rulesets = linked.rulesets.map((r) => r.ruleset);
  let program = compile(rulesets, machine, registry);
  const compiling = ms(() => {
    program = compile(rulesets, machine, registry);
  });
  const rules = rulesets.flatMap((r) => r.tables.flatMap((t) => t.chains.map((c) => c.rules.length)));
  const sum = rules.reduce((a, b) => a + b, 0);
  const times = [`parse ${parsing.toFixed(0)} ms`];
  for (const [name, time] of [
    ['link', linking],
    ['compile', compiling],
  ] as const)
    times.push(`${name} ${time.toFixed(0)} ms (${(time / parsing).toFixed(2)} × parse)`);
  console.log(
    `${title}: ${sum.toLocaleString('en')} rules, the longest chain ${Math.max(...rules).toLocaleString('en')}`,
  );
  console.log(`  ${times.join(', ')}`);

  const arrives: EntryPoint = { kind: 'arrives', inInterface: 'eth0' };
  const random = generator(11);
  const packets = Array.from({ length: 100 }, () =>
    packetOf(
      'ipv4',
      ipv4(0xc0000200 + random(256)),
      ipv4(destination === toItself ? toItself : destination + random(2000)),
      80 + random(2000),
    ),
  );
  const walk = (one: (packet: Packet) => unknown) => () => {
    for (const packet of packets) one(packet);
  };
  const tape = { random: 'no' };
  perSecond(`${title}, packets`, undefined, [
    {
      name: 'verdicts alone',
      count: 100,
      run: walk((p) => judge(program, emptyState(), p, arrives, 0, tape)),
    },
    { name: 'traced', count: 100, run: walk((p) => simulate(program, emptyState(), p, arrives, 0, tape)) },
    {
      name: 'traced with every miss',
      count: 100,
      run: walk((p) => simulate(program, emptyState(), p, arrives, 0, tape, { detail: 'all' })),
    },
  ]);
}
