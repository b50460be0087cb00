import { ruleBody } from '../../link/rule-text.ts';
import type { Rule } from '../../model/ruleset.ts';
import type { Family } from '../../net/address.ts';
import { parseAddress } from '../../net/address-text.ts';
import { defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { type FixDraft, insertRules } from '../fixes/fix-draft.ts';
import { isRefused } from './support/limiters.ts';
import { deciderOf, deciderText, isGuardedElsewhere, knobOf, unspokenPort } from './support/openness.ts';
import { conditionsOf } from './support/rule-shape.ts';
import { accepts } from './support/rules-at.ts';

const loopback: Readonly<Record<Family, string>> = { ipv4: '127.0.0.1', ipv6: '::1' };

/** An accept that names the loopback interface beside other conditions: somebody has thought of it. */
function isForLoopback(rule: Rule): boolean {
  const { inInterface, outInterface } = rule.base;
  const named = [inInterface, outInterface].some((i) => i && !i.negated && i.value.name === 'lo');
  return named && accepts(rule) && (rule.base.protocol !== undefined || conditionsOf(rule).length > 0);
}

/** As the first rule, so that nothing is asked before it; in the other chain too, where its policy would refuse next. */
function acceptLoopback(view: RulesetView, refusing: 'INPUT' | 'OUTPUT'): readonly FixDraft[] {
  const wanted = (['INPUT', 'OUTPUT'] as const).flatMap((name) => {
    const chain = view.chain('filter', name);
    const body = `${name === 'INPUT' ? '-i' : '-o'} lo -j ACCEPT`;
    const there = chain?.rules.some((rule) => ruleBody(rule) === body);
    const needed = name === refusing || (chain?.policy === 'DROP' && !there);
    return chain && needed ? [insertRules(view, chain, chain.rules[0], [body])] : [];
  });
  const [first] = wanted;
  if (!first) return [];
  const title = wanted.map((fix) => fix.title).join(', ');
  return [{ ...first, title, edits: wanted.flatMap((fix) => fix.edits) }];
}

/** A machine that refuses to talk to itself. */
export const missingLoopbackAccept = defineCheck({
  code: 'FW326',
  name: 'missing-loopback-accept',
  title: 'Connections of this machine to itself are refused',
  severity: 'error',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended', 'cis'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A program on this machine that connects to another one on the same machine is refused: in OUTPUT, or in INPUT when the packet comes back by the loopback interface. The finding shows the packet.',
  rationale:
    'Databases, resolvers, proxies, mail filters and desktop programs talk through 127.0.0.1. A list of what strangers may do that forgets the interface `lo` stops them, and the symptom is a program that hangs, far from any firewall.',
  decision:
    'A packet from 127.0.0.1 to 127.0.0.1 (::1 for IPv6), to a TCP port that no rule is likely to name, is sent by a local process and walked out by `lo` and in again. It is reported if a rule or policy of table filter refuses it; as a remark only, where another rule accepts some packets of `lo` by their protocol or port.',
  exceptions:
    'A router on which no program talks to another one. A machine that allows single ports of `lo` on purpose.',
  references: ['CIS Benchmarks for Linux, "Ensure iptables loopback traffic is configured"'],
  fixes: [{ kind: 'unsafe', does: 'accepts what the machine sends to itself, as the first rule' }],
  examples: {
    bad: [
      {
        title: 'forgotten',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'below a rule that refuses',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m conntrack --ctstate NEW -j REJECT --reject-with tcp-reset
-A INPUT -i lo -j ACCEPT
COMMIT
`,
      },
      {
        title: 'accepted on its way in, refused on its way out',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A OUTPUT -o eth0 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the first rule',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'by its addresses',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 127.0.0.0/8 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'refused is only what comes by another interface',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT ! -i lo -j DROP
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    if (isGuardedElsewhere(context)) return;
    for (const view of context.views) {
      if (!view.chain('filter', 'INPUT')) continue;
      const self = parseAddress(view.family, loopback[view.family]);
      if (!self) continue;
      const walk = context.send({
        src: self,
        dst: self,
        protocol: 6,
        dport: unspokenPort,
        outInterface: 'lo',
      });
      // What is refused before filter is refused to everybody.
      if (!isRefused(walk) || walk.decidedBy?.table !== 'filter') continue;
      const at = deciderOf(view, walk);
      if (!at) continue;
      const chain = walk.decidedBy?.chain;
      const leaves = chain !== undefined && view.hooks('filter', chain).includes('OUTPUT');
      const chosen = view.rules().some(isForLoopback);
      yield {
        at,
        ...(chosen ? { severity: 'info' } : {}),
        message: `Programs of this machine cannot talk to each other by ${loopback[view.family]}: ${deciderText(walk)} refuses what ${leaves ? 'leaves' : 'comes in'} by lo`,
        caption: 'refuses the machine itself',
        why: `packets of the machine to itself pass OUTPUT and INPUT like others, by the interface lo`,
        help: [
          knobOf(view, at) ??
            (leaves
              ? 'as the first rule: -A OUTPUT -o lo -j ACCEPT'
              : 'as the first rule: -A INPUT -i lo -j ACCEPT'),
        ],
        fixes: acceptLoopback(view, leaves ? 'OUTPUT' : 'INPUT'),
        witness: walk,
      };
    }
  },
});
