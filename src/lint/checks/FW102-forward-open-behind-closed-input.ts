import type { Chain } from '../../model/ruleset.ts';
import { isPublicAddress } from '../../net/documentation.ts';
import { createMeasure } from '../../packetset/measure.ts';
import type { PacketSet } from '../../packetset/space.ts';
import {
  type CheckContext,
  defineCheck,
  type FindingDraft,
  type RulesetView,
  type SidedInterface,
  type Subject,
  type Walk,
} from '../check.ts';
import { type FixDraft, insertRules } from '../fixes/fix-draft.ts';
import {
  opennessOf,
  openShare,
  strangersMention,
  toPrivateNetworks,
  unspokenPort,
} from './support/openness.ts';
import { comingBy, passingTo, translatedOpeners, walkOf } from './support/roads.ts';
import { destinationNatRules, sourceNatRules } from './support/rules-at.ts';
import { insideInterfaces, strangersInterfaces } from './support/strangers.ts';

const tcp = 6;

/** Whether INPUT refuses a connection from there to a port that nobody speaks of. */
function isClosed(context: CheckContext, view: RulesetView, from: SidedInterface): boolean {
  const all = context.packets(view);
  const { space } = all;
  const { ports } = opennessOf(context, view);
  const asking = space.and(comingBy(context, all, from.name), all.entering('to'));
  const unspoken = space.and(asking, ports(tcp, unspokenPort));
  return unspoken !== space.none && space.disjoint(unspoken, all.accepted('to').may);
}

/** A packet of a stranger to a host behind this interface, where nearly all such packets pass. */
function walkThrough(
  context: CheckContext,
  view: RulesetView,
  from: SidedInterface,
  to: SidedInterface,
): Walk | undefined {
  const all = context.packets(view);
  const { space } = all;
  const host = context.remoteAddress(view.family, to.name);
  const { ports, publicDestinations } = opennessOf(context, view);
  const there = isPublicAddress(host.address) ? publicDestinations : space.not(publicDestinations);
  const asking = [comingBy(context, all, from.name), all.entering('through'), there, ports(tcp, 0, 65_535)];
  const asked = asking.reduce((a, b) => space.and(a, b));
  const open = space.diff(space.and(asked, passingTo(context, all, to.name)), translatedOpeners(all));
  const counted = ['src', 'sport', 'dport'] as const;
  const others = [...space.codec.fields.keys()].filter((f) => !counted.some((c) => c === f));
  const flat = (set: PacketSet): PacketSet => space.forget(set, others);
  if (open === space.none || !space.isDecided(open)) return undefined;
  if (createMeasure(space, counted).share(flat(open), flat(asked)) < openShare) return undefined;
  return walkOf(
    context,
    all,
    space.and(open, ports(tcp, unspokenPort)),
    'through',
    (w) => w.fate === 'forward' && w.decidedBy !== undefined,
    {
      inferences: [...from.inferences, ...host.inferences],
      assume: host.assume,
      fixed: { dst: host.address, outInterface: to.name },
    },
  );
}

/** Answers, connections from inside to the outside, forwarded ports; the policy for the rest. */
function closedForward(
  view: RulesetView,
  chain: Chain,
  inside: string,
  outside: string,
): readonly FixDraft[] {
  const bodies = [
    '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    `-i ${inside} -o ${outside} -j ACCEPT`,
    ...(destinationNatRules(view).length > 0 ? ['-m conntrack --ctstate DNAT -j ACCEPT'] : []),
  ];
  const { title, edits } = insertRules(view, chain, undefined, bodies);
  return [
    {
      title: `${title}, and let its policy drop`,
      applicability: 'unsafe',
      view,
      edits: [...edits, { kind: 'policy', chain, policy: 'DROP' }],
    },
  ];
}

/** A router that guards itself alone. */
export const forwardOpenBehindClosedInput = defineCheck({
  code: 'FW102',
  name: 'forward-open-behind-closed-input',
  title: 'The machine guards itself and forwards everything',
  severity: 'error',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'New connections from outside are refused by INPUT, but any of them passes FORWARD to the networks behind this router. The finding shows a packet that goes through.',
  rationale:
    'NAT is no filter: a neighbour on the outside segment (the provider, other customers, guests of the same Wi-Fi) can address the hosts inside directly, and a router with an open FORWARD passes the packets on. Closing INPUT protects the router alone.',
  decision:
    'Only on routers: a ruleset with source or destination NAT, or a context with forwarding on. Of all packets that come in by an outside interface and open a TCP connection, INPUT refuses those to a port that nobody speaks of, and FORWARD lets through nine tenths or more (of sources and ports) to hosts behind an inner interface, untranslated and whatever is not known. It is reported with one that is sent to such a host.',
  exceptions:
    'A bridge or an access router whose filtering is done by the next hop; a router between networks that all are meant to reach each other.',
  references: ['man iptables(8), TABLES'],
  mentions: (family) => (space) =>
    space.or(strangersMention(family)(space), toPrivateNetworks(family)(space)),
  yieldsTo: ['FW513'],
  fixes: [
    {
      kind: 'unsafe',
      does: 'lets FORWARD drop what is neither an answer nor from inside, where its policy decides',
    },
  ],
  examples: {
    bad: [
      {
        title: 'a gateway with its own door shut',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth1 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'an accept for everything at the end of FORWARD',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o ppp0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'port forwards on a router that lets everything else through as well',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth1 -j ACCEPT
COMMIT
*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.10
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j SNAT --to-source 203.0.113.1
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'only the LAN may open connections through it',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth1 -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -o eth0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'a server that routes nothing',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'forwarding is refused from outside by a rule',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth0 -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    const forwarding = context.machine.sysctls.value['net.ipv4.ip_forward'] === '1';
    for (const view of context.views) {
      const nat = [...sourceNatRules(view), ...destinationNatRules(view)];
      if (nat.length === 0 && !forwarding) continue;
      for (const from of strangersInterfaces(context, view.family)) {
        if (from.side !== 'outside' || !isClosed(context, view, from)) continue;
        for (const to of insideInterfaces(context, view.family, from.name)) {
          const walk = walkThrough(context, view, from, to);
          const by = walk?.decidedBy;
          const chain = view.chain('filter', 'FORWARD');
          const rule = by?.kind === 'rule' ? view.ruleById(by.id) : undefined;
          const at: Subject | undefined = rule
            ? { kind: 'rule', view, rule }
            : chain
              ? { kind: 'policy', view, chain }
              : undefined;
          if (!walk || !at) continue;
          yield {
            at,
            message: `New connections from ${from.name} are refused by INPUT, but pass FORWARD to the network behind ${to.name}`,
            caption: 'lets strangers through',
            what: `anybody who can send a packet to this machine on ${from.name} reaches the hosts behind ${to.name} by their own addresses, any port`,
            why: 'INPUT guards this machine alone, and NAT is no filter: packets to a host behind it take FORWARD',
            help: [
              `:FORWARD DROP, then accept RELATED,ESTABLISHED and what may open connections: -A FORWARD -i ${to.name} -o ${from.name} -j ACCEPT`,
            ],
            fixes: rule || !chain ? [] : closedForward(view, chain, to.name, from.name),
            witness: walk,
            group: `FW102 ${view.family}`,
          };
          break;
        }
      }
    }
  },
});
