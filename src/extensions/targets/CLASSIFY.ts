import { defineTarget, type OptionType, refuse } from '../define.ts';
import { option } from '../printed-words.ts';

/** What one `-j CLASSIFY` says, as data. */
export interface ClassifyData {
  /** 16 bits each. */
  readonly major: number;
  readonly minor: number;
}

/** Two hexadecimal numbers as sscanf(3) reads them with `%x:%x`: what follows the second is not looked at. */
const classText = /^\s*([+-]?(?:0[xX])?[0-9a-fA-F]*):\s*([+-]?(?:0[xX])?[0-9a-fA-F]*)/;

const low16 = (text: string): number | undefined => {
  const digits = /^[+-]?(?:0[xX])?([0-9a-fA-F]*)$/.exec(text)?.[1] ?? '';
  if (digits === '' && !/0[xX]$/.test(text)) return undefined;
  const value = Number.parseInt(digits.slice(-4) || '0', 16);
  return (text.startsWith('-') ? -value : value) & 0xffff;
};

const classId: OptionType<ClassifyData> = {
  arity: 1,
  placeholder: 'major:minor',
  shape: {
    kind: 'sequence',
    parts: [
      { kind: 'integer', min: 0, max: 65535, hex: true },
      ':',
      { kind: 'integer', min: 0, max: 65535, hex: true },
    ],
  },
  parse(words, context) {
    const text = words[0] ?? '';
    const found = classText.exec(text);
    const major = found ? low16(found[1] ?? '') : undefined;
    const minor = found ? low16(found[2] ?? '') : undefined;
    return major === undefined || minor === undefined
      ? refuse('bad-value', `Bad class value "${text}"`, {
          word: text === '' ? context.option : text,
          option: context.option,
          hint: 'two hexadecimal numbers: major:minor',
        })
      : { major, minor };
  },
};

const fourDigits = (n: number): string => n.toString(16).padStart(4, '0');

/** Chooses the traffic control class; filtering and routing do not see it. */
export const CLASSIFY = defineTarget({
  name: 'CLASSIFY',
  families: ['ipv4', 'ipv6'],
  options: { 'set-class': { type: classId, required: true } },
  constraints: { hooks: ['FORWARD', 'OUTPUT', 'POSTROUTING'] },
  needs: [],
  bind: (o): ClassifyData => o['set-class'].value,
  print: (d) => [option('set-class', `${fourDigits(d.major)}:${fourDigits(d.minor)}`)],
  compile: (d) => {
    const effect = `traffic control class ${fourDigits(d.major)}:${fourDigits(d.minor)}`;
    return (env) => {
      env.note(effect);
      return 'continue';
    };
  },
  effect: () => ({ changes: [], outcome: 'continue' }),
  docs: {
    summary: 'Chooses the traffic control class (skb priority) of the packet.',
    man: 'iptables-extensions(8) CLASSIFY',
    kernel: 'net/netfilter/xt_CLASSIFY.c classify_tg()',
  },
});
