import { defineCheck } from '../check.ts';
import { packetsOf, packetsSeen } from './support/costs.ts';
import { accepts, admitsInterface } from './support/rules-at.ts';
import { strangersInterfaces } from './support/strangers.ts';

/** Packets that the chain has seen before the silence of a rule says anything. */
const packetsMin = 10_000;

/** Accepts that nobody has used. */
export const zeroHitRule = defineCheck({
  code: 'FW706',
  name: 'zero-hit-rule',
  title: 'A rule that lets strangers in, and that nobody has used',
  severity: 'info',
  confidences: ['proved', 'inferred'],
  groups: ['perf'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'By the counters a rule that accepts from outside has matched nothing, while its chain has seen 10,000 packets or more. Perhaps nobody needs it any more.',
  rationale: 'What is open and not used is only of use to an attacker.',
  decision:
    'The dump has counters. Rules of table filter with `-j ACCEPT`, in chains that INPUT or FORWARD leads to, whose interface may be an outside one. Rules that drop or reject are never reported: that they are silent is good.',
  exceptions:
    'Counters that were reset lately, after a boot or a reload: nothing in a dump says when. Services that are used once a year.',
  references: ['https://github.com/CISOfy/lynis/issues/856'],
  examples: {
    bad: [
      {
        title: 'a port of former times',
        rules: `*filter
:INPUT DROP [120:9000]
[0:0] -A INPUT -p tcp -m tcp --dport 8888 -j ACCEPT
[90000:7000000] -A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a forwarding',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [300:20000]
:OUTPUT ACCEPT [0:0]
[500000:70000000] -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[0:0] -A FORWARD -i eth0 -d 192.168.1.10/32 -p tcp -m tcp --dport 3389 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'in a chain of one’s own',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:services - [0:0]
[40000:70000000] -A INPUT -j services
[0:0] -A services -p udp -m udp --dport 1194 -j ACCEPT
[39000:60000000] -A services -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'gone',
        rules: `*filter
:INPUT DROP [120:9000]
[90000:7000000] -A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a drop that had nothing to do',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
[0:0] -A INPUT -s 198.51.100.66/32 -j DROP
[90000:7000000] -A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'just booted',
        rules: `*filter
:INPUT DROP [3:180]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
[0:0] -A INPUT -p tcp -m tcp --dport 8888 -j ACCEPT
[20:7000] -A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      const strangers = strangersInterfaces(context, view.family);
      for (const chain of view.table('filter')?.chains ?? []) {
        const hooks = view.hooks('filter', chain.name);
        const seen = packetsSeen(chain);
        if (seen === undefined || seen < packetsMin || view.owner('filter', chain.name)) continue;
        if (!hooks.includes('INPUT') && !hooks.includes('FORWARD')) continue;
        for (const rule of chain.rules) {
          const from = strangers.find((i) => admitsInterface(rule, i.name));
          if (packetsOf(rule) !== 0 || !accepts(rule) || !from) continue;
          yield {
            at: { kind: 'rule', view, rule },
            message: `Nobody has used this rule, while ${chain.name} has seen ${seen} packets`,
            underline: '[0:0]',
            caption: 'never matched',
            help: ['if nobody knows what it is for, close it'],
            inferences: rule.base.inInterface ? from.inferences : [],
            group: `${view.family} ${chain.name}`,
          };
        }
      }
    }
  },
});
