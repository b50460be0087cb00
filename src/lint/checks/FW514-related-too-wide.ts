import { CT } from '../../extensions/targets/CT.ts';
import type { Rule } from '../../model/ruleset.ts';
import type { PacketSet, PacketSpace } from '../../packetset/space.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import { calmWalk, opennessOf, strangersMention, unspokenPort } from './support/openness.ts';
import { rulesAt } from './support/rules-at.ts';
import { acceptsState, stateOf } from './support/states.ts';

/** Helpers whose expectations are for answers to what a host inside has asked of all its neighbours. */
const harmless: ReadonlySet<string> = new Set(['netbios-ns', 'snmp']);

/** As a connection begins that a helper expects: TCP in the state RELATED, to a port that no service has, since it may name any. */
const expectedPackets = (space: PacketSpace): PacketSet =>
  space.and(
    space.and(space.interval('protocol', 6, 6), space.interval('dport', unspokenPort, unspokenPort)),
    space.named('ctState', 'RELATED'),
  );

function judge(
  context: CheckContext,
  view: RulesetView,
  way: 'INPUT' | 'FORWARD',
  helper: Rule,
): FindingDraft | undefined {
  const openness = opennessOf(context, view);
  const { all } = openness;
  const expected = all.describe(expectedPackets).may;
  const heading = way === 'INPUT' ? 'to' : 'through';
  for (const opening of openness.openings(heading, expected))
    for (const { sketch, options } of openness.examples(opening.set, heading)) {
      const inferences = [...(options.inferences ?? []), ...opening.inferences];
      const walk = calmWalk(context, { ...sketch, direction: 'original' }, { ...options, inferences });
      const found = told(view, way, helper, walk);
      if (found) return found;
    }
  return undefined;
}

/** What is told of a connection that a helper expected, if a rule that accepts by state lets it in. */
function told(
  view: RulesetView,
  way: 'INPUT' | 'FORWARD',
  helper: Rule,
  walk: Walk,
): FindingDraft | undefined {
  const by = walk.decidedBy;
  const rule = by?.kind === 'rule' ? rulesAt(view, way).find((r) => r.id === by.id) : undefined;
  if (!walk.accepted || !rule || !acceptsState(view, rule, 'RELATED')) return undefined;
  if (view.writer(rule)) return undefined;
  const name = view.findTarget(helper, CT)?.helper ?? '';
  return {
    at: { kind: 'rule', view, rule },
    message: `RELATED lets in whatever the helper "${name}" expects, to any port of any host`,
    underline: stateOf(view, rule)?.option ?? '-j',
    caption: 'no port, no host, no helper',
    why: 'a helper believes what the two sides of the first connection say; who controls one of them names the port that is opened',
    related: [{ message: 'the helper is attached here', at: { kind: 'rule', view, rule: helper } }],
    help: [
      'accept ESTABLISHED for all, RELATED for ICMP, and for the helper by itself:',
      `-d SERVER -p tcp --dport 1024: -m conntrack --ctstate RELATED -m helper --helper ${name} -j ACCEPT`,
    ],
    witness: walk,
    group: `${view.family} ${way}`,
  };
}

/** RELATED without a limit, where helpers are at work. */
export const relatedTooWide = defineCheck({
  code: 'FW514',
  name: 'related-too-wide',
  title: 'RELATED is accepted without a limit, and a helper is attached',
  severity: 'info',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['strict'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A rule attaches a helper of connection tracking, and RELATED is accepted to every port and host. A RELATED connection to a high port is shown as it passes.',
  rationale:
    'A helper reads the first connection and tells conntrack which one comes next. A client, or a web page in a browser inside, can write such words too, and so have a port opened that nobody meant to open.',
  decision:
    'A rule says `-j CT --helper`, other than for netbios-ns and snmp, which expect answers to broadcasts alone. Of the TCP packets in the state RELATED that strangers may send to a port that no rule names, some pass whatever is not known; one is walked, and a rule that accepts by state lets it in, at INPUT or FORWARD. Without a helper RELATED is ICMP errors alone, and nothing is reported.',
  exceptions: 'Servers that are trusted to name any port, on a network of their own.',
  references: ['https://home.regit.org/netfilter-en/secure-use-of-helpers/'],
  mentions: (family) => (space) => space.or(strangersMention(family)(space), expectedPackets(space)),
  examples: {
    bad: [
      {
        title: 'a gateway for FTP',
        rules: `*raw
-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp
COMMIT
*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a server for FTP',
        rules: `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -d 203.0.113.1/32 -p tcp -m tcp --dport 21 -j CT --helper ftp
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 21 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'two rules for two states',
        rules: `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p udp -m udp --dport 5060 -j CT --helper sip
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m state --state ESTABLISHED -j ACCEPT
-A INPUT -m state --state RELATED -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'RELATED for ICMP, and for the helper and its server',
        rules: `*raw
-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A FORWARD -p icmp -m conntrack --ctstate RELATED -j ACCEPT
-A FORWARD -d 10.0.0.21/32 -p tcp -m tcp --dport 1024:65535 -m conntrack --ctstate RELATED -m helper --helper ftp -j ACCEPT
COMMIT
`,
      },
      {
        title: 'no helper is attached',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'everything is accepted anyway',
        rules: `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      const helper = view.rules().find((rule) => {
        const name = view.findTarget(rule, CT)?.helper;
        return name !== undefined && !harmless.has(name);
      });
      if (!helper) continue;
      for (const way of ['INPUT', 'FORWARD'] as const) {
        const found = judge(context, view, way, helper);
        if (found) yield found;
      }
    }
  },
});
