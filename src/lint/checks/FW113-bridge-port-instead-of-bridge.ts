import { physdev } from '../../extensions/matches/physdev.ts';
import type { Interface } from '../../model/machine.ts';
import { interfacePatternText } from '../../net/interface-pattern.ts';
import { defineCheck } from '../check.ts';

/** Masters by their usual names, where `ip -d` has not said what they are. */
const byName: readonly (readonly [kind: string, name: RegExp])[] = [
  ['bond', /^bond/],
  ['team', /^team/],
  ['bridge', /^(br|virbr|vmbr|docker|lxcbr|lxdbr|podman|cni)/],
];

/** Masters whose name is on the packets of their ports, in place of the port's own. */
const takesOver: ReadonlySet<string> = new Set(['bridge', 'bond', 'team']);

/** The bridge or bond whose name packets of this interface have; `given`: it was said to be one. */
function masterOf(
  i: Interface,
): { readonly name: string; readonly kind: string; readonly given: boolean } | undefined {
  const { master, masterKind } = i;
  if (master === undefined) return undefined;
  const kind = masterKind ?? byName.find(([, name]) => name.test(master))?.[0];
  return kind !== undefined && takesOver.has(kind)
    ? { name: master, kind, given: masterKind !== undefined }
    : undefined;
}

/** `-i eth1`, where eth1 is a port of br0. */
export const bridgePortInsteadOfBridge = defineCheck({
  code: 'FW113',
  name: 'bridge-port-instead-of-bridge',
  title: 'A rule names a port of a bridge, and packets have the bridge’s name',
  severity: 'warning',
  confidences: ['context', 'inferred'],
  groups: ['recommended'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A rule asks for an interface that is a port of a bridge or a member of a bond. The packets that this machine receives or forwards by it have the name of the bridge or bond, and the rule matches none of them.',
  rationale:
    'When an interface is put into a bridge, its packets come to iptables as those of the bridge; the port is only known to `-m physdev`. Rules that were written before then guard nothing, and accepts let nobody in.',
  decision:
    '`ip addr` or `ip link` names a master for the interface, and `ip -d` says (or the master’s name suggests) that it is a bridge, a bond or a team. Rules with `-m physdev` are left. Under a VRF both names are seen, and members of Open vSwitch are not judged.',
  exceptions: 'Interfaces that were put into the bridge only for the time of a test.',
  references: ['net/bridge/br_netfilter_hooks.c', 'https://github.com/seapath/ansible/issues/909'],
  examples: {
    bad: [
      {
        title: 'eth1 is a port of br0',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth1 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -i br0 -p udp -m udp --dport 67 -j ACCEPT
COMMIT
`,
        context: `3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq master br0 state UP group default qlen 1000
    link/ether 52:54:00:12:34:57 brd ff:ff:ff:ff:ff:ff
4: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether 52:54:00:12:34:57 brd ff:ff:ff:ff:ff:ff
    inet 192.168.1.1/24 brd 192.168.1.255 scope global br0
       valid_lft forever preferred_lft forever
`,
      },
      {
        title: 'on the way out',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 10.8.0.0/24 -o eno1 -j MASQUERADE
COMMIT
`,
        context: `[{"ifindex":2,"ifname":"eno1","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"master":"vmbr0","operstate":"UP","link_type":"ether","address":"52:54:00:12:34:56","linkinfo":{"info_slave_kind":"bridge"},"addr_info":[]},{"ifindex":3,"ifname":"vmbr0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"operstate":"UP","link_type":"ether","address":"52:54:00:12:34:56","addr_info":[{"family":"inet","local":"203.0.113.5","prefixlen":24,"scope":"global","label":"vmbr0"}]}]
`,
      },
      {
        title: 'a member of a bond',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth2 -p tcp -m tcp --dport 3306 -j DROP
COMMIT
`,
        context: `[{"ifindex":2,"ifname":"eth2","flags":["BROADCAST","MULTICAST","SLAVE","UP","LOWER_UP"],"mtu":1500,"master":"bond0","operstate":"UP","link_type":"ether","address":"52:54:00:12:34:56","linkinfo":{"info_slave_kind":"bond"},"addr_info":[]},{"ifindex":3,"ifname":"bond0","flags":["BROADCAST","MULTICAST","MASTER","UP","LOWER_UP"],"mtu":1500,"operstate":"UP","link_type":"ether","address":"52:54:00:12:34:56","addr_info":[{"family":"inet","local":"203.0.113.5","prefixlen":24,"scope":"global","label":"bond0"}]}]
`,
      },
    ],
    good: [
      {
        title: 'the bridge',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i br0 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -i br0 -p udp -m udp --dport 67 -j ACCEPT
COMMIT
`,
        context: `3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq master br0 state UP group default qlen 1000
    link/ether 52:54:00:12:34:57 brd ff:ff:ff:ff:ff:ff
4: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether 52:54:00:12:34:57 brd ff:ff:ff:ff:ff:ff
    inet 192.168.1.1/24 brd 192.168.1.255 scope global br0
       valid_lft forever preferred_lft forever
`,
      },
      {
        title: 'the port by -m physdev',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i br0 -o br0 -m physdev --physdev-in eth1 -j ACCEPT
COMMIT
`,
        context: `3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq master br0 state UP group default qlen 1000
    link/ether 52:54:00:12:34:57 brd ff:ff:ff:ff:ff:ff
`,
      },
      {
        title: 'a member of a VRF keeps its name',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth1 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
        context: `[{"ifindex":2,"ifname":"eth1","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"master":"blue","operstate":"UP","link_type":"ether","address":"52:54:00:12:34:56","linkinfo":{"info_slave_kind":"vrf"},"addr_info":[{"family":"inet","local":"203.0.113.5","prefixlen":24,"scope":"global","label":"eth1"}]}]
`,
      },
    ],
  },
  *run(context) {
    const interfaces = context.machine.interfaces.value ?? [];
    for (const view of context.views) {
      for (const rule of view.rules()) {
        if (view.find(rule, physdev) || view.writer(rule)) continue;
        for (const [option, condition] of [
          ['-i', rule.base.inInterface],
          ['-o', rule.base.outInterface],
        ] as const) {
          if (!condition?.value.exact) continue;
          const name = interfacePatternText(condition.value);
          const port = interfaces.find((i) => i.name === name);
          const master = port && masterOf(port);
          if (!master) continue;
          const by = option === '-i' ? 'come in' : 'go out';
          yield {
            at: { kind: 'rule', view, rule },
            confidence: 'context',
            message: `"${name}" is a port of "${master.name}": packets that ${by} by it have the name ${master.name}, ${condition.negated ? 'so this condition always holds' : 'so this rule matches none'}`,
            underline: `${option} ${name}`,
            caption: `packets have ${master.name}`,
            help: [
              `${option} ${master.name}, or -m physdev --physdev-${option === '-i' ? 'in' : 'out'} ${name} for bridged packets`,
            ],
            inferences: master.given
              ? []
              : [{ text: `${master.name} is a ${master.kind} (by its name)`, settledBy: 'ip -d -j addr' }],
            group: `${view.family} ${name}`,
          };
        }
      }
    }
  },
});
