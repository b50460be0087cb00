import { defineTarget, type Refusal, refuse } from '../define.ts';
import { flag, hex, integer, type MaskedValue, markMask } from '../option-types.ts';
import { option } from '../printed-words.ts';
import { markArithmetic } from './MARK.ts';

/** A shift of the copied or new mark, in bits; zero: none. */
export interface MarkShift {
  readonly direction: 'left' | 'right';
  readonly bits: number;
}

/** What one `-j CONNMARK` says, as data. */
export interface ConnmarkData {
  /**
   * `set`: ct = (ct & ~ctMask) ^ value. `save`: ct = (ct & ~ctMask) ^ (mark & nfMask).
   * `restore`: mark = (mark & ~nfMask) ^ (ct & ctMask).
   */
  readonly mode: 'set' | 'save' | 'restore';
  readonly value: number;
  readonly nfMask: number;
  readonly ctMask: number;
  /** Applied to the whole new mark by `set`, to what is copied by `save` and `restore`. */
  readonly shift: MarkShift;
}

const u32 = integer(0, 0xffffffff);
const operations = [
  'set-xmark',
  'set-mark',
  'and-mark',
  'or-mark',
  'xor-mark',
  'save-mark',
  'restore-mark',
] as const;
const others = (self: string): readonly string[] => operations.filter((name) => name !== self);

const all = 0xffffffff;

const shifted = (mark: number, { direction, bits }: MarkShift): number =>
  (direction === 'left' ? mark << bits : mark >>> bits) >>> 0;

/** Sets bits of the connection's mark, or copies them to or from the packet. Nothing happens without an entry. */
export const CONNMARK = defineTarget({
  name: 'CONNMARK',
  families: ['ipv4', 'ipv6'],
  options: {
    'set-xmark': { type: markMask, excludes: others('set-xmark') },
    'set-mark': { type: markMask, excludes: others('set-mark') },
    'and-mark': { type: u32, excludes: others('and-mark') },
    'or-mark': { type: u32, excludes: others('or-mark') },
    'xor-mark': { type: u32, excludes: others('xor-mark') },
    'save-mark': { type: flag, excludes: others('save-mark') },
    'restore-mark': { type: flag, excludes: others('restore-mark') },
    'left-shift-mark': { type: u32 },
    'right-shift-mark': { type: u32 },
    ctmask: { type: u32, excludes: ['mask'] },
    nfmask: { type: u32, excludes: ['mask'] },
    mask: { type: u32, excludes: ['ctmask', 'nfmask'] },
  },
  constraints: {},
  needs: ['conntrack'],
  usesConntrack: () => true,
  bind: (o): ConnmarkData | Refusal => {
    const set: MaskedValue | undefined =
      o['set-xmark']?.value ??
      (o['set-mark'] && markArithmetic.set(o['set-mark'].value)) ??
      (o['and-mark'] && markArithmetic.and(o['and-mark'].value)) ??
      (o['or-mark'] && markArithmetic.or(o['or-mark'].value)) ??
      (o['xor-mark'] && markArithmetic.xor(o['xor-mark'].value));
    const mode = set ? 'set' : o['save-mark'] ? 'save' : o['restore-mark'] ? 'restore' : undefined;
    if (!mode) {
      return refuse('missing-option', 'CONNMARK target: No operation specified', {
        hint: 'one of --set-mark VALUE, --save-mark, --restore-mark',
      });
    }
    // A mask that stands after the value overrides the mask of the value; before it, it is overridden.
    const setPosition = operations.map((name) => o[name]?.position ?? -1).find((p) => p >= 0) ?? -1;
    const laterMask = [o.ctmask, o.mask].find((m) => m !== undefined && m.position > setPosition);
    const [left, right] = [o['left-shift-mark'], o['right-shift-mark']];
    const last = left && right ? (left.position > right.position ? left : right) : (left ?? right);
    const bits = last?.value ?? 0;
    if (bits > 31) {
      return refuse('bad-value', `CONNMARK cannot shift by ${bits} bits (Invalid argument)`, {
        option: last === left ? '--left-shift-mark' : '--right-shift-mark',
        hint: 'at most 31',
      });
    }
    return {
      mode,
      value: set?.value ?? 0,
      nfMask: mode === 'set' ? 0 : (o.nfmask?.value ?? o.mask?.value ?? all),
      ctMask: set ? (laterMask?.value ?? set.mask) : (o.ctmask?.value ?? o.mask?.value ?? all),
      shift: { direction: bits !== 0 && last === right ? 'right' : 'left', bits },
    };
  },
  print: (d) => [
    ...(d.mode === 'set'
      ? [option('set-xmark', `${hex(d.value)}/${hex(d.ctMask)}`)]
      : [option(`${d.mode}-mark`), option('nfmask', hex(d.nfMask)), option('ctmask', hex(d.ctMask))]),
    ...(d.shift.bits === 0 ? [] : [option(`${d.shift.direction}-shift-mark`, String(d.shift.bits))]),
  ],
  compile: ({ mode, value, nfMask, ctMask, shift }) => {
    switch (mode) {
      case 'set':
        return (env) => {
          const entry = env.connection.entry;
          if (entry) env.setConnmark(shifted(((entry.mark & ~ctMask) ^ value) >>> 0, shift));
          return 'continue';
        };
      case 'save':
        return (env) => {
          const entry = env.connection.entry;
          if (entry) {
            const copied = shifted((env.packet.mark & nfMask) >>> 0, shift);
            env.setConnmark(((entry.mark & ~ctMask) ^ copied) >>> 0);
          }
          return 'continue';
        };
      case 'restore':
        return (env) => {
          const entry = env.connection.entry;
          if (entry) {
            const copied = shifted((entry.mark & ctMask) >>> 0, shift);
            env.packet.mark = ((env.packet.mark & ~nfMask) ^ copied) >>> 0;
          }
          return 'continue';
        };
    }
  },
  effect: ({ mode, value, nfMask, ctMask, shift }) => {
    const field = mode === 'restore' ? 'mark' : 'connmark';
    if (shift.bits !== 0) return { changes: [{ field, operation: 'unknown' }], outcome: 'continue' };
    return {
      changes: [
        mode === 'set'
          ? { field: 'connmark', clear: ctMask, xor: value, or: 0 }
          : mode === 'save'
            ? { field: 'connmark', from: 'mark', toMask: ctMask, fromMask: nfMask }
            : { field: 'mark', from: 'connmark', toMask: nfMask, fromMask: ctMask },
      ],
      outcome: 'continue',
    };
  },
  docs: {
    summary: 'Sets bits of the connection mark, or copies them to or from the packet mark.',
    man: 'iptables-extensions(8) CONNMARK',
    kernel: 'net/netfilter/xt_connmark.c connmark_tg_v2()',
  },
});
