import { esp } from '../../extensions/matches/esp.ts';
import { policy } from '../../extensions/matches/policy.ts';
import { DNAT } from '../../extensions/targets/DNAT.ts';
import type { Rule } from '../../model/ruleset.ts';
import { type Address, networkRange, prefixLength, sameAddress } from '../../net/address.ts';
import { addressText } from '../../net/address-text.ts';
import { isPublicAddress } from '../../net/documentation.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import type { Inference } from '../finding.ts';
import { leftBy, refusedAt } from './support/conversations.ts';
import { comesInBy, isOnThePublicNet, routedTo, translatedWalks } from './support/published.ts';
import { destinationNatRules } from './support/rules-at.ts';
import { servicesOf, serviceText } from './support/services.ts';

/** What is wrong with a new destination, in the words of a message. */
interface Trouble {
  readonly text: string;
  readonly why: string;
}

const espProtocol = 50;

/** Whether this machine may hand packets to IPsec, whose policies take them off the way that routes show. */
function usesIpsec({ machine }: CheckContext, view: RulesetView): boolean {
  const policies = machine.ipsecPolicies?.value;
  if (policies !== undefined) return policies.length > 0;
  return view.rules().some((rule) => {
    const { protocol } = rule.base;
    const carries = protocol && !protocol.negated && protocol.value === espProtocol;
    return carries || view.find(rule, policy) !== undefined || view.find(rule, esp) !== undefined;
  });
}

/** Whether routes that no rule of the given ones asks for may lead there: marks and policy rules are not all known. */
function mayBeRoutedOtherwise({ machine }: CheckContext): boolean {
  if (machine.policyRules.value !== undefined) return false;
  const known = [0, 253, 254, 255];
  return (machine.routes.value ?? []).some((r) => !known.includes(r.table));
}

/** Why this packet comes to nothing behind its translation, as routing says. */
function troubleOf(
  context: CheckContext,
  view: RulesetView,
  walk: Walk,
  target: Address,
): Trouble | undefined {
  const decision = routedTo(walk);
  if (!decision) return undefined;
  const to = addressText(target);
  switch (decision.kind) {
    case 'drop':
      switch (decision.reason) {
        case 'no-route':
          return mayBeRoutedOtherwise(context)
            ? undefined
            : {
                text: `no route leads to ${to}`,
                why: 'the kernel has no way to send the packet on, and drops it',
              };
        case 'unreachable':
        case 'prohibit':
        case 'blackhole':
          return {
            text: `a route refuses what goes to ${to} (${decision.reason} ${decision.route ?? ''})`.replace(
              ' )',
              ')',
            ),
            why: 'the route stands there to drop packets',
          };
        case 'broadcast-not-forwarded':
          return broadcastTrouble(to);
        default:
          return undefined;
      }
    case 'broadcast':
      return broadcastTrouble(to);
    case 'multicast':
      return { text: `${to} is an address of a group`, why: 'connections are not made to groups' };
    case 'local':
      return refusedAt(walk, 'INPUT') && context.machine.interfaces.value !== undefined
        ? {
            text: `${to} is this machine's own address, and INPUT refuses the packets`,
            why: 'what is translated to an address of this machine takes INPUT; no rule of FORWARD sees it',
          }
        : undefined;
    case 'forward': {
      const out = leftBy(walk);
      const back = out !== undefined && out === walk.sketch.inInterface && decision.route === 'default';
      const lost = back && !isPublicAddress(target) && isOnThePublicNet(context, out, view.family);
      return lost && !usesIpsec(context, view) && !mayBeRoutedOtherwise(context)
        ? {
            text: `only the default route leads to ${to}: the packet leaves by ${out} again, where nobody knows a private address`,
            why: 'no interface of this machine has a network with that address, and no route names one',
          }
        : undefined;
    }
    default:
      return undefined;
  }
}

const broadcastTrouble = (to: string): Trouble => ({
  text: `${to} is a broadcast address`,
  why: 'the kernel takes it for a packet to this machine among others, and does not send it on',
});

/** The single address that the rule translates to. */
function targetOf(view: RulesetView, rule: Rule): Address | undefined {
  const range = view.findTarget(rule, DNAT)?.range.addresses;
  return range && sameAddress(range.low, range.high) ? range.low : undefined;
}

/** The last address of a network that rules name, or else of a /24, where nothing is known of the machine. */
function looksLikeBroadcast(
  context: CheckContext,
  view: RulesetView,
  target: Address,
): Inference | undefined {
  if (target.family !== 'ipv4' || context.machine.interfaces.value !== undefined) return undefined;
  const text = addressText(target);
  const settledBy = 'ip -j addr';
  let holds = false;
  for (const { base } of view.rules())
    for (const net of [base.src, base.dst]) {
      const length = net && !net.negated ? prefixLength(net.value.mask) : undefined;
      if (!net || length === undefined || length < 8 || length > 30) continue;
      const range = networkRange(net.value);
      if (!range || target.w3 < range.low.w3 || target.w3 > range.high.w3) continue;
      if (sameAddress(range.high, target))
        return {
          text: `${text} is the last address of a network that rules name, its broadcast address`,
          settledBy,
        };
      holds = true;
    }
  return !holds && (target.w3 & 255) === 255
    ? { text: `${text} is the last address of a network of 256, its broadcast address`, settledBy }
    : undefined;
}

function judge(context: CheckContext, view: RulesetView, rule: Rule): FindingDraft | undefined {
  const target = targetOf(view, rule);
  if (!target) return undefined;
  const [service] = servicesOf(view, rule);
  const subject = service ? serviceText(service) : 'what this rule takes';
  const draft = ({ text, why }: Trouble): FindingDraft => ({
    at: { kind: 'rule', view, rule },
    message: `Connections to ${subject} are sent on to where no host can answer: ${text}`,
    underline: '--to-destination',
    caption: 'no host there',
    what: 'the published port is open, and every connection to it hangs or is refused',
    why,
    help: ['name the address that the server has now, or take the rule out'],
  });
  const guess = looksLikeBroadcast(context, view, target);
  if (guess) return { ...draft(broadcastTrouble(addressText(target))), inferences: [guess] };
  for (const from of comesInBy(context, view, rule))
    for (const walk of translatedWalks(context, view, rule, from)) {
      const trouble = troubleOf(context, view, walk, target);
      if (trouble) return { ...draft(trouble), witness: walk };
    }
  return undefined;
}

const addresses = `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 203.0.113.1/24 brd 203.0.113.255 scope global eth0
       valid_lft forever preferred_lft forever
3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000
    link/ether 02:00:00:00:00:02 brd ff:ff:ff:ff:ff:ff
    inet 192.168.1.1/24 brd 192.168.1.255 scope global eth1
       valid_lft forever preferred_lft forever
`;

const routes = (
  first: string,
): string => `${first}192.168.1.0/24 dev eth1 proto kernel scope link src 192.168.1.1
203.0.113.0/24 dev eth0 proto kernel scope link src 203.0.113.1
local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1
local 192.168.1.1 dev eth1 table local proto kernel scope host src 192.168.1.1
broadcast 192.168.1.255 dev eth1 table local proto kernel scope link src 192.168.1.1
local 203.0.113.1 dev eth0 table local proto kernel scope host src 203.0.113.1
broadcast 203.0.113.255 dev eth0 table local proto kernel scope link src 203.0.113.1
`;

const forwardTo = (target: string): string => `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 443 -j DNAT --to-destination ${target}
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`;

/** Port forwards to an address where no host can be. */
export const dnatTargetUnroutable = defineCheck({
  code: 'FW405',
  name: 'dnat-target-unroutable',
  title: 'A port is forwarded to an address where no host can answer',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: [],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A rule of nat PREROUTING gives connections a destination that no route leads to, that only the default route leads to though it is private, that is a broadcast address, or that is an address of this machine which INPUT keeps closed. A packet is shown up to where it is lost.',
  rationale:
    'Servers move and networks are renumbered; the port forward stays. Its counters go up, since it still takes the packets; the connections hang, and whoever looks at table filter finds nothing that refuses them.',
  decision:
    'A new connection that the rule takes is walked with the routes and addresses that were given. It is reported if routing then drops it for want of a way or by a route that is made to drop; if it finds a broadcast or group address; if the address is one of this machine and INPUT refuses the packet; or if it leaves by the interface that it came in by, over a default route, to a private address, while that interface has public addresses alone. Where IPsec is used, or routes stand in tables that no known policy rule asks for, the way may be another one and nothing is said. Without the machine only a broadcast address is told, by its look: the last of a network that rules name, or of a /24, which the finding says.',
  exceptions:
    'Policy routing that was not given (`ip rule`), a VRF, IPVS, or a daemon that installs the route when the server comes up.',
  references: ['man ip-route(8)', 'https://docs.kernel.org/networking/ip-sysctl.html, bc_forwarding'],
  yieldsTo: ['FW103', 'FW122', 'FW401'],
  examples: {
    bad: [
      {
        title: 'the broadcast address of a network',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.99.99.255:80
COMMIT
`,
      },
      {
        title: 'the server has moved, and its network is gone',
        rules: forwardTo('10.99.99.10'),
        context: addresses + routes('default via 203.0.113.254 dev eth0\n'),
      },
      {
        title: 'no route at all leads there',
        rules: forwardTo('10.99.99.10'),
        context: addresses + routes('default via 192.168.1.254 dev eth1\nunreachable 10.0.0.0/8\n'),
      },
      {
        title: 'the address is this machine itself, where INPUT is closed',
        rules: `${forwardTo('192.168.1.1')}*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth1 -j ACCEPT
COMMIT
`,
        context: addresses,
      },
    ],
    good: [
      {
        title: 'a host of a network behind this machine',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.168.1.10:80
COMMIT
`,
      },
      {
        title: 'the same with all that is known of the machine',
        rules: forwardTo('192.168.1.10'),
        context: addresses + routes('default via 203.0.113.254 dev eth0\n'),
      },
      {
        title: 'a route leads to the network behind another router',
        rules: forwardTo('10.99.99.10'),
        context:
          addresses +
          routes('default via 203.0.113.254 dev eth0\n10.99.99.0/24 via 192.168.1.254 dev eth1\n'),
      },
      {
        title: 'an ordinary address of a network that is larger than 256',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.99.99.255:80
-A POSTROUTING -s 10.99.0.0/16 -o eth0 -j MASQUERADE
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views)
      for (const rule of destinationNatRules(view)) {
        if (view.writer(rule)) continue;
        const found = judge(context, view, rule);
        if (found) yield found;
      }
  },
});
