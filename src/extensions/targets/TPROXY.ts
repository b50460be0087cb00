import { type Address, zeroAddress } from '../../net/address.ts';
import { addressText } from '../../net/address-text.ts';
import { resolvePort } from '../../net/services.ts';
import { defineTarget, type OptionType, refuse } from '../define.ts';
import { hostAddress } from '../host-address.ts';
import { hex, type MaskedValue, markMask } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** What one `-j TPROXY` says, as data. */
export interface TproxyData {
  /** Zero: the packet's own destination port. */
  readonly port: number;
  /** Undefined: an address of the incoming interface. */
  readonly address: Address | undefined;
  /** mark = (mark & ~mask) ^ value, if a socket takes the packet. */
  readonly mark: MaskedValue;
}

const port: OptionType<number> = {
  arity: 1,
  placeholder: 'port',
  shape: { kind: 'integer', min: 0, max: 65535 },
  parse: (words, context) =>
    resolvePort(words[0] ?? '') ??
    refuse('bad-port', `Port "${words[0]}" does not resolve to anything.`, {
      word: words[0] || context.option,
      option: context.option,
    }),
};

/** Gives the packet to a transparent socket of this machine, as it is. Without such a socket it is dropped. */
export const TPROXY = defineTarget({
  name: 'TPROXY',
  families: ['ipv4', 'ipv6'],
  options: {
    'on-port': { type: port, required: true },
    'on-ip': { type: hostAddress },
    'tproxy-mark': { type: markMask },
  },
  constraints: { tables: ['mangle'], hooks: ['PREROUTING'], protocols: [6, 17] },
  needs: ['sockets'],
  bind: (o): TproxyData => {
    const address = o['on-ip']?.value;
    const any = !address || (address.w0 | address.w1 | address.w2 | address.w3) === 0;
    return {
      port: o['on-port'].value,
      address: any ? undefined : address,
      mark: o['tproxy-mark']?.value ?? { value: 0, mask: 0 },
    };
  },
  print: (d, context) => [
    option('on-port', String(d.port)),
    option('on-ip', addressText(d.address ?? zeroAddress(context.family))),
    option('tproxy-mark', `${hex(d.mark.value)}/${hex(d.mark.mask)}`),
  ],
  compile: (d) => {
    const to = { address: d.address, port: d.port, mark: d.mark.value, markMask: d.mark.mask };
    return (env) => env.divert(to);
  },
  effect: (d) => ({
    changes: [{ field: 'mark', clear: d.mark.mask, xor: d.mark.value, or: 0 }],
    outcome: 'unknown',
  }),
  docs: {
    summary: 'Gives the packet to a transparent local socket without changing it.',
    man: 'iptables-extensions(8) TPROXY',
    kernel: 'net/netfilter/xt_TPROXY.c tproxy_tg4(), tproxy_tg6_v1()',
  },
});
