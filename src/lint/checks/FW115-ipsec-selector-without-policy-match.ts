import { policy } from '../../extensions/matches/policy.ts';
import type { Rule } from '../../model/ruleset.ts';
import { type Address, networkContains, prefix } from '../../net/address.ts';
import { addressText, networkTextShort } from '../../net/address-text.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import type { Inference } from '../finding.ts';
import { hasPrivateSource, ownFilterRules } from './support/roads.ts';
import { accepts, admitsInterface, rulesAt } from './support/rules-at.ts';
import { sendByAnyWay } from './support/sending.ts';
import { servicesOf } from './support/services.ts';
import { insideInterfaces } from './support/strangers.ts';

const espAndAh: readonly number[] = [50, 51];
const ikePorts: readonly number[] = [500, 4500];

/** Interfaces of tunnels that routes lead into: their packets have a device of their own. */
const routedTunnel = /^(vti|ip_vti|xfrm|ipsec)\d*/;

/** Rules by which INPUT takes what carries IPsec: ESP, AH, or the key exchange. */
function carriers(view: RulesetView): readonly Rule[] {
  return rulesAt(view, 'INPUT').filter((rule) => {
    if (!accepts(rule)) return false;
    const { protocol } = rule.base;
    if (protocol && !protocol.negated && espAndAh.includes(protocol.value)) return true;
    return servicesOf(view, rule).some((s) => s.protocol === 17 && ikePorts.includes(s.port));
  });
}

/** Whether the interface itself is in the network: then its hosts are neighbours. */
function isNeighbour({ machine }: CheckContext, name: string, rule: Rule): boolean {
  const src = rule.base.src?.value;
  const there = machine.interfaces.value?.find((i) => i.name === name);
  if (src === undefined || there === undefined) return false;
  const { family } = src.address;
  return there.addresses.some(
    (a) =>
      a.address.family === family &&
      (networkContains(src, a.address) || networkContains(prefix(a.address, a.prefixLength), src.address)),
  );
}

/** The interface by which cleartext of the tunnel's far side could come in, and what that rests on. */
function wayIn(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  carrying: readonly Rule[],
): { readonly name: string; readonly inferences: readonly Inference[] } | undefined {
  const asked = rule.base.inInterface;
  for (const i of context.interfaces(view.family)) {
    if (i.side === 'loopback' || !admitsInterface(rule, i.name)) continue;
    if (isNeighbour(context, i.name, rule) || routedTunnel.test(i.name)) continue;
    const carries = carrying.some((r) => r.base.inInterface && admitsInterface(r, i.name));
    // Without -i the rule may be for a network inside: only what carries the tunnel, named as such, tells.
    if (asked === undefined) continue;
    if (i.side === 'outside') return { name: i.name, inferences: i.inferences };
    if (carries) {
      const text = `${i.name} leads to the far end of the tunnel (IPsec is accepted there)`;
      return { name: i.name, inferences: [{ text, settledBy: 'ip -j route show table all' }] };
    }
  }
  return undefined;
}

/** What a walk must be told of a destination where nothing is known of addresses: a rule of INPUT means ours. */
function assumedPlace({ machine }: CheckContext, dst: Address, input: boolean): readonly string[] {
  if (machine.interfaces.value !== undefined || machine.routes.value !== undefined) return [];
  return [`${input ? 'local' : 'remote'}=${addressText(dst)}`];
}

/** Cleartext accepted as if it had come through IPsec. */
export const ipsecSelectorWithoutPolicyMatch = defineCheck({
  code: 'FW115',
  name: 'ipsec-selector-without-policy-match',
  title: 'A rule for the far side of an IPsec tunnel accepts the same packets in clear',
  severity: 'error',
  confidences: ['context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule accepts a private network on the interface that leads outside, where IPsec comes in. It does not ask whether a packet was protected by IPsec, so a packet in clear that claims such a source is accepted as well; the finding shows one.',
  rationale:
    'Where IPsec is done by policy, a packet that was decrypted passes PREROUTING and INPUT or FORWARD a second time, on the same interface as the ESP packet that carried it. Its addresses are all that the rule sees, and these anybody on that wire can write. While a policy for just these addresses is in the kernel, the kernel itself refuses them in clear; it is not there when the tunnel is down, the daemon stopped, or for addresses that the rule covers and the policy does not. Only `-m policy --dir in --pol ipsec` holds at all times.',
  decision:
    'IPsec is in use if `ip xfrm policy` lists policies, or if INPUT accepts ESP, AH or the key exchange (udp/500, udp/4500). For every accept of a private source by -i on an interface that leads outside, or on which IPsec is accepted, without a policy match: a packet in clear that it describes is sent. It is reported if the packet is accepted by that rule; where the policies are given, only if none of them refuses it in clear.',
  exceptions:
    'Tunnels with an interface of their own (vti, xfrm, WireGuard): no such rule is needed on the outer interface. An outer interface that is itself in the private network is not reported; without `ip -j addr` that is not known. Rules that strongSwan inserts carry a policy match.',
  references: [
    'man iptables-extensions(8), policy',
    'https://docs.strongswan.org/docs/latest/howtos/forwarding.html',
  ],
  examples: {
    bad: [
      {
        title: 'the branch office by its addresses alone',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0 -p udp -m multiport --dports 500,4500 -j ACCEPT
-A INPUT -i eth0 -p esp -j ACCEPT
-A FORWARD -s 10.20.0.0/16 -d 192.168.1.0/24 -i eth0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a service of the machine itself, for the tunnel',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i ppp0 -p esp -j ACCEPT
-A INPUT -s 10.20.0.0/16 -i ppp0 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -s 192.168.1.0/24 -o ppp0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'the rule is for more than the policies are',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p udp -m udp --dport 500 -j ACCEPT
-A FORWARD -s 10.20.0.0/16 -i eth0 -o eth1 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
        context: `src 10.20.7.0/24 dst 192.168.1.0/24
	dir fwd priority 375423 ptype main
	tmpl src 198.51.100.1 dst 203.0.113.1
		proto esp reqid 1 mode tunnel
`,
      },
    ],
    good: [
      {
        title: 'only what came through the tunnel',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0 -p udp -m multiport --dports 500,4500 -j ACCEPT
-A INPUT -i eth0 -p esp -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 10.20.0.0/16 -d 192.168.1.10/32 -i eth0 -p tcp -m tcp --dport 445 -m policy --dir in --pol ipsec --mode tunnel -j ACCEPT
COMMIT
`,
      },
      {
        title: 'what comes in clear is dropped first',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0 -p esp -j ACCEPT
-A FORWARD -s 10.20.0.0/16 -i eth0 -m policy --dir in --pol none -j DROP
-A FORWARD -s 10.20.0.0/16 -d 192.168.1.0/24 -i eth0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'no IPsec here: a private network on the interface is a neighbour',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.20.0.0/16 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      const policies = context.machine.ipsecPolicies?.value ?? [];
      const carrying = carriers(view);
      if (policies.length === 0 && carrying.length === 0) continue;
      for (const { rule } of ownFilterRules(view, ['INPUT', 'FORWARD'])) {
        if (!accepts(rule) || !hasPrivateSource(rule) || view.find(rule, policy)) continue;
        const from = wayIn(context, view, rule, carrying);
        const src = rule.base.src?.value;
        if (!from || !src) continue;
        const { family } = view;
        const local = context.localAddress(family, from.name);
        const input = view.hooks('filter', rule.chain).includes('INPUT');
        const toUs = input && rule.base.dst === undefined;
        const [inside] = insideInterfaces(context, family, from.name);
        const given = { inInterface: from.name };
        const host = context.remoteAddress(family, inside?.name).address;
        const [sketch] = [
          ...(input ? [] : context.packetsOf(view, rule, { ...given, dst: host })),
          ...context.packetsOf(view, rule, given),
        ];
        if (!sketch) continue;
        const packet = {
          ...sketch,
          ...(toUs ? { dst: local.address } : {}),
          ...(input || sketch.outInterface !== undefined ? {} : { outInterface: inside?.name }),
        };
        const guessed: readonly Inference[] =
          policies.length > 0
            ? []
            : [
                {
                  text: `${networkTextShort(src)} is behind an IPsec tunnel (a private network, on the interface by which IPsec comes in)`,
                  settledBy: 'ip xfrm policy',
                },
              ];
        const walks = sendByAnyWay(context, packet, {
          assume: toUs ? local.assume : assumedPlace(context, packet.dst, input),
          inferences: [...guessed, ...from.inferences],
        });
        const walk = walks.find((w) => w.accepted && w.matched(rule));
        if (!walk) continue;
        yield {
          at: { kind: 'rule', view, rule },
          confidence: guessed.length + from.inferences.length === 0 ? 'context' : 'inferred',
          message: `Packets from ${networkTextShort(src)} are accepted on ${from.name} whether or not they came through IPsec`,
          underline: '-s',
          caption: 'is what the packet claims',
          what: `whoever can send packets to ${from.name} with such a source gets in without the tunnel${
            policies.length > 0 ? '' : ', as long as no policy in the kernel covers them (while it is down)'
          }`,
          why: 'a decrypted packet comes in again on the same interface: only -m policy sees the difference',
          help: [
            'add -m policy --dir in --pol ipsec to the rule',
            `or drop before it: -s ${networkTextShort(src)} -i ${from.name} -m policy --dir in --pol none -j DROP`,
          ],
          inferences: guessed,
          witness: walk,
          group: `${family} ${networkTextShort(src)} ${from.name}`,
          ...(carrying[0]
            ? {
                related: [
                  {
                    message: 'IPsec is accepted here',
                    at: { kind: 'rule', view, rule: carrying[0] } as const,
                  },
                ],
              }
            : {}),
        };
      }
    }
  },
});
