import { type Address, addressBits, prefixLength, sameAddress } from '../../net/address.ts';
import { addressText } from '../../net/address-text.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import type { Inference } from '../finding.ts';
import { copied } from './support/mends.ts';
import { describedAtEntry, walkOf } from './support/roads.ts';
import { denies, exactName, rulesAt } from './support/rules-at.ts';
import { destinationPorts, serviceText } from './support/services.ts';

/** How we know that the address is this machine's: given, inferred from a rule, or not at all. */
function knownLocal(
  context: CheckContext,
  view: RulesetView,
  address: Address,
): { readonly given: boolean; readonly because: string } | undefined {
  const onInterface = context.machine.interfaces.value?.some((i) =>
    i.addresses.some((a) => sameAddress(a.address, address)),
  );
  if (onInterface) return { given: true, because: context.machine.interfaces.source };
  if (context.machine.interfaces.value) return undefined;
  const inferred = context.machine.localAddresses.find(
    (f) => f.value.family === view.family && sameAddress(f.value, address),
  );
  return inferred && { given: inferred.provenance === 'given', because: inferred.source };
}

/** A rule about own traffic in FORWARD. */
export const ownTrafficFilteredInForward = defineCheck({
  code: 'FW107',
  name: 'own-traffic-filtered-in-forward',
  title: 'A rule about what this machine itself sends stands in FORWARD',
  severity: 'warning',
  confidences: ['context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule in FORWARD refuses traffic whose source is an address of this machine, while OUTPUT sends it. The finding shows a packet that leaves.',
  rationale:
    'What a process on this machine sends goes through OUTPUT; FORWARD never sees it. After a break-in the bot on the machine talks on, although IRC or mail is forbidden in FORWARD.',
  decision:
    'For every drop or reject that packets in FORWARD can meet and whose -s is a single address that is this machine’s (by `ip -j addr`, or because a rule translates to it or from it): of all packets that this machine sends, those are taken that the rule describes and that may leave. It is reported with one of them, sent.',
  exceptions: 'An address that is routed to a host behind this machine although rules translate it here.',
  references: ['man iptables(8), TABLES'],
  fixes: [{ kind: 'unsafe', does: 'puts the same rule into OUTPUT as well' }],
  examples: {
    bad: [
      {
        title: 'IRC of the server itself, forbidden in FORWARD',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 203.0.113.5/32 -p tcp -m multiport --dports 6660:6669,6697 -j DROP
COMMIT
*nat
-A POSTROUTING -o eth0 -j SNAT --to-source 203.0.113.5
COMMIT
`,
      },
      {
        title: 'mail of the server, its address known',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 203.0.113.5/32 -o eth0 -p tcp -m tcp --dport 25 -j REJECT --reject-with icmp-port-unreachable
COMMIT
`,
        context: `[{"ifindex":2,"ifname":"eth0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"operstate":"UP","link_type":"ether","address":"52:54:00:12:34:56","addr_info":[{"family":"inet","local":"203.0.113.5","prefixlen":24,"broadcast":"203.0.113.255","scope":"global","label":"eth0"}]}]
`,
      },
      {
        title: 'a translated address is the machine’s own',
        rules: `*nat
-A PREROUTING -d 203.0.113.5/32 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.0.0.2:80
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 203.0.113.5/32 -p udp -m udp --dport 53 -j DROP
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'in OUTPUT',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A OUTPUT -s 203.0.113.5/32 -p tcp -m multiport --dports 6660:6669,6697 -j DROP
COMMIT
*nat
-A POSTROUTING -o eth0 -j SNAT --to-source 203.0.113.5
COMMIT
`,
      },
      {
        title: 'OUTPUT refuses it as well',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A FORWARD -s 203.0.113.5/32 -p tcp -m tcp --dport 6667 -j DROP
-A OUTPUT -p tcp -m multiport --dports 53,80,443 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j SNAT --to-source 203.0.113.5
COMMIT
`,
      },
      {
        title: 'a host behind this machine',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 192.168.1.77/32 -p tcp -m tcp --dport 6667 -j DROP
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      for (const rule of rulesAt(view, 'FORWARD')) {
        const { src } = rule.base;
        if (!denies(rule) || !src || src.negated || prefixLength(src.value.mask) !== addressBits(view.family))
          continue;
        if (view.writer(rule)) continue;
        const known = knownLocal(context, view, src.value.address);
        if (!known) continue;
        const all = context.packets(view);
        const own = addressText(src.value.address);
        const open = all.space.and(describedAtEntry(all, rule, 'out'), all.accepted('out').may);
        const guessed: readonly Inference[] = known.given
          ? []
          : [{ text: `${own} is an address of this machine (${known.because})`, settledBy: 'ip -j addr' }];
        const outInterface = exactName(rule.base.outInterface);
        const walk = walkOf(context, all, open, 'out', (w) => w.fate === 'sent', {
          inferences: guessed,
          assume: [`local=${own}`],
          ...(outInterface === undefined ? {} : { fixed: { outInterface } }),
        });
        if (!walk) continue;
        const { protocol, dport } = walk.sketch;
        const about =
          destinationPorts(view, rule).length === 0 || dport === undefined
            ? 'what it sends'
            : serviceText({ protocol, port: dport });
        yield {
          at: { kind: 'rule', view, rule },
          message: `${own} is this machine's own address: ${about} from here takes OUTPUT, which lets it go`,
          caption: 'sees only what is passed on for others',
          what: `this machine can still send ${about}, whatever this rule says`,
          why: 'packets of local processes go OUTPUT, POSTROUTING; FORWARD is for packets that came in from outside',
          ...(walk.decidedBy ? { openedBy: [walk.decidedBy] } : {}),
          help: ['put the same rule into OUTPUT'],
          fixes: copied(view, rule, 'OUTPUT', walk),
          witness: walk,
        };
      }
    }
  },
});
