import { SNAT } from '../../extensions/targets/SNAT.ts';
import type { Rule } from '../../model/ruleset.ts';
import { type Address, sameAddress } from '../../net/address.ts';
import { addressText } from '../../net/address-text.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { listText } from './support/rule-shape.ts';

/** Interfaces that exist on any machine, or come and go: they tell nothing. */
const comesAndGoes =
  /^(lo$|ppp|tun|tap|wg|veth|docker|br-|virbr|vnet|cali|cni|flannel|lxc|lxd|tailscale|zt|podman|kube|wwan|usb)/;

/** Names that rules write out; a single one that is missing may just be down. */
const namesMin = 2;

/** Names of interfaces that rules write out. */
function namedInterfaces(rules: readonly Rule[]): readonly string[] {
  const names = new Set<string>();
  for (const { base } of rules)
    for (const i of [base.inInterface, base.outInterface])
      if (i?.value.exact && i.value.name !== '' && !comesAndGoes.test(i.value.name)) names.add(i.value.name);
  return [...names].sort();
}

/** Addresses that source NAT gives to packets: answers come back only if they are this machine's. */
function* translatedTo(view: RulesetView): Iterable<Address> {
  for (const rule of view.rules()) {
    const range = view.findTarget(rule, SNAT)?.range.addresses;
    if (range && sameAddress(range.low, range.high)) yield range.low;
  }
}

function* judge(context: CheckContext): Iterable<FindingDraft> {
  const { interfaces } = context.machine;
  const present = interfaces.provenance === 'given' ? (interfaces.value ?? []) : [];
  if (!present.some((i) => i.name !== 'lo')) return;
  const names = [...new Set(context.views.flatMap((view) => namedInterfaces(view.rules())))];
  const missing = names.filter((name) => !present.some((i) => i.name === name));
  const own = new Set(present.flatMap((i) => i.addresses.map((a) => addressText(a.address))));
  const translated = [...new Set(context.views.flatMap((view) => [...translatedTo(view)].map(addressText)))];
  const foreign = translated.filter((text) => !own.has(text));
  const noName = names.length >= namesMin && missing.length === names.length;
  const noAddress = missing.length > 0 && translated.length > 0 && foreign.length === translated.length;
  if (!noName && !noAddress) return;
  const have = present.map((i) => i.name).filter((name) => name !== 'lo');
  yield {
    at: { kind: 'machine' },
    message: noName
      ? `None of the interfaces that the rules name (${listText(names)}) is in ${interfaces.source}: the rules and what is said of the machine seem to come from different machines`
      : `The rules translate to ${listText(foreign)} and name ${listText(missing)}, and ${interfaces.source} has neither: they seem to come from different machines`,
    why: `the interfaces given are ${listText(have, 6)}; every answer that rests on them is then about neither of the two`,
    help: ['take the dump and the other outputs on one machine, one after the other'],
    inferences: [
      {
        text: 'the rules were written for a machine that has the interfaces they name',
        settledBy: interfaces.source,
      },
    ],
  };
}

/** A dump of one machine with the addresses of another. */
export const contextOfAnotherMachine = defineCheck({
  code: 'FW911',
  name: 'context-of-another-machine',
  title: 'The rules and what is said of the machine do not fit together',
  severity: 'warning',
  confidences: ['inferred'],
  groups: ['recommended'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'The dump and the outputs of other commands seem to come from different machines: no interface that the rules name exists there, or neither the interfaces nor the addresses that they translate to.',
  rationale:
    'Which packets take INPUT and which FORWARD depends on the addresses and routes. With those of another machine every such answer is wrong, and looks certain.',
  decision:
    'The output of `ip addr` or `ip link` is given. Either the rules name two interfaces or more, none of which it has; or an interface is missing and all addresses of `-j SNAT --to-source` are foreign. Interfaces that come and go (ppp, tun, wg, veth, docker …) are not counted.',
  exceptions:
    'Rules that were kept for another set of network cards; machines in a failover pair, whose shared address is elsewhere.',
  references: ['man ip-address(8)'],
  examples: {
    bad: [
      {
        title: 'eth0 and eth1 there, ens3 here',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth1 -p tcp -m tcp --dport 22 -j ACCEPT
-A FORWARD -i eth1 -o eth0 -j ACCEPT
COMMIT
`,
        context: `2: ens3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq state UP group default qlen 1000
    link/ether 52:54:00:12:34:56 brd ff:ff:ff:ff:ff:ff
    inet 203.0.113.5/24 brd 203.0.113.255 scope global ens3
       valid_lft forever preferred_lft forever
`,
      },
      {
        title: 'the address of the translation is nowhere',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -o enp1s0 -j SNAT --to-source 198.51.100.20
COMMIT
`,
        context: `2: ens3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq state UP group default qlen 1000
    link/ether 52:54:00:12:34:56 brd ff:ff:ff:ff:ff:ff
    inet 203.0.113.5/24 brd 203.0.113.255 scope global ens3
       valid_lft forever preferred_lft forever
`,
      },
      {
        title: 'the notebook’s own interfaces',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i bond0 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -i eno1 -p udp -m udp --dport 161 -j ACCEPT
COMMIT
`,
        context: `[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,"operstate":"UNKNOWN","link_type":"loopback","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host","label":"lo"}]},{"ifindex":2,"ifname":"wlp3s0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"operstate":"UP","link_type":"ether","address":"52:54:00:12:34:56","addr_info":[{"family":"inet","local":"192.168.1.23","prefixlen":24,"broadcast":"192.168.1.255","scope":"global","label":"wlp3s0"}]}]
`,
      },
    ],
    good: [
      {
        title: 'one and the same machine',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i ens3 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
        context: `2: ens3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq state UP group default qlen 1000
    link/ether 52:54:00:12:34:56 brd ff:ff:ff:ff:ff:ff
    inet 203.0.113.5/24 brd 203.0.113.255 scope global ens3
       valid_lft forever preferred_lft forever
`,
      },
      {
        title: 'one of two is missing: perhaps the card was taken out',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i ens3 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -i ens4 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
        context: `2: ens3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq state UP group default qlen 1000
    link/ether 52:54:00:12:34:56 brd ff:ff:ff:ff:ff:ff
    inet 203.0.113.5/24 brd 203.0.113.255 scope global ens3
       valid_lft forever preferred_lft forever
`,
      },
      {
        title: 'nothing is said of the machine',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -i eth1 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    yield* judge(context);
  },
});
