import { dscpClasses, parseDscpClass } from '../../net/dscp-classes.ts';
import { complementIf } from '../../packetset/space.ts';
import { defineMatch, type OptionType, type Refusal, refuse, tri } from '../define.ts';
import { integer } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** The code point that is wanted. */
export interface DscpData {
  /** Six bits. */
  readonly value: number;
  readonly negated: boolean;
}

/** A DiffServ class by name, in any case. */
const dscpClass: OptionType<number> = {
  arity: 1,
  placeholder: 'BE|EF|AFxx|CSx',
  shape: { kind: 'words', values: Object.keys(dscpClasses) },
  parse(words, context) {
    const word = words[0] ?? '';
    return (
      parseDscpClass(word) ??
      refuse('bad-value', `Invalid DSCP value \`${word}'`, {
        word: word === '' ? context.option : word,
        option: context.option,
        hint: /^(0x[0-9a-f]+|\d+)$/i.test(word)
          ? `a number is written --dscp ${word}`
          : 'classes are BE, EF, AF11 to AF43, CS0 to CS7',
      })
    );
  },
};

/** The upper six bits of the TOS byte or traffic class. */
export const dscp = defineMatch({
  name: 'dscp',
  families: ['ipv4', 'ipv6'],
  options: {
    dscp: { type: integer(0, 63, { hex: true }), invertible: true, excludes: ['dscp-class'] },
    'dscp-class': { type: dscpClass, invertible: true, excludes: ['dscp'] },
  },
  constraints: {},
  needs: [],
  bind: (o): DscpData | Refusal => {
    const given = o.dscp ?? o['dscp-class'];
    return given
      ? { value: given.value, negated: given.negated }
      : refuse('missing-option', 'DSCP match: Parameter --dscp is required');
  },
  print: (d) => [option('dscp', `0x${d.value.toString(16).padStart(2, '0')}`, d.negated)],
  compile: (d) => {
    const { value, negated } = d;
    return (packet) => tri(packet.tos >> 2 === value, negated);
  },
  columns: () => [],
  packets: (d, space) => complementIf(d.negated, space, space.bits('tos', d.value << 2, 0xfc)),
  docs: {
    summary: 'DiffServ code point, the upper six bits of the TOS byte or traffic class.',
    man: 'iptables-extensions(8) dscp',
    kernel: 'net/netfilter/xt_dscp.c dscp_mt(), dscp_mt6()',
  },
});
