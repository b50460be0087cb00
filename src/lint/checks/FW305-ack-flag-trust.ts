import { atEntry } from '../../analysis/fates.ts';
import { tcpFlag } from '../../model/packet.ts';
import type { Rule } from '../../model/ruleset.ts';
import { createMeasure } from '../../packetset/measure.ts';
import type { PacketSet } from '../../packetset/space.ts';
import { maskInUse } from '../../packetset/valid.ts';
import type { AllPackets } from '../all-packets.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import {
  calmWalk,
  deciderOf,
  deciderText,
  isGuardedElsewhere,
  knobOf,
  type Opening,
  opennessOf,
  strangersMention,
  type Way,
} from './support/openness.ts';
import { notrackRules } from './support/states.ts';

/** Ports that one service has at most. */
const portsMax = 1024n;

/** Rules that are told for one way. */
const findingsMax = 4;

/** First packets of TCP that are no SYN: an ACK out of the blue. Empty where no rule looks at flags. */
function straySegments(all: AllPackets): PacketSet {
  const { space, openers } = all;
  const mask = maskInUse(space.codec, 'tcpFlags');
  if (mask === 0) return space.none;
  const { SYN, ACK, FIN, RST } = tcpFlag;
  const tcp = space.and(openers, space.interval('protocol', 6, 6));
  return space.and(
    space.forget(tcp, ['tcpFlags']),
    space.bits('tcpFlags', ACK & mask, (SYN | ACK | FIN | RST) & mask),
  );
}

/** Packets from the wire that the rule may take, as they came in. */
function takenFromWire(all: AllPackets, rule: Rule): PacketSet {
  const { space, analysis } = all;
  const road = all.road('to');
  return space.union(
    road.visits
      .filter((visit) => visit.table === rule.table)
      .map((visit) => space.may(atEntry(analysis.vocabulary, visit.taking(rule), road))),
  );
}

/** Packets that get in somewhere else than they ask for, as they came in: a translation of SYN refuses nobody. */
function translated(all: AllPackets): PacketSet {
  const { space, analysis } = all;
  if (!analysis.vocabulary.rewritten.has('dst')) return space.none;
  const road = all.road('to');
  const moved = space.not(space.unchanged(['dst']));
  return space.union(
    road.parts
      .filter((part) => part.visit === undefined)
      .map((part) => space.may(atEntry(analysis.vocabulary, space.and(part.set, moved), road))),
  );
}

/** A stray segment that got in, with the packets that do. */
interface Stray {
  readonly walk: Walk;
  readonly ports: bigint;
}

function* straysOn(context: CheckContext, view: RulesetView, way: Way): Iterable<Stray> {
  const openness = opennessOf(context, view);
  const { all } = openness;
  const { space } = all;
  // Who takes them from connection tracking has nothing better than their flags.
  const strays = notrackRules(view).reduce(
    (set, rule) => space.diff(set, takenFromWire(all, rule)),
    straySegments(all),
  );
  if (strays === space.none || !space.isDecided(strays)) return;
  const begun = space.forget(space.and(space.or(all.accepted(way).may, translated(all)), all.openers), [
    'tcpFlags',
  ]);
  const measure = createMeasure(space, ['dport']);
  const others = [...space.codec.fields.keys()].filter((f) => f !== 'dport');
  const arrived = way === 'to' ? 'local' : 'forward';
  const isMany = (set: PacketSet): boolean =>
    set !== space.none &&
    space.isDecided(set) &&
    measure.count(space.forget(set, others)) > portsMax &&
    openness.fromAnybody(set);
  const walkIn = (set: PacketSet, opening: Opening): Walk | undefined => {
    for (const { sketch, options } of openness.examples(set, way)) {
      const walk = calmWalk(
        context,
        { ...sketch, tcpFlags: tcpFlag.ACK },
        { ...options, inferences: [...(options.inferences ?? []), ...opening.inferences] },
      );
      if (walk.fate === arrived && walk.decidedBy) return walk;
    }
    return undefined;
  };
  let told = space.none;
  for (const opening of openness.openings(way, strays))
    for (let n = 0; n < findingsMax; n++) {
      const set = space.diff(space.diff(opening.set, begun), told);
      if (!isMany(set)) break;
      const walk = walkIn(set, opening);
      const by = walk?.decidedBy;
      const rule = by?.kind === 'rule' ? view.ruleById(by.id) : undefined;
      const taken = rule && takenFromWire(all, rule);
      const ports = measure.count(space.forget(taken ? space.and(set, taken) : set, others));
      if (walk && ports > portsMax) yield { walk, ports };
      if (taken === undefined) break;
      told = space.or(told, taken);
    }
}

/** A home-made ESTABLISHED. */
export const ackFlagTrust = defineCheck({
  code: 'FW305',
  name: 'ack-flag-trust',
  title: 'A TCP flag is taken for proof of a connection',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'TCP segments of strangers that belong to no connection get in on more than a thousand ports on which a SYN is refused: whoever sets ACK, or leaves SYN out, passes. The finding shows such a segment and who lets it in.',
  rationale:
    'Before Linux tracked connections, "not a SYN" was how answers were told from first packets. The sender sets the flags. A scan with ACK passes such a rule and maps every port and host behind it, forged segments reach connections of other programs, and a program on the inside that is in league with somebody outside needs no SYN to talk. Connection tracking takes such a segment for NEW, which a rule for ESTABLISHED refuses.',
  decision:
    'The packets are first packets of TCP with ACK and without SYN, from outside, in the state in which connection tracking finds them. It is reported if they pass, whatever is not known, to more than 1024 ports for which the same packet with SYN has no way in, from at least 1/256 of all IPv4 addresses that are not private, and the engine walked one of them in. So the port of a service that is open anyhow does not count, whether or not its rule asks for SYN, and neither does a rule for ESTABLISHED. Where a policy is what accepts them, since only SYN is refused, that is reported as well.',
  exceptions:
    'A router that switches connection tracking off for these packets (NOTRACK) has nothing better; packets that are untracked are not asked about.',
  references: ['man iptables-extensions(8), tcp and conntrack', 'RFC 9293, 3.10.7'],
  yieldsTo: ['FW301', 'FW303'],
  mentions: strangersMention,
  examples: {
    bad: [
      {
        title: 'whatever has ACK set',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --tcp-flags ACK ACK -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'whatever is no SYN, beside a rule that would have done',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth0 -p tcp -m tcp --dport 1024:65535 ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
COMMIT
`,
      },
      {
        title: 'only SYN is refused, and a policy accepts the rest',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j DROP
-A INPUT -p udp -j DROP
COMMIT
`,
      },
      {
        title: 'through a router',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i eth1 -o eth0 -j ACCEPT
-A FORWARD -i eth0 -o eth1 -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the state in place of the flag',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the flag and the state',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --tcp-flags ACK ACK -m conntrack --ctstate ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'stray segments are dropped before',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW,INVALID -j DROP
-A INPUT -p tcp -m tcp --tcp-flags ACK ACK -j ACCEPT
COMMIT
`,
      },
      {
        title: 'one service, from one port',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --sport 443 --dport 50000:50100 ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
COMMIT
`,
      },
      {
        title: 'first packets are sent elsewhere, not refused',
        rules: `*nat
-A PREROUTING -i wlan0 -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j REDIRECT --to-ports 9040
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
`,
      },
      {
        title: 'nothing is tracked',
        rules: `*raw
-A PREROUTING -p tcp -j CT --notrack
-A OUTPUT -p tcp -j CT --notrack
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views)
      for (const way of ['to', 'through'] as const) {
        if (way === 'to' && isGuardedElsewhere(context)) continue;
        for (const { walk, ports } of straysOn(context, view, way)) {
          const at = deciderOf(view, walk);
          if (!at) continue;
          yield {
            at,
            message: `TCP segments without SYN, of no connection, get in on ${ports} ports ${way === 'to' ? 'of this machine' : 'behind this machine'} where connections are refused: ${deciderText(walk)} lets them`,
            ...(at.kind === 'rule' ? { underline: '--tcp-flags' } : {}),
            caption: 'the sender sets the flags',
            why: 'a segment with ACK out of the blue is NEW for connection tracking, and the rules let it pass all the same',
            help: [
              knobOf(view, at) ??
                'for the answers: -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT, and nothing for flags',
            ],
            witness: walk,
          };
        }
      }
  },
});
