/** A packet found in a set, as match options that say every field on which the set may depend. */

import { tcpFlag } from '../model/packet.ts';
import type { Address, Family } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import { hasPorts, protocolText } from '../net/protocols.ts';
import type { FieldName } from '../packetset/fields.ts';
import { icmpProtocol, laterFragment } from '../packetset/fields.ts';
import { maskInUse } from '../packetset/valid.ts';
import type { Witness, WitnessValue } from '../packetset/witness.ts';
import type { RoadName } from './road.ts';
import type { Vocabulary } from './vocabulary.ts';

const flagNames = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'] as const;

/** Ordinary flags that agree with a value as far as bits are in use; undefined: the default will do. */
function flagsLike(value: number, mask: number, usual: number): number | undefined {
  const { SYN, ACK, RST, FIN } = tcpFlag;
  const like = [usual, SYN, ACK, SYN | ACK, RST, RST | ACK, FIN | ACK].find(
    (f) => (f & mask) === (value & mask),
  );
  const flags = like ?? value;
  return flags === usual ? undefined : flags;
}

/**
 * The words behind `fwsim trace --`. `tracked`: whether connections are tracked, so that a state can be asked for.
 * A packet of a new connection says nothing of its state: it is what conntrack finds.
 */
export function witnessWords(
  { space, family }: Vocabulary,
  { fields }: Witness,
  road: RoadName,
  tracked: boolean,
): readonly string[] {
  const words: string[] = [];
  const number = (field: FieldName): number | undefined => {
    const value: WitnessValue | undefined = fields.get(field);
    return typeof value === 'number' ? value : undefined;
  };
  const text = (field: FieldName): string | undefined => {
    const value = fields.get(field);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const address = (field: FieldName): Address | undefined => fields.get(field) as Address | undefined;
  const say = (...list: readonly (string | number)[]): void => void words.push(...list.map(String));

  const inside = text('inInterface');
  if (road === 'arrive' && inside !== undefined) say('-i', inside);
  const outside = text('outInterface');
  if (road === 'local' && outside !== undefined) say('-o', outside);
  const protocol = number('protocol') ?? 6;
  say('-p', protocolText(protocol));
  const src = address('src');
  if (src) say('-s', addressText(src));
  const dst = address('dst');
  if (dst) say('-d', addressText(dst));
  const state = tracked ? text('ctState') : undefined;
  const later = number('fragmentKind') === laterFragment;
  if (later && family === 'ipv4') say('-f');
  if (!later) transport(words, { space, family }, protocol, fields, state);

  const ttl = number('ttl');
  if (ttl !== undefined)
    say(...(family === 'ipv4' ? ['-m', 'ttl', '--ttl-eq'] : ['-m', 'hl', '--hl-eq']), ttl);
  const length = number('lengthBytes');
  if (length !== undefined) say('-m', 'length', '--length', length);
  const tos = number('tos');
  if (tos) say('-m', 'tos', '--tos', `0x${tos.toString(16)}`);
  const mark = number('mark');
  if (mark) say('-m', 'mark', '--mark', `0x${mark.toString(16)}`);
  const mac = text('mac');
  if (mac !== undefined && road === 'arrive') say('-m', 'mac', '--mac-source', mac);
  const type = text('packetType');
  if (type !== undefined && type !== 'unicast') say('-m', 'pkttype', '--pkt-type', type);
  const uid = number('uid');
  const gid = number('gid');
  if (road === 'local' && (uid !== undefined || gid !== undefined)) {
    say('-m', 'owner');
    if (uid !== undefined) say('--uid-owner', uid);
    if (gid !== undefined) say('--gid-owner', gid);
  }
  const reply = text('ctDirection')?.toLowerCase() === 'reply';
  if (state !== undefined && (state !== 'NEW' || reply)) {
    say('-m', 'conntrack', '--ctstate', state);
    if (reply) say('--ctdir', 'REPLY');
  }
  return words;
}

/** Ports, types, flags, the rest of the fourth layer. */
function transport(
  words: string[],
  { space, family }: { readonly space: Vocabulary['space']; readonly family: Family },
  protocol: number,
  fields: Witness['fields'],
  state: string | undefined,
): void {
  const number = (field: FieldName): number | undefined => fields.get(field) as number | undefined;
  if (hasPorts(protocol)) {
    const sport = number('sport');
    // The ordinary client port stays unsaid.
    if (sport !== undefined && sport !== 40_000) words.push('--sport', String(sport));
    const dport = number('dport');
    if (dport !== undefined) words.push('--dport', String(dport));
  }
  const icmpType = number('icmpType');
  if (protocol === icmpProtocol(family) && icmpType !== undefined) {
    const code = number('icmpCode');
    words.push(
      family === 'ipv4' ? '--icmp-type' : '--icmpv6-type',
      code === undefined ? String(icmpType) : `${icmpType}/${code}`,
    );
  }
  const spi = number('spi');
  if (spi !== undefined && (protocol === 50 || protocol === 51))
    words.push('-m', protocol === 50 ? 'esp' : 'ah', protocol === 50 ? '--espspi' : '--ahspi', String(spi));
  if (protocol !== 6) return;
  const value = number('tcpFlags');
  const mask = maskInUse(space.codec, 'tcpFlags');
  if (value !== undefined && mask !== 0) {
    const flags = flagsLike(value, mask, state === 'ESTABLISHED' ? tcpFlag.ACK : tcpFlag.SYN);
    if (flags !== undefined) {
      const set = flagNames.filter((name) => (flags & tcpFlag[name]) !== 0);
      words.push('--tcp-flags', 'ALL', set.length === 0 ? 'NONE' : set.join(','));
    }
  }
  const mss = number('mss');
  if (mss !== undefined) words.push('-m', 'tcpmss', '--mss', String(mss));
}
