import { conntrack, ctStateWords } from '../../extensions/matches/conntrack.ts';
import type { Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type RulesetView, type Walk } from '../check.ts';
import { conditionsOf } from './support/rule-shape.ts';
import { accepts, destinationNatRules, rulesAt } from './support/rules-at.ts';
import { sendByAnyWay, sendOptions, sideOf } from './support/sending.ts';
import { strangersInterfaces } from './support/strangers.ts';

const dnatBit = 1 << ctStateWords.indexOf('DNAT');

/** Whether all that a rule asks is that the connection was translated. */
function asksForTranslationAlone(view: RulesetView, rule: Rule): boolean {
  const data = view.find(rule, conntrack);
  if (!accepts(rule) || data?.state?.bits !== dnatBit || data.state.negated) return false;
  const { base } = rule;
  const others = [base.src, base.dst, base.inInterface, base.protocol, base.fragment];
  return (
    others.every((c) => c === undefined) &&
    conditionsOf(rule).length === 1 &&
    !data.origSrc &&
    !data.origDstPort
  );
}

/** A stranger who comes in by it. */
function stranger(context: CheckContext, view: RulesetView, rule: Rule): Walk | undefined {
  const { family } = view;
  const [from] = strangersInterfaces(context, family);
  if (!from) return undefined;
  const src = context.remoteAddress(family);
  const local = context.localAddress(family, from.name);
  for (const dnat of destinationNatRules(view).slice(0, dnatMax)) {
    const given = {
      inInterface: from.name,
      src: src.address,
      ...(dnat.base.dst ? {} : { dst: local.address }),
    };
    for (const sketch of context.packetsOf(view, dnat, given)) {
      if (sketch.mark) continue;
      const walk = sendByAnyWay(context, sketch, sendOptions(src, local, sideOf(from))).find(
        (w) => w.fate === 'forward' && w.decidedBy?.kind === 'rule' && w.decidedBy.id === rule.id,
      );
      if (walk) return walk;
    }
  }
  return undefined;
}

/** Published ports that are looked at. */
const dnatMax = 24;

/** One rule for everything that is published. */
export const dnatStateAcceptsAllPublished = defineCheck({
  code: 'FW517',
  name: 'dnat-state-accepts-all-published',
  title: 'One rule accepts whatever is translated',
  severity: 'info',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['strict'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'FORWARD accepts every connection that was given another destination, without a word about source, host or port. Whatever any program or colleague publishes is open to everybody at once.',
  rationale:
    'The rule is handy: a port forward then needs one line. But table nat decides what comes in, and table filter, where one looks for it, no more.',
  decision:
    'The rule accepts by the state DNAT and has no other condition. If something is published, a packet of a stranger that it lets through is shown; an empty table nat is not reported.',
  exceptions: 'Routers on which UPnP or the configuration of forwards is meant to decide (OpenWrt).',
  references: ['man iptables-extensions(8), conntrack'],
  examples: {
    bad: [
      {
        title: 'all that is published',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.80
COMMIT
*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate DNAT -j ACCEPT
COMMIT
`,
      },
      {
        title: 'below the answers',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -d 203.0.113.1/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.10
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -m comment --comment forwards -m conntrack --ctstate DNAT -j ACCEPT
COMMIT
`,
      },
      {
        title: 'into one interface',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -i ppp0 -p udp -m udp --dport 51820 -j DNAT --to-destination 10.0.0.9
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -o eth1 -m conntrack --ctstate DNAT -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the service is named',
        rules: `*filter
:FORWARD DROP [0:0]
-A FORWARD -d 10.0.0.80/32 -i eth0 -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j ACCEPT
COMMIT
`,
      },
      {
        title: 'nothing is published',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate DNAT -j ACCEPT
COMMIT
`,
      },
      {
        title: 'only for known sources',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.80
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 198.51.100.0/24 -m conntrack --ctstate DNAT -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const rule of rulesAt(view, 'FORWARD')) {
        if (!asksForTranslationAlone(view, rule) || view.writer(rule)) continue;
        const walk = stranger(context, view, rule);
        if (!walk) continue;
        yield {
          at: { kind: 'rule', view, rule },
          message:
            'Whatever is published is accepted for everybody: this rule asks for the translation alone',
          underline: '--ctstate',
          caption: 'every forward there is, and will be',
          why: 'a connection has this state as soon as any rule of nat PREROUTING gave it another destination',
          help: ['name hosts, ports or sources beside the state, in one rule for each service'],
          witness: walk,
        };
      }
    }
  },
});
