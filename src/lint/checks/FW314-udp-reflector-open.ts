import type { Rule } from '../../model/ruleset.ts';
import { createMeasure } from '../../packetset/measure.ts';
import { defineCheck, type FindingDraft, type Subject } from '../check.ts';
import {
  deciderOf,
  isGuardedElsewhere,
  isWideOpen,
  knobOf,
  type Openness,
  opennessOf,
  type Reached,
  strangersMention,
} from './support/openness.ts';
import { type Reflector, reflectors } from './support/reflectors.ts';
import { takenBy } from './support/roads.ts';
import { listText } from './support/rule-shape.ts';

/** Ports that one service has at most: a rule for more (media streams) says nothing of what listens on one of them. */
const portsMax = 1024n;

/** Whether a rule opens so many ports that it is for none of these services. */
function isForAnything({ all }: Openness, rule: Rule): boolean {
  const { space } = all;
  const taken = space.and(space.may(takenBy(all, rule, ['INPUT'])), space.interval('protocol', 17, 17));
  const others = [...space.codec.fields.keys()].filter((f) => f !== 'dport');
  const count = createMeasure(space, ['dport']).count(space.forget(taken, others));
  return rule.base.protocol !== undefined && count > portsMax && count < 1n << 16n;
}

/** A service of UDP that answers strangers with more than they sent. */
export const udpReflectorOpen = defineCheck({
  code: 'FW314',
  name: 'udp-reflector-open',
  title: 'A UDP service that multiplies what it is sent answers strangers',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'preview',
  probation: 'that the usual service listens on a port is a guess of its own',
  since: '0.1.0',
  reports:
    'A UDP port whose usual service answers a small packet by a large one can be reached from nearly any address: DNS, NTP, SNMP, LDAP, SSDP, memcached and others. The finding lists the ports by the rule that opens them.',
  rationale:
    'UDP asks nobody who he is. Whoever sends a request in the name of a victim has the answers sent there, many times as large: this machine becomes the weapon of an attack on somebody else, and pays for the traffic.',
  decision:
    'For each port of a list, first packets from outside are pushed through the rules, to this machine. It is reported if nearly anybody reaches the port whatever is not known. A rate that is kept for each source, or for all, makes it uncertain, and nothing is reported then; nor where the rule is for more than 1024 ports, such as those of media streams, of which the one of the list is an accident. With the roles `dns` and `ntp` in `fwsim.yml`, 53 and 123 are left out.',
  exceptions:
    'A public name server or time server: give it its role, and limit the answers (response rate limiting).',
  references: ['https://www.cisa.gov/news-events/alerts/2014/01/17/udp-based-amplification-attacks'],
  yieldsTo: ['FW301', 'FW303', 'FW304', 'FW302'],
  mentions: (family) => (space) =>
    reflectors.reduce(
      (set, { port }) => space.or(set, space.interval('dport', port, port)),
      strangersMention(family)(space),
    ),
  examples: {
    bad: [
      {
        title: 'three at once',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p udp -m multiport --dports 53,123,1900 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a resolver that was meant for the LAN',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p udp -m udp --dport 53 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 53 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'a range with one of them in it',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth0 -p udp -m udp --dport 100:200 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'for the LAN only',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 192.168.1.0/24 -i eth1 -p udp -m multiport --dports 53,123 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'no more than some for each source',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p udp -m udp --dport 123 -m hashlimit --hashlimit-upto 5/sec --hashlimit-mode srcip --hashlimit-name ntp -j ACCEPT
COMMIT
`,
      },
      {
        title: 'ports for media, among them one of the list',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p udp -m udp --dport 10000:20000 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'untracked packets of name servers behind this machine',
        rules: `*raw
-A PREROUTING -d 198.51.100.53/32 -p udp -m udp --dport 53 -j NOTRACK
-A PREROUTING -s 198.51.100.53/32 -i eth1 -p udp -m udp --dport 53 -j NOTRACK
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED,UNTRACKED -j ACCEPT
-A FORWARD -d 198.51.100.53/32 -p udp -m udp --dport 53 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'another service of UDP',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p udp -m udp --dport 51820 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    if (isGuardedElsewhere(context)) return;
    const roles = new Set(context.machine.roles?.map((r) => r.value));
    for (const view of context.views) {
      const openness = opennessOf(context, view);
      if (isWideOpen(openness, 'to')) continue;
      const found = new Map<string, { at: Subject; list: Reflector[]; reached: Reached }>();
      for (const one of reflectors) {
        if (one.role !== undefined && roles.has(one.role)) continue;
        const reached = openness.reached('to', openness.ports(17, one.port));
        const at = reached && deciderOf(view, reached.walk);
        if (!reached || !at || reached.walk.assume.some((text) => text.startsWith('limit'))) continue;
        const by = reached.walk.decidedBy;
        const rule = by?.kind === 'rule' ? view.ruleById(by.id) : undefined;
        if (rule && isForAnything(openness, rule)) continue;
        const key = `${by?.chain} ${by?.kind === 'rule' ? by.id : ''}`;
        const group = found.get(key) ?? { at, list: [], reached };
        found.set(key, group);
        group.list.push(one);
      }
      for (const { at, list, reached } of found.values())
        yield {
          at,
          message: `Strangers reach ${listText(list.map((r) => `udp/${r.port} (${r.service})`))} ${reached.opening.from}, which can be made to flood others`,
          caption: 'answers everybody',
          why: 'who forges the source of a request chooses who gets the answer',
          help: [
            knobOf(view, at) ??
              'accept it from the networks that are served: -s NETWORK; else limit it for each source (hashlimit)',
          ],
          witness: reached.walk,
        };
    }
  },
});
