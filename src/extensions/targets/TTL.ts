import { defineTarget, type Refusal, refuse } from '../define.ts';
import { integer } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** What one `-j TTL` says, as data. */
export interface TtlTargetData {
  readonly operation: 'set' | 'inc' | 'dec';
  readonly value: number;
}

const step = integer(1, 255);

/** Changes the time to live, within 0 to 255. */
export const TTL = defineTarget({
  name: 'TTL',
  families: ['ipv4'],
  options: {
    'ttl-set': { type: integer(0, 255), excludes: ['ttl-dec', 'ttl-inc'] },
    'ttl-dec': { type: step, excludes: ['ttl-set', 'ttl-inc'] },
    'ttl-inc': { type: step, excludes: ['ttl-set', 'ttl-dec'] },
  },
  constraints: { tables: ['mangle'] },
  needs: [],
  bind: (o): TtlTargetData | Refusal => {
    if (o['ttl-set']) return { operation: 'set', value: o['ttl-set'].value };
    if (o['ttl-dec']) return { operation: 'dec', value: o['ttl-dec'].value };
    if (o['ttl-inc']) return { operation: 'inc', value: o['ttl-inc'].value };
    return refuse('missing-option', 'TTL: You must specify an action', {
      hint: '--ttl-set VALUE, --ttl-inc VALUE or --ttl-dec VALUE',
    });
  },
  print: (d) => [option(`ttl-${d.operation}`, String(d.value))],
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
    summary: 'Sets, raises or lowers the time to live.',
    man: 'iptables-extensions(8) TTL',
    kernel: 'net/netfilter/xt_HL.c ttl_tg()',
  },
});
