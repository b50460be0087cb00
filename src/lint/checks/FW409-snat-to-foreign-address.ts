import { SNAT } from '../../extensions/targets/SNAT.ts';
import type { Rule } from '../../model/ruleset.ts';
import {
  type Address,
  type Network,
  networkContains,
  prefix,
  prefixLength,
  sameAddress,
} from '../../net/address.ts';
import { addressText, networkTextShort } from '../../net/address-text.ts';
import { isPublicAddress } from '../../net/documentation.ts';
import { interfaceMatches } from '../../net/interface-pattern.ts';
import {
  type CheckContext,
  defineCheck,
  type FindingDraft,
  type PacketSketch,
  type RulesetView,
  type SendOptions,
  type SidedInterface,
  type Walk,
} from '../check.ts';
import type { Inference } from '../finding.ts';
import { leftBy, natEvents } from './support/conversations.ts';
import { isOnThePublicNet } from './support/published.ts';
import { movesAddresses } from './support/roads.ts';
import { sourceNatRules } from './support/rules-at.ts';
import { sendOptions, sideOf } from './support/sending.ts';
import { insideInterfaces } from './support/strangers.ts';

/** Why answers to an address do not come back to this machine. */
interface Foreign {
  readonly text: string;
  readonly why: string;
  readonly inferences: readonly Inference[];
}

/** The ends of the pool of new sources. */
function sourcesOf(view: RulesetView, rule: Rule): readonly Address[] {
  const range = view.findTarget(rule, SNAT)?.range.addresses;
  if (!range) return [];
  return sameAddress(range.low, range.high) ? [range.low] : [range.low, range.high];
}

/** Whether rules or routes show that packets to this address come to this machine, though no interface has it. */
function isRoutedHere({ machine }: CheckContext, view: RulesetView, address: Address): boolean {
  const routed = (machine.routes.value ?? []).some(
    (r) =>
      r.type !== 'unicast' &&
      r.type !== 'broadcast' &&
      r.destination.address.family === address.family &&
      (prefixLength(r.destination.mask) ?? 0) > 0 &&
      networkContains(r.destination, address),
  );
  return (
    routed ||
    view.rules().some(({ base: { dst }, table }) => {
      const named = dst !== undefined && !dst.negated && (prefixLength(dst.value.mask) ?? 0) >= 8;
      return named && (table === 'nat' || table === 'filter') && networkContains(dst.value, address);
    })
  );
}

/** What is wrong with the new source of packets that leave by this interface, where the machine's addresses are known. */
function foreignAt(
  context: CheckContext,
  view: RulesetView,
  out: SidedInterface,
  address: Address,
): Foreign | undefined {
  const { machine } = context;
  const known = machine.interfaces.value ?? [];
  const text = addressText(address);
  const own = known.some((i) => i.addresses.some((a) => sameAddress(a.address, address)));
  if (!isPublicAddress(address)) {
    if (!isOnThePublicNet(context, out.name, view.family)) return undefined;
    return {
      text: `${text} is a private address, and ${out.name} has public ones alone`,
      why: 'nobody on the Internet can send to a private address',
      inferences: [],
    };
  }
  if (own || movesAddresses(view)) return undefined;
  const addresses = known.find((i) => i.name === out.name)?.addresses ?? [];
  const there = addresses.filter((a) => a.address.family === view.family);
  if (there.length === 0) return undefined;
  const connected: Network | undefined = there
    .map((a) => prefix(a.address, a.prefixLength))
    .find((net) => networkContains(net, address));
  const proxied = [out.name.replaceAll('.', '/'), 'all'].some(
    (name) => machine.sysctls.value[`net.ipv4.conf.${name}.proxy_arp`] === '1',
  );
  if (connected)
    return proxied || view.family === 'ipv6'
      ? undefined
      : {
          text: `${text} is in the network of ${out.name} (${networkTextShort(connected)}), and this machine does not have it`,
          why: 'the next router asks by ARP who has the address, and nobody says so',
          inferences: [],
        };
  if (isRoutedHere(context, view, address)) return undefined;
  return {
    text: `no interface of this machine has ${text}`,
    why: 'answers go to whoever has the address now; it may be one of a former provider',
    inferences: [{ text: `${text} is not routed to this machine by its provider` }],
  };
}

/** The same where nothing is known: the new source belongs to the network whose packets the rule takes. */
function foreignByRules(
  view: RulesetView,
  rule: Rule,
  out: SidedInterface,
  address: Address,
): Foreign | undefined {
  const { src, dst } = rule.base;
  if (out.side !== 'outside') return undefined;
  // With source NAT by other interfaces as well, this one may lead to the very network.
  const elsewhere = sourceNatRules(view).some(({ base: { outInterface: o } }) => {
    return o !== undefined && !o.negated && !interfaceMatches(o.value, out.name);
  });
  if (elsewhere) return undefined;
  if (!src || src.negated || isPublicAddress(address)) return undefined;
  if (dst && !dst.negated && !isPublicAddress(dst.value.address)) return undefined;
  const length = prefixLength(src.value.mask) ?? 0;
  if (length === 0 || length > 30 || !networkContains(src.value, address)) return undefined;
  const net = networkTextShort(src.value);
  return {
    text: `${addressText(address)} is itself an address of the private network ${net}`,
    why: 'answers from beyond this machine go to an address that is only known behind it',
    inferences: [
      { text: `${out.name} has an address of another network than ${net}`, settledBy: 'ip -j addr' },
    ],
  };
}

/** A new connection from inside, or else of this machine, that leaves by this interface under the rule's address. */
function leaving(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  out: SidedInterface,
): Walk | undefined {
  const { family } = view;
  const dst = context.remoteAddress(family);
  // Which side is which has no part in what addresses prove.
  const guessed = context.machine.interfaces.value === undefined;
  const sides = (...of: readonly SidedInterface[]) => (guessed ? of.map(sideOf) : []);
  const common = {
    outInterface: out.name,
    protocol: 6,
    dport: 443,
    ...(rule.base.dst ? {} : { dst: dst.address }),
  };
  const tries: { given: Partial<PacketSketch>; options: SendOptions }[] = insideInterfaces(
    context,
    family,
    out.name,
  ).map((inside) => {
    const src = context.remoteAddress(family, inside.name);
    const given = { ...common, inInterface: inside.name, ...(rule.base.src ? {} : { src: src.address }) };
    return { given, options: sendOptions(dst, src, ...sides(out, inside)) };
  });
  const local = context.localAddress(family, out.name);
  tries.push({
    given: { ...common, inInterface: undefined, ...(rule.base.src ? {} : { src: local.address }) },
    options: sendOptions(dst, local, ...sides(out)),
  });
  for (const { given, options } of tries)
    for (const sketch of context.packetsOf(view, rule, given)) {
      const walk = context.send(sketch, options);
      if (
        walk.accepted &&
        leftBy(walk) === out.name &&
        walk.matched(rule) &&
        natEvents(walk, 'source').length > 0
      )
        return walk;
    }
  return undefined;
}

function judge(context: CheckContext, view: RulesetView, rule: Rule): FindingDraft | undefined {
  const { outInterface } = rule.base;
  const named =
    outInterface && !outInterface.negated && outInterface.value.exact ? outInterface.value.name : undefined;
  const ways = context
    .interfaces(view.family)
    .filter((i) => (named === undefined ? i.side === 'outside' : i.name === named));
  for (const out of ways)
    for (const address of sourcesOf(view, rule)) {
      const foreign =
        context.machine.interfaces.value === undefined
          ? foreignByRules(view, rule, out, address)
          : foreignAt(context, view, out, address);
      const walk = foreign && leaving(context, view, rule, out);
      if (!foreign || !walk) continue;
      return {
        at: { kind: 'rule', view, rule },
        message: `Connections leave by ${out.name} under an address whose answers do not come back: ${foreign.text}`,
        underline: '--to-source',
        caption: `not an address for ${out.name}`,
        what: 'first packets go out, and nothing ever comes back',
        why: foreign.why,
        help: [`-j MASQUERADE takes the address that ${out.name} has; or give the machine this one`],
        witness: walk,
        inferences: foreign.inferences,
      };
    }
  return undefined;
}

const addresses = (
  more = '',
): string => `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 203.0.113.1/24 brd 203.0.113.255 scope global eth0
       valid_lft forever preferred_lft forever
${more}3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000
    link/ether 02:00:00:00:00:02 brd ff:ff:ff:ff:ff:ff
    inet 192.168.1.1/24 brd 192.168.1.255 scope global eth1
       valid_lft forever preferred_lft forever
`;

const snatTo = (address: string, more = ''): string => `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
${more}-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j SNAT --to-source ${address}
COMMIT
`;

/** SNAT to an address whose answers do not come back. */
export const snatToForeignAddress = defineCheck({
  code: 'FW409',
  name: 'snat-to-foreign-address',
  title: 'Source NAT to an address whose answers go elsewhere',
  severity: 'warning',
  confidences: ['context', 'inferred'],
  groups: [],
  state: 'preview',
  since: '0.1.0',
  reports:
    'SNAT gives packets that leave by an interface a source whose answers do not come back to this machine: a private address on the public side, an address of the network there that this machine does not have, or one of no interface at all. A packet is shown as it leaves.',
  rationale:
    'The address of SNAT stands in the rule. When the provider gives another one, or the inner address was put there by mistake, everything still leaves and is counted, and no answer arrives. From inside it looks as if the Internet were down.',
  decision:
    'For each SNAT and each interface that it can leave by, with the addresses of the machine given: the new source is private, while the interface has public addresses alone; or it is within the network of the interface, no interface has it, and `proxy_arp` is not on; or no interface has it, and neither rules nor routes show that packets to it come here, which leaves a guess that the finding names. Without the machine: the new source is of the private network that the rule’s own `-s` names, `-o` leads outside, and nothing is translated by another interface. A connection is walked, has to leave by that interface and to get its source by this rule. Where VRRP moves addresses, nothing is said of missing ones.',
  exceptions:
    'Addresses that come and go (VRRP, a failover that was elsewhere when `ip addr` was read), further networks that the provider routes here, an upstream router that translates again and knows the inner network.',
  references: [
    'man iptables-extensions(8), SNAT',
    'https://docs.kernel.org/networking/ip-sysctl.html, proxy_arp',
  ],
  examples: {
    bad: [
      {
        title: 'the inner address of the gateway',
        rules: `*nat
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j SNAT --to-source 192.168.1.1
COMMIT
`,
      },
      { title: 'the same, known', rules: snatTo('192.168.1.1'), context: addresses() },
      {
        title: 'an address of the network outside that the machine does not have',
        rules: snatTo('203.0.113.9'),
        context: addresses(),
      },
      {
        title: 'the address of the provider of before',
        rules: snatTo('198.51.100.23'),
        context: addresses(),
      },
    ],
    good: [
      {
        title: 'whatever address the interface has',
        rules: `*nat
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE
COMMIT
`,
      },
      { title: 'an address of the interface', rules: snatTo('203.0.113.1'), context: addresses() },
      {
        title: 'a second address of the interface',
        rules: snatTo('203.0.113.9'),
        context: addresses(
          '    inet 203.0.113.9/24 scope global secondary eth0\n       valid_lft forever preferred_lft forever\n',
        ),
      },
      {
        title: 'a further network that is routed here, as a port forward shows',
        rules: snatTo(
          '198.51.100.23',
          '-A PREROUTING -d 198.51.100.23/32 -i eth0 -p tcp -m tcp --dport 25 -j DNAT --to-destination 192.168.1.25\n',
        ),
        context: addresses(),
      },
      {
        title: 'hosts inside that ask for a server inside',
        rules: `*nat
-A POSTROUTING -s 192.168.1.0/24 -d 192.168.1.10/32 -o eth1 -j SNAT --to-source 192.168.1.1
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views)
      for (const rule of sourceNatRules(view)) {
        if (view.writer(rule)) continue;
        const found = judge(context, view, rule);
        if (found) yield found;
      }
  },
});
