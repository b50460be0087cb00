import { createMeasure } from '../../packetset/measure.ts';
import { type CheckContext, defineCheck, type FindingDraft, type Walk } from '../check.ts';
import type { Inference } from '../finding.ts';
import { interfaceNames } from '../sides.ts';
import { isTunnel } from './support/behind.ts';
import {
  calmWalk,
  deciderOf,
  deciderText,
  isGuardedElsewhere,
  isWideOpen,
  type Openness,
  opennessOf,
  openShare,
  strangersMention,
  unspokenPort,
  type Way,
} from './support/openness.ts';

/** Whether nearly everything that comes in by this interface passes on this way: every port, and through it every destination. */
function passesAll({ all, certain }: Openness, name: string, way: Way): boolean {
  const { space } = all;
  const over = way === 'to' ? (['dport'] as const) : (['dst', 'dport'] as const);
  const measure = createMeasure(space, over);
  const others = [...space.codec.fields.keys()].filter((f) => !(over as readonly string[]).includes(f));
  const entering = space.and(all.entering(way), all.comingBy([name]));
  const passed = space.and(certain(way), all.comingBy([name]));
  return [6, 17].every((protocol) => {
    const here = space.interval('protocol', protocol, protocol);
    const whole = space.forget(space.and(entering, here), others);
    const open = space.forget(space.and(passed, here), others);
    return space.isDecided(open) && measure.share(open, whole) >= openShare;
  });
}

/** An ordinary connection of a client, as the engine walks it. */
function walkOfClient(
  context: CheckContext,
  { all, certain }: Openness,
  tunnel: string,
  inferences: readonly Inference[],
  to: string | undefined,
): Walk {
  const { family } = all.view;
  const way = to === undefined ? 'to' : 'through';
  const [client] = all.examples(all.space.and(certain(way), all.comingBy([tunnel])), way);
  const src = client?.sketch.src ?? context.remoteAddress(family, tunnel).address;
  const dst = to === undefined ? context.localAddress(family) : context.remoteAddress(family, to);
  return calmWalk(
    context,
    {
      inInterface: tunnel,
      src,
      dst: dst.address,
      protocol: 6,
      dport: unspokenPort,
      ...(to === undefined ? {} : { outInterface: to }),
    },
    {
      assume: dst.assume,
      inferences: [...dst.inferences, ...inferences],
    },
  );
}

/** A VPN whose clients may do anything. */
export const vpnClientsOvertrusted = defineCheck({
  code: 'FW325',
  name: 'vpn-clients-overtrusted',
  title: 'Clients of a VPN may reach the firewall and every network, on every port',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'Whatever comes out of a tunnel is accepted, to this machine and through it to all networks, the other clients among them, while strangers are not. The finding shows a connection of a client to a host inside, and names the rule that opens the machine itself.',
  rationale:
    'A tunnel keeps what is sent secret; it does not make its other end trustworthy. A laptop that is stolen or infected has the key, and with these rules it has the whole site: the management of the firewall, every server, every other laptop.',
  decision:
    'For each interface that is a tunnel by the kind of its link or by its name, and does not lead outside, first packets from there are pushed through the rules. It is reported if at least nine tenths of all TCP and of all UDP ports of this machine, and of all ports of all destinations behind it, are open whatever is not known, where they are not open to strangers by other interfaces, and a packet to a host inside got there. Rules of programs that have a policy of their own for their peers (Tailscale, NetBird) are left out. Where no other network is behind this machine than the tunnel, it is a personal way out and the finding a remark.',
  exceptions:
    'A tunnel between two sites of one owner, which is no network of clients: give the machine the role `vpn` in `fwsim.yml`.',
  references: ['NIST SP 800-77 Rev. 1', 'man iptables(8)'],
  yieldsTo: ['FW102', 'FW301', 'FW303'],
  mentions: strangersMention,
  examples: {
    bad: [
      {
        title: 'everything from the tunnel',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i tun0 -j ACCEPT
-A FORWARD -i tun0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a VPN beside a LAN',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth1 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -i wg0 -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -o eth0 -j ACCEPT
-A FORWARD -i wg0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'in a chain of its own, with the source asked for',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:vpn - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i tun0 -j vpn
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i tun0 -j vpn
-A FORWARD -i eth1 -o eth0 -j ACCEPT
-A vpn -s 10.8.0.0/24 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'a resolver here, one server behind',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i tun0 -p udp -m udp --dport 53 -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 10.8.0.0/24 -d 192.168.1.20/32 -i tun0 -o eth1 -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the Internet, but not what is inside',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i tun0 -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i tun0 -o eth0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'all networks, but not the firewall',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i tun0 -p udp -m udp --dport 53 -j ACCEPT
-A FORWARD -i tun0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the way to the provider is a tunnel, too',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth1 -j ACCEPT
-A FORWARD -i eth1 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o ppp0 -j MASQUERADE
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    if (isGuardedElsewhere(context) || context.machine.roles?.some((r) => r.value === 'vpn')) return;
    const named = interfaceNames(context.machine, context.views);
    for (const view of context.views) {
      const interfaces = context.interfaces(view.family).filter((i) => i.side !== 'loopback');
      const tunnels = interfaces.filter(
        (i) => i.side !== 'outside' && named.includes(i.name) && isTunnel(context, i.name),
      );
      if (tunnels.length === 0) continue;
      const openness = opennessOf(context, view);
      if (isWideOpen(openness, 'to')) continue;
      const inner = interfaces.filter((i) => i.side !== 'outside' && !isTunnel(context, i.name));
      for (const { name } of tunnels) {
        if (!passesAll(openness, name, 'to') || !passesAll(openness, name, 'through')) continue;
        const inferences: readonly Inference[] = [
          { text: `${name} leads to clients of a VPN (by its name)` },
        ];
        const [to = interfaces.find((i) => i.name !== name)] = inner.filter((i) => named.includes(i.name));
        const through = walkOfClient(context, openness, name, inferences, to?.name ?? 'eth1');
        const here = walkOfClient(context, openness, name, inferences, undefined);
        const at = deciderOf(view, through);
        const itself = deciderOf(view, here);
        if (through.fate !== 'forward' || here.fate !== 'local' || !at || !itself) continue;
        if (at.kind === 'rule' && view.writer(at.rule)) continue;
        const alone = !inner.some((i) => named.includes(i.name));
        yield {
          at,
          ...(alone ? { severity: 'info' } : {}),
          message: `Whatever comes out of ${name} may reach every port of every network and of this machine: ${deciderText(through)} and ${deciderText(here)} ask for nothing`,
          caption: 'trusts the whole tunnel',
          why: 'a tunnel tells whose key was used, not who uses it',
          related: [{ message: 'opens this machine itself', at: itself }],
          help: [
            `accept what the clients need: -A FORWARD -i ${name} -d HOST -p tcp -m tcp --dport PORT -j ACCEPT, and for this machine the resolver at most`,
          ],
          witness: through,
        };
      }
    }
  },
});
