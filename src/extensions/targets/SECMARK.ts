import { defineTarget, type Refusal, refuse } from '../define.ts';
import { bareText, freeText } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** What one `-j SECMARK` says, as data. */
export interface SecmarkData {
  /** `system_u:object_r:firewalld_exec_t:s0`. */
  readonly context: string;
}

/** Sets the security mark, which SELinux judges by; no rule can match on it. */
export const SECMARK = defineTarget({
  name: 'SECMARK',
  families: ['ipv4', 'ipv6'],
  options: { selctx: { type: freeText(255, { tooLong: 'cut' }), required: true } },
  constraints: { tables: ['mangle', 'security'] },
  needs: [],
  bind: (o): SecmarkData | Refusal =>
    o.selctx.value === ''
      ? refuse('bad-value', 'SECMARK: an empty security context does not load', { option: '--selctx' })
      : { context: o.selctx.value },
  print: (d, context) => [option('selctx', bareText(d.context, context))],
  compile: (d) => {
    const effect = `security mark set to ${d.context}`;
    return (env) => {
      env.note(effect);
      return 'continue';
    };
  },
  effect: () => ({ changes: [], outcome: 'continue' }),
  docs: {
    summary: 'Sets the security mark of the packet, for SELinux.',
    man: 'iptables-extensions(8) SECMARK',
    kernel: 'net/netfilter/xt_SECMARK.c secmark_tg()',
  },
});
