/**
 * Goal: what a match may answer for a packet is what its packet set says. Method: every accepted line of the
 * extension tables, over coherent random packets; each answer that `compile` gives under some tape must be the
 * membership under some choice. Where a set has no choice, both are equal.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CompileContext, MatchEnv, Tri } from '../../src/extensions/define.ts';
import { lacksHeader } from '../../src/model/layer4-header.ts';
import type { Machine } from '../../src/model/machine.ts';
import type { Rule } from '../../src/model/ruleset.ts';
import type { Family } from '../../src/net/address.ts';
import { createCollector } from '../../src/packetset/boundaries.ts';
import { buildCodec } from '../../src/packetset/codec.ts';
import type { PacketView } from '../../src/packetset/packet-view.ts';
import { createPacketSpace } from '../../src/packetset/space-bdd.ts';
import { packetView } from '../packetset/expressions.ts';
import { allExtensions, extensionTables, runCase, type TableCase } from '../support/extension-tables.ts';

const samples = 40;
const assignments = 48;

/** A machine of which nothing is known. */
const machine = new Proxy(
  {},
  { get: () => ({ value: undefined, provenance: 'unknown', source: '' }) },
) as Machine;

const portProtocols = [6, 17, 33, 132, 136];

/** Takes from a random view what its protocol, fragment and conntrack state do not allow. */
function coherent(view: PacketView, family: Family, protocol: number | undefined): PacketView {
  const p = view.packet;
  const number = protocol ?? p.protocol;
  const later = p.fragmentOffsetBytes > 0;
  const ports = portProtocols.includes(number) && !later;
  const icmp = number === (family === 'ipv4' ? 1 : 58) && !later;
  const tracked = view.connection.state !== 'INVALID' && view.connection.state !== 'UNTRACKED';
  const entry = view.connection.entry ?? {
    original: { src: p.src, dst: p.dst, protocol: number, sport: p.sport ?? 0, dport: p.dport ?? 0 },
    reply: { src: p.dst, dst: p.src, protocol: number, sport: p.dport ?? 0, dport: p.sport ?? 0 },
    status: 0,
    mark: 5,
    zone: 0,
    helper: undefined,
    labels: [],
    packets: { original: 1, reply: 0 },
    bytes: { original: 60, reply: 0 },
    expiresMs: 0,
    master: undefined,
  };
  return {
    ...view,
    connection: { ...view.connection, entry: tracked ? entry : undefined },
    packet: {
      ...p,
      protocol: number,
      moreFragments: p.moreFragments && !later,
      sport: ports ? (p.sport ?? 80) : undefined,
      dport: ports ? (p.dport ?? 22) : undefined,
      tcpFlags: number === 6 && ports ? p.tcpFlags : 0,
      tcpOptions: number === 6 && ports ? p.tcpOptions : [],
      icmpType: icmp ? (p.icmpType ?? 8) : undefined,
      icmpCode: icmp ? (p.icmpCode ?? 0) : undefined,
      spi: (number === 50 || number === 51) && !later ? (p.spi ?? 4) : undefined,
      gid: p.uid === undefined ? undefined : (p.gid ?? 0),
    },
  };
}

function envOf(view: PacketView, c: TableCase, yes: boolean): MatchEnv {
  const hook = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'].includes(c.chain)
    ? c.chain
    : 'FORWARD';
  return {
    family: c.family,
    table: c.table,
    hook: hook as MatchEnv['hook'],
    inInterface: view.inInterface,
    outInterface: view.outInterface,
    physIn: undefined,
    physOut: undefined,
    connection: view.connection,
    hasSocket: view.packet.uid !== undefined,
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
    ask: (): Tri => (yes ? 1 : 0),
    readState: () => undefined,
    writeState: () => undefined,
    readSet: () => undefined,
    connections: () => [],
    hotDrop: (): Tri => 0,
  };
}

/** A coin for each variable, the same for the same seed. */
function coin(text: string, seed: number): boolean {
  let hash = seed * 0x9e3779b1;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return ((hash ^ (hash >>> 15)) & 1) === 1;
}

/** These take what stands in the place of a header for one. */
const readsAnyBytes: ReadonlySet<string> = new Set(['ecn', 'tcp', 'tcpmss', 'udp']);

function checkUse(rule: Rule, name: string, data: object, c: TableCase): void {
  const extension = allExtensions.match(name, c.family);
  if (!extension) throw new Error(`no match ${name}`);
  const context: CompileContext = {
    family: c.family,
    backend: 'nft',
    table: c.table,
    chain: c.chain,
    base: rule.base,
    slot: 'slot',
    machine,
  };
  const matcher = extension.compile(data, context);
  const collector = createCollector(c.family);
  extension.packets(data, collector.space, { family: c.family, base: rule.base, machine });
  const space = createPacketSpace(buildCodec(collector.boundaries()));
  const set = extension.packets(data, space, { family: c.family, base: rule.base, machine });
  const wanted = rule.base.protocol?.negated ? undefined : rule.base.protocol?.value;
  const views = fc.sample(packetView(c.family), { numRuns: samples, seed: 7 });
  for (const [i, random] of views.entries()) {
    const view = coherent(random, c.family, i % 4 === 0 ? undefined : wanted);
    // Sets speak of headers that are there.
    if (readsAnyBytes.has(name) && lacksHeader(view.packet)) continue;
    const membership = (seed: number): boolean =>
      space.contains(set, {
        ...view,
        choices: (v) => (seed === 0 ? false : seed === 1 ? true : coin(v.identity, seed)),
      });
    for (const yes of [false, true]) {
      const answer = matcher(view.packet, envOf(view, c, yes)) === 1;
      let possible = false;
      for (let seed = 0; seed < assignments && !possible; seed++) possible = membership(seed) === answer;
      if (!possible)
        expect.fail(
          `${c.family} ${c.rule}: compile says ${answer}, the set does not, of ${JSON.stringify(view)} (asked: ${yes})`,
        );
    }
  }
}

for (const table of extensionTables()) {
  if (table.kind !== 'match' || table.cases.every((c) => c.expected === undefined)) continue;
  describe(table.path, () => {
    const seen = new Set<string>();
    for (const c of table.cases) {
      const key = `${c.family} ${c.rule}`;
      if (c.expected === undefined || seen.has(key)) continue;
      seen.add(key);
      test(`${c.family} ${c.rule}`, () => {
        for (const rule of runCase(c, c.rule, true).rules)
          for (const use of rule.matches)
            if (use.extension === table.name && use.known)
              checkUse(rule, use.extension, use.data as object, c);
      });
    }
  });
}
