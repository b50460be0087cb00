import { readUnsignedPrefix } from '../../net/integer-text.ts';
import { parseTosName, tosNameMask, tosNames } from '../../net/tos-names.ts';
import { defineTarget, type OptionType, type Refusal, refuse } from '../define.ts';
import { integer, type MaskedValue } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** tos = (tos & ~mask) ^ value, of the whole byte. */
export type TosTargetData = MaskedValue;

/** `value[/mask]` or a name; a name leaves the upper two bits alone, a bare number replaces all eight. */
const tosValue: OptionType<MaskedValue> = {
  arity: 1,
  placeholder: 'value[/mask]|symbol',
  shape: {
    kind: 'choice',
    of: [
      { kind: 'integer', min: 0, max: 255, hex: true },
      {
        kind: 'sequence',
        parts: [
          { kind: 'integer', min: 0, max: 255, hex: true },
          '/',
          { kind: 'integer', min: 0, max: 255, hex: true },
        ],
      },
      { kind: 'words', values: Object.keys(tosNames) },
    ],
  },
  parse(words, { option }) {
    const text = words[0] ?? '';
    const byte = (t: string): { value: number; rest: string } | undefined => {
      const read = /^\s*-/.test(t) ? undefined : readUnsignedPrefix(t);
      return read && read.value <= 255n ? { value: Number(read.value), rest: read.rest } : undefined;
    };
    const value = byte(text);
    if (!value) {
      const named = parseTosName(text);
      return named === undefined
        ? refuse('bad-value', `Symbolic name "${text}" is unknown`, {
            word: text === '' ? option : text,
            option,
            hint: `a number up to 255, or one of ${Object.keys(tosNames).join(', ')}`,
          })
        : { value: named, mask: tosNameMask };
    }
    if (value.rest === '') return { value: value.value, mask: 0xff };
    const mask = value.rest.startsWith('/') ? byte(value.rest.slice(1)) : undefined;
    return mask?.rest === ''
      ? { value: value.value, mask: mask.value }
      : refuse('bad-value', `Illegal value: "${text}"`, { word: text, option });
  },
};

const u8 = integer(0, 255);
const others = (self: string): readonly string[] =>
  ['set-tos', 'and-tos', 'or-tos', 'xor-tos'].filter((name) => name !== self);
const twoDigits = (n: number): string => `0x${n.toString(16).padStart(2, '0')}`;

/** Sets bits of the TOS byte or the traffic class. */
export const TOS = defineTarget({
  name: 'TOS',
  families: ['ipv4', 'ipv6'],
  options: {
    'set-tos': { type: tosValue, excludes: others('set-tos') },
    'and-tos': { type: u8, excludes: others('and-tos') },
    'or-tos': { type: u8, excludes: others('or-tos') },
    'xor-tos': { type: u8, excludes: others('xor-tos') },
  },
  constraints: { tables: ['mangle'] },
  needs: [],
  bind: (o): TosTargetData | Refusal => {
    if (o['set-tos']) return o['set-tos'].value;
    if (o['and-tos']) return { value: 0, mask: ~o['and-tos'].value & 0xff };
    if (o['or-tos']) return { value: o['or-tos'].value, mask: o['or-tos'].value };
    if (o['xor-tos']) return { value: o['xor-tos'].value, mask: 0 };
    return refuse('missing-option', 'TOS: An action is required', { hint: '--set-tos VALUE[/MASK]' });
  },
  print: (d) => [option('set-tos', `${twoDigits(d.value)}/${twoDigits(d.mask)}`)],
  compile: ({ value, mask }) => {
    return (env) => {
      env.packet.tos = (env.packet.tos & ~mask & 0xff) ^ value;
      return 'continue';
    };
  },
  effect: ({ value, mask }) => ({
    changes: [{ field: 'tos', clear: mask, xor: value, or: 0 }],
    outcome: 'continue',
  }),
  docs: {
    summary: 'Sets bits of the TOS byte (IPv6: the traffic class).',
    man: 'iptables-extensions(8) TOS',
    kernel: 'net/netfilter/xt_DSCP.c tos_tg(), tos_tg6()',
  },
});
