import { defineTarget, type Refusal, refuse } from '../define.ts';
import { hex, integer, type MaskedValue, markMask } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** mark = (mark & ~mask) ^ value: every way of writing comes down to this. */
export type MarkData = MaskedValue;

const u32 = integer(0, 0xffffffff);

/** How the options that MARK and CONNMARK share become a mask to clear and a value to flip. */
export const markArithmetic = {
  set: ({ value, mask }: MaskedValue): MaskedValue => ({ value, mask: (value | mask) >>> 0 }),
  and: (bits: number): MaskedValue => ({ value: 0, mask: ~bits >>> 0 }),
  or: (bits: number): MaskedValue => ({ value: bits, mask: bits }),
  xor: (bits: number): MaskedValue => ({ value: bits, mask: 0 }),
} as const;

const others = (self: string): readonly string[] =>
  ['set-xmark', 'set-mark', 'and-mark', 'or-mark', 'xor-mark'].filter((name) => name !== self);

/** Sets bits of the packet mark. */
export const MARK = defineTarget({
  name: 'MARK',
  families: ['ipv4', 'ipv6'],
  options: {
    'set-xmark': { type: markMask, excludes: others('set-xmark') },
    'set-mark': { type: markMask, excludes: others('set-mark') },
    'and-mark': { type: u32, excludes: others('and-mark') },
    'or-mark': { type: u32, excludes: others('or-mark') },
    'xor-mark': { type: u32, excludes: others('xor-mark') },
  },
  constraints: {},
  needs: [],
  bind: (o): MarkData | Refusal => {
    if (o['set-xmark']) return o['set-xmark'].value;
    if (o['set-mark']) return markArithmetic.set(o['set-mark'].value);
    if (o['and-mark']) return markArithmetic.and(o['and-mark'].value);
    if (o['or-mark']) return markArithmetic.or(o['or-mark'].value);
    if (o['xor-mark']) return markArithmetic.xor(o['xor-mark'].value);
    return refuse(
      'missing-option',
      'MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required',
      { hint: '--set-mark VALUE[/MASK]' },
    );
  },
  print: (d) => [option('set-xmark', `${hex(d.value)}/${hex(d.mask)}`)],
  compile: ({ value, mask }) => {
    const keep = ~mask;
    return (env) => {
      env.packet.mark = ((env.packet.mark & keep) ^ value) >>> 0;
      return 'continue';
    };
  },
  effect: ({ value, mask }) => ({
    changes: [{ field: 'mark', clear: mask, xor: value, or: 0 }],
    outcome: 'continue',
  }),
  docs: {
    summary: 'Sets bits of the packet mark, which policy routing and later rules can see.',
    man: 'iptables-extensions(8) MARK',
    kernel: 'net/netfilter/xt_mark.c mark_tg()',
  },
});
