import type { Machine } from '../../model/machine.ts';
import type { Rule } from '../../model/ruleset.ts';
import {
  type InterfacePattern,
  interfaceMatches,
  interfacePatternText,
} from '../../net/interface-pattern.ts';
import { defineCheck, type FindingDraft } from '../check.ts';
import { denies } from './support/rules-at.ts';

/** Interfaces that come and go: that one is missing just now says nothing. */
const dynamic =
  /^(ppp|tun|tap|wg|veth|docker|br-|br|virbr|vnet|cali|cni|flannel|cilium|lxc|lxd|vxlan|weave|kube|nodelocaldns|usb|wwan|wlan|wlp|wlx|wl|bnep|zt|tailscale|ts|gre|sit|ipip|ipsec|vti|xfrm|he-|nordlynx|proton|utun|ifb|dummy|bond|team|lo)/;

/** Whether the configuration says that such an interface comes and goes: `veth+` expects every name that begins so. */
function isExpected(machine: Machine, pattern: InterfacePattern): boolean {
  return (machine.expectedInterfaces ?? []).some(({ value }) =>
    value.endsWith('+') ? pattern.name.startsWith(value.slice(0, -1)) : pattern.name === value,
  );
}

/** Why the kernel never gives a packet an interface of this name. */
function odd(name: string): { readonly because: string; readonly instead: string } | undefined {
  if (name.includes(':')) {
    const [device = ''] = name.split(':');
    return {
      because: `"${name}" is the label of an additional address, not an interface: packets have "${device}"`,
      instead: `-i ${device} -d ADDRESS: name the address instead`,
    };
  }
  if (name.includes('*')) {
    const prefix = name.slice(0, name.indexOf('*'));
    return {
      because: 'a star is an ordinary character here: the wildcard of iptables is "+" at the end',
      instead: `${prefix}+`,
    };
  }
  if (name.includes(','))
    return {
      because: 'a list of interfaces is read as one name',
      instead: `one rule for each: ${name
        .split(',')
        .filter((n) => n !== '')
        .join(' and ')}`,
    };
  if (name.startsWith('!'))
    return { because: '"!" without a blank is read as a part of the name', instead: `! -i ${name.slice(1)}` };
  if (/[\s/]/.test(name))
    return {
      because: 'the kernel allows no blank and no slash in the name of an interface',
      instead: 'the name as `ip link` prints it',
    };
  return undefined;
}

function* namesOf(
  rule: Rule,
): Iterable<{ readonly option: '-i' | '-o'; readonly pattern: InterfacePattern; readonly negated: boolean }> {
  const { inInterface, outInterface } = rule.base;
  if (inInterface) yield { option: '-i', pattern: inInterface.value, negated: inInterface.negated };
  if (outInterface) yield { option: '-o', pattern: outInterface.value, negated: outInterface.negated };
}

/** An interface name that no packet ever has. */
export const interfaceNameCannotMatch = defineCheck({
  code: 'FW112',
  name: 'interface-name-cannot-match',
  title: 'A rule names an interface that no packet has',
  severity: 'error',
  confidences: ['proved', 'context'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule names an interface that the kernel never puts on a packet: the label of an alias address, a shell pattern, a list, or a name that this machine does not have. The rule loads and matches nothing; negated, it matches everything.',
  rationale:
    'iptables takes any text of up to fifteen bytes as the name of an interface and compares it with that of the packet. A drop on `eth0:1` guards nothing: packets to the alias address come in by `eth0`.',
  decision:
    'Names with a colon, a star, a comma, a blank, a slash or a leading exclamation mark cannot match (proved). With `ip -j addr` or `ip -j link`, a name or prefix that none of the interfaces has is reported too, unless it belongs to a kind of interface that comes and goes (ppp, tun, wg, veth, docker, br-, wlan …).',
  exceptions:
    'Interfaces that are created later than the context was taken: name them under `expected-interfaces` in fwsim.yml.',
  references: ['Documentation/networking/alias.rst of the Linux kernel', 'man iptables(8), -i'],
  examples: {
    bad: [
      {
        title: 'an alias label and a shell pattern',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0:1 -p tcp -m tcp --dport 80 -j DROP
-A INPUT -i eth* -p tcp -m tcp --dport 3306 -j DROP
COMMIT
`,
      },
      {
        title: 'two interfaces in one rule',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth1,eth2 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a name from the time before the interfaces were renamed',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
        context: `[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,"operstate":"UNKNOWN","link_type":"loopback","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host","label":"lo"}]},{"ifindex":2,"ifname":"ens3","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"operstate":"UP","link_type":"ether","address":"52:54:00:12:34:56","addr_info":[{"family":"inet","local":"203.0.113.5","prefixlen":24,"broadcast":"203.0.113.255","scope":"global","label":"ens3"}]}]
`,
      },
    ],
    good: [
      {
        title: 'the address instead of the label, and the wildcard of iptables',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -d 203.0.113.9/32 -i eth0 -p tcp -m tcp --dport 80 -j DROP
-A INPUT -i eth+ -p tcp -m tcp --dport 3306 -j DROP
COMMIT
`,
      },
      {
        title: 'VLAN interfaces have dots',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0.100 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a tunnel that is not up just now',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i wg0 -j ACCEPT
-A INPUT -i ens3 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
        context: `[{"ifindex":2,"ifname":"ens3","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"operstate":"UP","link_type":"ether","address":"52:54:00:12:34:56","addr_info":[{"family":"inet","local":"203.0.113.5","prefixlen":24,"broadcast":"203.0.113.255","scope":"global","label":"ens3"}]}]
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    const interfaces = context.machine.interfaces.value;
    for (const view of context.views) {
      for (const rule of view.rules()) {
        for (const { option, pattern, negated } of namesOf(rule)) {
          const name = interfacePatternText(pattern);
          const effect = negated ? 'so this condition always holds' : 'so this rule matches none';
          const syntax = odd(pattern.name);
          if (syntax) {
            yield {
              at: { kind: 'rule', view, rule },
              severity: denies(rule) || negated ? 'error' : 'warning',
              confidence: 'proved',
              message: `No packet ever has the interface "${name}", ${effect}`,
              underline: `${option} ${name}`,
              caption: negated ? 'always true' : 'never matches',
              why: syntax.because,
              help: [syntax.instead],
            };
            continue;
          }
          if (!interfaces || interfaces.length === 0 || pattern.name === '' || dynamic.test(pattern.name))
            continue;
          if (isExpected(context.machine, pattern)) continue;
          if (view.owner(rule.table, rule.chain) || interfaces.some((i) => interfaceMatches(pattern, i.name)))
            continue;
          const have = interfaces.map((i) => i.name).filter((n) => n !== 'lo');
          yield {
            at: { kind: 'rule', view, rule },
            severity: 'warning',
            confidence: 'context',
            message: `This machine has no interface "${name}", ${effect}`,
            underline: `${option} ${name}`,
            caption: 'not on this machine',
            why: `the interfaces are ${have.slice(0, 6).join(', ')}${have.length > 6 ? ` and ${have.length - 6} more` : ''} (${context.machine.interfaces.source})`,
            help: ['name one that exists, or leave it if the interface is yet to come'],
            group: `FW112 ${view.family} ${name}`,
          };
        }
      }
    }
  },
});
