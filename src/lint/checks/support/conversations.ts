/**
 * The other packets of a connection: what comes back to one that got through, and the errors about it, in the state in
 * which conntrack finds them.
 */

import type { TraceEvent } from '../../../model/trace.ts';
import type { Family } from '../../../net/address.ts';
import { addressText } from '../../../net/address-text.ts';
import type { PacketSet, PacketSpace } from '../../../packetset/space.ts';
import type { BddPacketSpace } from '../../../packetset/space-bdd.ts';
import type { CheckContext, PacketSketch, SendOptions, Walk } from '../../check.ts';

/** Ports that Linux gives to clients (`ip_local_port_range`), both ends included. */
export const clientPorts = { low: 32_768, high: 60_999 } as const;

/** That a packet was rewritten. */
export type NatEvent = Extract<TraceEvent, { readonly kind: 'nat' }>;

/** What this walk's packet was rewritten to, one event for each time. */
export function natEvents(walk: Walk, manip: NatEvent['manip']): readonly NatEvent[] {
  return walk.trace.events.filter((e): e is NatEvent => e.kind === 'nat' && e.manip === manip);
}

/** The interface by which a packet left; undefined if it did not, or if nobody knows by which. */
export function leftBy(walk: Walk): string | undefined {
  const { fate } = walk.trace;
  return fate.kind === 'forward' || fate.kind === 'sent' ? fate.outInterface || undefined : undefined;
}

/**
 * The first answer to a packet that got through, as rules of table filter see it: from where destination NAT has led,
 * to the address that source NAT will hide. Undefined where the packet did not get through, or left by nobody knows
 * which interface.
 */
function answerTo(walk: Walk): PacketSketch | undefined {
  const { packet, fate } = walk.trace;
  const to = natEvents(walk, 'destination').at(-1)?.after ?? packet;
  const answer: PacketSketch = {
    src: to.dst,
    dst: packet.src,
    protocol: packet.protocol,
    sport: to.dport,
    dport: packet.sport,
    icmpType: packet.icmpType === 8 ? 0 : packet.icmpType === 128 ? 129 : packet.icmpType,
    state: 'ESTABLISHED',
    direction: 'reply',
  };
  if (fate.kind === 'local') return { ...answer, outInterface: walk.sketch.inInterface };
  const out = leftBy(walk);
  if (out === undefined) return undefined;
  const back = { ...answer, inInterface: out };
  return fate.kind === 'sent' ? back : { ...back, outInterface: walk.sketch.inInterface };
}

/** Sends the answer to a packet that got through, under the same assumptions. */
export function sendAnswer(
  context: CheckContext,
  walk: Walk,
  options: SendOptions = { inferences: walk.inferences },
): Walk | undefined {
  const answer = answerTo(walk);
  if (answer === undefined) return undefined;
  const ends = walk.trace.fate.kind === 'sent' ? 'local' : 'remote';
  return context.send(answer, {
    ...options,
    assume: [
      ...new Set([...walk.assume, ...(options.assume ?? []), ...endAssumption(context, answer, ends)]),
    ],
  });
}

/** Where the answer's destination lives, in the words of `--assume`, where nothing else says it. */
function endAssumption(
  { machine }: CheckContext,
  { dst }: PacketSketch,
  ends: 'local' | 'remote',
): readonly string[] {
  if (machine.interfaces.value !== undefined) return [];
  return [`${ends}=${addressText(dst)}`];
}

/** Whether rules of table filter at this hook, or the policy there, ended the packet. */
export function refusedAt(walk: Walk, hook: 'INPUT' | 'FORWARD' | 'OUTPUT'): boolean {
  return (
    (walk.fate === 'drop' || walk.fate === 'reject') &&
    walk.decidedBy?.table === 'filter' &&
    walk.hooks.at(-1) === hook
  );
}

/** ICMP's word that a packet was too large: without it, large transfers hang. */
export const tooBig: Readonly<
  Record<Family, { readonly protocol: number; readonly type: number; readonly code: number }>
> = {
  ipv4: { protocol: 1, type: 3, code: 4 },
  ipv6: { protocol: 58, type: 2, code: 0 },
};

/** Packets that come back to a client's port: ESTABLISHED, in the direction of answers. To be mentioned. */
export function answersToClients(space: PacketSpace): PacketSet {
  const either = space.or(space.interval('protocol', 6, 6), space.interval('protocol', 17, 17));
  const established = space.and(space.named('ctState', 'ESTABLISHED'), space.named('ctDirection', 'reply'));
  return space.and(
    space.and(either, established),
    space.interval('dport', clientPorts.low, clientPorts.high),
  );
}

/** Errors about packets of known connections that tell of a size. To be mentioned. */
export function tooBigErrors(family: Family): (space: PacketSpace) => PacketSet {
  const { protocol, type, code } = tooBig[family];
  return (space) =>
    space.and(
      space.named('ctState', 'RELATED'),
      space.and(
        space.interval('protocol', protocol, protocol),
        space.and(space.interval('icmpType', type, type), space.interval('icmpCode', code, code)),
      ),
    );
}

/** Packets that come by some interface other than the loopback. */
export function fromElsewhere(space: BddPacketSpace): PacketSet {
  return space.not(space.interface('in', { name: 'lo', exact: true }));
}
