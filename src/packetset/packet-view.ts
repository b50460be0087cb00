/** What a concrete packet looks like to the fields of packet sets. */

import type { PacketConnection } from '../model/connection.ts';
import type { Packet } from '../model/packet.ts';
import type { Address } from '../net/address.ts';
import type { UnknownVariable } from './choices.ts';
import { type FieldName, laterFragment } from './fields.ts';

/** A packet at one place in the machine. */
export interface PacketView {
  readonly packet: Packet;
  readonly inInterface: string | undefined;
  readonly outInterface: string | undefined;
  readonly connection: PacketConnection;
  /** Default: what the packet's own fragment fields say. */
  readonly fragmentKind?: 0 | 1 | 2;
  /** The same packet when it came in. Default: nothing has changed. */
  readonly entry?: PacketView;
  /** The answer to what the packet does not decide. Default: no, always. */
  readonly choices?: (variable: UnknownVariable) => boolean;
}

/** Maximum segment size: the one option that is a field. */
const mssOptionKind = 2;

function mss(packet: Packet): number | undefined {
  for (const option of packet.tcpOptions) {
    if (option.kind === mssOptionKind && option.data.length === 4) return Number.parseInt(option.data, 16);
  }
  return undefined;
}

function fragmentKind(view: PacketView): number {
  if (view.fragmentKind !== undefined) return view.fragmentKind;
  const { packet } = view;
  return packet.fragmentOffsetBytes > 0 ? laterFragment : packet.moreFragments ? 1 : 0;
}

/** The value of a field, or undefined where the packet lacks it. Numbers, addresses or names, as the field is. */
export function fieldValue(view: PacketView, field: FieldName): number | string | Address | undefined {
  const { packet, connection } = view;
  const { entry } = connection;
  switch (field) {
    case 'src':
    case 'dst':
    case 'protocol':
    case 'sport':
    case 'dport':
    case 'icmpType':
    case 'icmpCode':
    case 'lengthBytes':
    case 'ttl':
    case 'spi':
    case 'uid':
    case 'gid':
    case 'mark':
    case 'tos':
    case 'tcpFlags':
    case 'packetType':
      return packet[field];
    case 'mss':
      return mss(packet);
    case 'mac':
      return packet.ethSrc?.toLowerCase();
    case 'fragmentKind':
      return fragmentKind(view);
    case 'inInterface':
      return view.inInterface;
    case 'outInterface':
      return view.outInterface;
    case 'ctState':
      return connection.state;
    case 'ctDirection':
      return connection.direction;
    case 'connmark':
      return entry?.mark ?? 0;
    case 'ctStatus':
      return entry?.status ?? 0;
    case 'helper':
      return entry?.master?.helper;
    case 'ctProtocol':
      return entry?.original.protocol;
    case 'ctOrigSrc':
      return entry?.original.src;
    case 'ctOrigDst':
      return entry?.original.dst;
    case 'ctOrigSport':
      return entry?.original.sport;
    case 'ctOrigDport':
      return entry?.original.dport;
    case 'ctReplSrc':
      return entry?.reply.src;
    case 'ctReplDst':
      return entry?.reply.dst;
    case 'ctReplSport':
      return entry?.reply.sport;
    case 'ctReplDport':
      return entry?.reply.dport;
  }
}
