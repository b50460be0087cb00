import { REDIRECT } from '../../extensions/targets/REDIRECT.ts';
import type { Rule } from '../../model/ruleset.ts';
import type { Address } from '../../net/address.ts';
import { isPublicAddress, witnessAddresses } from '../../net/documentation.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import { natEvents } from './support/conversations.ts';
import {
  calmWalk,
  deciderOf,
  isGuardedElsewhere,
  isWideOpen,
  knobOf,
  opennessOf,
  strangersMention,
} from './support/openness.ts';
import { isTranslatedBy } from './support/published.ts';
import { type Service, servicesOf, servicesText, serviceText } from './support/services.ts';

/** Redirections of nat PREROUTING to another port of this machine. */
function redirections(
  view: RulesetView,
): readonly { readonly rule: Rule; readonly from: readonly Service[]; readonly to: Service }[] {
  return view.rules().flatMap((rule) => {
    const ports = view.findTarget(rule, REDIRECT)?.range.ports;
    const { protocol } = rule.base;
    if (!ports || ports[0] !== ports[1] || !protocol || protocol.negated) return [];
    if (view.writer(rule) || !view.hooks(rule.table, rule.chain).includes('PREROUTING')) return [];
    const from = servicesOf(view, rule);
    const to = { protocol: protocol.value, port: ports[0] };
    return from.length === 0 || from.some((s) => s.port === to.port) ? [] : [{ rule, from, to }];
  });
}

function judge(
  context: CheckContext,
  view: RulesetView,
  { rule, from, to }: ReturnType<typeof redirections>[number],
): FindingDraft | undefined {
  const openness = opennessOf(context, view);
  const direct = openness.ports(to.protocol, to.port);
  const found = openness.reached('to', direct, { asked: direct });
  if (!found || natEvents(found.walk, 'destination').length > 0) return undefined;
  // A stranger who gets there directly, and not by the redirection.
  const { sketch, assume, inferences } = found.walk;
  const send = (src: Address, dport: number): Walk =>
    calmWalk(context, { ...sketch, src, dport }, { assume, inferences });
  const leftOut = [sketch.src, ...witnessAddresses(view.family).filter(isPublicAddress)]
    .filter(
      (src) =>
        !from.some((s) => {
          const walk = send(src, s.port);
          return walk.fate === 'local' && isTranslatedBy(walk, rule);
        }),
    )
    .map((src) => send(src, to.port))
    .find((walk) => walk.fate === 'local' && natEvents(walk, 'destination').length === 0);
  const narrower = leftOut !== undefined;
  const at = deciderOf(view, found.walk);
  const opener = at?.kind === 'rule' ? at : undefined;
  const text = serviceText(to);
  return {
    at: { kind: 'rule', view, rule },
    severity: narrower ? 'warning' : 'info',
    message: narrower
      ? `${text} is meant to be reached by redirection from ${servicesText(from)}, and open to strangers directly, ${found.opening.from}`
      : `Strangers reach ${text} directly as well as by ${servicesText(from)}, ${found.opening.from}`,
    underline: '--to-ports',
    caption: 'open by itself too',
    what: narrower
      ? 'whoever the redirection leaves out asks the other port'
      : 'the service answers on two ports: bans, limits and links that name one of them miss the other',
    why: 'INPUT sees the port after the redirection, so it has to accept that one, and cannot tell it from packets that were sent to it',
    ...(opener ? { related: [{ message: 'lets both in', at: opener }] } : {}),
    help: [
      (opener && knobOf(view, opener)) ??
        `add -m conntrack --ctstate DNAT to the rule that accepts ${text}: it holds for what was redirected`,
    ],
    witness: leftOut ?? found.walk,
  };
}

const redirected = (nat: string, input: string): string => `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
${nat}COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
${input}COMMIT
`;

/** The port behind a redirection. */
export const redirectTargetExposed = defineCheck({
  code: 'FW415',
  name: 'redirect-target-exposed',
  title: 'The port behind a redirection is open directly',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: [],
  state: 'preview',
  since: '0.1.0',
  reports:
    'REDIRECT leads a port to another one of this machine, and strangers reach that other port without it. A packet is shown that asks it directly and gets in.',
  rationale:
    'Table filter sees packets after the redirection, so INPUT has to accept the inner port; accepting the outer one does nothing. But the accept does not know how a packet came to have that port. A proxy that was meant for the LAN then serves the world, and a restriction that stands in the redirection (`-s`, a limit, a list) is passed by.',
  decision:
    'First packets of strangers to the inner port are pushed through the rules: it is reported if some pass untranslated, from a good part of all public addresses, and one was walked. It is a warning if one of a few strangers who get in directly does not get there by the redirection, that is, if it is for others or for few; where both ways are open to all of them it is only mentioned. Machines that let nearly everything in are left to FW301.',
  exceptions:
    'A service that is meant to be reached on both ports. A limit in the redirection is not compared.',
  references: ['man iptables-extensions(8), REDIRECT and conntrack'],
  yieldsTo: ['FW301'],
  mentions: strangersMention,
  examples: {
    bad: [
      {
        title: 'a web server on a high port',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080
COMMIT
*filter
:INPUT DROP [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 8080 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a proxy for the LAN that serves the world',
        rules: redirected(
          '-A PREROUTING -s 192.168.1.0/24 -i eth1 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 3128\n-A POSTROUTING -o eth0 -j MASQUERADE\n',
          '-A INPUT -p tcp -m tcp --dport 3128 -j ACCEPT\n',
        ),
      },
      {
        title: 'one office is redirected, and anybody may ask',
        rules: redirected(
          '-A PREROUTING -s 198.51.100.0/28 -p tcp -m tcp --dport 443 -j REDIRECT --to-ports 8443\n',
          '-A INPUT -p tcp -m multiport --dports 22,8443 -j ACCEPT\n',
        ),
      },
    ],
    good: [
      {
        title: 'what was redirected alone',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080
COMMIT
*filter
:INPUT DROP [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 8080 -m conntrack --ctstate DNAT -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the proxy is open from inside',
        rules: redirected(
          '-A PREROUTING -s 192.168.1.0/24 -i eth1 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 3128\n-A POSTROUTING -o eth0 -j MASQUERADE\n',
          '-A INPUT -s 192.168.1.0/24 -i eth1 -p tcp -m tcp --dport 3128 -j ACCEPT\n',
        ),
      },
      {
        title: 'a mark tells those that were redirected',
        rules: `*mangle
:PREROUTING ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x50/0xffffffff
COMMIT
${redirected(
  '-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080\n',
  '-A INPUT -p tcp -m tcp --dport 8080 -m mark --mark 0x50 -j ACCEPT\n',
)}`,
      },
    ],
  },
  *run(context) {
    if (isGuardedElsewhere(context)) return;
    for (const view of context.views) {
      const list = redirections(view);
      if (list.length === 0 || !view.chain('filter', 'INPUT')) continue;
      if (isWideOpen(opennessOf(context, view), 'to')) continue;
      for (const redirection of list) {
        const found = judge(context, view, redirection);
        if (found) yield found;
      }
    }
  },
});
