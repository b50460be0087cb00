/**
 * Goal: what a target does to one packet is what it says it does to sets of packets. Method: every accepted line of
 * the target tables, over random packets: fields change as the effect computes, or only where it says "unknown";
 * NAT, sets, answers and outcomes are the same.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type {
  CompileContext,
  FieldChange,
  Outcome,
  SetChange,
  TargetEnv,
  TargetExtension,
  Tri,
} from '../../src/extensions/define.ts';
import type { Machine } from '../../src/model/machine.ts';
import type { Hook } from '../../src/model/netfilter.ts';
import type { MutablePacket, Packet } from '../../src/model/packet.ts';
import type { Rule } from '../../src/model/ruleset.ts';
import type { PacketView } from '../../src/packetset/packet-view.ts';
import { packetView } from '../packetset/expressions.ts';
import {
  allExtensions,
  extensionTables,
  isUserChain,
  runCase,
  type TableCase,
} from '../support/extension-tables.ts';

const samples = 25;

/** A machine of which nothing is known. */
const machine = new Proxy(
  {},
  { get: () => ({ value: undefined, provenance: 'unknown', source: '' }) },
) as Machine;

/** What a run did. */
interface Done {
  readonly outcome: Outcome;
  readonly packet: Packet;
  readonly connmark: number | undefined;
  readonly untracked: boolean;
  readonly nat: { readonly manip: string; readonly from: string; readonly range: unknown } | undefined;
  readonly sets: readonly SetChange[];
  readonly rejected: string | undefined;
}

function run(
  target: TargetExtension,
  data: object,
  rule: Rule,
  view: PacketView,
  c: TableCase,
  yes: boolean,
): Done {
  const packet: MutablePacket = { ...view.packet };
  const entry = view.connection.entry;
  let connmark = entry?.mark;
  let untracked = false;
  let nat: Done['nat'];
  let rejected: string | undefined;
  const sets: SetChange[] = [];
  const context: CompileContext = {
    family: c.family,
    backend: 'nft',
    table: c.table,
    chain: c.chain,
    base: rule.base,
    slot: 'slot',
    machine,
  };
  const env: TargetEnv = {
    family: c.family,
    table: c.table,
    hook: hookOf(c),
    inInterface: view.inInterface,
    outInterface: view.outInterface,
    physIn: undefined,
    physOut: undefined,
    connection: view.connection,
    hasSocket: false,
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
    packet,
    pull: () => undefined,
    nat: (manip, from, range) => {
      nat = { manip, from, range };
      return 'accept';
    },
    reject: (answer) => {
      rejected = answer;
      return 'drop';
    },
    log: () => undefined,
    untrack: () => {
      untracked = true;
    },
    template: () => undefined,
    setConnmark: (mark) => {
      if (entry) connmark = mark;
    },
    changeSet: (change) => {
      sets.push(change);
    },
    duplicate: () => undefined,
    divert: ({ mark, markMask }) => {
      if (!yes) return 'drop';
      packet.mark = ((packet.mark & ~markMask) ^ mark) >>> 0;
      return 'accept';
    },
    note: () => undefined,
  };
  const outcome = target.compile(data, context)(env);
  return { outcome, packet, connmark, untracked, nat, sets, rejected };
}

function hookOf(c: TableCase): Hook {
  return isUserChain(c) ? 'OUTPUT' : (c.chain as Hook);
}

type Word = 'mark' | 'connmark' | 'tos' | 'tcpFlags' | 'ttl';

/** Computes the fields as the changes say; fields in `free` may have any value. */
function predict(
  changes: readonly FieldChange[],
  before: Readonly<Record<Word, number>>,
): { readonly words: Readonly<Record<Word, number>>; readonly free: ReadonlySet<string> } {
  const words = { ...before };
  const free = new Set<string>();
  for (const change of changes) {
    if ('clear' in change) {
      words[change.field] = (((words[change.field] & ~change.clear) ^ change.xor) | change.or) >>> 0;
    } else if ('from' in change && change.field !== 'nat') {
      words[change.field] =
        ((words[change.field] & ~change.toMask) ^ (words[change.from] & change.fromMask)) >>> 0;
    } else if (change.field === 'ttl') {
      words.ttl =
        change.operation === 'set' ? change.value : Math.min(255, Math.max(0, words.ttl + change.value));
    } else if (change.field !== 'nat' && change.field !== 'set' && change.field !== 'ctState') {
      if (change.operation === 'unknown') free.add(change.field);
    }
  }
  return { words, free };
}

function checkUse(rule: Rule, data: object, c: TableCase, name: string): void {
  const target = allExtensions.target(name, c.family);
  if (!target) throw new Error(`no target ${name}`);
  const effect = target.effect(data, { family: c.family, base: rule.base, machine });
  const protocol = rule.base.protocol && !rule.base.protocol.negated ? rule.base.protocol.value : undefined;
  for (const random of fc.sample(packetView(c.family), { numRuns: samples, seed: 11 })) {
    const packet = { ...random.packet, ...(protocol === undefined ? {} : { protocol }) };
    const view = { ...random, packet };
    for (const yes of [false, true]) {
      const done = run(target, data, rule, view, c, yes);
      const place = `${c.family} ${c.rule} of ${JSON.stringify(packet)} (asked: ${yes})`;

      if (effect.outcome !== 'unknown') expect(done.outcome, place).toBe(effect.outcome);
      expect(done.rejected, place).toBe(effect.rejectWith);
      expect(done.untracked, place).toBe(
        effect.changes.some((x) => x.field === 'ctState' && x.operation === 'untrack'),
      );
      const changedSets = new Set(effect.changes.flatMap((x) => (x.field === 'set' ? [x.set] : [])));
      expect(new Set(done.sets.filter((s) => s.operation !== 'map').map((s) => s.set)), place).toEqual(
        changedSets,
      );
      const nat = effect.changes.find((x) => x.field === 'nat');
      const byHook = ['PREROUTING', 'OUTPUT'].includes(hookOf(c)) ? 'destination' : 'source';
      expect(done.nat, place).toEqual(
        nat && { manip: nat.manip === 'by-hook' ? byHook : nat.manip, from: nat.from, range: nat.range },
      );

      // What becomes of the fields of a packet that goes no further does not matter.
      if (done.outcome === 'drop' || done.outcome === 'stolen') continue;
      const entryMark = view.connection.entry?.mark;
      const { words, free } = predict(effect.changes, {
        mark: packet.mark,
        connmark: entryMark ?? 0,
        tos: packet.tos,
        tcpFlags: packet.tcpFlags,
        ttl: packet.ttl,
      });
      const touchesConnmark = effect.changes.some(
        (x) => x.field === 'connmark' || ('from' in x && x.from === 'connmark'),
      );
      if (entryMark === undefined && touchesConnmark) {
        expect(done.packet, place).toEqual(packet);
        continue;
      }
      if (entryMark !== undefined && !free.has('connmark')) expect(done.connmark, place).toBe(words.connmark);
      for (const field of ['mark', 'tos', 'tcpFlags', 'ttl'] as const) {
        if (field === 'tcpFlags' && packet.fragmentOffsetBytes > 0) continue;
        if (!free.has(field)) expect(done.packet[field], `${field}: ${place}`).toBe(words[field]);
      }
      // A target may say less than it does only of what no set knows.
      const mayChange = new Set<string>([...free, 'mark', 'tos', 'tcpFlags', 'ttl', 'packetType']);
      if (free.has('src') || free.has('dst')) for (const key of ['quote', 'badChecksum']) mayChange.add(key);
      for (const key of Object.keys(packet) as (keyof Packet)[]) {
        if (!mayChange.has(key)) expect(done.packet[key], `${key}: ${place}`).toEqual(packet[key]);
      }
    }
  }
}

for (const table of extensionTables()) {
  if (table.kind !== 'target' || table.cases.every((c) => c.expected === undefined)) continue;
  describe(table.path, () => {
    const seen = new Set<string>();
    for (const c of table.cases) {
      const key = `${c.family} ${c.rule} ${hookOf(c)}`;
      if (c.expected === undefined || seen.has(key)) continue;
      seen.add(key);
      test(key, () => {
        for (const { target, ...rule } of runCase(c, c.rule, true).rules) {
          if (target.kind === 'extension' && target.known && target.extension === table.name)
            checkUse({ target, ...rule }, target.data as object, c, target.extension);
        }
      });
    }
  });
}
