import { endsBefore } from '../../model/layer4-header.ts';
import {
  type IcmpSelector,
  icmpTypes,
  icmpTypeText,
  isIcmpTypeError,
  parseIcmpType,
} from '../../net/icmp-types.ts';
import { complementIf, type PacketSet, type PacketSpace } from '../../packetset/space.ts';
import {
  type ColumnTest,
  defineMatch,
  type Matcher,
  NO,
  type OptionType,
  type Refusal,
  refuse,
  tri,
} from '../define.ts';
import { option } from '../printed-words.ts';

/** Type and codes of a message, with the `!` in front of them. */
export interface IcmpData extends IcmpSelector {
  readonly negated: boolean;
}

/** A type by number or name, with or without a code: `8`, `3/4`, `echo-request`. */
export const icmpType: OptionType<IcmpSelector> = {
  arity: 1,
  placeholder: 'type[/code]|typename',
  shape: {
    kind: 'choice',
    of: [
      { kind: 'integer', min: 0, max: 255 },
      {
        kind: 'sequence',
        parts: [{ kind: 'integer', min: 0, max: 255 }, '/', { kind: 'integer', min: 0, max: 255 }],
      },
    ],
  },
  parse(words, context): IcmpSelector | Refusal {
    const word = words[0] ?? '';
    const read = parseIcmpType(context.family, word);
    if (!isIcmpTypeError(read)) return read;
    const names = icmpTypes(context.family).filter((t) => t.name.includes(word.toLowerCase()));
    const hint = read.kind === 'unknown-type' && word !== '' && names.length > 0;
    return refuse('bad-icmp-type', read.message, {
      word: word === '' ? context.option : word,
      option: context.option,
      ...(hint ? { hint: `names with it: ${names.map((t) => t.name).join(', ')}` } : {}),
    });
  },
};

/** Necessary conditions of the icmp matches; `any`: every type. */
export function icmpColumns(d: IcmpData, protocol: number, any: boolean): readonly ColumnTest[] {
  const all: ColumnTest = { column: 'protocol', low: protocol, high: protocol };
  return d.negated || any ? [all] : [all, { column: 'icmpType', low: d.type, high: d.type }];
}

/** Judges type and code; a later fragment has neither and never matches. */
export function compileIcmp(d: IcmpData, protocol: number, any: boolean): Matcher {
  const { type, codeMin, codeMax, negated } = d;
  return (packet, env) => {
    if (packet.protocol !== protocol) return NO;
    if (endsBefore(packet, 8)) return env.hotDrop();
    if (packet.icmpType === undefined) return NO;
    const code = packet.icmpCode ?? 0;
    return tri(any || (packet.icmpType === type && code >= codeMin && code <= codeMax), negated);
  };
}

/** The packets of {@link compileIcmp}. */
export function icmpPackets(d: IcmpData, protocol: number, any: boolean, space: PacketSpace): PacketSet {
  const header = space.and(
    space.interval('protocol', protocol, protocol),
    space.interval('icmpType', 0, 255),
  );
  const codes = d.codeMin > d.codeMax ? space.none : space.interval('icmpCode', d.codeMin, d.codeMax);
  const hit = any ? space.all : space.and(space.interval('icmpType', d.type, d.type), codes);
  return space.and(header, complementIf(d.negated, space, hit));
}

/** Type 255 is `any`, whatever the code. */
const isAny = (d: IcmpData): boolean => d.type === 255;

/** Type and code of an ICMP message. */
export const icmp = defineMatch({
  name: 'icmp',
  families: ['ipv4'],
  options: { 'icmp-type': { type: icmpType, required: true, invertible: true } },
  constraints: { protocols: [1] },
  needs: [],
  bind: (o): IcmpData => {
    const { value, negated } = o['icmp-type'];
    return value.type === 255 ? { type: 255, codeMin: 0, codeMax: 255, negated } : { ...value, negated };
  },
  print: (d, context) => [option('icmp-type', icmpTypeText('ipv4', d, context.keepMeaning), d.negated)],
  compile: (d) => compileIcmp(d, 1, isAny(d)),
  columns: (d) => icmpColumns(d, 1, isAny(d)),
  packets: (d, space) => icmpPackets(d, 1, isAny(d), space),
  docs: {
    summary: 'Type and code of an ICMP message.',
    man: 'iptables-extensions(8) icmp',
    kernel: 'net/ipv4/netfilter/ip_tables.c icmp_match()',
  },
});
