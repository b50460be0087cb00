import { comment } from '../../extensions/matches/comment.ts';
import type { Rule } from '../../model/ruleset.ts';
import { type Network, networkContains, prefix, prefixLength, sameAddress } from '../../net/address.ts';
import { networkText } from '../../net/address-text.ts';
import { defineCheck, type RulesetView } from '../check.ts';
import { changedBody, type FixDraft, type RuleEdit } from '../fixes/fix-draft.ts';
import { runsOf } from './support/costs.ts';
import { countOf, isDecidedByPacket, listText } from './support/rule-shape.ts';

const lengthOf = (net: Network): number => prefixLength(net.mask) ?? -1;

/** The network that two networks make together, if they make one exactly. */
function joined(a: Network, b: Network): Network | undefined {
  const [wide, narrow] = lengthOf(a) <= lengthOf(b) ? [a, b] : [b, a];
  if (lengthOf(wide) < 0) return undefined;
  if (networkContains(wide, narrow.address)) return wide;
  if (lengthOf(wide) !== lengthOf(narrow) || lengthOf(wide) === 0) return undefined;
  const parent = prefix(wide.address, lengthOf(wide) - 1);
  return sameAddress(prefix(narrow.address, lengthOf(wide) - 1).address, parent.address) ? parent : undefined;
}

/** The fewest networks that hold the same addresses. Networks with holes in their mask are kept as they are. */
function merged(list: readonly Network[]): readonly Network[] {
  const out: Network[] = [];
  for (const net of list) {
    let next = net;
    for (let i = out.length - 1; i >= 0; i--) {
      const known = out[i];
      const both = known && joined(known, next);
      if (!both) continue;
      out.splice(i, 1);
      next = both;
      i = out.length;
    }
    out.push(next);
  }
  return out;
}

/** Outcomes after which no further rule of the run is asked. */
const ends: ReadonlySet<string> = new Set(['accept', 'drop', 'return']);

const sides = [
  { key: 'src', option: '-s' },
  { key: 'dst', option: '-d' },
] as const;

/** The rules with the fewer networks in them: those that have one of them stay, others take the rest, or go. */
function joinedRules(
  view: RulesetView,
  run: readonly Rule[],
  key: 'src' | 'dst',
  fewer: readonly Network[],
): readonly FixDraft[] {
  // Which of the comments would be true of the whole?
  if (run.some((rule) => view.find(rule, comment))) return [];
  const missing = new Map(fewer.map((net) => [networkText(net), net]));
  const left = run.filter((rule) => {
    const own = rule.base[key];
    return own === undefined || !missing.delete(networkText(own.value));
  });
  const wanted = [...missing.values()];
  const edits = left.map((rule, index): RuleEdit => {
    const value = wanted[index];
    if (value === undefined) return { kind: 'delete', rule };
    const base = { ...rule.base, [key]: { value, negated: false } };
    return { kind: 'replace', rule, body: changedBody(rule, { base }) };
  });
  const title = `write ${listText(fewer.map(networkText), 3)} in ${fewer.length} of ${run.length} rules of ${run[0]?.chain ?? ''}`;
  return [{ title, applicability: 'safe', view, edits }];
}

/** Networks in neighbouring rules that are one network. */
export const mergeablePrefixes = defineCheck({
  code: 'FW709',
  name: 'mergeable-prefixes',
  title: 'Networks that can be written as fewer',
  severity: 'info',
  confidences: ['proved'],
  groups: ['perf'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'Neighbours that differ in one network alone name networks that are halves of one, or lie within each other. Fewer rules match the same packets.',
  rationale: 'Each rule is a comparison of its own, and a list with fewer entries is easier to check.',
  decision:
    'Neighbours with the same target and the same conditions but for `-s`, or but for `-d`, that the packet alone decides and that end the packet’s way through the chain. Two networks are joined only if they make one network exactly.',
  exceptions: 'Lists that are fetched from elsewhere and loaded as they come.',
  references: ['RFC 4632'],
  fixes: [{ kind: 'safe', does: 'writes the fewest networks, where no comment would be lost' }],
  examples: {
    bad: [
      {
        title: 'two halves',
        rules: `*filter
:INPUT ACCEPT [0:0]
-A INPUT -s 198.51.100.0/25 -j DROP
-A INPUT -s 198.51.100.128/25 -j DROP
COMMIT
`,
      },
      {
        title: 'one within the other',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 192.168.1.7/32 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -s 192.168.1.0/24 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'four quarters',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -d 10.1.0.0/18 -j DROP
-A FORWARD -d 10.1.64.0/18 -j DROP
-A FORWARD -d 10.1.128.0/18 -j DROP
-A FORWARD -d 10.1.192.0/18 -j DROP
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the whole',
        rules: `*filter
:INPUT ACCEPT [0:0]
-A INPUT -s 198.51.100.0/24 -j DROP
COMMIT
`,
      },
      {
        title: 'neighbours that are no halves of one network',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 198.51.100.1/32 -j DROP
-A INPUT -s 198.51.100.2/32 -j DROP
COMMIT
`,
      },
      {
        title: 'different services',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 198.51.100.0/25 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -s 198.51.100.128/25 -p tcp -m tcp --dport 80 -j ACCEPT
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
          for (const { key, option } of sides) {
            for (const run of runsOf(chain, [key], 2, (r) => r.base[key]?.negated === false)) {
              const [first] = run;
              // Who lies in two of the networks must not meet the target twice.
              if (!first || !ends.has(view.effect(first).outcome)) continue;
              if (!isDecidedByPacket(context, view, first)) continue;
              const networks = run.flatMap((r) => (r.base[key] ? [r.base[key].value] : []));
              const fewer = merged(networks);
              if (fewer.length === networks.length) continue;
              yield {
                at: { kind: 'rule', view, rule: first },
                confidence: 'proved',
                message: `${countOf(run.length, 'rule')} from here on differ in ${option} alone, and ${fewer.length} would do`,
                underline: option,
                caption: `the first of ${run.length}`,
                help: [`write ${listText(fewer.map(networkText), 6)}`],
                fixes: joinedRules(view, run, key, fewer),
                group: `${view.family} ${table.name} ${chain.name}`,
              };
            }
          }
        }
      }
    }
  },
});
