import { tcpFlag } from '../../model/packet.ts';
import { defineTarget, UNKNOWN, YES } from '../define.ts';
import { flag, integer } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** What one `-j SYNPROXY` says, as data. */
export interface SynproxyData {
  readonly sackPermitted: boolean;
  readonly timestamp: boolean;
  readonly ecn: boolean;
  readonly windowScale: number | undefined;
  readonly mss: number | undefined;
}

const u32 = integer(0, 0xffffffff);
const handshake = tcpFlag.FIN | tcpFlag.SYN | tcpFlag.RST | tcpFlag.ACK;

/** Answers SYNs itself with cookies, and lets only clients that come back reach the server. */
export const SYNPROXY = defineTarget({
  name: 'SYNPROXY',
  families: ['ipv4', 'ipv6'],
  options: {
    'sack-perm': { type: flag },
    timestamp: { type: flag },
    wscale: { type: u32 },
    mss: { type: u32 },
    ecn: { type: flag },
  },
  constraints: { hooks: ['INPUT', 'FORWARD'], protocols: [6] },
  needs: ['conntrack'],
  usesConntrack: () => true,
  bind: (o): SynproxyData => ({
    sackPermitted: o['sack-perm'] !== undefined,
    timestamp: o.timestamp !== undefined,
    ecn: o.ecn !== undefined,
    // Larger numbers are cut to the size of the field.
    windowScale: o.wscale && o.wscale.value & 0xff,
    mss: o.mss && o.mss.value & 0xffff,
  }),
  print: (d) => [
    ...(d.sackPermitted ? [option('sack-perm')] : []),
    ...(d.timestamp ? [option('timestamp')] : []),
    ...(d.windowScale === undefined ? [] : [option('wscale', String(d.windowScale))]),
    ...(d.mss === undefined ? [] : [option('mss', String(d.mss))]),
    ...(d.ecn ? [option('ecn')] : []),
  ],
  compile: () => (env) => {
    const { packet } = env;
    if (packet.badChecksum) return 'drop';
    const flags = packet.tcpFlags & handshake;
    if (flags === tcpFlag.SYN) {
      env.note('answered with a SYN cookie');
      return 'stolen';
    }
    if (flags === tcpFlag.ACK) {
      const valid = env.ask('synproxy-cookie', ['invalid', 'valid']);
      if (valid === UNKNOWN) return 'unknown';
      if (valid === YES) env.note('connection to the server opened');
      return valid === YES ? 'stolen' : 'drop';
    }
    return 'continue';
  },
  effect: () => ({ changes: [], outcome: 'unknown', endings: ['accept', 'drop', 'stolen'] }),
  docs: {
    summary: 'Completes TCP handshakes in front of a server, with SYN cookies.',
    man: 'iptables-extensions(8) SYNPROXY',
    kernel: 'net/ipv4/netfilter/ipt_SYNPROXY.c synproxy_tg4(), net/netfilter/nf_synproxy_core.c',
  },
});
