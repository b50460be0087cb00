import { defineTarget, type Refusal, refuse } from '../define.ts';
import { bareText, flag, freeText, integer } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** What one `-j IDLETIMER` says, as data. */
export interface IdletimerData {
  readonly timeoutSeconds: number;
  /** Name of the timer in sysfs; rules with the same label share it. At most 27 bytes. */
  readonly label: string;
  /** The timer runs on while the machine sleeps. */
  readonly alarm: boolean;
}

/** The kernel counts milliseconds in 31 bits. */
const timeoutMaxSeconds = 2147482;

/** Starts a timer anew; a program is told when it runs out. */
export const IDLETIMER = defineTarget({
  name: 'IDLETIMER',
  families: ['ipv4', 'ipv6'],
  options: {
    timeout: { type: integer(0, 0xffffffff), required: true },
    label: { type: freeText(27, { tooLong: 'cut' }), required: true },
    alarm: { type: flag },
  },
  constraints: {},
  needs: [],
  bind: (o): IdletimerData => ({
    timeoutSeconds: o.timeout.value,
    label: o.label.value,
    alarm: o.alarm !== undefined,
  }),
  check: (d): Refusal | undefined => {
    if (d.timeoutSeconds === 0 || d.timeoutSeconds > timeoutMaxSeconds) {
      return refuse('bad-value', `IDLETIMER takes 1 to ${timeoutMaxSeconds} seconds (Invalid argument)`, {
        option: '--timeout',
      });
    }
    return d.label === '' || d.label.includes('/')
      ? refuse('bad-value', 'IDLETIMER: the label must do for a file name (Invalid argument)', {
          option: '--label',
        })
      : undefined;
  },
  print: (d, context) => [
    option('timeout', String(d.timeoutSeconds)),
    option('label', bareText(d.label, context)),
    ...(d.alarm ? [option('alarm')] : []),
  ],
  compile: (d) => {
    const effect = `idle timer ${d.label} starts anew`;
    return (env) => {
      env.note(effect);
      return 'continue';
    };
  },
  effect: () => ({ changes: [], outcome: 'continue' }),
  docs: {
    summary: 'Tells programs when no packet came by for some time.',
    man: 'iptables-extensions(8) IDLETIMER',
    kernel: 'net/netfilter/xt_IDLETIMER.c idletimer_tg_target()',
  },
});
