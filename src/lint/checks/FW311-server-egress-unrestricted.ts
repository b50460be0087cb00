import { atEntry } from '../../analysis/fates.ts';
import { DNAT, type DnatData } from '../../extensions/targets/DNAT.ts';
import type { ReadMachine } from '../../link/read-machine.ts';
import { type Address, type Family, sameAddress } from '../../net/address.ts';
import { addressText } from '../../net/address-text.ts';
import { interfacePattern } from '../../net/interface-pattern.ts';
import { createMeasure } from '../../packetset/measure.ts';
import type { PacketSet } from '../../packetset/space.ts';
import type { AllPackets } from '../all-packets.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import { leftBy, natEvents } from './support/conversations.ts';
import {
  calmWalk,
  deciderOf,
  deciderText,
  isWideOpen,
  knobOf,
  opennessOf,
  strangersMention,
  toPrivateNetworks,
  unspokenPort,
} from './support/openness.ts';
import { translatedWalks } from './support/published.ts';
import { comingBy } from './support/roads.ts';
import { listText } from './support/rule-shape.ts';

/** Translations that are looked at. */
const rulesMax = 32;

/** From this share of ports and public destinations on, a host may talk to anybody about anything. */
const freeShare = 0.5;

/** The hosts that rules send packets to: they are asked about as senders. */
function targets(read: ReadMachine, family: Family): readonly Address[] {
  return read.rulesets
    .filter(({ linked }) => linked.ruleset.family === family)
    .flatMap(({ linked }) => linked.ruleset.tables.filter((t) => t.name === 'nat'))
    .flatMap((table) => table.chains.flatMap((chain) => chain.rules))
    .flatMap(({ target }) =>
      target.kind === 'extension' && target.known && target.extension === DNAT.name
        ? ((target.data as DnatData).range.addresses?.low ?? [])
        : [],
    )
    .slice(0, rulesMax);
}

/** A host that strangers reach, and a connection of its own to anywhere. */
interface FreeServer {
  readonly host: Address;
  /** How strangers reach it. */
  readonly asked: Walk;
  readonly walk: Walk;
}

/** Whether the host may open connections to most ports of most public addresses. */
function isFree(context: CheckContext, all: AllPackets, host: Address, by: string, out: string): boolean {
  const { space, analysis } = all;
  const road = all.road('through');
  const leaving = space.interface('out', interfacePattern(out));
  const passed = space.union(
    road.parts.filter((part) => part.fate === 'forward').map((part) => space.and(part.set, leaving)),
  );
  const its = space.and(
    space.and(space.addresses('src', { low: host, high: host }), comingBy(context, all, by)),
    space.diff(space.interval('protocol', 6, 6), all.describe(toPrivateNetworks(host.family)).may),
  );
  const measure = createMeasure(space, ['dst', 'dport']);
  const others = [...space.codec.fields.keys()].filter((f) => f !== 'dst' && f !== 'dport');
  const flat = (set: PacketSet): PacketSet => space.forget(space.and(set, its), others);
  const open = flat(space.and(space.may(atEntry(analysis.vocabulary, passed, road)), all.openers));
  return space.isDecided(open) && measure.share(open, flat(all.entering('through'))) >= freeShare;
}

function* freeServers(context: CheckContext, view: RulesetView): Iterable<FreeServer> {
  const { family } = view;
  const outside = context.interfaces(family).filter((i) => i.side === 'outside');
  const known = targets(context.read, family);
  const rules = view.rules().filter((rule) => view.findTarget(rule, DNAT) && !view.writer(rule));
  const seen: Address[] = [];
  for (const from of outside)
    for (const rule of rules.slice(0, rulesMax)) {
      const asked = translatedWalks(context, view, rule, from).find((w) => w.fate === 'forward');
      const host = asked && natEvents(asked, 'destination').at(-1)?.after.dst;
      const by = asked && leftBy(asked);
      if (!asked || !host || by === undefined || by === from.name) continue;
      const same = (a: Address): boolean => sameAddress(a, host);
      if (seen.some(same) || !known.some(same)) continue;
      seen.push(host);
      const walk = calmWalk(
        context,
        {
          inInterface: by,
          outInterface: from.name,
          src: host,
          dst: context.remoteAddress(family).address,
          protocol: 6,
          dport: unspokenPort,
        },
        { assume: context.remoteAddress(family).assume, inferences: from.inferences },
      );
      if (walk.fate !== 'forward' || leftBy(walk) !== from.name) continue;
      if (isFree(context, context.packets(view), host, by, from.name)) yield { host, asked, walk };
    }
}

/** A published host that may talk to anybody. */
export const serverEgressUnrestricted = defineCheck({
  code: 'FW311',
  name: 'server-egress-unrestricted',
  title: 'A published server may open connections to anywhere',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  profiles: ['host', 'router'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A host behind this machine that strangers reach by a port forward may itself open connections to most ports of most public addresses. The finding shows such a connection, names the port forward, and the rule that lets it out.',
  rationale:
    'Of all hosts inside, the published one is the likeliest to be taken over. What the intruder wants next is a way out: to fetch his tools, to report to his master, to flood and to spam under your address. A server answers, and those answers are let out by their connection; of its own accord it needs a resolver, a clock, a mirror for updates and little else.',
  decision:
    "Only where an interface is known or shown to lead outside, and FORWARD refuses something from there. For each port forward that an administrator wrote, a stranger's connection is walked; if it reaches a host behind, all connections that this host may open by the same interface to the outer one are worked out. It is reported if they cover at least half of all TCP ports of all public addresses, and the engine walked one to a port that no rule names. Not asked for are services of this machine itself, whose egress is open on nearly every server (FW310 tells that, in the presets strict and cis), and hosts that may reach a mail server or IRC alone, which somebody has allowed on purpose. Container hosts are left out.",
  exceptions:
    'A proxy, a mail server, a resolver or a way out for a VPN: give the machine the role in `fwsim.yml`. A port forward to the workstation of somebody who browses.',
  references: [
    'NIST SP 800-41 Rev. 1',
    'https://www.derkeiler.com/Newsgroups/comp.os.linux.security/2004-10/0289.html',
  ],
  yieldsTo: ['FW102', 'FW303'],
  mentions: (family, _sensitive, read) => (space) =>
    targets(read, family).reduce(
      (set, host) => space.or(set, space.addresses('src', { low: host, high: host })),
      space.or(strangersMention(family)(space), toPrivateNetworks(family)(space)),
    ),
  examples: {
    bad: [
      {
        title: 'the LAN may go anywhere, and the web server stands in it',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.80
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 10.0.0.80/32 -i eth0 -p tcp -m tcp --dport 80 -j ACCEPT
-A FORWARD -i eth1 -o eth0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a network for servers, with one way out for all of them',
        rules: `*nat
-A PREROUTING -d 203.0.113.1/32 -p tcp -m multiport --dports 80,443 -j DNAT --to-destination 10.0.1.10
-A PREROUTING -d 203.0.113.1/32 -p tcp -m tcp --dport 25 -j DNAT --to-destination 10.0.1.25
-A POSTROUTING -o ppp0 -j SNAT --to-source 203.0.113.1
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT
-A FORWARD -i dmz0 -o ppp0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a few ports are closed to it, thousands are not',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.168.1.10:80
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 192.168.1.10/32 -i eth0 -o eth1 -p tcp -m tcp --dport 80 -j ACCEPT
-A FORWARD -i eth1 -o eth0 -p tcp -m multiport --dports 25,135,445 -j REJECT --reject-with icmp-port-unreachable
-A FORWARD -i eth1 -o eth0 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'a chain for what the server may ask',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.80
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:dmz_out - [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 10.0.0.80/32 -i eth0 -p tcp -m tcp --dport 80 -j ACCEPT
-A FORWARD -s 10.0.0.80/32 -o eth0 -j dmz_out
-A FORWARD -i eth1 -o eth0 -j ACCEPT
-A dmz_out -p udp -m udp --dport 53 -j ACCEPT
-A dmz_out -d 198.51.100.80/32 -p tcp -m multiport --dports 80,443 -j ACCEPT
-A dmz_out -m limit --limit 6/min -j LOG --log-prefix "dmz-out-denied: "
-A dmz_out -j DROP
COMMIT
`,
      },
      {
        title: 'the web is all that anybody may ask',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.80
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 10.0.0.80/32 -i eth0 -p tcp -m tcp --dport 80 -j ACCEPT
-A FORWARD -i eth1 -o eth0 -p tcp -m multiport --dports 80,443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'nothing is published',
        rules: `*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -o eth0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a translation that FORWARD refuses publishes nothing',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.80
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -o eth0 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    const { roles = [] } = context.machine;
    if (roles.some(({ value }) => ['dns', 'mail', 'proxy', 'vpn', 'transit'].includes(value))) return;
    for (const view of context.views) {
      // Where FORWARD refuses nobody, that is what there is to tell.
      if (isWideOpen(opennessOf(context, view), 'through')) continue;
      const byRule = new Map<string, FreeServer[]>();
      for (const server of freeServers(context, view)) {
        const key = deciderText(server.walk);
        byRule.set(key, [...(byRule.get(key) ?? []), server]);
      }
      for (const [text, servers] of byRule) {
        const [first] = servers;
        const at = first && deciderOf(view, first.walk);
        if (!first || !at) continue;
        const hosts = listText(servers.map(({ host }) => addressText(host)));
        const published = servers.flatMap(({ asked }) => natEvents(asked, 'destination').at(-1)?.by ?? []);
        const related = published.flatMap((by) => {
          const rule = by === 'connection' ? undefined : view.ruleById(by.id);
          return rule
            ? [{ message: 'strangers reach it by this', at: { kind: 'rule', view, rule } as const }]
            : [];
        });
        yield {
          at,
          message: `${hosts} can be reached from outside and may open connections to anybody, on nearly any port: ${text} lets ${servers.length === 1 ? 'it' : 'them'}`,
          caption: 'a way out for whoever breaks in',
          related,
          help: [
            knobOf(view, at) ??
              `above it: -A FORWARD -s ${addressText(first.host)} -o ${leftBy(first.walk) ?? 'NAME'} -j CHAIN, where CHAIN accepts what the server needs and drops the rest`,
          ],
          witness: first.walk,
        };
      }
    }
  },
});
