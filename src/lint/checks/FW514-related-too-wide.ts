import { CT } from '../../extensions/targets/CT.ts';
import type { Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { rulesAt } from './support/rules-at.ts';
import { sendOptions, sideOf } from './support/sending.ts';
import { acceptsState, stateOf } from './support/states.ts';
import { insideInterfaces, strangersInterfaces } from './support/strangers.ts';

/** Helpers whose expectations are for answers to what a host inside has asked of all its neighbours. */
const harmless: ReadonlySet<string> = new Set(['netbios-ns', 'snmp']);

/** Ports that an expectation may name, and that no service has: one is enough, a helper may open any. */
const anyPort = 49_513;

function judge(
  context: CheckContext,
  view: RulesetView,
  way: 'INPUT' | 'FORWARD',
  helper: Rule,
): FindingDraft | undefined {
  const { family } = view;
  const [from] = strangersInterfaces(context, family);
  const [to] = insideInterfaces(context, family, from?.name ?? '');
  if (!from || !to) return undefined;
  const src = context.remoteAddress(family);
  const dst =
    way === 'INPUT' ? context.localAddress(family, from.name) : context.remoteAddress(family, to.name);
  const walk = context.send(
    {
      inInterface: from.name,
      ...(way === 'FORWARD' ? { outInterface: to.name } : {}),
      src: src.address,
      dst: dst.address,
      protocol: 6,
      dport: anyPort,
      state: 'RELATED',
      direction: 'original',
    },
    sendOptions(src, dst, sideOf(from)),
  );
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
    group: `${family} ${way}`,
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
    'A rule says `-j CT --helper`, other than for netbios-ns and snmp, which expect answers to broadcasts alone. A TCP connection in the state RELATED from outside to a port that no rule names is walked, and a rule that accepts by state lets it in, at INPUT or FORWARD. Without a helper RELATED is ICMP errors alone, and nothing is reported.',
  exceptions: 'Servers that are trusted to name any port, on a network of their own.',
  references: ['https://home.regit.org/netfilter-en/secure-use-of-helpers/'],
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
