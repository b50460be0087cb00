import { defineTarget } from '../define.ts';
import { oneOf } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** What one `-j AUDIT` says, as data. */
export interface AuditData {
  /** Only a word for the record: the packet goes on in any case. */
  readonly type: 'accept' | 'drop' | 'reject';
}

/** Writes a record to the audit log and goes on. */
export const AUDIT = defineTarget({
  name: 'AUDIT',
  families: ['ipv4', 'ipv6'],
  options: {
    type: {
      type: oneOf(['accept', 'drop', 'reject'], (word) => `Bad action type value "${word}"`, {
        ignoreCase: true,
      }),
      required: true,
    },
  },
  constraints: {},
  needs: [],
  bind: (o): AuditData => ({ type: o.type.value }),
  print: (d) => [option('type', d.type)],
  compile: (d) => (env) => {
    env.log({ via: 'AUDIT', prefix: d.type });
    return 'continue';
  },
  effect: () => ({ changes: [], outcome: 'continue' }),
  docs: {
    summary: 'Writes a record to the audit log; the packet goes on, whatever the type says.',
    man: 'iptables-extensions(8) AUDIT',
    kernel: 'net/netfilter/xt_AUDIT.c audit_tg()',
  },
});
