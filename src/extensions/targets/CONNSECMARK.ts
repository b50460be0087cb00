import { defineTarget, type Refusal, refuse } from '../define.ts';
import { flag } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** What one `-j CONNSECMARK` says, as data. */
export interface ConnsecmarkData {
  /** `save`: from the packet to its connection; `restore`: back. Only where the other side has none yet. */
  readonly operation: 'save' | 'restore';
}

/** Copies the security mark between packet and connection; no rule can match on it. */
export const CONNSECMARK = defineTarget({
  name: 'CONNSECMARK',
  families: ['ipv4', 'ipv6'],
  options: {
    save: { type: flag, excludes: ['restore'] },
    restore: { type: flag, excludes: ['save'] },
  },
  constraints: { tables: ['mangle', 'security'] },
  needs: ['conntrack'],
  usesConntrack: () => true,
  bind: (o): ConnsecmarkData | Refusal =>
    o.save || o.restore
      ? { operation: o.save ? 'save' : 'restore' }
      : refuse('missing-option', 'CONNSECMARK target: parameter required', { hint: '--save or --restore' }),
  print: (d) => [option(d.operation)],
  compile: (d) => {
    const effect = d.operation === 'save' ? 'security mark saved' : 'security mark restored';
    return (env) => {
      env.note(effect);
      return 'continue';
    };
  },
  effect: () => ({ changes: [], outcome: 'continue' }),
  docs: {
    summary: 'Copies the security mark of the packet to its connection, or back.',
    man: 'iptables-extensions(8) CONNSECMARK',
    kernel: 'net/netfilter/xt_CONNSECMARK.c connsecmark_tg()',
  },
});
