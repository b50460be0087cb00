import type { Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { natEvents } from './support/conversations.ts';
import { destinationNatRules } from './support/rules-at.ts';
import { sendByAnyWay, sendOptions, sideOf } from './support/sending.ts';
import { servicesOf, serviceText } from './support/services.ts';
import { insideInterfaces } from './support/strangers.ts';

/** What is sent on wherever it was going, mostly on purpose: names and the time. */
const steered: ReadonlySet<string> = new Set(['udp/53', 'tcp/53', 'udp/123', 'tcp/853']);

function judge(context: CheckContext, view: RulesetView, rule: Rule): FindingDraft | undefined {
  const { family } = view;
  const { base } = rule;
  // Who names the side or the sources inside means to take what comes from there.
  if (base.inInterface || (base.src && !base.src.negated)) return undefined;
  const services = servicesOf(view, rule);
  if (services.length === 0 || services.some((s) => steered.has(serviceText(s)))) return undefined;
  const outside = context.interfaces(family).find((i) => i.side === 'outside');
  for (const from of insideInterfaces(context, family, outside?.name ?? '')) {
    const src = context.remoteAddress(family, from.name);
    const dst = context.remoteAddress(family);
    const [service] = services;
    if (!service) continue;
    const given = {
      inInterface: from.name,
      dst: dst.address,
      protocol: service.protocol,
      dport: service.port,
    };
    const options = sendOptions(src, dst, sideOf(from));
    for (const sketch of context.packetsOf(view, rule, { ...given, src: src.address })) {
      // It went to somebody out there, and goes elsewhere: whatever becomes of it then.
      const walk = sendByAnyWay(context, sketch, options).find(
        (w) => w.fate !== 'undecided' && w.matched(rule) && natEvents(w, 'destination').length > 0,
      );
      if (!walk) continue;
      const text = services.map(serviceText).slice(0, 4).join(', ');
      return {
        at: { kind: 'rule', view, rule },
        message: `This forward takes ${text} from everybody to everywhere: hosts inside that ask a server out there get the forwarded one`,
        underline: '--to-destination',
        caption: 'for whatever destination',
        what: `a connection from ${from.name} to any server on ${serviceText(service)} ends at the forwarded host`,
        why: 'without -i and -d a rule of PREROUTING sees what goes out as well as what comes in',
        help: [
          'name what is published: -d and the public address, or -m addrtype --dst-type LOCAL, or -i and the outer interface',
        ],
        witness: walk,
        group: `${family} ${from.name}`,
      };
    }
  }
  return undefined;
}

/** Port forwards that take what goes out. */
export const unscopedDnat = defineCheck({
  code: 'FW402',
  name: 'unscoped-dnat',
  title: 'A port forward that takes what goes out as well',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A DNAT asks neither where a packet comes from nor where it goes, only for a port. Connections of hosts inside to servers anywhere are led to the forwarded host too: one is shown.',
  rationale:
    'PREROUTING sees every packet that arrives, from all sides. A forward of port 80 without `-i` and `-d` gives the visitors of every web site to one server, first of all those inside; with port 443 they see a wrong certificate, with port 25 all mail goes to one place.',
  decision:
    'The rule names ports, neither an in-interface nor a source. A new connection from a host inside to a stranger, to one of these ports, is walked: the rule has to give it another destination. So `-d`, `--dst-type LOCAL`, and rules above that take such packets away are seen by what they do. Forwards of names and the time (ports 53, 853 and 123) are left out, since they are mostly meant for everybody, and REDIRECT to this machine itself as well.',
  exceptions:
    'A machine with one interface behind which there is nobody; a forward that is meant to take what goes out, such as to a proxy for all.',
  references: ['man iptables-extensions(8), DNAT and addrtype'],
  examples: {
    bad: [
      {
        title: 'all of port 80, from everybody to everywhere',
        rules: `*nat
-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.168.1.10:80
COMMIT
`,
      },
      {
        title: 'two ports on a gateway',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -p tcp -m multiport --dports 80,443 -j DNAT --to-destination 192.168.1.10
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'only one destination is spared',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING ! -d 192.168.1.1/32 -p tcp -m tcp --dport 8443 -j DNAT --to-destination 192.168.1.20:443
-A POSTROUTING -o ppp0 -j MASQUERADE
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the public address and the outer interface',
        rules: `*nat
-A PREROUTING -d 203.0.113.1/32 -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.168.1.10:80
COMMIT
`,
      },
      {
        title: 'what is addressed to this machine',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -p tcp -m addrtype --dst-type LOCAL -m tcp --dport 80 -j DNAT --to-destination 192.168.1.10
COMMIT
`,
      },
      {
        title: 'names are steered on purpose',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -p udp -m udp --dport 53 -j DNAT --to-destination 192.168.1.53
-A PREROUTING -i eth1 -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.168.1.3:3128
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const rule of destinationNatRules(view)) {
        if (view.writer(rule)) continue;
        const found = judge(context, view, rule);
        if (found) yield found;
      }
    }
  },
});
