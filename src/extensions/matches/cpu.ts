import { complementIf } from '../../packetset/space.ts';
import { defineMatch, invertTri } from '../define.ts';
import { integer } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** Number of a processor, from 0. */
export interface CpuData {
  readonly cpu: number;
  readonly negated: boolean;
}

/** Number of the processor that handles the packet, from 0. */
export const cpu = defineMatch({
  name: 'cpu',
  families: ['ipv4', 'ipv6'],
  options: { cpu: { type: integer(0, 0xffffffff), required: true, invertible: true } },
  constraints: {},
  needs: [],
  bind: (o): CpuData => ({ cpu: o.cpu.value, negated: o.cpu.negated }),
  print: (d) => [option('cpu', String(d.cpu), d.negated)],
  compile: (d) => {
    const topic = `cpu:${d.cpu}`;
    return (_packet, env) => {
      const here = env.ask(topic, ['no', 'yes']);
      return d.negated ? invertTri(here) : here;
    };
  },
  packets: (d, space) =>
    complementIf(d.negated, space, space.choice({ kind: 'pure', key: `cpu ${d.cpu}`, reads: [] })),
  docs: {
    summary: 'Processor that handles the packet.',
    man: 'iptables-extensions(8) cpu',
    kernel: 'net/netfilter/xt_cpu.c cpu_mt()',
  },
});
