import { printBase } from '../../extensions/base.ts';
import type { Chain, Rule } from '../../model/ruleset.ts';
import { protocolText } from '../../net/protocols.ts';
import { defineCheck, type FindingDraft, type RulesetView } from '../check.ts';

/** Rules in one chain that are much. */
const rulesMin = 100;

/** The share of the rules that a packet must be able to pass over for a chain of its own to be worth it. */
const shareMin = 0.3;

/** What a jump at the head of a chain can ask for. */
const dispatchBy = {
  protocol: (rule: Rule) =>
    rule.base.protocol && !rule.base.protocol.negated ? protocolText(rule.base.protocol.value) : undefined,
  interface: (rule: Rule) =>
    rule.base.inInterface && !rule.base.inInterface.negated
      ? printBase({
          ...rule.base,
          src: undefined,
          dst: undefined,
          protocol: undefined,
          outInterface: undefined,
        }).join(' ')
      : undefined,
} as const;

/** By what the chain is best parted, and the rules that the largest part has. */
function bestParting(
  chain: Chain,
):
  | { readonly by: keyof typeof dispatchBy; readonly parts: readonly (readonly [string, number])[] }
  | undefined {
  for (const by of ['interface', 'protocol'] as const) {
    const counts = new Map<string, number>();
    for (const rule of chain.rules) {
      const value = dispatchBy[by](rule);
      if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    const parts = [...counts].sort((a, b) => b[1] - a[1]);
    const parted = parts.reduce((sum, [, n]) => sum + n, 0);
    const [largest] = parts;
    // A packet of the largest part is still spared all the other parts.
    if (largest && parts.length > 1 && parted - largest[1] >= chain.rules.length * shareMin)
      return { by, parts };
  }
  return undefined;
}

function judge(view: RulesetView, chain: Chain): FindingDraft | undefined {
  if (chain.rules.length <= rulesMin) return undefined;
  const best = bestParting(chain);
  if (!best) return undefined;
  const shown = best.parts.slice(0, 3).map(([value, n]) => `${value} ${n}`);
  return {
    at: { kind: 'chain', view, chain },
    confidence: 'proved',
    message: `Chain ${chain.name} has ${chain.rules.length} rules in a row, for several ${best.by === 'protocol' ? 'protocols' : 'interfaces'} (${shown.join(', ')}${best.parts.length > 3 ? ' …' : ''}): a packet is compared with those for the others too, until one decides`,
    help: [
      `a chain for each ${best.by}, and one jump to it at the head of ${chain.name}: -${best.by === 'protocol' ? 'p tcp' : 'i IFACE'} -j CHAIN`,
    ],
  };
}

/** Long chains that a jump by protocol or interface would part. */
export const longChainNoDispatch = defineCheck({
  code: 'FW707',
  name: 'long-chain-no-dispatch',
  title: 'A long chain for several protocols or interfaces',
  severity: 'info',
  confidences: ['proved'],
  groups: ['perf'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A chain has more than a hundred rules, and they are for several protocols or several interfaces. A jump for each would spare every packet the rules of the others.',
  rationale:
    'A packet is compared with each rule until one decides. UDP need not be compared with a hundred rules for TCP.',
  decision:
    'More than 100 rules in one chain, that ask for two interfaces or protocols or more, so that even a packet of the most common one would be spared 30 % of the rules.',
  exceptions:
    'Chains that a program writes (Kubernetes, Shorewall …); machines on which most packets are decided by the first rule.',
  references: ['man iptables(8), -j'],
  examples: {
    bad: [
      {
        title: 'two protocols by turns',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
${Array.from({ length: 60 }, (_, i) => `-A INPUT -s 10.0.0.${i + 1}/32 -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -s 10.0.1.${i + 1}/32 -p udp -m udp --dport 161 -j ACCEPT\n`).join('')}COMMIT
`,
      },
      {
        title: 'three interfaces',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
${Array.from({ length: 105 }, (_, i) => `-A FORWARD -i eth${i % 3} -p tcp -m tcp --dport ${1000 + i} -j ACCEPT\n`).join('')}COMMIT
`,
      },
      {
        title: 'in a chain of one’s own',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:services - [0:0]
-A INPUT -j services
${Array.from({ length: 110 }, (_, i) => `-A services -p ${i % 2 === 0 ? 'tcp -m tcp' : 'udp -m udp'} --dport ${2000 + i} -j ACCEPT\n`).join('')}COMMIT
`,
      },
    ],
    good: [
      {
        title: 'a chain for each protocol',
        rules: `*filter
:INPUT DROP [0:0]
:in_tcp - [0:0]
:in_udp - [0:0]
-A INPUT -p tcp -j in_tcp
-A INPUT -p udp -j in_udp
-A in_tcp -s 10.0.0.1/32 -p tcp -m tcp --dport 22 -j ACCEPT
-A in_udp -s 10.0.0.2/32 -p udp -m udp --dport 161 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'long, but of one kind',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
${Array.from({ length: 120 }, (_, i) => `-A INPUT -s 10.0.0.${i + 1}/32 -p tcp -m tcp --dport 22 -j ACCEPT\n`).join('')}COMMIT
`,
      },
      {
        title: 'short',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.0.0.1/32 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -s 10.0.0.2/32 -p udp -m udp --dport 161 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const table of view.ruleset.tables) {
        for (const chain of table.chains) {
          const found = view.owner(table.name, chain.name) ? undefined : judge(view, chain);
          if (found) yield found;
        }
      }
    }
  },
});
