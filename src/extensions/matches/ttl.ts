import { complementIf } from '../../packetset/space.ts';
import { defineMatch, type Refusal, refuse, tri } from '../define.ts';
import { integer } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** How a TTL or hop limit is compared. `ne` is `! --ttl-eq`. */
export interface TtlData {
  readonly op: 'eq' | 'ne' | 'lt' | 'gt';
  readonly value: number;
}

const byte = integer(0, 255);

/** Time to live. Forwarding lowers it before FORWARD sees the packet. */
export const ttl = defineMatch({
  name: 'ttl',
  families: ['ipv4'],
  options: {
    'ttl-lt': { type: byte, excludes: ['ttl-eq', 'ttl-gt'] },
    'ttl-gt': { type: byte, excludes: ['ttl-eq', 'ttl-lt'] },
    'ttl-eq': { type: byte, aliases: ['ttl'], invertible: true, excludes: ['ttl-lt', 'ttl-gt'] },
  },
  constraints: {},
  needs: [],
  bind: (o): TtlData | Refusal => {
    const eq = o['ttl-eq'];
    if (eq) return { op: eq.negated ? 'ne' : 'eq', value: eq.value };
    const lt = o['ttl-lt'];
    if (lt) return { op: 'lt', value: lt.value };
    const gt = o['ttl-gt'];
    if (gt) return { op: 'gt', value: gt.value };
    return refuse('missing-option', "TTL match: You must specify one of `--ttl-eq', `--ttl-lt', `--ttl-gt'");
  },
  print: (d) => [option(`ttl-${d.op === 'ne' ? 'eq' : d.op}`, String(d.value), d.op === 'ne')],
  compile: (d) => {
    const { op, value } = d;
    switch (op) {
      case 'eq':
        return (packet) => tri(packet.ttl === value);
      case 'ne':
        return (packet) => tri(packet.ttl !== value);
      case 'lt':
        return (packet) => tri(packet.ttl < value);
      case 'gt':
        return (packet) => tri(packet.ttl > value);
    }
  },
  columns: () => [],
  packets: (d, space) => {
    if (d.op === 'lt') return d.value === 0 ? space.none : space.interval('ttl', 0, d.value - 1);
    if (d.op === 'gt') return d.value === 255 ? space.none : space.interval('ttl', d.value + 1, 255);
    return complementIf(d.op === 'ne', space, space.interval('ttl', d.value, d.value));
  },
  docs: {
    summary: 'Time to live of the packet.',
    man: 'iptables-extensions(8) ttl',
    kernel: 'net/netfilter/xt_hl.c ttl_mt()',
  },
});
