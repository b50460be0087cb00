import { set } from '../../extensions/matches/set.ts';
import type { Rule } from '../../model/ruleset.ts';
import { defineCheck, type RulesetView } from '../check.ts';
import { packetsOf } from './support/costs.ts';
import { conditionsOf } from './support/rule-shape.ts';

/** Dropped packets from which on the cost of tracking them is worth a thought. */
const packetsMin = 1_000_000;

/** Whether the rule refuses by the sender alone, or without looking at the connection. */
function isBlocklist(view: RulesetView, rule: Rule): boolean {
  if (rule.target.kind !== 'verdict' || rule.target.verdict !== 'DROP') return false;
  const others = conditionsOf(rule).filter((m) => m.extension !== set.name);
  const bySet = view.find(rule, set);
  const bySource =
    (rule.base.src && !rule.base.src.negated) || (bySet?.set.dirs[0] === 'src' && !bySet.negated);
  return Boolean(bySource) && others.length === 0;
}

/** Blocklists that drop a flood in filter. */
export const floodDropAfterConntrack = defineCheck({
  code: 'FW708',
  name: 'flood-drop-after-conntrack',
  title: 'A flood that is tracked before it is dropped',
  severity: 'info',
  confidences: ['proved'],
  groups: ['perf'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A rule of table filter drops by the sender alone, and has dropped a million packets or more. Table raw would drop them before connection tracking has worked on them.',
  rationale:
    'Connection tracking looks at a packet long before filter does: it looks it up, and prepares an entry that is thrown away with the packet. Under a flood that is most of the work.',
  decision:
    'The dump has counters. A rule with `-j DROP` in filter asks for a source address or a set of sources, and for nothing that needs the connection, and has matched 1,000,000 packets or more. Nothing is said without counters.',
  exceptions:
    'raw PREROUTING sees forwarded packets as well: a list that was for this machine alone then guards what is behind it, too.',
  references: ['man iptables(8), TABLES'],
  examples: {
    bad: [
      {
        title: 'a set of senders',
        rules: `*filter
:INPUT ACCEPT [0:0]
[4711000:300000000] -A INPUT -m set --match-set blocked src -j DROP
COMMIT
`,
      },
      {
        title: 'one network',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
[1000000:60000000] -A INPUT -s 198.51.100.0/24 -j DROP
COMMIT
`,
      },
      {
        title: 'in a chain of one’s own',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:blocked - [0:0]
[9000000:600000000] -A INPUT -i eth0 -j blocked
[2500000:160000000] -A blocked -s 203.0.113.66/32 -p udp -j DROP
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'in raw',
        rules: `*raw
[4711000:300000000] -A PREROUTING -m set --match-set blocked src -j DROP
COMMIT
*filter
:INPUT ACCEPT [0:0]
COMMIT
`,
      },
      {
        title: 'little is dropped',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
[1200:60000] -A INPUT -m set --match-set blocked src -j DROP
COMMIT
`,
      },
      {
        title: 'the state of the connection is asked',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
[4711000:300000000] -A INPUT -s 198.51.100.0/24 -m conntrack --ctstate INVALID -j DROP
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const rule of view.rules()) {
        const packets = packetsOf(rule) ?? 0;
        if (rule.table !== 'filter' || packets < packetsMin || view.owner(rule.table, rule.chain)) continue;
        const hooks = view.hooks(rule.table, rule.chain);
        if (!isBlocklist(view, rule) || (!hooks.includes('INPUT') && !hooks.includes('FORWARD'))) continue;
        yield {
          at: { kind: 'rule', view, rule },
          confidence: 'proved',
          message: `${packets} packets were tracked first and dropped here: table raw would drop them before`,
          caption: 'after connection tracking',
          help: [
            hooks.includes('FORWARD') && hooks.includes('INPUT')
              ? 'move it to raw PREROUTING'
              : `raw PREROUTING drops them earlier, for ${hooks.includes('INPUT') ? 'forwarded packets' : 'packets to this machine'} as well`,
          ],
        };
      }
    }
  },
});
