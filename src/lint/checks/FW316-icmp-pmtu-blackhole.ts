import { type Decider, decidedParts, deciderKey } from '../../analysis/deciders.ts';
import { atEntry } from '../../analysis/fates.ts';
import { ordinaryAddresses } from '../../analysis/ordinary.ts';
import type { Description } from '../../analysis/vocabulary.ts';
import { TCPMSS } from '../../extensions/targets/TCPMSS.ts';
import type { Hook } from '../../model/netfilter.ts';
import type { PacketSet } from '../../packetset/space.ts';
import {
  type CheckContext,
  defineCheck,
  type FindingDraft,
  type RulesetView,
  type Subject,
} from '../check.ts';
import {
  isGuardedElsewhere,
  knobOf,
  opennessOf,
  strangersMention,
  unspokenPort,
  type Way,
} from './support/openness.ts';
import { strangersInterfaces } from './support/strangers.ts';

/** "Fragmentation needed" of a connection that is known. */
const tooBig: Description = (space) =>
  space.and(
    space.and(space.interval('protocol', 1, 1), space.named('ctState', 'RELATED')),
    space.and(space.interval('icmpType', 3, 3), space.interval('icmpCode', 4, 4)),
  );

/** TCP of a connection that is known, to a port that no rule names: answers of servers out there. */
const data: Description = (space) =>
  space.and(
    space.and(space.interval('protocol', 6, 6), space.named('ctState', 'ESTABLISHED')),
    space.interval('dport', unspokenPort, unspokenPort),
  );

const endOf = { to: 'local', through: 'forward' } as const;

/** Who refuses all of these errors on this way, if the connections they belong to pass; most of it first. */
function refusers(context: CheckContext, view: RulesetView, way: Way): readonly Decider[] {
  const all = context.packets(view);
  const { space, analysis } = all;
  const { vocabulary } = analysis;
  const outside = all.comingBy(strangersInterfaces(context, view.family).map((i) => i.name));
  const named = context.interfaces(view.family).some((i) => i.side === 'outside');
  const road = all.road('to');
  const ordinary = all.describe(ordinaryAddresses(view.family)).may;
  const coming = (what: Description): PacketSet => {
    const set = space.and(all.describe(what).may, ordinary);
    return named ? space.and(set, outside) : set;
  };
  const passing = (what: Description): PacketSet =>
    space.union(
      road.parts
        .filter((part) => part.fate === endOf[way])
        .map((part) => space.and(space.may(atEntry(vocabulary, part.set, road)), coming(what))),
    );
  if (passing(tooBig) !== space.none || !opennessOf(context, view).fromAnybody(passing(data))) return [];
  const hooks: readonly (Hook | undefined)[] =
    way === 'to' ? ['PREROUTING', 'INPUT'] : ['PREROUTING', 'FORWARD'];
  const parts = decidedParts(vocabulary, road, {
    within: coming(tooBig),
    only: (part) => hooks.includes(part.visit?.hook),
  });
  const found = new Map<string, Decider>();
  for (const { by } of parts) if (by) found.set(deciderKey(by), by);
  return [...found.values()];
}

/** A decider as findings name it. */
function subjectOf(view: RulesetView, by: Decider): Subject | undefined {
  if (by.kind === 'rule') return { kind: 'rule', view, rule: by.rule };
  const chain = view.chain(by.table, by.chain);
  return chain && { kind: 'policy', view, chain };
}

/** Big packets get lost, and their sender is not told. */
export const icmpPmtuBlackhole = defineCheck({
  code: 'FW316',
  name: 'icmp-pmtu-blackhole',
  title: 'The message that packets are too big is refused',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'TCP connections pass, but the ICMP error by which a router on the way asks for smaller packets is refused, though it belongs to such a connection. Large transfers hang where the path is narrower than the first link.',
  rationale:
    'Hosts send packets as large as their own link takes, with the mark not to cut them. Where a tunnel or PPPoE is narrower, the router there drops the packet and says "fragmentation needed" (type 3, code 4). Who refuses that message waits for ever: small pages load, large ones do not.',
  decision:
    'All errors of type 3, code 4 that tracking calls RELATED are pushed through the rules, to this machine and on routers through it. It is reported if none of them passes, and packets of established TCP connections do, from nearly anybody to a port that no rule names. A rule that drops ICMP below RELATED is no finding. Where TCPMSS clamps the segment size it is a remark only. The rules that refuse the error stand in place of a packet: what makes it RELATED is the packet that it quotes.',
  exceptions:
    'Machines whose connections all stay within one network. Where tracking is off, no packet is RELATED: accept type 3 by itself.',
  references: [
    'RFC 1191',
    'https://www.usenix.org/legacy/events/lisa02/tech/full_papers/vanderberg/vanderberg_html/index.html',
  ],
  mentions: (family) => (space) =>
    family === 'ipv4'
      ? space.or(strangersMention(family)(space), space.or(tooBig(space), data(space)))
      : space.none,
  examples: {
    bad: [
      {
        title: 'all ICMP is dropped first',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 192.0.2.0/24 -p udp -j DROP
-A INPUT -p icmp -j DROP
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'established without related',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -d 203.0.113.1/32 -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a router that keeps the message from its network',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth0 -p icmp -j DROP
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -o eth0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'related first, echo requests dropped below',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p icmp -m icmp --icmp-type 8 -j DROP
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the message by its type',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p icmp -m icmp --icmp-type 3/4 -j ACCEPT
-A INPUT -p icmp -j DROP
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'nothing gets in at all',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
-A OUTPUT -o lo -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      if (view.family !== 'ipv4' || !view.table('filter')) continue;
      const clamped = view.rules().some((r) => view.findTarget(r, TCPMSS) !== undefined);
      for (const way of ['to', 'through'] as const) {
        if (way === 'through' ? context.machine.router?.value !== true : isGuardedElsewhere(context))
          continue;
        const [by, ...others] = refusers(context, view, way);
        const at = by && subjectOf(view, by);
        if (!by || !at) continue;
        const name =
          by.kind === 'rule' ? `rule ${by.rule.index + 1} of ${by.rule.chain}` : `the policy of ${by.chain}`;
        yield {
          at,
          ...(clamped ? { severity: 'info' } : {}),
          message: `"Fragmentation needed" never gets ${way === 'to' ? 'to this machine' : 'through this router'}: ${name} refuses the error of a connection that passes`,
          caption: 'refuses the error, too',
          what: 'transfers over a path that is narrower than the first link begin and then hang',
          why: 'the error belongs to a connection (RELATED), and nothing accepts it before this',
          help: [
            knobOf(view, at) ??
              `-A ${way === 'to' ? 'INPUT' : 'FORWARD'} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT above it, or accept icmp type 3`,
          ],
          related: others.flatMap((other) => {
            const place = subjectOf(view, other);
            return place ? [{ message: 'refuses it by another way', at: place }] : [];
          }),
        };
      }
    }
  },
});
