import { defineMatch, type Refusal, refuse } from '../define.ts';
import { integer } from '../option-types.ts';
import { option } from '../printed-words.ts';
import { type TtlData, ttl } from './ttl.ts';

const byte = integer(0, 255);

/** Hop limit of an IPv6 packet. Forwarding lowers it before FORWARD sees the packet. */
export const hl = defineMatch({
  name: 'hl',
  families: ['ipv6'],
  options: {
    'hl-lt': { type: byte, excludes: ['hl-gt', 'hl-eq'] },
    'hl-gt': { type: byte, excludes: ['hl-lt', 'hl-eq'] },
    'hl-eq': { type: byte, aliases: ['hl'], invertible: true, excludes: ['hl-lt', 'hl-gt'] },
  },
  constraints: {},
  needs: [],
  bind: (o): TtlData | Refusal => {
    const eq = o['hl-eq'];
    if (eq) return { op: eq.negated ? 'ne' : 'eq', value: eq.value };
    const lt = o['hl-lt'];
    if (lt) return { op: 'lt', value: lt.value };
    const gt = o['hl-gt'];
    if (gt) return { op: 'gt', value: gt.value };
    return refuse('missing-option', "HL match: You must specify one of `--hl-eq', `--hl-lt', `--hl-gt'");
  },
  print: (d) => [option(`hl-${d.op === 'ne' ? 'eq' : d.op}`, String(d.value), d.op === 'ne')],
  compile: (d, context) => ttl.compile(d, context),
  columns: () => [],
  packets: (d, space, context) => ttl.packets(d, space, context),
  docs: {
    summary: 'Hop limit of the packet.',
    man: 'iptables-extensions(8) hl',
    kernel: 'net/netfilter/xt_hl.c hl_mt6()',
  },
});
