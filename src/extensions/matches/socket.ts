import type { Packet } from '../../model/packet.ts';
import { sameAddress } from '../../net/address.ts';
import { defineMatch, type MatchEnv, tri } from '../define.ts';
import { flag } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** Which sockets count. */
export interface SocketData {
  /** Only sockets that may have foreign addresses (IP_TRANSPARENT). */
  readonly transparent: boolean;
  /** Sockets bound to any address count too. */
  readonly nowildcard: boolean;
  /** Gives the packet the socket's mark. */
  readonly restoreMark: boolean;
}

/** Whether a listening socket takes the packet; sockets of connections are not known. */
function listens(d: SocketData, packet: Packet, env: MatchEnv): boolean | undefined {
  const listeners = env.machine.listeners.value;
  if (listeners === undefined || d.transparent) return undefined;
  const { connection } = env;
  if (connection.entry && (connection.state !== 'NEW' || connection.direction === 'reply')) return undefined;
  return listeners.some(
    (l) =>
      l.protocol === packet.protocol &&
      l.port === packet.dport &&
      (l.address === undefined ? d.nowildcard : sameAddress(l.address, packet.dst)) &&
      (l.device === undefined || l.device === env.inInterface),
  );
}

/** Whether a socket of this machine takes the packet. */
export const socket = defineMatch({
  name: 'socket',
  families: ['ipv4', 'ipv6'],
  options: {
    transparent: { type: flag },
    nowildcard: { type: flag },
    'restore-skmark': { type: flag },
  },
  constraints: { hooks: ['PREROUTING', 'INPUT'] },
  needs: ['sockets'],
  bind: (o): SocketData => ({
    transparent: o.transparent !== undefined,
    nowildcard: o.nowildcard !== undefined,
    restoreMark: o['restore-skmark'] !== undefined,
  }),
  print: (d) => [
    ...(d.transparent ? [option('transparent')] : []),
    ...(d.nowildcard ? [option('nowildcard')] : []),
    ...(d.restoreMark ? [option('restore-skmark')] : []),
  ],
  compile: (d) => (packet, env) => {
    const found = listens(d, packet, env);
    return found === undefined ? env.ask('socket', ['none', 'found']) : tri(found);
  },
  packets: (d, space) =>
    space.choice({
      kind: 'pure',
      key: `socket${d.transparent ? ' transparent' : ''}${d.nowildcard ? ' nowildcard' : ''}`,
      reads: ['src', 'dst', 'sport', 'dport'],
    }),
  docs: {
    summary: 'Whether an open socket of this machine takes the packet.',
    man: 'iptables-extensions(8) socket',
    kernel: 'net/netfilter/xt_socket.c socket_mt4_v1_v2_v3()',
  },
});
