import { printBase } from '../../extensions/base.ts';
import { comment } from '../../extensions/matches/comment.ts';
import { tcp } from '../../extensions/matches/tcp.ts';
import { udp } from '../../extensions/matches/udp.ts';
import { targetText } from '../../link/rule-text.ts';
import type { Chain, Rule } from '../../model/ruleset.ts';
import { defineCheck, type RulesetView } from '../check.ts';
import { changedBody, type FixDraft, type RuleEdit } from '../fixes/fix-draft.ts';
import { countOf, isDecidedByPacket } from './support/rule-shape.ts';

/** Places in one multiport; a range takes two. */
const placesMax = 15;

/** Rules in a row that are worth telling. */
const rulesMin = 3;

/** A rule whose one condition on ports is a destination port. */
interface OnePort {
  readonly rule: Rule;
  readonly port: string;
  readonly places: number;
  readonly key: string;
}

function onePort(view: RulesetView, rule: Rule): OnePort | undefined {
  if (view.find(rule, comment) || rule.base.protocol?.negated !== false) return undefined;
  const use = rule.matches.find((m) => m.known && (m.extension === tcp.name || m.extension === udp.name));
  const data = view.find(rule, tcp) ?? view.find(rule, udp);
  const port = data?.dport;
  if (!use || !port || port.negated || data.sport) return undefined;
  if (use.text !== `-m ${use.extension} --dport ${use.text.split(' ').at(-1)}`) return undefined;
  const rest = rule.matches.filter((m) => m !== use).map((m) => m.text);
  const single = port.low === port.high;
  return {
    rule,
    port: single ? String(port.low) : `${port.low}:${port.high}`,
    places: single ? 1 : 2,
    key: [...printBase(rule.base), ...rest, targetText(rule.target)].join(' '),
  };
}

/** Runs of neighbours that differ in one port, cut where a multiport is full. */
function runs(view: RulesetView, chain: Chain): readonly (readonly OnePort[])[] {
  const found: OnePort[][] = [];
  let run: OnePort[] = [];
  let places = 0;
  const close = (): void => {
    if (run.length >= rulesMin) found.push(run);
  };
  for (const rule of chain.rules) {
    const one = onePort(view, rule);
    const goes = one !== undefined && run[0]?.key === one.key && places + one.places <= placesMax;
    if (one && goes) {
      run.push(one);
      places += one.places;
      continue;
    }
    close();
    run = one ? [one] : [];
    places = one?.places ?? 0;
  }
  close();
  return found;
}

/** The first rule with all ports, and the others gone. */
function inOneRule(view: RulesetView, run: readonly OnePort[], ports: string): FixDraft {
  const [first, ...others] = run.map((one) => one.rule);
  const edits: RuleEdit[] = others.map((rule) => ({ kind: 'delete', rule }));
  if (first) {
    const matches = first.matches.map((use) =>
      use.text.includes(' --dport ') ? { ...use, text: `-m multiport --dports ${ports}` } : use,
    );
    edits.unshift({ kind: 'replace', rule: first, body: changedBody(first, { matches }) });
  }
  return {
    title: `put the ports of ${run.length} rules of ${first?.chain ?? ''} into rule ${(first?.index ?? 0) + 1}`,
    applicability: 'safe',
    view,
    edits,
  };
}

/** Neighbours that a multiport would hold in one rule. */
export const mergeablePortRules = defineCheck({
  code: 'FW703',
  name: 'mergeable-port-rules',
  title: 'Rules that differ in one port alone',
  severity: 'info',
  confidences: ['proved'],
  groups: ['perf'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'Three neighbours or more have the same conditions and target but for the destination port. One rule with `-m multiport` does the same.',
  rationale:
    'Each rule is a comparison of its own. One rule is shorter to read, and its counter counts them all.',
  decision:
    'Neighbours with `-m tcp` or `-m udp` and a destination port as its only condition, equal in the rest, and decided by the packet alone (each limit or list counts for itself). A multiport has fifteen places, and a range takes two. Rules with a comment are left: it would be lost.',
  exceptions: 'Where one rule for each service is easier to read, or its own counter is wanted.',
  references: ['man iptables-extensions(8), multiport'],
  fixes: [{ kind: 'safe', does: 'puts the ports into one rule' }],
  examples: {
    bad: [
      {
        title: 'three ports of the web',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 8443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'with a range among them',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 192.168.1.0/24 -p udp -m udp --dport 5060:5061 -j ACCEPT
-A FORWARD -s 192.168.1.0/24 -p udp -m udp --dport 3478 -j ACCEPT
-A FORWARD -s 192.168.1.0/24 -p udp -m udp --dport 10000:20000 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'new connections of three kinds',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m conntrack --ctstate NEW -m tcp --dport 25 -j ACCEPT
-A INPUT -p tcp -m conntrack --ctstate NEW -m tcp --dport 465 -j ACCEPT
-A INPUT -p tcp -m conntrack --ctstate NEW -m tcp --dport 587 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'one rule',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -p tcp -m multiport --dports 80,443,8443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'each has a remark of its own',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 80 -m comment --comment "web" -j ACCEPT
-A INPUT -p tcp -m tcp --dport 25 -m comment --comment "mail" -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m comment --comment "admins" -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a limit for each',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 22 -m limit --limit 5/min -j ACCEPT
-A INPUT -p tcp -m tcp --dport 23 -m limit --limit 5/min -j ACCEPT
-A INPUT -p tcp -m tcp --dport 24 -m limit --limit 5/min -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const table of view.ruleset.tables) {
        for (const chain of table.chains) {
          if (view.owner(table.name, chain.name)) continue;
          for (const run of runs(view, chain)) {
            const [first] = run;
            if (!first || !isDecidedByPacket(context, view, first.rule)) continue;
            const ports = run.map((one) => one.port).join(',');
            yield {
              at: { kind: 'rule', view, rule: first.rule },
              confidence: 'proved',
              message: `${countOf(run.length, 'rule')} from here on differ in the port alone: one rule can hold them`,
              underline: `--dport ${first.port}`,
              caption: `the first of ${run.length}`,
              help: [`-m multiport --dports ${ports}`],
              fixes: [inOneRule(view, run, ports)],
              group: `${view.family} ${table.name} ${chain.name}`,
            };
          }
        }
      }
    }
  },
});
