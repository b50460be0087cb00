import { parseUnsigned } from '../../net/integer-text.ts';
import { parseTosName, tosNameMask, tosNames } from '../../net/tos-names.ts';
import { complementIf } from '../../packetset/space.ts';
import { defineMatch, type OptionType, refuse, tri } from '../define.ts';
import type { MaskedValue } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** The TOS byte that is wanted. */
export interface TosMatchData extends MaskedValue {
  readonly negated: boolean;
}

/**
 * `value[/mask]`, or a symbolic name, whose mask is {@link tosNameMask}. `maskDefault`: for a value without a mask.
 *
 * Source: iptables 1.8.9 extensions/tos_values.c tos_parse_numeric(), tos_parse_symbolic().
 */
function tosValue(maskDefault: number): OptionType<MaskedValue> {
  return {
    arity: 1,
    placeholder: 'value[/mask]|symbol',
    shape: {
      kind: 'choice',
      of: [
        {
          kind: 'sequence',
          parts: [
            { kind: 'integer', min: 0, max: 255, hex: true },
            '/',
            { kind: 'integer', min: 0, max: 255, hex: true },
          ],
        },
        { kind: 'integer', min: 0, max: 255, hex: true },
        { kind: 'words', values: Object.keys(tosNames) },
      ],
    },
    parse(words, context) {
      const text = words[0] ?? '';
      const named = parseTosName(text);
      if (named !== undefined) return { value: named, mask: tosNameMask };
      const at = { word: text, option: context.option };
      const start = /^\s*\+?(0x[0-9a-f]+|\d+)/i.exec(text)?.[0];
      const value = start === undefined ? undefined : parseUnsigned(start, 255);
      if (start === undefined || value === undefined) {
        return refuse('unknown-name', `Symbolic name "${text}" is unknown`, {
          ...at,
          hint: `a number up to 255, or ${Object.keys(tosNames).join(', ')}`,
        });
      }
      const rest = text.slice(start.length);
      if (rest === '') return { value, mask: maskDefault };
      const mask = rest.startsWith('/') ? parseUnsigned(rest.slice(1), 255) : undefined;
      return mask === undefined ? refuse('bad-value', `Illegal value: "${text}"`, at) : { value, mask };
    },
  };
}

/** `0x10/0x3f`: two digits each. */
function tosText({ value, mask }: MaskedValue): string {
  return `0x${value.toString(16).padStart(2, '0')}/0x${mask.toString(16).padStart(2, '0')}`;
}

/** (TOS byte or traffic class & mask) == value, ECN bits included where the mask has them. */
export const tos = defineMatch({
  name: 'tos',
  families: ['ipv4', 'ipv6'],
  options: { tos: { type: tosValue(0xff), required: true, invertible: true } },
  constraints: {},
  needs: [],
  bind: (o): TosMatchData => ({ ...o.tos.value, negated: o.tos.negated }),
  print: (d) => [option('tos', tosText(d), d.negated)],
  compile: (d) => {
    const { value, mask, negated } = d;
    return (packet) => tri((packet.tos & mask) === value, negated);
  },
  columns: () => [],
  packets: (d, space) => complementIf(d.negated, space, space.bits('tos', d.value, d.mask)),
  docs: {
    summary: 'TOS byte (IPv4) or traffic class (IPv6), under a mask.',
    man: 'iptables-extensions(8) tos',
    kernel: 'net/netfilter/xt_dscp.c tos_mt()',
  },
});
