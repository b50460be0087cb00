import type { Death } from '../../analysis/rule-answers.ts';
import { comment } from '../../extensions/matches/comment.ts';
import { type RecentData, recent } from '../../extensions/matches/recent.ts';
import type { Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { namesOfCover, tellCover } from './support/covered.ts';
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

/** Why no packet comes to the `--set` of a rule; undefined: some does, or that is not known. */
function neverAsked(context: CheckContext, view: RulesetView, { rule, data }: Use): Death | undefined {
  const death = context.answers(view).death(rule);
  if (death?.kind === 'jumps') return death;
  // Matches are asked in their order: what stands behind --set does not keep the list from being filled.
  const at = rule.matches.findIndex((match) => match.known && match.data === data);
  const last = rule.matches.slice(at + 1).every((match) => match.known && match.extension === comment.name);
  return last && (death?.kind === 'covered' || death?.kind === 'arrivals') ? death : undefined;
}

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
  const deaths = writers.map((use) => ({ rule: use.rule, death: neverAsked(context, view, use) }));
  const [dead] = deaths;
  if (firstReader && dead && deaths.every(({ death }) => death !== undefined)) {
    const cover = dead.death?.kind === 'covered' ? dead.death.cover : [];
    const needed = cover.filter((part) => part.needed);
    const takers = namesOfCover(needed, dead.rule);
    yield {
      ...tellCover(context, view, { rule: dead.rule, cover }),
      at: { kind: 'rule', view, rule: dead.rule },
      id: 'set-too-late',
      message: `The list "${name}" is never filled: ${
        needed.length > 0
          ? `${takers} ${needed.length > 1 ? 'decide' : 'decides'} the packets before --set is asked`
          : `no packet comes to rule ${dead.rule.index + 1} of ${dead.rule.chain}, which is to fill it`
      }`,
      underline: '--set',
      caption: 'never asked',
      help: [
        needed.length > 0
          ? `move it above ${takers}`
          : 'put --set where the packets pass that are to be noted',
      ],
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
  confidences: ['proved', 'context'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'Rules ask a list of `-m recent` that no rule fills, or that is filled only behind a rule that has decided the packets already; or they refuse whoever is in the list without a time after which that ends.',
  rationale:
    'Only `--set` adds an address. `--rcheck` and `--update` on a list that nobody fills find nothing, and the lock on guessed passwords that they were to be lets everybody guess on.',
  decision:
    'Uses are gathered by the name of the list, over all tables of a family. Never filled: no use has `--set`. Filled too late: when all packets are pushed through the rules, none comes to any rule with `--set`; a rule that asks for more behind `--set` is not judged, since matches are asked in their order. For ever: a rule refuses by `--rcheck` without `--seconds`, and no rule removes from the list.',
  exceptions:
    'Lists that a program writes to through /proc/net/xt_recent (those of fail2ban are known). That `--update` lengthens a ban with each attempt is what it is for, and is not reported; nor is a knock at a port that opens another for ever.',
  references: ['man iptables-extensions(8), recent', 'net/netfilter/xt_recent.c recent_mt()'],
  examples: {
    bad: [
      {
        title: 'two rules leave nothing for --set',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -m recent --rcheck --seconds 60 --hitcount 4 --name ssh --mask 255.255.255.255 --rsource -j DROP
-A INPUT -s 198.51.100.0/24 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT ! -s 198.51.100.0/24 -p tcp -j DROP
-A INPUT -p tcp -m tcp --dport 22 -m recent --set --name ssh --mask 255.255.255.255 --rsource -j ACCEPT
COMMIT
`,
      },
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
        title: 'what stands behind --set is asked when the list is filled already',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m recent --rcheck --seconds 60 --name scanners --mask 255.255.255.255 --rsource -j DROP
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -p tcp -m recent --set --name scanners --mask 255.255.255.255 --rsource -m tcp --dport 22 -j DROP
COMMIT
`,
      },
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
