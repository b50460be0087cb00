/** A witness as a packet that membership can be asked of. */

import type { Packet } from '../../src/model/packet.ts';
import { type Address, type Family, zeroAddress } from '../../src/net/address.ts';
import type { FieldName } from '../../src/packetset/fields.ts';
import type { PacketView } from '../../src/packetset/packet-view.ts';
import type { Witness } from '../../src/packetset/witness.ts';

export function viewOf(witness: Witness, family: Family): PacketView {
  const number = (field: FieldName): number | undefined => witness.fields.get(field) as number | undefined;
  const text = (field: FieldName): string | undefined => witness.fields.get(field) as string | undefined;
  const address = (field: FieldName): Address =>
    (witness.fields.get(field) as Address) ?? zeroAddress(family);
  const mss = number('mss');
  const packet: Packet = {
    family,
    src: address('src'),
    dst: address('dst'),
    protocol: number('protocol') ?? 6,
    ttl: number('ttl') ?? 64,
    tos: number('tos') ?? 0,
    lengthBytes: number('lengthBytes') ?? 60,
    identification: 0,
    dontFragment: false,
    moreFragments: number('fragmentKind') === 1,
    fragmentOffsetBytes: number('fragmentKind') === 2 ? 8 : 0,
    ipOptions: '',
    extensionHeaders: [],
    sport: number('sport'),
    dport: number('dport'),
    tcpFlags: number('tcpFlags') ?? 0,
    seq: 0,
    ack: 0,
    window: 0,
    tcpOptions: mss === undefined ? [] : [{ kind: 2, data: mss.toString(16).padStart(4, '0') }],
    icmpType: number('icmpType'),
    icmpCode: number('icmpCode'),
    icmpId: undefined,
    icmpSeq: undefined,
    icmpRest: undefined,
    quote: undefined,
    sctpTag: 0,
    sctpChunks: '',
    spi: number('spi'),
    payload: undefined,
    layer4: undefined,
    badChecksum: false,
    mark: number('mark') ?? 0,
    ethSrc: text('mac'),
    ethDst: undefined,
    packetType: 'unicast',
    uid: number('uid'),
    gid: number('gid'),
  };
  const state = (text('ctState') ?? 'NEW') as PacketView['connection']['state'];
  const tuple = {
    src: address('ctOrigSrc'),
    dst: address('ctOrigDst'),
    protocol: number('ctProtocol') ?? 6,
    sport: number('ctOrigSport') ?? 0,
    dport: number('ctOrigDport') ?? 0,
  };
  const entry = {
    original: tuple,
    reply: tuple,
    status: number('ctStatus') ?? 0,
    mark: number('connmark') ?? 0,
    zone: 0,
    helper: undefined,
    labels: [],
    packets: { original: 1, reply: 0 },
    bytes: { original: 60, reply: 0 },
    expiresMs: 0,
    master: undefined,
  };
  const tracked = state !== 'INVALID' && state !== 'UNTRACKED';
  return {
    packet,
    connection: { state, direction: 'original', entry: tracked ? entry : undefined },
    inInterface: text('inInterface'),
    outInterface: text('outInterface'),
    choices: (variable) =>
      witness.answers.find((a) => a.variable.identity === variable.identity)?.holds === true,
  };
}
