/** Why a rule did not match: the packet's value next to the rule's. */

import type { CtState } from '../model/netfilter.ts';
import type { Packet } from '../model/packet.ts';
import type { Rule } from '../model/ruleset.ts';
import type { MissReason } from '../model/trace.ts';
import { addressText, networkTextShort } from '../net/address-text.ts';
import { icmpTypeName } from '../net/icmp-types.ts';
import { interfacePatternText } from '../net/interface-pattern.ts';
import { protocolName } from '../net/protocols.ts';
import { hexText, tcpFlagNames } from './trace-words.ts';

/** The packet as a rule sees it. */
export interface SeenPacket {
  readonly packet: Packet;
  readonly inInterface: string | undefined;
  readonly outInterface: string | undefined;
  readonly ctState: CtState;
}

/** Options and what the packet has there. */
const values: readonly (readonly [option: RegExp, value: (s: SeenPacket) => string | undefined])[] = [
  [/^--(?:dport|dports|destination-ports?)$/, ({ packet: p }) => port('destination port', p.dport)],
  [/^--(?:sport|sports|source-ports?)$/, ({ packet: p }) => port('source port', p.sport)],
  [
    /^--ports$/,
    ({ packet: p }) => (p.sport === undefined ? 'no ports' : `ports ${p.sport} and ${p.dport ?? '?'}`),
  ],
  [/^--(?:tcp-flags|syn)$/, ({ packet: p }) => tcpFlagNames(p.tcpFlags)],
  [
    /^--(?:icmp-type|icmpv6-type)$/,
    ({ packet: p }) =>
      p.icmpType === undefined ? 'no type' : icmpTypeName(p.family, p.icmpType, p.icmpCode ?? 0),
  ],
  [/^--(?:ctstate|state)$/, ({ ctState }) => `state ${ctState}`],
  [/^--mark$/, ({ packet: p }) => `mark ${hexText(p.mark)}`],
  [/^--(?:ttl|hl)-(?:eq|lt|gt)$/, ({ packet: p }) => `TTL ${p.ttl}`],
  [/^--length$/, ({ packet: p }) => `${p.lengthBytes} bytes`],
  [/^--(?:tos|dscp|dscp-class)$/, ({ packet: p }) => `TOS ${hexText(p.tos)}`],
  [/^--src-range$/, ({ packet: p }) => `source ${addressText(p.src)}`],
  [/^--dst-range$/, ({ packet: p }) => `destination ${addressText(p.dst)}`],
  [/^--mac-source$/, ({ packet: p }) => (p.ethSrc === undefined ? 'no MAC known' : `MAC ${p.ethSrc}`)],
  [/^--pkt-type$/, ({ packet: p }) => p.packetType],
  [/^--uid-owner$/, ({ packet: p }) => (p.uid === undefined ? 'no sending process' : `user ${p.uid}`)],
  [/^--gid-owner$/, ({ packet: p }) => (p.gid === undefined ? 'no sending process' : `group ${p.gid}`)],
  [/^--src-type$/, ({ packet: p }) => `source ${addressText(p.src)}`],
  [/^--dst-type$/, ({ packet: p }) => `destination ${addressText(p.dst)}`],
  [/^--match-set$/, ({ packet: p }) => `${addressText(p.src)} -> ${addressText(p.dst)}`],
];

function port(name: string, value: number | undefined): string {
  return value === undefined ? `no ${name}` : `${name} ${value}`;
}

const not = (negated: boolean, text: string): string => (negated ? `! ${text}` : text);

/** The condition that refused, as the rule writes it, and what the packet has there (if that can be said). */
export function missWords(
  because: MissReason,
  rule: Rule | undefined,
  seen: SeenPacket,
): { readonly condition: string; readonly has: string | undefined } {
  const base = rule?.base;
  const { packet } = seen;
  switch (because.condition) {
    case 'src':
      return {
        condition: base?.src ? not(base.src.negated, `-s ${networkTextShort(base.src.value)}`) : '-s',
        has: `source ${addressText(packet.src)}`,
      };
    case 'dst':
      return {
        condition: base?.dst ? not(base.dst.negated, `-d ${networkTextShort(base.dst.value)}`) : '-d',
        has: `destination ${addressText(packet.dst)}`,
      };
    case 'protocol':
      return {
        condition: base?.protocol
          ? not(base.protocol.negated, `-p ${protocolName(base.protocol.value)}`)
          : '-p',
        has: protocolName(packet.protocol),
      };
    case 'inInterface':
      return {
        condition: base?.inInterface
          ? not(base.inInterface.negated, `-i ${interfacePatternText(base.inInterface.value)}`)
          : '-i',
        has: seen.inInterface === undefined ? 'no in-interface' : `in by ${seen.inInterface}`,
      };
    case 'outInterface':
      return {
        condition: base?.outInterface
          ? not(base.outInterface.negated, `-o ${interfacePatternText(base.outInterface.value)}`)
          : '-o',
        has: seen.outInterface === undefined ? 'no out-interface' : `out by ${seen.outInterface}`,
      };
    case 'fragment':
      return {
        condition: base?.fragment ? not(base.fragment.negated, '-f') : '-f',
        has: packet.fragmentOffsetBytes > 0 ? 'a later fragment' : 'no later fragment',
      };
    case 'match': {
      const has: string[] = [];
      for (const word of because.text.split(' ')) {
        const value = values.find(([option]) => option.test(word))?.[1](seen);
        if (value !== undefined && !has.includes(value)) has.push(value);
      }
      return { condition: because.text, has: has.length === 0 ? undefined : has.join(', ') };
    }
  }
}
