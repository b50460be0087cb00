import { createMeasure } from '../../packetset/measure.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import {
  calmWalk,
  deciderOf,
  isGuardedElsewhere,
  isWideOpen,
  knobOf,
  opennessOf,
  strangersMention,
  type Way,
} from './support/openness.ts';
import { takenBy } from './support/roads.ts';

/** Ports that one service has at most. */
const portsMax = 1024n;

/** Rules that are told for one way. */
const findingsMax = 8;

/** A connection of a stranger that is accepted at any rate, with how many ports the same rule opens. */
interface Unmeasured {
  readonly walk: Walk;
  readonly ports: bigint;
  readonly from: string;
}

/** Whether a list or a set that may hold the sender was asked: then somebody keeps count. */
function isLookedUp(walk: Walk): boolean {
  return walk.assume.some((text) => text.startsWith('recent:') || text.startsWith('set:'));
}

function* unmeasured(context: CheckContext, view: RulesetView, way: Way): Iterable<Unmeasured> {
  const openness = opennessOf(context, view);
  const { all } = openness;
  const { space } = all;
  const measure = createMeasure(space, ['dport']);
  const others = [...space.codec.fields.keys()].filter((f) => f !== 'dport');
  const tcp = space.interval('protocol', 6, 6);
  const arrived = way === 'to' ? 'local' : 'forward';
  let told = space.none;
  for (const opening of openness.openings(way)) {
    let left = space.diff(space.and(opening.set, tcp), told);
    for (let n = 0; n < findingsMax; n++) {
      if (left === space.none || !space.isDecided(left) || !openness.fromAnybody(left)) break;
      const [example] = openness.examples(left, way);
      if (!example) break;
      const { sketch, options } = example;
      const inferences = [...(options.inferences ?? []), ...opening.inferences];
      const by = calmWalk(context, sketch, { ...options, inferences }).decidedBy;
      const rule = by?.kind === 'rule' ? view.ruleById(by.id) : undefined;
      // A policy opens no service: it is what FW301 is about.
      if (!rule) break;
      const taken = space.and(space.may(takenBy(all, rule)), tcp);
      const same = openness.within({ ...opening, set: left }, taken);
      // A rule for half of all ports, or for a few senders, is no rule for a public service.
      if (measure.count(space.forget(taken, others)) <= portsMax && openness.fromAnybody(same)) {
        const assume = [...(options.assume ?? []), 'limit=over'];
        const walk = calmWalk(context, sketch, { assume, inferences });
        if (walk.fate === arrived && walk.decidedBy && !isLookedUp(walk))
          yield { walk, ports: measure.count(space.forget(same, others)), from: opening.from };
      }
      told = space.or(told, taken);
      left = space.diff(left, taken);
    }
  }
}

/** A service that takes as much of one sender as he sends. */
export const publicServiceWithoutSourceCeiling = defineCheck({
  code: 'FW328',
  name: 'public-service-without-source-ceiling',
  title: 'A public service takes new connections of one sender at any rate',
  severity: 'info',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['strict'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'New TCP connections of strangers are accepted however many one of them opens. The finding shows one that gets in with every rate on its way exceeded. It is no mistake by itself, and says what a bot that hammers the service would meet here: nothing.',
  rationale:
    'A ceiling for each source keeps one offender from the others without closing the port. What a packet filter cannot do: a flood of SYN with forged sources has as many senders as packets, and needs SYN cookies, SYNPROXY or somebody upstream; a flood that fills the line is over before it comes to a rule.',
  decision:
    'All first packets of TCP from outside are pushed through the rules. For each rule for at most 1024 ports that lets nearly anybody in, whatever is not known, one packet is walked with every rate on its way exceeded (`limit`, `hashlimit`, `connlimit`). It is reported if that gets in all the same, and neither `recent` nor a set whose contents are not given was asked about the sender. Where nearly everything is open, FW301 says so.',
  exceptions:
    'Every web server that can take what comes: that is why it is in the preset strict alone. Programs that count in logs (fail2ban) keep a rate of their own, afterwards.',
  references: ['man iptables-extensions(8), hashlimit, connlimit and SYNPROXY'],
  yieldsTo: ['FW301', 'FW302', 'FW303', 'FW313'],
  mentions: strangersMention,
  examples: {
    bad: [
      {
        title: 'a web server',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a rate for another port',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m hashlimit --hashlimit-above 5/min --hashlimit-mode srcip --hashlimit-name ssh -j DROP
-A INPUT -p tcp -m multiport --dports 22,443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'behind a port forward',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.10
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 192.168.1.10/32 -p tcp -m tcp --dport 443 -j ACCEPT
-A FORWARD -i eth1 -o eth0 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'a list, and a ceiling for each sender',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m set --match-set blocked src -j DROP
-A INPUT -p tcp -m multiport --dports 80,443 -m hashlimit --hashlimit-above 30/sec --hashlimit-burst 100 --hashlimit-mode srcip --hashlimit-name web_new -j DROP
-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'so many connections at a time',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 443 -m connlimit --connlimit-above 50 -j REJECT --reject-with tcp-reset
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'whoever came too often is on a list',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m recent --update --seconds 60 --hitcount 4 --name ssh --rsource -j DROP
-A INPUT -p tcp -m tcp --dport 22 -m recent --set --name ssh --rsource -j ACCEPT
COMMIT
`,
      },
      {
        title: 'for one network',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 198.51.100.0/24 -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      const told = new Set<number>();
      for (const way of ['to', 'through'] as const) {
        if (way === 'to' && isGuardedElsewhere(context)) continue;
        if (isWideOpen(opennessOf(context, view), way)) continue;
        for (const { walk, ports, from } of unmeasured(context, view, way)) {
          const at = deciderOf(view, walk);
          // One that both ways lead to is told once.
          if (!at || (at.kind === 'rule' && told.has(at.rule.id))) continue;
          if (at.kind === 'rule') told.add(at.rule.id);
          const port = `tcp/${walk.sketch.dport ?? 0}`;
          const more = ports > 1n ? ` and ${ports - 1n} more port${ports > 2n ? 's' : ''}` : '';
          yield {
            at,
            message: `One sender may open connections to ${port}${more} ${way === 'to' ? 'of this machine' : 'behind this machine'} at any rate, ${from}`,
            caption: 'no rate is kept',
            help: [
              knobOf(view, at) ??
                'above it: the same conditions with -m hashlimit --hashlimit-above 30/sec --hashlimit-burst 100 --hashlimit-mode srcip --hashlimit-name NAME -j DROP',
              'against SYN floods with forged sources: sysctl net.ipv4.tcp_syncookies=1, or SYNPROXY',
            ],
            witness: walk,
            group: view.family,
          };
        }
      }
    }
  },
});
