import { complementIf } from '../../packetset/space.ts';
import { defineMatch, tri } from '../define.ts';
import { uint64 } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** Bytes after which the rule matches no more (negated: begins to). */
export interface QuotaData {
  /** Decimal, 64 bits. */
  readonly bytes: string;
  readonly negated: boolean;
}

/**
 * Matches until so many bytes have passed the rule. The first packet that does not fit uses up what is left;
 * negated, the match begins there.
 */
export const quota = defineMatch({
  name: 'quota',
  families: ['ipv4', 'ipv6'],
  options: { quota: { type: uint64, required: true, invertible: true } },
  constraints: {},
  needs: ['clock'],
  bind: (o): QuotaData => ({ bytes: o.quota.value, negated: o.quota.negated }),
  print: (d) => [option('quota', d.bytes, d.negated)],
  compile: (d, context) => {
    if (d.bytes === '0') return () => tri(false, d.negated);
    const slot = `quota:${context.slot}`;
    return (packet, env) => {
      if (env.timeMs === undefined)
        return d.negated ? env.ask('quota', ['left', 'used']) : env.ask('quota', ['used', 'left']);
      const left = BigInt((env.readState(slot) as string | undefined) ?? d.bytes);
      const size = BigInt(packet.lengthBytes);
      const fits = left >= size;
      env.writeState(slot, fits ? (left - size).toString() : '0');
      return tri(fits, d.negated);
    };
  },
  packets: (d, space) =>
    complementIf(d.negated, space, d.bytes === '0' ? space.none : space.choice({ kind: 'rule' })),
  docs: {
    summary: 'A number of bytes after which the rule matches no more.',
    man: 'iptables-extensions(8) quota',
    kernel: 'net/netfilter/xt_quota.c quota_mt()',
  },
});
