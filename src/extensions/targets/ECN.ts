import { tcpFlag } from '../../model/packet.ts';
import { defineTarget, type FieldChange, type Refusal, refuse } from '../define.ts';
import { flag, integer } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** What one `-j ECN` says, as data. */
export interface EcnTargetData {
  /** New value of a TCP flag; undefined: left alone. */
  readonly ece: 0 | 1 | undefined;
  readonly cwr: 0 | 1 | undefined;
  /** New value of the two ECN bits of the IP header; undefined: left alone. */
  readonly ect: number | undefined;
}

const bit = integer(0, 1);
const asBit = (value: number | undefined): 0 | 1 | undefined =>
  value === undefined ? undefined : value === 0 ? 0 : 1;

/** Of a TCP header: set_ect_tcp() drops what is shorter. */
const leastBytes = 20;

/** Sets or clears the bits of explicit congestion notification. */
export const ECN = defineTarget({
  name: 'ECN',
  families: ['ipv4'],
  options: {
    'ecn-tcp-remove': { type: flag, excludes: ['ecn-tcp-cwr', 'ecn-tcp-ece'] },
    'ecn-tcp-cwr': { type: bit, excludes: ['ecn-tcp-remove'] },
    'ecn-tcp-ece': { type: bit, excludes: ['ecn-tcp-remove'] },
    'ecn-ip-ect': { type: integer(0, 3) },
  },
  constraints: { tables: ['mangle'] },
  needs: [],
  bind: (o): EcnTargetData | Refusal => {
    const remove = o['ecn-tcp-remove'] ? 0 : undefined;
    const data = {
      ece: asBit(o['ecn-tcp-ece']?.value ?? remove),
      cwr: asBit(o['ecn-tcp-cwr']?.value ?? remove),
      ect: o['ecn-ip-ect']?.value,
    };
    return data.ece === undefined && data.cwr === undefined && data.ect === undefined
      ? refuse('missing-option', 'ECN target: An operation is required', { hint: '--ecn-tcp-remove' })
      : data;
  },
  check: (d, { base }): Refusal | undefined =>
    (d.ece !== undefined || d.cwr !== undefined) && (base.protocol?.value !== 6 || base.protocol.negated)
      ? refuse('needs-protocol', 'ECN needs -p tcp to touch TCP flags: the kernel refuses it without', {
          hint: 'add -p tcp',
        })
      : undefined,
  print: ({ ece, cwr, ect }) =>
    ece === 0 && cwr === 0 && ect === undefined
      ? [option('ecn-tcp-remove')]
      : [
          ...(ece === undefined ? [] : [option('ecn-tcp-ece', String(ece))]),
          ...(cwr === undefined ? [] : [option('ecn-tcp-cwr', String(cwr))]),
          ...(ect === undefined ? [] : [option('ecn-ip-ect', String(ect))]),
        ],
  compile: (d) => {
    const { clear, set } = flagChange(d);
    return (env) => {
      const { packet } = env;
      if (d.ect !== undefined) packet.tos = (packet.tos & 0xfc) | d.ect;
      if (clear === 0 || packet.protocol !== 6) return 'continue';
      if (packet.layer4 !== undefined && packet.layer4.length < 2 * leastBytes) return 'drop';
      if (packet.fragmentOffsetBytes > 0 || (packet.tcpFlags & clear) === set) return 'continue';
      packet.tcpFlags = (packet.tcpFlags & ~clear) | set;
      env.pull(leastBytes);
      return 'continue';
    };
  },
  effect: (d) => {
    const changes: FieldChange[] = [];
    const { clear, set } = flagChange(d);
    if (d.ect !== undefined) changes.push({ field: 'tos', clear: 3, xor: d.ect, or: 0 });
    if (clear !== 0) changes.push({ field: 'tcpFlags', clear, xor: set, or: 0 });
    return { changes, outcome: 'continue' };
  },
  docs: {
    summary: 'Sets or clears the ECN bits of the IP and TCP headers.',
    man: 'iptables-extensions(8) ECN',
    kernel: 'net/ipv4/netfilter/ipt_ECN.c ecn_tg()',
  },
});

/** TCP flags that are rewritten, and those of them that are set. */
function flagChange({ ece, cwr }: EcnTargetData): { readonly clear: number; readonly set: number } {
  return {
    clear: (ece === undefined ? 0 : tcpFlag.ECE) | (cwr === undefined ? 0 : tcpFlag.CWR),
    set: (ece === 1 ? tcpFlag.ECE : 0) | (cwr === 1 ? tcpFlag.CWR : 0),
  };
}
