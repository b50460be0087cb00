import { defineTarget, type Refusal, refuse } from '../define.ts';
import { integer } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** What one `-j HL` says, as data. */
export interface HlTargetData {
  readonly operation: 'set' | 'inc' | 'dec';
  readonly value: number;
}

const step = integer(1, 255);

/** Changes the hop limit, within 0 to 255. */
export const HL = defineTarget({
  name: 'HL',
  families: ['ipv6'],
  options: {
    'hl-set': { type: integer(0, 255), excludes: ['hl-dec', 'hl-inc'] },
    'hl-dec': { type: step, excludes: ['hl-set', 'hl-inc'] },
    'hl-inc': { type: step, excludes: ['hl-set', 'hl-dec'] },
  },
  constraints: { tables: ['mangle'] },
  needs: [],
  bind: (o): HlTargetData | Refusal => {
    if (o['hl-set']) return { operation: 'set', value: o['hl-set'].value };
    if (o['hl-dec']) return { operation: 'dec', value: o['hl-dec'].value };
    if (o['hl-inc']) return { operation: 'inc', value: o['hl-inc'].value };
    return refuse('missing-option', 'HL: You must specify an action', {
      hint: '--hl-set VALUE, --hl-inc VALUE or --hl-dec VALUE',
    });
  },
  print: (d) => [option(`hl-${d.operation}`, String(d.value))],
  compile: ({ operation, value }) => {
    return (env) => {
      const before = env.packet.ttl;
      env.packet.ttl =
        operation === 'set'
          ? value
          : operation === 'inc'
            ? Math.min(before + value, 255)
            : Math.max(before - value, 0);
      return 'continue';
    };
  },
  effect: ({ operation, value }) => ({
    changes: [
      operation === 'set'
        ? { field: 'ttl', operation: 'set', value }
        : { field: 'ttl', operation: 'add', value: operation === 'inc' ? value : -value },
    ],
    outcome: 'continue',
  }),
  docs: {
    summary: 'Sets, raises or lowers the hop limit of an IPv6 packet.',
    man: 'iptables-extensions(8) HL',
    kernel: 'net/netfilter/xt_HL.c hl_tg6()',
  },
});
