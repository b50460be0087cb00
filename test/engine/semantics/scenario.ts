/** Small machines of our own, and recorded ones, for the tests of single behaviours. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { KernelCase } from '../../../src/dev/conform-case.ts';
import { compareAnswers } from '../../../src/dev/conform-compare.ts';
import { runCase } from '../../../src/dev/conform-run.ts';
import { emptyPacket } from '../../../src/engine/icmp-error.ts';
import { compile, emptyState, simulate } from '../../../src/engine/simulate.ts';
import { defaultRegistry, link, parse, readMachine } from '../../../src/index.ts';
import type { Backend } from '../../../src/model/netfilter.ts';
import { type Packet, tcpFlag } from '../../../src/model/packet.ts';
import type { EntryHints, EntryPoint, Fate, Trace } from '../../../src/model/trace.ts';
import { type Family, ipv4 } from '../../../src/net/address.ts';
import { addressText, parseAddress } from '../../../src/net/address-text.ts';

const registry = defaultRegistry();

const cases = new Map(
  gunzipSync(
    readFileSync(join(import.meta.dirname, '..', '..', 'fixtures', 'kernel-cases', 'named.jsonl.gz')),
  )
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as KernelCase)
    .map((c) => [c.id, c]),
);

/** A numbered behaviour that recordings show: each of them is replayed, and the engine does the same. */
export function recorded(number: string, says: string, ...ids: readonly string[]): void {
  test(`${number} ${says}`, () => {
    expect(ids.length).toBeGreaterThan(0);
    for (const id of ids) {
      const c = cases.get(id);
      if (!c) throw new Error(`no recording ${id}`);
      const { answers } = runCase(c, registry);
      expect(answers.map((a, i) => compareAnswers(a, c.expect[i] ?? { fate: '?' }))).toEqual(
        answers.map(() => []),
      );
    }
  });
}

/** A numbered behaviour that a scenario of our own shows. */
export function shown(number: string, says: string, body: () => void): void {
  test(`${number} ${says}`, body);
}

/** A packet by its main fields: TCP SYN unless said otherwise. */
export type PacketFields = Partial<Omit<Packet, 'src' | 'dst'>> & {
  readonly src: string;
  readonly dst: string;
};

/** Makes a packet of its main fields. */
export function packetOf(fields: PacketFields): Packet {
  const family: Family = fields.src.includes(':') ? 'ipv6' : 'ipv4';
  const address = (text: string): Packet['src'] => parseAddress(family, text) ?? ipv4(0);
  const base = emptyPacket({ family, src: ipv4(0), dst: ipv4(0) } as Packet, {});
  const protocol = fields.protocol ?? 6;
  const ports = protocol === 6 || protocol === 17 ? { sport: 40000, dport: 80 } : {};
  return {
    ...base,
    protocol,
    lengthBytes: family === 'ipv4' ? 40 : 60,
    tcpFlags: protocol === 6 ? tcpFlag.SYN : 0,
    seq: 1000,
    window: 64240,
    ...ports,
    ...fields,
    src: address(fields.src),
    dst: address(fields.dst),
  };
}

/** How a fate is written in the tests: `forward eth1`, `drop filter/FORWARD`, `route-drop FORWARD reverse-path`. */
function fateText(fate: Fate): string {
  switch (fate.kind) {
    case 'local':
      return `local ${fate.inInterface}`;
    case 'forward':
    case 'sent':
      return `${fate.kind} ${fate.outInterface}`;
    case 'drop':
      return `drop ${fate.at.table}/${fate.at.chain}${'number' in fate.at ? `#${fate.at.number}` : ''}`;
    case 'route-drop':
      return `route-drop ${fate.after} ${fate.reason}`;
    case 'ingress-drop':
      return `ingress-drop ${fate.reason}`;
    case 'send-error':
      return `send-error ${fate.errno}`;
    case 'undecided':
      return `undecided ${fate.question.key}`;
    default:
      return fate.kind;
  }
}

/** A packet's way: its hooks with their interfaces, the rules that matched, how it ended. */
export interface Way {
  readonly hooks: readonly string[];
  readonly rules: readonly string[];
  readonly fate: string;
  readonly left: Packet | undefined;
  readonly trace: Trace;
}

function wayOf(trace: Trace): Way {
  const { fate } = trace;
  return {
    hooks: trace.events.flatMap((e) =>
      e.kind === 'hook'
        ? `${e.hook} ${e.inInterface ?? '-'}${e.physIn ? `(${e.physIn})` : ''} ${e.outInterface ?? '-'}${e.physOut ? `(${e.physOut})` : ''}`
        : [],
    ),
    rules: trace.events.flatMap((e) =>
      e.kind === 'rule' ? `${e.rule.table}/${e.rule.chain}#${e.rule.number}` : [],
    ),
    fate: fateText(fate),
    left: 'packet' in fate ? fate.packet : undefined,
    trace,
  };
}

/** Packets that the kernel made on the way, with why. */
export function generatedBy(trace: Trace): readonly (readonly [cause: string, way: Way])[] {
  return trace.events.flatMap((e) => (e.kind === 'generated' ? [[e.cause, wayOf(e.trace)] as const] : []));
}

/** `src:sport > dst:dport` */
export function endsOf(p: Packet | undefined): string {
  if (!p) return '';
  const end = (a: Packet['src'], port: number | undefined): string =>
    port === undefined ? addressText(a) : `${addressText(a)}:${port}`;
  return `${end(p.src, p.sport)} > ${end(p.dst, p.dport)}`;
}

/** A ruleset's lines as a back end reads them. */
export function linked(rules: string, backend: Backend) {
  return link(parse(`${rules.trim()}\n`), { registry, family: 'ipv4', backend });
}

/** A machine: outputs of ip and sysctl, and a ruleset's lines. Packets go through it in order. */
export function machine(
  context: string,
  rules: string,
  options: {
    readonly tape?: Readonly<Record<string, string>>;
    readonly family?: Family;
    readonly backend?: Backend;
  } = {},
) {
  const { machine: m } = readMachine([{ name: 'context', text: context }], { registry });
  const linked = link(parse(`${rules.trim()}\n`), {
    registry,
    family: options.family ?? 'ipv4',
    backend: options.backend ?? 'nft',
  });
  const program = compile(
    linked.rulesets.map((r) => r.ruleset),
    m,
    registry,
  );
  let state = emptyState();
  const run = (packet: Packet, entry: EntryPoint, timeMs: number): Way => {
    const { trace, state: next } = simulate(program, state, packet, entry, timeMs, options.tape ?? {});
    state = next;
    return wayOf(trace);
  };
  return {
    machine: m,
    arrives: (inInterface: string, p: PacketFields, hints: EntryHints = {}, timeMs = 0): Way =>
      run(packetOf(p), { kind: 'arrives', inInterface, hints }, timeMs),
    sends: (p: PacketFields, hints: EntryHints = {}, timeMs = 0): Way =>
      run(packetOf(p), { kind: 'local', hints }, timeMs),
  };
}

/** eth0 outside, eth1 inside, a bridge br0 with the ports veth1 and veth2. */
export const gateway = `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
2: eth0: <UP,LOWER_UP> mtu 1500
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 203.0.113.1/24 brd 203.0.113.255 scope global eth0
3: eth1: <UP,LOWER_UP> mtu 1500
    link/ether 02:00:00:00:00:02 brd ff:ff:ff:ff:ff:ff
    inet 192.168.1.1/24 brd 192.168.1.255 scope global eth1
4: br0: <UP,LOWER_UP> mtu 1500
    link/ether 02:00:00:00:00:04 brd ff:ff:ff:ff:ff:ff
    inet 10.0.0.1/24 brd 10.0.0.255 scope global br0
5: veth1: <UP,LOWER_UP> mtu 1500 master br0
    link/ether 02:00:00:00:00:05 brd ff:ff:ff:ff:ff:ff
6: veth2: <UP,LOWER_UP> mtu 1500 master br0
    link/ether 02:00:00:00:00:06 brd ff:ff:ff:ff:ff:ff
default via 203.0.113.254 dev eth0
203.0.113.0/24 dev eth0 proto kernel scope link src 203.0.113.1
192.168.1.0/24 dev eth1 proto kernel scope link src 192.168.1.1
10.0.0.0/24 dev br0 proto kernel scope link src 10.0.0.1
net.ipv4.ip_forward = 1
`;

/** The built-in chains of filter with ACCEPT, around rules. */
export const filter = (...rules: readonly string[]): string =>
  [
    '*filter',
    ':INPUT ACCEPT [0:0]',
    ':FORWARD ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ...rules,
    'COMMIT',
  ].join('\n');

/** The same of another table. */
export const table = (name: string, chains: string, ...rules: readonly string[]): string =>
  [`*${name}`, ...chains.split(' ').map((c) => `:${c} ACCEPT [0:0]`), ...rules, 'COMMIT'].join('\n');
