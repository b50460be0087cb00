import { fallThrough, policyEnding } from '../../analysis/fall-through.ts';
import type { Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type RulesetView } from '../check.ts';

/** A later rule of the built-in chain that would decide otherwise what comes back from the goto's chain. */
function missedRule(context: CheckContext, view: RulesetView, rule: Rule): Rule | undefined {
  const answers = context.answers(view);
  const { space } = answers.analysis.vocabulary;
  for (const visit of answers.visitsOf(rule)) {
    const chain = visit.analysis.model.chains.get(rule.chain);
    const action = chain?.rules[rule.index]?.action;
    if (chain?.chain.hook !== visit.hook || action?.kind !== 'goto' || action.chain === undefined) continue;
    const summary = visit.analysis.summary(action.chain);
    if (summary === undefined) continue;
    const back = space.and(visit.taking(rule), summary.returns);
    const ends = fallThrough(visit, chain, rule.index + 1, back);
    const missed = ends?.find((end) => end.by !== undefined && end.ending !== policyEnding(visit));
    if (missed) return missed.by;
  }
  return undefined;
}

/** Gotos where a jump was meant. */
export const gotoFallsToPolicy = defineCheck({
  code: 'FW214',
  name: 'goto-falls-to-policy',
  title: 'A goto whose chain hands packets to the policy',
  severity: 'info',
  confidences: ['proved', 'context'],
  groups: ['strict'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A rule of a built-in chain goes (-g) to a chain that lets packets come back, and a later rule of the built-in chain would have decided them otherwise than the policy does. That rule is not asked.',
  rationale:
    'After a goto there is no way back to the next rule: at the end of the chain the packet is where the built-in chain ends, at the policy. With -j it would have gone on.',
  decision:
    'All packets that the goto takes and that its chain does not decide are sent through the rules below it, as if it had been a jump.',
  exceptions:
    'Zones as firewalld builds them, where a goto is meant. Chains that a program writes are left to it.',
  references: ['man iptables(8), --goto'],
  examples: {
    bad: [
      {
        title: 'a log that loses the packets',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:log-ssh - [0:0]
-A INPUT -p tcp -m tcp --dport 22 -g log-ssh
-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j ACCEPT
-A log-ssh -m limit --limit 5/min -j LOG --log-prefix "ssh: "
COMMIT
`,
      },
      {
        title: 'a list of bans under a policy that accepts',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:bans - [0:0]
-A FORWARD -i eth0 -g bans
-A FORWARD -i eth0 -o eth1 -p tcp -m tcp --dport 3306 -j DROP
-A bans -s 203.0.113.0/24 -j DROP
COMMIT
`,
      },
      {
        title: 'what returns from a chain below',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:all - [0:0]
:web - [0:0]
-A INPUT -g all
-A INPUT -p udp -m udp --dport 53 -j ACCEPT
-A all -p tcp -j web
-A web -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'a jump',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:log-ssh - [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j log-ssh
-A INPUT -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j ACCEPT
-A log-ssh -m limit --limit 5/min -j LOG --log-prefix "ssh: "
COMMIT
`,
      },
      {
        title: 'a goto to a chain that decides everything',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:ssh - [0:0]
-A INPUT -p tcp -m tcp --dport 22 -g ssh
-A INPUT -p tcp -j ACCEPT
-A ssh -s 10.0.0.0/8 -j ACCEPT
-A ssh -j DROP
COMMIT
`,
      },
      {
        title: 'below the goto nothing else would happen',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:ssh - [0:0]
-A INPUT -p tcp -m tcp --dport 22 -g ssh
-A INPUT -p udp -m udp --dport 53 -j ACCEPT
-A ssh -s 10.0.0.0/8 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const rule of view.rules()) {
        if (rule.target.kind !== 'goto' || view.writer(rule)) continue;
        if (view.owner(rule.table, rule.target.chain)) continue;
        const missed = missedRule(context, view, rule);
        if (!missed) continue;
        const policy = view.chain(rule.table, rule.chain)?.policy ?? 'ACCEPT';
        yield {
          at: { kind: 'rule', view, rule },
          message: `Rule ${rule.index + 1} of ${rule.chain} goes to "${rule.target.chain}", and what comes back meets the policy ${policy}: rule ${missed.index + 1} is not asked`,
          underline: `-g ${rule.target.chain}`,
          caption: 'no way back to the next rule',
          related: [
            { message: 'would decide some of them otherwise', at: { kind: 'rule', view, rule: missed } },
          ],
          help: [`write -j ${rule.target.chain} if the rules below are to be asked`],
        };
      }
    }
  },
});
