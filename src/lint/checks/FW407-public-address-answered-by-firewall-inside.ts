import { DNAT } from '../../extensions/targets/DNAT.ts';
import type { Rule } from '../../model/ruleset.ts';
import { addressText } from '../../net/address-text.ts';
import { isPublicAddress } from '../../net/documentation.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { natEvents } from './support/conversations.ts';
import { comesInBy, knownInside, mayBeOurs, publishedAddress, translatedWalks } from './support/published.ts';
import { destinationNatRules } from './support/rules-at.ts';
import { sendOptions, sideOf } from './support/sending.ts';
import { type Service, servicesOf, serviceText } from './support/services.ts';

/** Ports of one rule that are tried. */
const servicesMax = 4;

/** Whether a program of this machine answers there; undefined where nobody said. */
function listens({ machine }: CheckContext, view: RulesetView, s: Service): boolean | undefined {
  return machine.listeners.value?.some(
    (l) =>
      l.protocol === s.protocol &&
      l.port === s.port &&
      (l.address === undefined || l.address.family === view.family),
  );
}

function* judge(context: CheckContext, view: RulesetView, rule: Rule): Iterable<FindingDraft> {
  const { family } = view;
  const services = servicesOf(view, rule).slice(0, servicesMax);
  // A forward for certain senders is none for the hosts inside.
  if (services.length === 0 || (rule.base.src && !rule.base.src.negated)) return;
  const target = view.findTarget(rule, DNAT)?.range.addresses?.low;
  if (!target || mayBeOurs(context, target)) return;
  const inner = knownInside(context, view);
  if (inner.length === 0) return;
  const told = new Set<boolean | undefined>();
  for (const from of comesInBy(context, view, rule)) {
    if (from.side !== 'outside') continue;
    if (!translatedWalks(context, view, rule, from).some((w) => w.fate === 'forward')) continue;
    const dst = publishedAddress(context, view, rule, from.name);
    // Behind another router, hosts inside know the address of that one.
    if (!isPublicAddress(dst.address)) continue;
    for (const inside of inner)
      for (const service of services) {
        const src = context.remoteAddress(family, inside.name);
        const walk = context.send(
          {
            inInterface: inside.name,
            src: src.address,
            dst: dst.address,
            protocol: service.protocol,
            dport: service.port,
          },
          sendOptions(src, dst, sideOf(from), sideOf(inside)),
        );
        if (walk.fate !== 'local' || natEvents(walk, 'destination').length > 0) continue;
        const heard = listens(context, view, service);
        const text = serviceText(service);
        // Ports that somebody serves here are another matter than those that nobody does.
        if (told.has(heard)) continue;
        told.add(heard);
        yield {
          at: { kind: 'rule', view, rule },
          ...(heard === false ? { severity: 'info' } : {}),
          ...(heard === undefined ? {} : { confidence: 'context' as const }),
          message: `Who asks for ${text} of ${addressText(dst.address)} from ${inside.name} gets this machine itself, not the server that it is forwarded to`,
          underline: rule.base.inInterface ? '-i' : '-j',
          caption: 'not for those inside',
          what:
            heard === false
              ? `nobody listens on ${text} here now: connections from ${inside.name} are refused`
              : `a name that leads to the public address works from outside, and shows what this machine has on ${text} (its administration pages, say) from inside`,
          why: `the rule takes packets of ${from.name} alone; those from ${inside.name} are not translated, and INPUT lets them in`,
          help: [
            `name the address in place of the interface: -d ${addressText(dst.address)}, with source NAT for hosts of the server's own network (FW406); or give them the inner address by their name server`,
            `or refuse ${text} to that address from ${inside.name} in INPUT`,
          ],
          witness: walk,
          group: `${family} ${inside.name}`,
        };
      }
  }
}

const addresses = `2: eth0    inet 203.0.113.1/24 brd 203.0.113.255 scope global eth0
3: eth1    inet 192.168.1.1/24 brd 192.168.1.255 scope global eth1
`;

const gateway = (forward: string, input: string): string => `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
${forward}-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
${input}COMMIT
`;

/** A published service that hosts inside miss. */
export const publicAddressAnsweredByFirewallInside = defineCheck({
  code: 'FW407',
  name: 'public-address-answered-by-firewall-inside',
  title: 'From inside, the public address of a service leads to the firewall itself',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: [],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A port of the public address is forwarded for packets that come in from outside alone. A host inside that asks for the same address and port is not translated, and reaches this machine’s own port: one is shown.',
  rationale:
    'PREROUTING asks by which interface a packet came in, and the public address is this machine’s whoever asks. So the name of the web shop leads to the shop from outside, and to the administration page of the gateway from inside, with another certificate: it "works from the telephone, not at home". And a port of the machine that was meant to be out of reach is met by everybody by accident.',
  decision:
    'For each DNAT that names ports and no senders: a stranger’s connection is translated and passes. The same destination and port is asked for from each interface that is known to lead inside, and the packet, walked, arrives at this machine without a translation. A private address is no public one: another router stands before this machine then, and its address is asked for. With `ss -tulnp` in the input, a port on which nobody listens is only mentioned.',
  exceptions:
    'Hosts inside that are given the inner address by their own name server, and do not know the public one. A service of the machine itself on that port that is meant for those inside.',
  references: ['https://serverfault.com/questions/55611/'],
  yieldsTo: ['FW401', 'FW405'],
  examples: {
    bad: [
      {
        title: 'by interface: the LAN meets the gateway',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.10:443
COMMIT
*filter
:INPUT DROP [0:0]
-A INPUT -i eth1 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'by interface and address, with its addresses known',
        rules: gateway(
          '-A PREROUTING -d 203.0.113.1/32 -i eth0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.10\n',
          '-A INPUT -i eth1 -p tcp -m multiport --dports 22,443 -j ACCEPT\n',
        ),
        context: addresses,
      },
      {
        title: 'nothing is filtered from inside',
        rules: gateway(
          '-A PREROUTING -i eth0 -p tcp -m multiport --dports 80,443 -j DNAT --to-destination 192.168.1.10\n',
          '-A INPUT -s 192.168.1.0/24 -i eth1 -j ACCEPT\n',
        ),
        context: `${addresses}Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process
tcp   LISTEN 0      128          0.0.0.0:443       0.0.0.0:*     users:(("uhttpd",pid=801,fd=3))
`,
      },
    ],
    good: [
      {
        title: 'by address, whoever asks, and INPUT open for the inner address alone',
        rules: `*nat
-A PREROUTING -d 203.0.113.1/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.10:443
-A POSTROUTING -s 192.168.1.0/24 -d 192.168.1.10/32 -p tcp -m tcp --dport 443 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
-A INPUT -d 192.168.1.1/32 -i eth1 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'INPUT refuses the public address from inside',
        rules: gateway(
          '-A PREROUTING -i eth0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.10\n',
          '-A INPUT -d 192.168.1.1/32 -i eth1 -j ACCEPT\n',
        ),
        context: addresses,
      },
      {
        title: 'a rule of its own for those inside',
        rules: gateway(
          '-A PREROUTING -i eth0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.10\n-A PREROUTING -d 203.0.113.1/32 -i eth1 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.10\n',
          '-A INPUT -i eth1 -j ACCEPT\n',
        ),
        context: addresses,
      },
      {
        title: 'a forward for one office alone',
        rules: gateway(
          '-A PREROUTING -s 198.51.100.0/28 -i eth0 -p tcp -m tcp --dport 3389 -j DNAT --to-destination 192.168.1.20\n',
          '-A INPUT -i eth1 -j ACCEPT\n',
        ),
        context: addresses,
      },
    ],
  },
  *run(context) {
    for (const view of context.views)
      for (const rule of destinationNatRules(view)) {
        if (view.writer(rule)) continue;
        yield* judge(context, view, rule);
      }
  },
});
