/** Where to look when no rule is the cause: one sentence and the command that tells more. */

import type { Packet } from '../model/packet.ts';
import type { RouteDropReason, Trace } from '../model/trace.ts';
import { addressText } from '../net/address-text.ts';
import { protocolName } from '../net/protocols.ts';
import type { NotCovered } from '../trace/not-covered.ts';
import { decidedBy } from '../trace/outcome.ts';

/** What is said below a verdict that no rule is the cause of. */
export interface NextStep {
  readonly says: string;
  /** What to look at, mostly a command. */
  readonly next: string;
}

/** `tcpdump -ni eth0 'host 192.0.2.1 and tcp port 80'`. */
function captureCommand(device: string, p: Packet): string {
  const port =
    p.dport === undefined ? protocolName(p.protocol) : `${protocolName(p.protocol)} port ${p.dport}`;
  return `tcpdump -ni ${device} 'host ${addressText(p.dst)} and ${port}'`;
}

function routeNext(reason: RouteDropReason, p: Packet, device: string | undefined): string {
  const v = p.family === 'ipv4' ? 'ipv4' : 'ipv6';
  const ip = p.family === 'ipv4' ? 'ip' : 'ip -6';
  const dev = device ?? 'all';
  const from = device === undefined ? '' : ` from ${addressText(p.src)} iif ${device}`;
  const martians = `sysctl -w net.ipv4.conf.all.log_martians=1, then the kernel's log`;
  switch (reason) {
    case 'no-route':
    case 'unreachable':
    case 'prohibit':
    case 'blackhole':
      return `${ip} route get ${addressText(p.dst)}${from}; ${ip} rule`;
    case 'reverse-path':
      return `${ip} route get ${addressText(p.src)}; sysctl net.ipv4.conf.${dev}.rp_filter net.ipv4.conf.all.rp_filter; nstat -az TcpExtIPReversePathFilter`;
    case 'martian-source':
    case 'martian-destination':
      return martians;
    case 'local-source':
      return `${ip} addr (who else has ${addressText(p.src)}, or does it come back in a loop?); ${martians}`;
    case 'local-net':
      return `sysctl net.ipv4.conf.${dev}.route_localnet`;
    case 'not-forwarding':
      return v === 'ipv4'
        ? `sysctl net.ipv4.ip_forward net.ipv4.conf.${dev}.forwarding; ip addr (is ${addressText(p.dst)} to be this machine's?)`
        : `sysctl net.ipv6.conf.all.forwarding; ip -6 addr (is ${addressText(p.dst)} to be this machine's?)`;
    case 'broadcast-not-forwarded':
    case 'layer2-broadcast':
      return 'a relay (DHCP relay, bridge) carries broadcasts; rules cannot';
    case 'multicast-not-joined':
      return `${ip} maddr show${device === undefined ? '' : ` dev ${device}`}`;
    case 'ttl-exceeded':
      return `traceroute ${addressText(p.dst)} (a loop?); a rule that sets the TTL is shown above`;
    case 'too-big':
      return `ip link (the MTU); ${ip} route get ${addressText(p.dst)}; -j TCPMSS --clamp-mss-to-pmtu helps TCP`;
    case 'scope':
      return `${ip} addr (both addresses belong to one link)`;
    case 'bad-options':
      return 'the sender: what it writes into the header';
    case 'ipsec-policy':
      return 'ip xfrm policy; ip xfrm state; cat /proc/net/xfrm_stat';
    case 'no-bridge-port':
      return 'bridge fdb; bridge link';
    case 'socket-assigned':
      return `${ip} rule; ${ip} route show table all type local`;
    default:
      return reason satisfies never;
  }
}

/** What to look at; undefined where a rule or a policy is the cause, or nothing is wrong. */
export function nextStep(
  trace: Trace,
  context: { readonly listener: 'none' | 'known' | undefined; readonly outside: readonly NotCovered[] },
): NextStep | undefined {
  const { fate, packet } = trace;
  const at = trace.events.findLast((e) => e.kind === 'hook');
  const device = at?.kind === 'hook' ? at.inInterface : undefined;
  switch (fate.kind) {
    case 'route-drop':
    case 'send-error': {
      const routed = currentPacket(trace);
      return { says: 'the rules are not the cause', next: routeNext(fate.reason, routed, device) };
    }
    case 'ingress-drop':
      return {
        says: 'the rules are not the cause',
        next: ingressNext(
          fate.reason,
          packet,
          trace.entry.kind === 'arrives' ? trace.entry.inInterface : 'lo',
        ),
      };
    case 'hook-drop':
      if (fate.at !== undefined) return undefined;
      return {
        says: 'no rule dropped it',
        next: fate.reason.startsWith('reroute')
          ? 'ip rule; ip route get with the new address or mark'
          : 'conntrack -S; conntrack -C; sysctl net.netfilter.nf_conntrack_max',
      };
    case 'lost':
      return {
        says: 'the rules are not the cause',
        next:
          fate.reason === 'connection not unique'
            ? 'conntrack -L (two connections want the same addresses and ports); conntrack -S (insert_failed)'
            : 'ip -s link; ip xfrm policy; bridge fdb',
      };
    case 'local':
      if (context.listener === 'none')
        return {
          says: 'the rules are not the cause if nothing answers',
          next: `${socketCommand(fate.packet)} (is the program started, and bound to this address?)`,
        };
      if (!untouched(trace)) return undefined;
      return {
        says: 'no rule touched it: the rules are not the cause if nothing answers',
        next: context.listener === 'known' ? outsideCommands(context.outside) : socketCommand(fate.packet),
      };
    case 'forward':
    case 'sent':
      if (!untouched(trace)) return undefined;
      return {
        says: 'no rule touched it: the rules are not the cause if it gets lost',
        next: captureCommand(fate.outInterface, fate.packet),
      };
    default:
      return undefined;
  }
}

/** The packet as routing saw it, after NAT in front of it. */
function currentPacket({ packet, events }: Trace): Packet {
  const nat = events.findLast((e) => e.kind === 'nat');
  return nat?.kind === 'nat' ? { ...packet, ...nat.after } : packet;
}

function ingressNext(reason: string, p: Packet, device: string): string {
  switch (reason) {
    case 'other-host':
      return `ip link show ${device} (its MAC); ip neigh on the sender`;
    case 'no-bridge-port':
      return 'bridge fdb; bridge link';
    case 'duplicate-fragment':
    case 'overlapping-fragment':
      return 'nstat -az IpReasmFails';
    default:
      return `nstat -az IpInHdrErrors IpInAddrErrors; ${captureCommand(device, p)}`;
  }
}

function socketCommand(p: Packet): string {
  if (p.protocol === 6) return `ss -tlnp 'sport = :${p.dport ?? 0}'`;
  if (p.protocol === 17) return `ss -ulnp 'sport = :${p.dport ?? 0}'`;
  if (p.icmpType === undefined) return 'ss -wanp';
  return `sysctl ${p.family === 'ipv4' ? 'net.ipv4.icmp_echo_ignore_all' : 'net.ipv6.icmp.echo_ignore_all'}`;
}

/** No rule accepted, changed or translated it: only policies saw it. */
function untouched(trace: Trace): boolean {
  const { events } = trace;
  const by = decidedBy(trace);
  if (by && !('policy' in by)) return false;
  return !events.some(
    (e) =>
      (e.kind === 'rule' && e.outcome !== 'continue' && e.outcome !== 'jump' && e.outcome !== 'return') ||
      e.kind === 'nat' ||
      (e.kind === 'change' && typeof e.by === 'object'),
  );
}

/** Commands that show what the rules at hand do not; at least the program's own word. */
function outsideCommands(outside: readonly NotCovered[]): string {
  const commands = {
    'native-nft': 'nft list ruleset',
    'other-backend': 'iptables-legacy-save',
    bridge: 'ebtables-save',
  };
  return [...outside.map(({ what }) => commands[what]), "the program's own log and access lists"].join('; ');
}

const names = (text: string, list: readonly string[]): string =>
  list.length === 0 ? text : `${text} (${list.join(', ')})`;

/** What the rules at hand do not show, in words. */
export function outsideWords(outside: readonly NotCovered[], backend: 'nft' | 'legacy' = 'nft'): string {
  return outside
    .map(({ what, present, names: list }) => {
      switch (what) {
        case 'native-nft':
          return present ? `native nft tables: ${list.join(', ')}` : 'native nft tables';
        case 'other-backend': {
          const other = backend === 'nft' ? 'iptables-legacy' : 'iptables-nft';
          return present ? `the rules of ${names(other, list)}, which are there too` : `rules of ${other}`;
        }
        case 'bridge':
          return names('bridge filtering', list);
        default:
          return what satisfies never;
      }
    })
    .join('; ');
}
