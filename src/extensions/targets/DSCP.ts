import { dscpClasses, parseDscpClass } from '../../net/dscp-classes.ts';
import { defineTarget, type OptionType, type Refusal, refuse } from '../define.ts';
import { integer } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** What one `-j DSCP` says, as data. */
export interface DscpTargetData {
  /** Six bits. */
  readonly dscp: number;
}

const dscpClass: OptionType<number> = {
  arity: 1,
  placeholder: 'class',
  shape: { kind: 'words', values: Object.keys(dscpClasses) },
  parse(words, context) {
    const word = words[0] ?? '';
    return (
      parseDscpClass(word) ??
      refuse('bad-value', `Invalid DSCP value \`${word}'`, {
        word: word === '' ? context.option : word,
        option: context.option,
        hint: 'a class: BE, EF, CS0 to CS7, AF11 to AF43',
      })
    );
  },
};

/** Sets the DiffServ code point; the two ECN bits stay. */
export const DSCP = defineTarget({
  name: 'DSCP',
  families: ['ipv4', 'ipv6'],
  options: {
    'set-dscp': { type: integer(0, 63, { hex: true }), excludes: ['set-dscp-class'] },
    'set-dscp-class': { type: dscpClass, excludes: ['set-dscp'] },
  },
  constraints: { tables: ['mangle'] },
  needs: [],
  bind: (o): DscpTargetData | Refusal => {
    const dscp = o['set-dscp']?.value ?? o['set-dscp-class']?.value;
    return dscp === undefined
      ? refuse('missing-option', 'DSCP target: Parameter --set-dscp is required', {
          hint: '--set-dscp VALUE or --set-dscp-class CLASS',
        })
      : { dscp };
  },
  print: (d) => [option('set-dscp', `0x${d.dscp.toString(16).padStart(2, '0')}`)],
  compile: ({ dscp }) => {
    return (env) => {
      env.packet.tos = (env.packet.tos & 3) | (dscp << 2);
      return 'continue';
    };
  },
  effect: ({ dscp }) => ({
    changes: [{ field: 'tos', clear: 0xfc, xor: dscp << 2, or: 0 }],
    outcome: 'continue',
  }),
  docs: {
    summary: 'Sets the DiffServ code point in the TOS byte or traffic class.',
    man: 'iptables-extensions(8) DSCP',
    kernel: 'net/netfilter/xt_DSCP.c dscp_tg(), dscp_tg6()',
  },
});
