import type { Chain } from '../../model/ruleset.ts';
import { addressKind } from '../../net/documentation.ts';
import { defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import type { FixDraft } from '../fixes/fix-draft.ts';
import { closedInput, openServices } from './support/mends.ts';
import {
  calmWalk,
  deciderOf,
  deciderText,
  isGuardedElsewhere,
  knobOf,
  opennessOf,
  openShare,
  strangersMention,
  unspokenPort,
} from './support/openness.ts';

/** Only where somebody has said what is to be open: else the machine would be cut off. */
function closed(view: RulesetView, chain: Chain): readonly FixDraft[] {
  if (openServices(view).length > 0) return [closedInput(view, chain, [], 'unsafe')];
  return [closedInput(view, chain, ['-p tcp -m tcp --dport 22 -j ACCEPT'], 'suggestion')];
}

/** A machine that takes whatever is sent to it. */
export const inputDefaultAllow = defineCheck({
  code: 'FW301',
  name: 'input-default-allow',
  title: 'Whatever is not refused by name reaches this machine',
  severity: 'error',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended', 'cis'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'After all rules, strangers may open connections to nearly every port of this machine. The finding names the rule or policy that lets them in, with a packet to a port that no rule speaks of.',
  rationale:
    'A list of what is forbidden is never complete: the next program that listens is open to everybody from its first moment on, and nobody decided that. A list of what is allowed fails closed.',
  decision:
    'All packets that may open a connection from outside are pushed through PREROUTING and INPUT. It is reported if nine tenths or more of all pairs of source address and TCP port, or UDP port, are accepted whatever is not known. A policy ACCEPT behind a rule that refuses everything is closed; so is a chain that ends in a jump to one that refuses. Where the rules name several interfaces and none is known to lead outside, all of them have to be open. It is a warning if all addresses of the machine are private.',
  exceptions:
    'Machines whose packets are filtered elsewhere: by the provider, by native nftables rules; say so by `input-filtered-elsewhere` in `fwsim.yml`. A file that only adds to the rules in force, and leaves INPUT as it is, is passed over. Containers and laboratory machines.',
  references: ['CIS Benchmarks for Linux, "Ensure iptables default deny firewall policy"'],
  yieldsTo: ['FW801'],
  mentions: strangersMention,
  fixes: [
    { kind: 'unsafe', does: 'lets the policy drop, where rules name the services that are to be open' },
    { kind: 'suggestion', does: 'the same with SSH open, where no rule names a service' },
  ],
  examples: {
    bad: [
      {
        title: 'a list of what is forbidden',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 23 -j DROP
COMMIT
`,
      },
      {
        title: 'a rule that accepts the rest',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -s 203.0.113.0/24 -j DROP
-A INPUT -j ACCEPT
COMMIT
`,
      },
      {
        title: 'closed towards the LAN, open towards the Internet',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth1 -p tcp -m multiport --dports 22,443 -j ACCEPT
-A INPUT -i eth1 -j DROP
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'nobody has said what is to be open',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 203.0.113.0/24 -j DROP
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'a list of what is allowed',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'policy ACCEPT behind a rule that refuses everything',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m conntrack --ctstate NEW -m tcp --dport 22 -j ACCEPT
-A INPUT -j REJECT --reject-with icmp-host-prohibited
COMMIT
`,
      },
      {
        title: 'closed in a chain of its own',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:default - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
-A INPUT -j default
-A default -m limit --limit 5/min -j LOG --log-prefix "refused: "
-A default -j DROP
COMMIT
`,
      },
      {
        title: 'all closed but the interface to the LAN',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth1 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    if (isGuardedElsewhere(context)) return;
    for (const view of context.views) {
      const input = view.chain('filter', 'INPUT');
      if (!input) continue;
      const openness = opennessOf(context, view);
      const { all } = openness;
      for (const protocol of [6, 17]) {
        const open = openness.shareOpen('to', protocol);
        if (open === undefined || open.share < openShare) continue;
        const { opening } = open;
        // A port that no rule speaks of.
        const unspoken = all.space.and(opening.set, openness.ports(protocol, unspokenPort));
        const [example] = openness.examples(unspoken === all.space.none ? opening.set : unspoken, 'to');
        if (!example) continue;
        const inferences = [...(example.options.inferences ?? []), ...opening.inferences];
        const walk = calmWalk(context, example.sketch, { ...example.options, inferences });
        const at = deciderOf(view, walk);
        if (walk.fate !== 'local' || at === undefined) continue;
        const name = protocol === 6 ? 'TCP' : 'UDP';
        const knob = knobOf(view, at);
        const own = context.machine.interfaces.value?.flatMap((i) => i.addresses) ?? [];
        const mine = own.filter((a) => a.address.family === view.family && a.scope === 'global');
        const hidden = mine.length > 0 && mine.every((a) => addressKind(a.address) !== 'global');
        yield {
          at,
          ...(hidden ? { severity: 'warning' } : {}),
          covers: [{ kind: 'policy', view, chain: input }],
          message: `Strangers reach ${open.share === 1 ? 'every' : 'nearly every'} ${name} port of this machine ${opening.from}: ${deciderText(walk)} accepts what no rule refuses`,
          caption: 'accepts the rest',
          what: 'every program that listens on this machine, now or later, can be reached from outside',
          why: 'the rules say what is refused, and everything else passes',
          help: [
            knob ??
              ':INPUT DROP, and rules for lo, RELATED,ESTABLISHED and each service that is meant to be open; --as-remote ADDRESS tells beforehand whether your own session would live',
          ],
          fixes: at.kind === 'policy' ? closed(view, at.chain) : [],
          witness: walk,
        };
        break;
      }
    }
  },
});
