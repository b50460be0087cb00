import { parseUnsigned } from '../../net/integer-text.ts';
import { defineTarget, type OptionType, refuse } from '../define.ts';
import { flag, freeText } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** What one `-j LED` says, as data. */
export interface LedData {
  /** Name of the trigger without its `netfilter-`. */
  readonly triggerId: string;
  /** How long the light stays on after a packet, in milliseconds. */
  readonly delayMs: number | 'infinite';
  readonly alwaysBlink: boolean;
}

const forever = 0xffffffff;

const delay: OptionType<number> = {
  arity: 1,
  placeholder: 'ms|inf',
  shape: {
    kind: 'choice',
    of: [
      { kind: 'integer', min: 0, max: 0x7fffffff },
      { kind: 'words', values: ['inf'] },
    ],
  },
  parse: (words, context) =>
    words[0]?.toLowerCase() === 'inf'
      ? forever
      : (parseUnsigned(words[0] ?? '', forever) ??
        refuse('bad-value', `Delay value must be within range 0..${forever}`, {
          option: context.option,
          ...(words[0] ? { word: words[0] } : {}),
          hint: 'milliseconds, or inf',
        })),
};

/** Blinks a light. */
export const LED = defineTarget({
  name: 'LED',
  families: ['ipv4', 'ipv6'],
  options: {
    'led-trigger-id': {
      type: freeText(16, { tooLong: (max) => `Argument must have a maximum length of ${max} characters` }),
      required: true,
    },
    'led-delay': { type: delay },
    'led-always-blink': { type: flag },
  },
  constraints: {},
  needs: [],
  bind: (o): LedData => {
    const delayMs = o['led-delay']?.value ?? 0;
    return {
      triggerId: o['led-trigger-id'].value,
      delayMs: delayMs === forever ? 'infinite' : delayMs,
      alwaysBlink: o['led-always-blink'] !== undefined,
    };
  },
  print: (d, context) => [
    option('led-trigger-id', `"${d.triggerId.replace(/["\\]/g, '\\$&')}"`),
    ...delayText(d.delayMs, context.keepMeaning),
    ...(d.alwaysBlink ? [option('led-always-blink')] : []),
  ],
  compile: (d) => {
    const effect = `light netfilter-${d.triggerId} blinks`;
    return (env) => {
      env.note(effect);
      return 'continue';
    };
  },
  effect: () => ({ changes: [], outcome: 'continue' }),
  docs: {
    summary: 'Blinks a light for each packet.',
    man: 'iptables-extensions(8) LED',
    kernel: 'net/netfilter/xt_LED.c led_tg()',
  },
});

/** iptables-save prints large delays and `inf` as negative numbers, which do not read back. */
function delayText(delayMs: LedData['delayMs'], keepMeaning: boolean): readonly string[] {
  if (delayMs === 0) return [];
  if (keepMeaning) return [option('led-delay', delayMs === 'infinite' ? 'inf' : String(delayMs))];
  return [option('led-delay', String(delayMs === 'infinite' ? -1 : delayMs | 0))];
}
