import type { Rule } from '../../model/ruleset.ts';
import { networkTextShort } from '../../net/address-text.ts';
import type { Heading } from '../all-packets.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import {
  describedAtEntry,
  holdsGuessedAddress,
  movesAddresses,
  offTheRoad,
  refusedAddresses,
  walkOf,
} from './support/roads.ts';
import { accepts, denies } from './support/rules-at.ts';

/** A packet that the rule describes and that gets through by another road. */
function walkElsewhere(context: CheckContext, view: RulesetView, rule: Rule): Walk | undefined {
  const all = context.packets(view);
  for (const heading of ['to', 'through'] as const satisfies readonly Heading[]) {
    const open = all.space.and(describedAtEntry(all, rule, heading), all.accepted(heading).may);
    const walk = walkOf(context, all, open, heading, (w) => w.accepted && !w.matched(rule));
    if (walk) return walk;
  }
  return undefined;
}

/** A destination that packets cannot have where the rule stands. */
export const impossibleDestinationForHook = defineCheck({
  code: 'FW108',
  name: 'impossible-destination-for-hook',
  title: 'A rule asks for a destination that packets do not have where it stands',
  severity: 'warning',
  confidences: ['proved', 'context'],
  groups: ['recommended'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A rule in INPUT names the address of another machine, or a rule in FORWARD an address of this one. Routing has parted the two before filter is asked: no packet that comes there has this destination.',
  rationale:
    'What is addressed to the machine goes to INPUT, everything else to FORWARD. A rule for the other kind loads without a word and never matches: often it was left behind when a service moved onto the machine, or off it. A refusal of this kind is worse than none, since somebody relies on it.',
  decision:
    'All packets are pushed through the hooks: nothing that comes to the rule’s hooks is what it asks for, and with any other destination something would be. Which addresses are this machine’s is known from `ip -j addr`; without it only those are judged that are the same everywhere (loopback). Where only a program of this machine could make such a packet up and send it by lo, the finding speaks of other hosts. Accepts are reported, and refusals whose packets get through by the other road, with one that does.',
  exceptions:
    'Addresses that come and go (VRRP, keepalived), where they were absent as `ip addr` was asked: rulesets that speak of VRRP are left alone, and so are those with TPROXY. Refusals without effect that guard nothing else either, such as the usual drop of 127.0.0.0/8, are not reported.',
  references: ['man iptables(8), TABLES'],
  yieldsTo: ['FW101', 'FW104', 'FW105', 'FW106', 'FW107', 'FW122'],
  mentions: refusedAddresses,
  examples: {
    bad: [
      {
        title: 'nobody’s address',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 192.0.2.0/24 -d 0.0.0.0/32 -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a port of loopback, accepted in FORWARD',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -d 127.0.0.1/32 -p tcp -m tcp --dport 3306 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a host of the LAN, accepted in INPUT',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -d 192.168.1.20/32 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
        context: `[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,"operstate":"UNKNOWN","link_type":"loopback","address":"00:00:00:00:00:00","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host","label":"lo"}]},{"ifindex":2,"ifname":"eth0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"operstate":"UP","link_type":"ether","address":"52:54:00:12:34:56","addr_info":[{"family":"inet","local":"192.168.1.1","prefixlen":24,"broadcast":"192.168.1.255","scope":"global","label":"eth0"}]}]
`,
      },
      {
        title: 'a server behind the machine is guarded in INPUT, and open through FORWARD',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -d 192.168.1.20/32 -i eth1 -p tcp -m tcp --dport 3306 -j DROP
COMMIT
`,
        context: `[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,"operstate":"UNKNOWN","link_type":"loopback","address":"00:00:00:00:00:00","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host","label":"lo"}]},{"ifindex":2,"ifname":"eth0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"operstate":"UP","link_type":"ether","address":"52:54:00:12:34:56","addr_info":[{"family":"inet","local":"192.168.1.1","prefixlen":24,"broadcast":"192.168.1.255","scope":"global","label":"eth0"}]},{"ifindex":3,"ifname":"eth1","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"operstate":"UP","link_type":"ether","address":"52:54:00:12:34:57","addr_info":[{"family":"inet","local":"203.0.113.1","prefixlen":24,"broadcast":"203.0.113.255","scope":"global","label":"eth1"}]}]
net.ipv4.ip_forward = 1
`,
      },
    ],
    good: [
      {
        title: 'packets that are not tracked are never NEW: no matter of the destination',
        rules: `*raw
-A PREROUTING -d 203.0.113.9/32 -p udp -m udp --dport 53 -j NOTRACK
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -d 203.0.113.9/32 -p udp -m conntrack --ctstate NEW -m udp --dport 53 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'each where its packets come by',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A FORWARD -d 192.168.1.20/32 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'nobody says whose address it is',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -d 192.168.1.20/32 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'an accept in INPUT lets guess that an address is ours, and proves nothing',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -d 203.0.113.9/32 -p tcp -m tcp --dport 22 -j ACCEPT
-A FORWARD -d 203.0.113.9/32 -p udp -m udp --dport 53 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'loopback is dropped in FORWARD for good measure',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -d 127.0.0.0/8 -j DROP
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      if (movesAddresses(view)) continue;
      const all = context.packets(view);
      for (const rule of view.rules()) {
        const { dst } = rule.base;
        if (!dst || dst.negated || view.owner(rule.table, rule.chain)) continue;
        if ((!accepts(rule) && !denies(rule)) || holdsGuessedAddress(context, dst.value)) continue;
        const off = offTheRoad(all, rule, 'dst');
        if (off === undefined) continue;
        const elsewhere = walkElsewhere(context, view, rule);
        if (denies(rule) && !elsewhere) continue;
        const hooks = view.hooks(rule.table, rule.chain).join(' and ');
        const facts = all.rules.restsOn(rule);
        const who = off === 'never' ? '' : 'from another host ';
        yield {
          at: { kind: 'rule', view, rule },
          confidence: facts.length === 0 ? 'proved' : 'context',
          message: `No packet ${who}in ${hooks} has the destination ${networkTextShort(dst.value)}, so this rule ${denies(rule) ? 'refuses' : 'accepts'} nothing`,
          underline: '-d',
          caption: 'is no destination of packets that come here',
          ...(elsewhere
            ? { what: `packets that the rule describes take ${elsewhere.hooks.join(', ')}, and get through` }
            : {}),
          why:
            off === 'from others'
              ? 'the kernel refuses packets to this destination before they come here; only a program of this machine can make one up and send it by lo'
              : hooks.includes('FORWARD')
                ? 'FORWARD sees what is passed on; packets to an address of this machine go to INPUT'
                : 'INPUT sees what is addressed to this machine; packets for others go to FORWARD',
          ...(elsewhere?.decidedBy ? { openedBy: [elsewhere.decidedBy] } : {}),
          help: [
            off === 'from others'
              ? 'as it stands it can go'
              : `if it is meant, put it into ${hooks.includes('FORWARD') ? 'INPUT' : 'FORWARD'}; as it stands it can go`,
          ],
          ...(elsewhere ? { witness: elsewhere } : {}),
        };
      }
    }
  },
});
