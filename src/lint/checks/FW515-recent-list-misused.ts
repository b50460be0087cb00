import { type RecentData, recent } from '../../extensions/matches/recent.ts';
import type { Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { deciderAbove } from './support/rule-shape.ts';
import { denies } from './support/rules-at.ts';

/** One use of a list in a rule. */
interface Use {
  readonly rule: Rule;
  readonly data: RecentData;
}

function usesByList(view: RulesetView): ReadonlyMap<string, readonly Use[]> {
  const lists = new Map<string, Use[]>();
  for (const rule of view.rules())
    for (const match of rule.matches) {
      if (!match.known || match.extension !== recent.name) continue;
      const data = match.data as RecentData;
      const uses = lists.get(data.name);
      if (uses) uses.push({ rule, data });
      else lists.set(data.name, [{ rule, data }]);
    }
  return lists;
}

/** Lists that a program fills through /proc/net/xt_recent. */
const filledByPrograms = /^(f2b|fail2ban)-/;

const isReader = ({ data }: Use): boolean => data.action !== 'set';

function* ofList(
  context: CheckContext,
  view: RulesetView,
  name: string,
  uses: readonly Use[],
): Iterable<FindingDraft> {
  const writers = uses.filter((use) => !isReader(use));
  const readers = uses.filter(isReader);
  const group = `${view.family} ${name}`;
  const [firstReader] = readers;
  if (firstReader && writers.length === 0 && !filledByPrograms.test(name)) {
    const { rule, data } = firstReader;
    yield {
      at: { kind: 'rule', view, rule },
      id: 'never-set',
      confidence: 'proved',
      message: `No rule puts an address into the list "${name}": --${data.action} ${data.negated ? 'lets everything pass' : 'never finds one'}`,
      underline: `--${data.action}`,
      caption: 'always empty',
      help: [
        `add a rule with -m recent --set --name ${name}, unless something writes to /proc/net/xt_recent/${name}`,
      ],
      group,
    };
    return;
  }
  const writersLeft = writers.map((use) => ({ use, above: deciderAbove(context, view, use.rule) }));
  const dead = writersLeft.find(({ above }) => above !== undefined);
  if (firstReader && dead?.above && writersLeft.every(({ above }) => above !== undefined)) {
    yield {
      at: { kind: 'rule', view, rule: dead.use.rule },
      id: 'set-too-late',
      confidence: 'proved',
      message: `The list "${name}" is never filled: rule ${dead.above.index + 1} of ${dead.use.rule.chain} decides the packets before --set is asked`,
      underline: '--set',
      caption: 'never asked',
      related: [{ message: 'decides them', at: { kind: 'rule', view, rule: dead.above } }],
      help: [`move it above rule ${dead.above.index + 1}`],
      group,
    };
    return;
  }
  const forEver = readers.find(
    ({ rule, data }) => data.action === 'rcheck' && !data.negated && data.seconds === 0 && denies(rule),
  );
  const removed = uses.some(({ data }) => data.action === 'remove');
  if (forEver && !removed) {
    yield {
      at: { kind: 'rule', view, rule: forEver.rule },
      id: 'no-end',
      severity: 'info',
      confidence: 'proved',
      message: `--rcheck on "${name}" without --seconds: who is once in the list is refused for ever`,
      underline: '--rcheck',
      caption: 'for ever',
      why: 'an address leaves the list only when it is full (100 addresses, by default) and others push it out',
      help: ['add --seconds, or --remove somewhere'],
      group,
    };
  }
}

/** Lists of `-m recent` that are asked and not filled, or never forget. */
export const recentListMisused = defineCheck({
  code: 'FW515',
  name: 'recent-list-misused',
  title: 'A list of recent addresses that is never filled, or never forgets',
  severity: 'warning',
  confidences: ['proved'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'Rules ask a list of `-m recent` that no rule fills, or that is filled only behind a rule that has decided the packets already; or they refuse whoever is in the list without a time after which that ends.',
  rationale:
    'Only `--set` adds an address. `--rcheck` and `--update` on a list that nobody fills find nothing, and the lock on guessed passwords that they were to be lets everybody guess on.',
  decision:
    'Uses are gathered by the name of the list, over all tables of a family. Never filled: no use has `--set`. Filled too late: each rule with `--set` stands below a rule of its chain that decides, and that asks nothing which this rule does not ask too. For ever: a rule refuses by `--rcheck` without `--seconds`, and no rule removes from the list.',
  exceptions:
    'Lists that a program writes to through /proc/net/xt_recent (those of fail2ban are known). That `--update` lengthens a ban with each attempt is what it is for, and is not reported; nor is a knock at a port that opens another for ever.',
  references: ['man iptables-extensions(8), recent', 'net/netfilter/xt_recent.c recent_mt()'],
  examples: {
    bad: [
      {
        title: 'the addresses are noted behind the accept',
        rules: `*filter
:INPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -m recent --rcheck --seconds 60 --hitcount 4 --name ssh -j DROP
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -m recent --set --name ssh
COMMIT
`,
      },
      {
        title: 'a list that nobody fills',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -m recent --update --seconds 300 --hitcount 3 --name ssh --mask 255.255.255.255 --rsource -j DROP
-A INPUT -p tcp -m tcp --dport 22 -m recent --set --name sshd --mask 255.255.255.255 --rsource -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a ban without an end',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m recent --rcheck --name scanners --mask 255.255.255.255 --rsource -j DROP
-A INPUT -p tcp -m tcp --dport 23 -m recent --set --name scanners --mask 255.255.255.255 --rsource -j DROP
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'noted first, asked then',
        rules: `*filter
:INPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -m recent --set --name ssh
-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -m recent --rcheck --seconds 60 --hitcount 4 --name ssh -j DROP
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a knock at a port, in two chains',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:knock - [0:0]
-A INPUT -p tcp -m tcp --dport 22 -m recent --rcheck --seconds 30 --name knocked --mask 255.255.255.255 --rsource -j ACCEPT
-A INPUT -p tcp -j knock
-A knock -p tcp -m tcp --dport 7001 -m recent --set --name knocked --mask 255.255.255.255 --rsource -j DROP
COMMIT
`,
      },
      {
        title: 'asked before it is filled, in the same chain',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -m recent --update --seconds 60 --hitcount 4 --name DEFAULT --mask 255.255.255.255 --rsource -j DROP
-A INPUT -p tcp -m tcp --dport 22 -m recent --set --name DEFAULT --mask 255.255.255.255 --rsource -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the list of fail2ban',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m recent --update --seconds 3600 --name f2b-sshd --mask 255.255.255.255 --rsource -j REJECT --reject-with icmp-port-unreachable
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const [name, uses] of usesByList(view)) yield* ofList(context, view, name, uses);
    }
  },
});
