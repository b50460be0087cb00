import { DNAT } from '../../extensions/targets/DNAT.ts';
import type { Rule } from '../../model/ruleset.ts';
import { addressText } from '../../net/address-text.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { natEvents } from './support/conversations.ts';
import { isTranslatedBy } from './support/published.ts';
import { destinationNatRules } from './support/rules-at.ts';
import { sendByAnyWay, sendOptions, sideOf } from './support/sending.ts';
import { servicesOf, serviceText } from './support/services.ts';
import { insideInterfaces } from './support/strangers.ts';

/** What is sent on wherever it was going: names and the time. */
const steered: ReadonlySet<string> = new Set(['udp/53', 'tcp/53', 'udp/123', 'tcp/853']);

function judge(context: CheckContext, view: RulesetView, rule: Rule): FindingDraft | undefined {
  const { family } = view;
  const { base } = rule;
  // Who names the clients means those alone.
  if (base.inInterface || base.src || (base.dst && !base.dst.negated)) return undefined;
  const service = servicesOf(view, rule).find((s) => steered.has(serviceText(s)));
  const target = view.findTarget(rule, DNAT)?.range.addresses?.low;
  if (!service || !target) return undefined;
  const stranger = context.remoteAddress(family);
  const common = { dst: stranger.address, protocol: service.protocol, dport: service.port };
  const outside = context.interfaces(family).find((i) => i.side === 'outside')?.name ?? '';
  const [inside] = insideInterfaces(context, family, outside);
  if (!inside) return undefined;
  const client = context.remoteAddress(family, inside.name);
  const steeredWalk = sendByAnyWay(
    context,
    { ...common, inInterface: inside.name, src: client.address },
    sendOptions(stranger, client, sideOf(inside)),
  ).find((w) => w.fate === 'forward' && isTranslatedBy(w, rule));
  if (!steeredWalk) return undefined;
  const local = context.localAddress(family, outside);
  const own = sendByAnyWay(
    context,
    { ...common, inInterface: undefined, src: local.address },
    sendOptions(stranger, local),
  ).find((w) => w.fate === 'sent');
  if (!own || natEvents(own, 'destination').length > 0) return undefined;
  return {
    at: { kind: 'rule', view, rule },
    message: `${serviceText(service)} of everybody goes to ${addressText(target)}, only not what this machine itself asks`,
    underline: '-j',
    caption: 'not for our own packets',
    what: 'programs here (resolvers of containers, health checks, updates) ask whom they like, and get other answers than their clients',
    why: 'packets of this machine do not pass PREROUTING; their chain in table nat is OUTPUT',
    help: [
      'jump from PREROUTING and from OUTPUT to one chain with the rule; spare the server itself there: ! -d',
    ],
    witness: own,
    inferences: steeredWalk.inferences,
    group: family,
  };
}

const nat = (rules: string): string => `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
${rules}COMMIT
`;

/** Redirections for everybody that leave out the machine itself. */
export const dnatSkipsLocalClients = defineCheck({
  code: 'FW408',
  name: 'dnat-skips-local-clients',
  title: 'Requests are led elsewhere, except for the machine’s own',
  severity: 'info',
  confidences: ['proved', 'context', 'inferred'],
  groups: [],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A rule of nat PREROUTING leads all queries for names or the time to one server, wherever they were going. What this machine asks itself is not led there: a packet is shown that leaves as it was.',
  rationale:
    'PREROUTING is for packets that arrive. Those of local programs begin in OUTPUT, which has a nat chain of its own. So a gateway that forces its network to a filtering name server goes round it, and so do proxies and containers that share its network.',
  decision:
    'The rule names port 53, 123 or 853 and neither clients nor a destination that it is for (`! -d` is none). A query from inside to a stranger is translated by it and forwarded; the same sent by this machine leaves and keeps its destination. Published ports are for others and are not looked at, nor is REDIRECT: what is redirected to a program of this machine has to come past it again.',
  exceptions: 'A machine whose own resolver is set to that server already, or is meant to be free.',
  references: ['https://github.com/klzgrad/naiveproxy/issues/658'],
  examples: {
    bad: [
      {
        title: 'names of everybody, in PREROUTING alone',
        rules: `*nat
-A PREROUTING -p tcp -m tcp --dport 53 -j DNAT --to-destination 192.0.2.53
-A PREROUTING -p udp -m udp --dport 53 -j DNAT --to-destination 192.0.2.53
COMMIT
`,
      },
      {
        title: 'the server itself is spared',
        rules: nat(
          '-A PREROUTING ! -d 192.168.1.53/32 -p udp -m udp --dport 53 -j DNAT --to-destination 192.168.1.53\n-A POSTROUTING -o eth0 -j MASQUERADE\n',
        ),
      },
      {
        title: 'the time, with an OUTPUT for names alone',
        rules: nat(
          '-A PREROUTING -p udp -m udp --dport 123 -j DNAT --to-destination 192.168.1.123\n-A OUTPUT -p udp -m udp --dport 53 -j DNAT --to-destination 192.168.1.53\n-A POSTROUTING -o ppp0 -j MASQUERADE\n',
        ),
      },
    ],
    good: [
      {
        title: 'one chain for both',
        rules: `*nat
:dnsredir - [0:0]
-A PREROUTING -j dnsredir
-A OUTPUT -j dnsredir
-A dnsredir ! -d 192.0.2.53/32 -p tcp -m tcp --dport 53 -j DNAT --to-destination 192.0.2.53
-A dnsredir ! -d 192.0.2.53/32 -p udp -m udp --dport 53 -j DNAT --to-destination 192.0.2.53
COMMIT
`,
      },
      {
        title: 'for the clients of one interface',
        rules: nat(
          '-A PREROUTING -i eth1 -p udp -m udp --dport 53 -j DNAT --to-destination 192.168.1.53\n-A POSTROUTING -o eth0 -j MASQUERADE\n',
        ),
      },
      {
        title: 'a published name server',
        rules: nat(
          '-A PREROUTING -d 203.0.113.1/32 -p udp -m udp --dport 53 -j DNAT --to-destination 192.168.1.53\n-A POSTROUTING -o eth0 -j MASQUERADE\n',
        ),
      },
      {
        title: 'the machine may not ask others at all',
        rules: `${nat(
          '-A PREROUTING -p udp -m udp --dport 53 -j DNAT --to-destination 192.168.1.53\n-A POSTROUTING -o eth0 -j MASQUERADE\n',
        )}*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A OUTPUT ! -d 192.168.1.53/32 -p udp -m udp --dport 53 -j REJECT --reject-with icmp-port-unreachable
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views)
      for (const rule of destinationNatRules(view)) {
        if (view.writer(rule)) continue;
        const found = judge(context, view, rule);
        if (found) yield found;
      }
  },
});
