import type { Rule } from '../../model/ruleset.ts';
import { type Network, networkContains } from '../../net/address.ts';
import { networkTextShort } from '../../net/address-text.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { holdsGuessedAddress, movesAddresses, offTheRoad, refusedAddresses } from './support/roads.ts';
import { accepts } from './support/rules-at.ts';

/** Whether all addresses of this machine are known, and none of them is in the network. */
function holdsNoneOfOurs({ machine }: CheckContext, net: Network): boolean {
  const interfaces = machine.interfaces.value;
  if (interfaces === undefined) return false;
  return !interfaces.some((i) =>
    i.addresses.some((a) => a.address.family === net.address.family && networkContains(net, a.address)),
  );
}

/** Why no ordinary packet at the rule's hooks has its source; undefined where some has. */
function because(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  src: Network,
): { readonly confidence: 'proved' | 'context'; readonly why: string; readonly who?: string } | undefined {
  const hooks = view.hooks(rule.table, rule.chain);
  if (hooks.length > 0 && hooks.every((h) => h === 'OUTPUT') && holdsNoneOfOurs(context, src)) {
    return {
      confidence: 'context',
      why: 'packets in OUTPUT are of this machine, and it has no such address',
    };
  }
  const all = context.packets(view);
  const off = offTheRoad(all, rule, 'src');
  if (off === undefined) return undefined;
  if (off === 'from others')
    return {
      confidence: 'proved',
      why: 'the kernel refuses packets with this source before they come here; only a program of this machine can make one up and send it by lo',
      who: 'from another host ',
    };
  const facts = all.rules.restsOn(rule);
  return facts.length === 0
    ? {
        confidence: 'proved',
        why: 'the kernel refuses packets with this source before they come here',
      }
    : {
        confidence: 'context',
        why: 'the kernel refuses packets that claim an address of its own, or one that cannot be behind their interface, before they come here',
      };
}

/** A source that packets cannot have where the rule stands. */
export const impossibleSourceForHook = defineCheck({
  code: 'FW109',
  name: 'impossible-source-for-hook',
  title: 'A rule accepts a source that packets do not have where it stands',
  severity: 'warning',
  confidences: ['proved', 'context'],
  groups: ['recommended'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'An accept in OUTPUT names a source that is no address of this machine, or an accept elsewhere one that the kernel refuses before filter is asked. No packet that comes there has this source.',
  rationale:
    'OUTPUT sees what this machine sends, FORWARD what it passes on: an accept in OUTPUT for the LAN’s addresses lets nobody out, and one in FORWARD for addresses of the machine itself neither. The traffic that was meant is decided elsewhere, and whoever looks at the rule thinks it is allowed.',
  decision:
    'Nothing that comes to the rule’s hooks is what it asks for, and with any other source something would be. In OUTPUT the addresses are compared with all those of `ip -j addr`. Where only a program of this machine could make such a packet up and send it by lo, the finding speaks of other hosts. Refusals are not looked at: rules against forged sources are written exactly so.',
  exceptions:
    'Programs that send with foreign addresses (transparent proxies, NAT64 daemons): rulesets with TPROXY and those that speak of VRRP are left alone.',
  references: ['man iptables(8), TABLES'],
  yieldsTo: ['FW106', 'FW107', 'FW108', 'FW111', 'FW114'],
  mentions: refusedAddresses,
  examples: {
    bad: [
      {
        title: 'groups are never a source',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 224.0.0.0/4 -j ACCEPT
-A INPUT -d 224.0.0.0/4 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'loopback in FORWARD',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 127.0.0.0/8 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the LAN in OUTPUT',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A OUTPUT -s 10.99.0.0/16 -j ACCEPT
COMMIT
`,
        context: `[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,"operstate":"UNKNOWN","link_type":"loopback","address":"00:00:00:00:00:00","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host","label":"lo"}]},{"ifindex":2,"ifname":"eth0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"operstate":"UP","link_type":"ether","address":"52:54:00:12:34:56","addr_info":[{"family":"inet","local":"192.168.1.1","prefixlen":24,"broadcast":"192.168.1.255","scope":"global","label":"eth0"}]}]
`,
      },
      {
        title: 'a group as the sender from the wire, in INPUT',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 224.0.0.0/4 -i eth0 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'a drop of loopback from the wire guards against forged packets',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 127.0.0.0/8 ! -i lo -j DROP
COMMIT
`,
      },
      {
        title: 'the LAN in FORWARD',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A OUTPUT -o lo -j ACCEPT
-A FORWARD -s 10.99.0.0/16 -i eth1 -o eth0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'loopback by its address, from anywhere: it comes by lo',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 127.0.0.0/8 -d 127.0.0.0/8 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      if (movesAddresses(view)) continue;
      for (const rule of view.rules()) {
        const { src } = rule.base;
        if (!src || src.negated || !accepts(rule) || rule.table !== 'filter') continue;
        if (view.writer(rule) || holdsGuessedAddress(context, src.value)) continue;
        const reason = because(context, view, rule, src.value);
        if (!reason) continue;
        const hooks = view.hooks(rule.table, rule.chain).join(' and ');
        yield {
          at: { kind: 'rule', view, rule },
          confidence: reason.confidence,
          message: `No packet ${reason.who ?? ''}in ${hooks} has the source ${networkTextShort(src.value)}, so this rule accepts nothing`,
          underline: '-s',
          caption: 'is no source of packets that come here',
          why: reason.why,
          help: ['accept the traffic where it passes; as it stands the rule can go'],
        };
      }
    }
  },
});
