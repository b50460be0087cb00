import { physdev } from '../../extensions/matches/physdev.ts';
import type { Hook } from '../../model/netfilter.ts';
import type { Rule } from '../../model/ruleset.ts';
import { interfacePatternText } from '../../net/interface-pattern.ts';
import { defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { accepts } from './support/rules-at.ts';

const withoutIn: readonly Hook[] = ['OUTPUT', 'POSTROUTING'];
const withoutOut: readonly Hook[] = ['PREROUTING', 'INPUT'];

/** What makes a rule impossible at every hook that leads to it. */
function impossible(
  view: RulesetView,
  rule: Rule,
  hooks: readonly Hook[],
): { readonly option: string; readonly because: string; readonly swap: string | undefined } | undefined {
  const { inInterface, outInterface } = rule.base;
  const names = (i: typeof inInterface): string | undefined =>
    i && !i.negated && (i.value.exact || i.value.name !== '') ? interfacePatternText(i.value) : undefined;
  const inName = names(inInterface);
  const outName = names(outInterface);
  const only = (list: readonly Hook[]): boolean => hooks.every((h) => list.includes(h));
  const from = hooks.join(' and ');
  if (outName !== undefined && only(withoutOut)) {
    return {
      option: `-o ${outName}`,
      because: `packets come here from ${from}, where no outgoing interface is known yet`,
      swap: inName === undefined ? `-i ${outName}` : undefined,
    };
  }
  if (inName !== undefined && only(withoutIn)) {
    return {
      option: `-i ${inName}`,
      because: `packets come here from ${from}, where there is no incoming interface any more`,
      swap: outName === undefined ? `-o ${inName}` : undefined,
    };
  }
  if (only(['FORWARD']) && (inName === 'lo' || outName === 'lo')) {
    return {
      option: inName === 'lo' ? '-i lo' : '-o lo',
      because: 'packets by the loopback interface are never forwarded: they go OUTPUT, then INPUT',
      swap: undefined,
    };
  }
  const bridge = view.find(rule, physdev);
  if (
    bridge &&
    only(['PREROUTING', 'INPUT']) &&
    /(^|[^!]) --physdev-out/.test(rule.matches.find((m) => m.extension === 'physdev')?.text ?? '')
  ) {
    return {
      option: '--physdev-out',
      because: `packets come here from ${from}, where the outgoing bridge port is not known`,
      swap: undefined,
    };
  }
  return undefined;
}

/** An interface that packets do not have where the rule stands. */
export const impossibleInterfaceForHook = defineCheck({
  code: 'FW110',
  name: 'impossible-interface-for-hook',
  title: 'A rule asks for an interface that packets do not have where it stands',
  severity: 'warning',
  confidences: ['proved'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule asks for an outgoing interface in a chain that only INPUT or PREROUTING lead to, for an incoming one where only OUTPUT or POSTROUTING do, or for lo in FORWARD. No packet has it there, so the rule matches none.',
  rationale:
    'iptables refuses such options in the built-in chains themselves. In a chain of one’s own it cannot know who will jump there: the rule loads, and stays silent for ever.',
  decision:
    'From the chains that jump and go to the rule’s chain follow the hooks whose packets can come to it. It is reported if none of them has that interface. No packet is needed to show it: the rules that lead there are named.',
  exceptions:
    'A chain that FORWARD leads to as well: the rule matches there, and is not reported. A chain that nobody jumps to has a finding of its own (FW205).',
  references: ['man iptables(8), -i and -o'],
  examples: {
    bad: [
      {
        title: '-o in a chain of INPUT, lo in FORWARD',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:lan - [0:0]
-A INPUT -j lan
-A FORWARD -i lo -j ACCEPT
-A lan -o eth1 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: '-i in a chain of OUTPUT',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:egress - [0:0]
-A OUTPUT -j egress
-A egress -i eth1 -p tcp -m tcp --dport 25 -j DROP
COMMIT
`,
      },
      {
        title: 'in the nat table',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:publish - [0:0]
-A PREROUTING -j publish
-A publish -o eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.2
COMMIT
`,
      },
    ],
    good: [
      {
        title: '-i in a chain of INPUT',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:lan - [0:0]
-A INPUT -j lan
-A lan -i eth1 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a chain that FORWARD shares',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:lan - [0:0]
-A INPUT -j lan
-A FORWARD -j lan
-A lan -o eth1 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a negated interface always matches where there is none',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:web - [0:0]
-A INPUT -j web
-A web ! -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      for (const rule of view.rules()) {
        const hooks = view.hooks(rule.table, rule.chain);
        if (hooks.length === 0 || view.writer(rule)) continue;
        const why = impossible(view, rule, hooks);
        if (!why) continue;
        const callers = view.callers(rule.table, rule.chain).slice(0, 3);
        yield {
          at: { kind: 'rule', view, rule },
          // The loopback accept of INPUT, copied or generated into FORWARD, does no harm.
          ...(accepts(rule) && why.swap === undefined && why.option.endsWith(' lo')
            ? { severity: 'info' as const }
            : {}),
          message: `No packet has the interface "${why.option}" in ${rule.table} ${rule.chain}, so this rule matches none`,
          underline: why.option,
          caption: 'matches no packet here',
          why: why.because,
          related: callers.map((r) => ({
            message: 'packets come from here',
            at: { kind: 'rule', view, rule: r },
          })),
          ...(why.swap === undefined ? {} : { help: [`if the other direction was meant: ${why.swap}`] }),
        };
      }
    }
  },
});
