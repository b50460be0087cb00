import type { Rule } from '../../model/ruleset.ts';
import { defineCheck } from '../check.ts';
import { deleteRules } from '../fixes/fix-draft.ts';
import { nameOfRule } from './support/covered.ts';

/** Rules that match no packet at all, whatever stands before them. */
export const ruleCanNeverMatch = defineCheck({
  code: 'FW207',
  name: 'rule-can-never-match',
  title: 'A rule whose conditions exclude each other',
  severity: 'error',
  confidences: ['proved', 'context'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'No packet satisfies all conditions of a rule, or all of them together with those of the jumps that lead to its chain. The rule loads, and never matches.',
  rationale:
    'iptables looks at each option alone. A flag that is compared but not in the mask, a range that ends before it begins, a UDP port behind a jump for TCP: all of this is accepted without a word, and what was meant to be refused is not.',
  decision:
    'The set of packets that the rule describes is empty, by itself or within what every way into its chain asks for; other rules have no part in it. Matches that are not known here may match anything.',
  exceptions: 'None is known. Chains that a program writes are left to that program.',
  references: ['man iptables-extensions(8), tcp and iprange', 'net/netfilter/xt_iprange.c'],
  yieldsTo: ['FW110', 'FW112', 'FW215', 'FW217'],
  fixes: [{ kind: 'safe', does: 'deletes the rule' }],
  examples: {
    bad: [
      {
        title: 'a flag that the mask leaves out, a range that runs backwards',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --tcp-flags SYN FIN -j DROP
-A INPUT -m iprange --src-range 10.0.0.9-10.0.0.1 -j DROP
COMMIT
`,
      },
      {
        title: 'UDP in a chain for TCP',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:tcp-in - [0:0]
-A INPUT -p tcp -j tcp-in
-A tcp-in -p udp -m udp --dport 53 -j DROP
COMMIT
`,
      },
      {
        title: 'a mark outside of its mask, and a port of both sides of a jump',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:web - [0:0]
-A INPUT -m mark --mark 0x10/0x1 -j DROP
-A INPUT -p tcp -m multiport --dports 80,443 -j web
-A web -p tcp -m tcp --dport 8080 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the same as it was meant',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --tcp-flags SYN,FIN SYN,FIN -j DROP
-A INPUT -m iprange --src-range 10.0.0.1-10.0.0.9 -j DROP
-A INPUT -p udp -m udp --dport 53 -j DROP
COMMIT
`,
      },
      {
        title: 'a chain for TCP and UDP alike',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:in - [0:0]
-A INPUT -p tcp -j in
-A INPUT -p udp -j in
-A in -p udp -m udp --dport 53 -j DROP
COMMIT
`,
      },
      {
        title: 'a match that is not known may match anything',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m ndpi --http -j DROP
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      const answers = context.answers(view);
      for (const rule of view.rules()) {
        if (view.owner(rule.table, rule.chain)) continue;
        const death = answers.death(rule);
        if (death?.kind !== 'conditions' && death?.kind !== 'jumps') continue;
        const jumps: readonly Rule[] = death.kind === 'jumps' ? death.jumps : [];
        const last = jumps.at(-1);
        yield {
          at: { kind: 'rule', view, rule },
          confidence: answers.restsOn(rule).length === 0 ? 'proved' : 'context',
          message: last
            ? `Rule ${rule.index + 1} of "${rule.chain}" can never match: what leads to its chain asks for something else`
            : `Rule ${rule.index + 1} of ${rule.chain} can never match: its conditions exclude each other`,
          underline: `-A ${rule.chain}`,
          caption: 'no packet is like this',
          ...(last
            ? {
                why: `${nameOfRule(last, rule)} leads to "${rule.chain}", and no packet satisfies both`,
                related: jumps.map((jump) => ({
                  message: 'only these packets come to the chain',
                  at: { kind: 'rule', view, rule: jump } as const,
                })),
              }
            : {}),
          help: ['say what was meant; to delete the rule changes nothing'],
          group: `${view.family} ${rule.table} ${last ? `${last.chain} ${rule.chain}` : rule.id}`,
          fixes: [deleteRules(view, [rule])],
        };
      }
    }
  },
});
