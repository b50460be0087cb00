/** Packets as checks describe them: to packets of the engine, to match options, and from rules. */

import { draftSpace } from '../expression/draft-space.ts';
import { makePacket } from '../expression/make-packet.ts';
import { type ExpressionContext, packetFromExpression } from '../expression/packet-expression.ts';
import { basePackets, printBase } from '../extensions/base.ts';
import type { Registry } from '../extensions/registry.ts';
import type { Machine } from '../model/machine.ts';
import { type Packet, tcpFlag } from '../model/packet.ts';
import type { MatchUse, Rule } from '../model/ruleset.ts';
import type { EntryPoint } from '../model/trace.ts';
import { networkContains } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import { interfaceMatches } from '../net/interface-pattern.ts';
import { hasPorts, protocolText } from '../net/protocols.ts';
import type { PacketSketch, RulesetView } from './check.ts';

const icmpProtocols: readonly number[] = [1, 58];

/** The packet of a sketch, and how it comes. */
export function packetOf(sketch: PacketSketch): { readonly packet: Packet; readonly entry: EntryPoint } {
  const { src, dst, protocol, sport, dport, icmpType, icmpCode, mark, state, direction } = sketch;
  const local = sketch.inInterface === undefined;
  const tcpFlags = sketch.tcpFlags ?? (state === 'ESTABLISHED' && protocol === 6 ? tcpFlag.ACK : undefined);
  const packet = makePacket({
    family: src.family,
    src,
    dst,
    protocol,
    ...(sport === undefined ? {} : { sport }),
    ...(dport === undefined ? {} : { dport }),
    ...(icmpType === undefined ? {} : { icmpType }),
    ...(icmpCode === undefined ? {} : { icmpCode }),
    ...(tcpFlags === undefined ? {} : { tcpFlags }),
    ...(mark === undefined ? {} : { mark }),
    ...(local ? { uid: 0, gid: 0 } : {}),
  });
  const hints = {
    ...(sketch.outInterface === undefined ? {} : { outInterface: sketch.outInterface }),
    ...(state === undefined || state === 'NEW'
      ? {}
      : { connection: { state, ...(direction ? { direction } : {}) } }),
  };
  return {
    packet,
    entry:
      sketch.inInterface === undefined
        ? { kind: 'local', hints }
        : { kind: 'arrives', inInterface: sketch.inInterface, hints },
  };
}

const flagNames = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'] as const;

/** The packet in match options, every field that the sketch gives said: what `fwsim trace` takes. */
export function wordsOf(sketch: PacketSketch): readonly string[] {
  const { protocol, sport, dport, icmpType, icmpCode, tcpFlags, mark, state, direction } = sketch;
  const words: string[] = [];
  if (sketch.inInterface !== undefined) words.push('-i', sketch.inInterface);
  if (sketch.outInterface !== undefined) words.push('-o', sketch.outInterface);
  words.push('-p', protocolText(protocol));
  words.push('-s', addressText(sketch.src), '-d', addressText(sketch.dst));
  if (hasPorts(protocol)) {
    // The ordinary client port stays unsaid.
    if (sport !== undefined && sport !== 40000) words.push('--sport', String(sport));
    words.push('--dport', String(dport ?? 80));
  }
  if (icmpProtocols.includes(protocol) && icmpType !== undefined) {
    const option = protocol === 1 ? '--icmp-type' : '--icmpv6-type';
    words.push(option, icmpCode === undefined ? String(icmpType) : `${icmpType}/${icmpCode}`);
  }
  if (protocol === 6 && tcpFlags !== undefined && tcpFlags !== tcpFlag.SYN) {
    const set = flagNames.filter((name) => (tcpFlags & tcpFlag[name]) !== 0);
    words.push('--tcp-flags', 'ALL', set.length === 0 ? 'NONE' : set.join(','));
  }
  if (mark) words.push('-m', 'mark', '--mark', `0x${mark.toString(16)}`);
  if ((state !== undefined && state !== 'NEW') || direction !== undefined) {
    words.push('-m', 'conntrack', '--ctstate', state ?? 'NEW');
    if (direction !== undefined) words.push('--ctdir', direction.toUpperCase());
  }
  return words;
}

/** One text for equal questions. */
export function sketchKey(sketch: PacketSketch): string {
  return `${sketch.inInterface === undefined ? 'local ' : ''}${sketch.sport ?? ''} ${wordsOf(sketch).join(' ')}`;
}

/** Words of a printed match; quotes hold words together. */
function splitWords(text: string): readonly string[] {
  const words: string[] = [];
  for (const [, quoted, bare] of text.matchAll(/"((?:[^"\\]|\\.)*)"?|(\S+)/g)) {
    words.push(bare ?? (quoted ?? '').replace(/\\(.)/g, '$1'));
  }
  return words;
}

/** Whether no packet decides this match: limits, sets, lists, what is not modelled. */
function isChoice(
  use: MatchUse,
  rule: Rule,
  registry: Registry,
  view: RulesetView,
  machine: Machine,
): boolean {
  const extension = use.known ? registry.match(use.extension, view.family) : undefined;
  if (!extension) return true;
  const space = draftSpace();
  const set = space.and(
    basePackets(rule.base, space),
    extension.packets(use.data as never, space, { family: view.family, base: rule.base, machine }),
  );
  const ways = space.ways(set, 16);
  return ways.length > 0 && ways.every((way) => way.some(({ condition }) => condition.kind === 'choice'));
}

/** See `CheckContext.packetsOf`. */
export function sketchOfRule(
  view: RulesetView,
  rule: Rule,
  given: Partial<PacketSketch>,
  context: { readonly registry: Registry; readonly machine: Machine; readonly interfaces: readonly string[] },
): PacketSketch | undefined {
  const { base } = rule;
  const { registry, machine } = context;
  const hooks = view.hooks(rule.table, rule.chain);
  const local =
    'inInterface' in given
      ? given.inInterface === undefined
      : hooks.length > 0 && !base.inInterface && hooks.every((h) => h === 'OUTPUT');

  // What is given takes the place of the rule's own condition, if it meets it.
  const kept = { ...base };
  if (given.src) {
    if (base.src && networkContains(base.src.value, given.src) === base.src.negated) return undefined;
    kept.src = undefined;
  }
  if (given.dst) {
    if (base.dst && networkContains(base.dst.value, given.dst) === base.dst.negated) return undefined;
    kept.dst = undefined;
  }
  if (given.protocol !== undefined) {
    if (base.protocol && (base.protocol.value === given.protocol) === base.protocol.negated) return undefined;
    kept.protocol = undefined;
  }
  if (given.inInterface !== undefined) {
    const asked = base.inInterface;
    if (asked && interfaceMatches(asked.value, given.inInterface) === asked.negated) return undefined;
    kept.inInterface = undefined;
  }
  if (given.outInterface !== undefined) {
    const asked = base.outInterface;
    if (asked && interfaceMatches(asked.value, given.outInterface) === asked.negated) return undefined;
    kept.outInterface = undefined;
  }
  if (local && base.inInterface && !base.inInterface.negated) return undefined;
  if (local) kept.inInterface = undefined;

  const words: string[] = [];
  if (given.protocol !== undefined) words.push('-p', protocolText(given.protocol));
  words.push(...printBase(kept).flatMap((text) => splitWords(text)));
  if (given.src) words.push('-s', addressText(given.src));
  if (given.dst) words.push('-d', addressText(given.dst));
  if (given.inInterface !== undefined) words.push('-i', given.inInterface);
  if (given.outInterface !== undefined) words.push('-o', given.outInterface);
  for (const use of rule.matches) {
    if (!isChoice(use, rule, registry, view, machine)) words.push(...splitWords(use.text));
  }
  const protocol =
    given.protocol ?? (base.protocol && !base.protocol.negated ? base.protocol.value : undefined);
  const name = protocol !== undefined && hasPorts(protocol) ? protocolText(protocol) : undefined;
  if (name !== undefined) {
    if (given.sport !== undefined) words.push('-m', name, '--sport', String(given.sport));
    if (given.dport !== undefined) words.push('-m', name, '--dport', String(given.dport));
  }
  const expression: ExpressionContext = {
    registry,
    machine,
    family: view.family,
    backend: view.ruleset.backend,
    local,
    pick: true,
    mentionedInterfaces: context.interfaces,
  };
  const result = packetFromExpression(words, expression);
  if (!result.ok) return undefined;
  const { packet, entry } = result.request;
  const { hints } = entry;
  return {
    inInterface: entry.kind === 'arrives' ? entry.inInterface : undefined,
    src: packet.src,
    dst: packet.dst,
    protocol: packet.protocol,
    sport: packet.sport,
    dport: packet.dport,
    icmpType: packet.icmpType,
    icmpCode: packet.icmpCode,
    tcpFlags: packet.protocol === 6 && packet.tcpFlags !== tcpFlag.SYN ? packet.tcpFlags : undefined,
    mark: packet.mark === 0 ? undefined : packet.mark,
    outInterface: hints?.outInterface,
    state: given.state ?? hints?.connection?.state,
    direction: given.direction ?? hints?.connection?.direction,
  };
}
