import { LOG } from '../../extensions/targets/LOG.ts';
import type { Rule } from '../../model/ruleset.ts';
import {
  type CheckContext,
  defineCheck,
  type RulesetView,
  type SidedInterface,
  type Walk,
} from '../check.ts';
import { bodyWith, replaceRule } from '../fixes/fix-draft.ts';
import { admitsInterface } from './support/rules-at.ts';
import { sendOptions, sideOf } from './support/sending.ts';
import { unspokenService } from './support/services.ts';
import { strangersInterfaces } from './support/strangers.ts';

/** Matches that let a part of the packets through, by how many there are. */
const limiters: ReadonlySet<string> = new Set([
  'limit',
  'hashlimit',
  'connlimit',
  'quota',
  'recent',
  'statistic',
]);

const isLimited = (rule: Rule): boolean => rule.matches.some((m) => !m.known || limiters.has(m.extension));

/** Whether a rate stands on the packet's way to the rule: at the rule, at a jump to it, or where it was stopped before. */
function isLimitedOnTheWay(view: RulesetView, rule: Rule, walk: Walk): boolean {
  if (isLimited(rule)) return true;
  const chain = view.chain(rule.table, rule.chain);
  const above = chain?.rules.slice(0, rule.index) ?? [];
  const stops = (r: Rule): boolean =>
    isLimited(r) && !['continue', 'accept'].includes(view.effect(r).outcome);
  if (above.some(stops)) return true;
  return view
    .callers(rule.table, rule.chain)
    .some((caller) => walk.matched(caller) && isLimitedOnTheWay(view, caller, walk));
}

/** A packet of a stranger's that this rule logs, and that no rate stands in the way of. */
function floodOf(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  from: SidedInterface,
): Walk | undefined {
  const src = context.remoteAddress(view.family, from.name);
  const { base } = rule;
  for (const dst of [context.localAddress(view.family, from.name), context.remoteAddress(view.family)]) {
    const given = {
      inInterface: from.name,
      ...(base.src ? {} : { src: src.address }),
      ...(base.dst ? {} : { dst: dst.address }),
    };
    // The ordinary packet may be accepted above: one that no rule speaks of comes further down.
    const unspoken = base.protocol
      ? []
      : [{ ...given, protocol: unspokenService.protocol, dport: unspokenService.port }];
    for (const sketch of [given, ...unspoken].flatMap((g) => context.packetsOf(view, rule, g))) {
      // What belongs to a connection is not sent by just anybody.
      if (sketch.state === 'RELATED' || sketch.state === 'ESTABLISHED') continue;
      const walk = context.send(sketch, sendOptions(src, dst, sideOf(from)));
      if (walk.matched(rule) && !isLimitedOnTheWay(view, rule, walk)) return walk;
    }
  }
  return undefined;
}

/** Log rules that strangers can make write as much as they like. */
export const logUnlimited = defineCheck({
  code: 'FW604',
  name: 'log-unlimited',
  title: 'A log rule without a rate, for strangers’ packets',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A packet of a stranger makes a LOG rule write a line, and the next one another: no limit stands on its way.',
  rationale:
    'Each line goes to the kernel’s ring buffer, to the disk, and perhaps to the console: whoever sends enough packets fills the disk, slows the machine, and drowns the lines that matter.',
  decision:
    'A packet from an outside interface, such as the rule itself describes, is walked and comes to the rule; packets of connections that exist do not count. Neither the rule nor a jump on its way asks for a rate or a list (`limit`, `hashlimit`, `connlimit`, `recent`, `quota`, `statistic`), and no rule above them drops or returns what is over one. It is a warning where an interface is known or inferred to lead outside, else a remark.',
  exceptions:
    'Programs that need every line, such as psad. NFLOG is not reported: its daemon decides what becomes of the packets.',
  references: ['man iptables-extensions(8), LOG and limit'],
  fixes: [{ kind: 'unsafe', does: 'adds a limit of ten lines a minute' }],
  examples: {
    bad: [
      {
        title: 'everything that is not accepted',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -j LOG --log-prefix "in-denied: "
COMMIT
`,
      },
      {
        title: 'scans of ports',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -p icmp -m limit --limit 10/sec -j ACCEPT
-A INPUT -p tcp -m tcp --dport 23 -j LOG --log-prefix "telnet: "
COMMIT
`,
      },
      {
        title: 'in a chain that the outside leads to',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:denied - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth0 -j denied
-A denied -j LOG --log-prefix "drop: "
-A denied -j DROP
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'a rate',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -m limit --limit 10/min --limit-burst 20 -j LOG --log-prefix "in-denied: "
COMMIT
`,
      },
      {
        title: 'the rate stands at the jump',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:denied - [0:0]
-A INPUT -i eth0 -m limit --limit 10/min -j denied
-A denied -j LOG --log-prefix "drop: "
-A denied -j DROP
COMMIT
`,
      },
      {
        title: 'what is over the rate is dropped before',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m hashlimit --hashlimit-above 10/min --hashlimit-mode srcip --hashlimit-name log -j DROP
-A INPUT -j LOG --log-prefix "denied: "
COMMIT
`,
      },
      {
        title: 'what this machine sends itself',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A OUTPUT -p tcp -m tcp --dport 25 -j LOG --log-prefix "mail out: "
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      const strangers = strangersInterfaces(context, view.family);
      for (const rule of view.rules()) {
        if (!view.findTarget(rule, LOG) || isLimited(rule) || view.writer(rule)) continue;
        const hooks = view.hooks(rule.table, rule.chain);
        if (!hooks.some((hook) => hook === 'PREROUTING' || hook === 'INPUT' || hook === 'FORWARD')) continue;
        for (const from of strangers) {
          const walk = admitsInterface(rule, from.name) ? floodOf(context, view, rule, from) : undefined;
          if (!walk) continue;
          yield {
            at: { kind: 'rule', view, rule },
            severity: from.side === 'outside' ? 'warning' : 'info',
            message: `${from.side === 'outside' ? `Whoever sends packets by ${from.name}` : 'Whoever sends packets'} writes this log: no limit stands on their way`,
            caption: 'one line for each packet',
            help: ['add -m limit --limit 10/min --limit-burst 20'],
            fixes: [replaceRule(view, rule, bodyWith(rule, '-m limit --limit 10/min --limit-burst 20'))],
            witness: walk,
            group: `${view.family} ${rule.table} ${rule.chain}`,
          };
          break;
        }
      }
    }
  },
});
