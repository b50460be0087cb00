import { policy } from '../../extensions/matches/policy.ts';
import type { Rule } from '../../model/ruleset.ts';
import { parseIpv4 } from '../../net/address-text.ts';
import { addressKind } from '../../net/documentation.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import type { Inference } from '../finding.ts';
import { natEvents } from './support/conversations.ts';
import { accepts, rulesAt, sourceNatRules } from './support/rules-at.ts';
import { sendOptions, sideOf } from './support/sending.ts';
import { servicesOf } from './support/services.ts';
import { insideInterfaces } from './support/strangers.ts';

/** ESP and AH. */
const ipsecProtocols: readonly number[] = [50, 51];

/** A rule that shows that this machine ends IPsec itself. */
function ipsecRule(view: RulesetView): Rule | undefined {
  return rulesAt(view, 'INPUT').find(
    (rule) =>
      accepts(rule) &&
      ((rule.base.protocol &&
        !rule.base.protocol.negated &&
        ipsecProtocols.includes(rule.base.protocol.value)) ||
        view.find(rule, policy) !== undefined),
  );
}

/** Where L2TP clients end: what goes to them is wrapped by this machine itself, whose packets no source NAT touches. */
const l2tpPort = 1701;

/** Whether the tunnels are those of L2TP: IPsec then protects packets between two machines, not networks. */
function isL2tp(view: RulesetView): boolean {
  return rulesAt(view, 'INPUT').some(
    (rule) => accepts(rule) && servicesOf(view, rule).some((s) => s.protocol === 17 && s.port === l2tpPort),
  );
}

/** Whether nat POSTROUTING already spares something: by a policy, or a network at the other end. */
function isSpared(view: RulesetView): boolean {
  return view.rules().some((rule) => {
    if (rule.table !== 'nat' || !view.hooks('nat', rule.chain).includes('POSTROUTING')) return false;
    if (view.find(rule, policy)) return true;
    const { outcome } = view.effect(rule);
    const { dst } = rule.base;
    const narrowed = dst !== undefined && addressKind(dst.value.address) === 'private';
    return narrowed && (dst.negated || outcome === 'accept' || outcome === 'return');
  });
}

/** A host of a network at the other end of a tunnel: nobody knows which, so a private one that no rule names. */
function tunnelled(context: CheckContext, view: RulesetView, rule: Rule): Walk | undefined {
  const out = rule.base.outInterface;
  const there = parseIpv4('10.99.99.7');
  if (!out || out.negated || !out.value.exact || !there) return undefined;
  const [inside] = insideInterfaces(context, view.family, out.value.name);
  if (!inside) return undefined;
  const src = context.remoteAddress(view.family, inside.name);
  const given = {
    inInterface: inside.name,
    outInterface: out.value.name,
    protocol: 6,
    dport: 443,
    dst: there,
    ...(rule.base.src ? {} : { src: src.address }),
  };
  for (const sketch of context.packetsOf(view, rule, given)) {
    const walk = context.send(
      sketch,
      sendOptions(src, sideOf(inside), { assume: ['remote=10.99.99.7'], inferences: [] }),
    );
    if (walk.fate === 'forward' && walk.matched(rule) && natEvents(walk, 'source').length > 0) return walk;
  }
  return undefined;
}

function judge(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  evidence: Rule,
): FindingDraft | undefined {
  const walk = tunnelled(context, view, rule);
  if (!walk) return undefined;
  const inference: Inference = {
    text: `this machine ends IPsec tunnels of networks (rule filter/${evidence.chain}#${evidence.index + 1})`,
    settledBy: 'ip xfrm policy',
  };
  return {
    at: { kind: 'rule', view, rule },
    message:
      'This source NAT also takes what is meant for an IPsec tunnel: with a new source it fits no policy any more',
    underline: '-j',
    caption: 'asked before IPsec looks',
    what: 'packets to the network at the other end leave in clear, or are lost',
    why: 'the policy is looked up again after POSTROUTING, with the address that source NAT has put in',
    related: [{ message: 'IPsec is accepted here', at: { kind: 'rule', view, rule: evidence } }],
    help: ['above it: -m policy --dir out --pol ipsec -j ACCEPT, or -d and the network at the other end'],
    witness: walk,
    inferences: [inference],
  };
}

/** Source NAT that takes packets away from IPsec. */
export const tunnelTrafficMasqueraded = defineCheck({
  code: 'FW410',
  name: 'tunnel-traffic-masqueraded',
  title: 'Source NAT takes packets that IPsec is to encrypt',
  severity: 'warning',
  confidences: ['inferred'],
  groups: ['recommended'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'This machine ends IPsec, and source NAT on the way out spares neither packets with a policy nor any private network. A packet to a network behind a tunnel is shown as it gets another source.',
  rationale:
    'The policies of a tunnel name the networks at both ends. Source NAT comes first: a packet with the public address as its source fits no policy, so it is sent in clear to a private address, or refused. The tunnel stands, and nothing passes.',
  decision:
    'A rule of INPUT accepts ESP or AH, or asks for a policy; no rule of nat POSTROUTING asks for one or spares a private destination. A new connection from inside to 10.99.99.7, which stands for the other end, is walked and has to be translated. That networks are tunnelled, and not only this machine itself, is a guess; where INPUT accepts L2TP (UDP 1701) it would be a wrong one, and nothing is said. Where `ip xfrm policy` is given, nothing is guessed and nothing is reported: `fwsim trace` then shows what becomes of a packet. IPv4 alone.',
  exceptions:
    'Tunnels of the machine itself (transport mode), tunnels with an interface of their own, and clients that are meant to be hidden in the tunnel.',
  references: ['https://www.github.com/strongswan/strongswan/discussions/235'],
  examples: {
    bad: [
      {
        title: 'ESP comes in, and everything that leaves is translated',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -p esp -j ACCEPT
-A INPUT -p udp -m multiport --dports 500,4500 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'a network of its own is translated wherever it goes',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i ppp0 -p esp -j ACCEPT
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 192.168.5.0/24 -o ppp0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'AH, and SNAT',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p ah -j ACCEPT
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -o eth0 -j SNAT --to-source 203.0.113.1
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'what has a policy is spared',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -p esp -j ACCEPT
-A INPUT -p udp -m multiport --dports 500,4500 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -m policy --dir out --pol ipsec -j ACCEPT
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'the network at the other end is spared',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p esp -j ACCEPT
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 192.168.5.0/24 ! -d 10.20.0.0/16 -o ppp0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'IPsec around L2TP: its clients come in by ppp interfaces',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p esp -j ACCEPT
-A INPUT -p udp -m udp --dport 1701 -m policy --dir in --pol ipsec -j ACCEPT
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'no IPsec here',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
    ],
  },
  *run(context) {
    if (context.machine.ipsecPolicies?.value !== undefined) return;
    for (const view of context.views) {
      const evidence = view.family === 'ipv4' ? ipsecRule(view) : undefined;
      if (!evidence || isSpared(view) || isL2tp(view)) continue;
      for (const rule of sourceNatRules(view)) {
        const found = view.writer(rule) ? undefined : judge(context, view, rule, evidence);
        if (found) yield found;
      }
    }
  },
});
