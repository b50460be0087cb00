import type { Address } from '../../net/address.ts';
import { addressText } from '../../net/address-text.ts';
import { defineTarget, type Refusal, refuse } from '../define.ts';
import { hostAddress } from '../host-address.ts';
import { bareText, freeText } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** What one `-j TEE` says, as data. */
export interface TeeData {
  readonly gateway: Address;
  /** Undefined: the route to the gateway decides. */
  readonly device: string | undefined;
}

/** Sends a copy of the packet to another machine and goes on. */
export const TEE = defineTarget({
  name: 'TEE',
  families: ['ipv4', 'ipv6'],
  options: {
    gateway: { type: hostAddress, required: true },
    oif: { type: freeText(15, { tooLong: 'cut' }) },
  },
  constraints: {},
  needs: [],
  bind: (o): TeeData => ({ gateway: o.gateway.value, device: o.oif?.value || undefined }),
  check: ({ gateway: g }): Refusal | undefined =>
    (g.w0 | g.w1 | g.w2 | g.w3) === 0
      ? refuse('bad-address', 'TEE to the zero address: the kernel refuses the rule (Invalid argument)', {
          option: '--gateway',
        })
      : undefined,
  print: (d, context) => [
    option('gateway', addressText(d.gateway)),
    ...(d.device === undefined ? [] : [option('oif', bareText(d.device, context))]),
  ],
  compile: (d) => (env) => {
    env.duplicate(d.gateway, d.device);
    return 'continue';
  },
  effect: () => ({ changes: [], outcome: 'continue' }),
  docs: {
    summary: 'Sends a copy of the packet to a machine on a local network and goes on with the next rule.',
    man: 'iptables-extensions(8) TEE',
    kernel: 'net/netfilter/xt_TEE.c tee_tg4(), tee_tg6()',
  },
});
