import type { Rule } from '../../model/ruleset.ts';
import { prefixLength } from '../../net/address.ts';
import { networkText, networkTextShort } from '../../net/address-text.ts';
import { defineCheck, type RulesetView } from '../check.ts';
import { changedBody, type FixDraft, type RuleEdit } from '../fixes/fix-draft.ts';
import { runsOf } from './support/costs.ts';
import { countOf } from './support/rule-shape.ts';

/** Rules in a row that a set would be worth. */
const rulesMin = 20;

const sides = [
  { key: 'src', option: '-s', dir: 'src', what: 'source' },
  { key: 'dst', option: '-d', dir: 'dst', what: 'destination' },
] as const;

/** Names of sets that no rule asks for yet, so that a new one does not fill one that is in use. */
function freeName(view: RulesetView, wanted: string): string {
  const { text } = view.source;
  let name = wanted;
  for (let n = 2; text.includes(name); n++) name = `${wanted}-${n}`;
  return name;
}

/** A set of networks takes none with holes in its mask, and not the one that is everything. */
function fitsInSet(rule: Rule, key: 'src' | 'dst'): boolean {
  const value = rule.base[key]?.value;
  return value !== undefined && (prefixLength(value.mask) ?? 0) > 0;
}

/** A set with the addresses, one rule that asks it in place of the first, and the others gone. */
function asSet(view: RulesetView, run: readonly Rule[], key: 'src' | 'dst'): FixDraft {
  const [first, ...others] = run;
  const name = freeName(view, `${first?.chain.slice(0, 20) ?? ''}-${key}`);
  const family = view.family === 'ipv4' ? 'inet' : 'inet6';
  const edits: RuleEdit[] = others.map((rule) => ({ kind: 'delete', rule }));
  if (first) {
    const asked = {
      extension: 'set',
      known: true,
      data: undefined,
      text: `-m set --match-set ${name} ${key}`,
    };
    const base = { ...first.base, [key]: undefined };
    const kept = first.matches.filter((use) => use.extension !== 'comment');
    edits.unshift({
      kind: 'replace',
      rule: first,
      body: changedBody(first, { base, matches: [asked, ...kept] }),
    });
  }
  const networks = [...new Set(run.flatMap((rule) => rule.base[key]?.value ?? []).map(networkText))];
  return {
    title: `put ${networks.length} addresses into a set and ask it in rule ${(first?.index ?? 0) + 1} of ${first?.chain ?? ''}`,
    applicability: 'suggestion',
    view,
    edits,
    setup: [
      ['ipset', 'create', name, 'hash:net', 'family', family],
      ...networks.map((network) => ['ipset', 'add', name, network]),
    ],
  };
}

/** Long lists of addresses, one rule for each. */
export const linearAddressList = defineCheck({
  code: 'FW702',
  name: 'linear-address-list',
  title: 'A list of addresses, one rule for each',
  severity: 'info',
  confidences: ['proved'],
  groups: ['perf'],
  state: 'stable',
  since: '0.1.0',
  reports: 'Twenty rules or more in a row differ in one address alone. An ipset holds them in one rule.',
  rationale:
    'A packet is compared with every one of them, and each change loads the whole table again. A set is looked up once, however large it is, and changes without touching the rules.',
  decision:
    'Neighbours with the same target and the same conditions but for `-s`, or but for `-d`, none of them negated. In chains of known programs the setting of the program is named instead.',
  exceptions: 'Machines without ipset; boot sequences in which the sets would come after the rules.',
  references: ['man ipset(8)', 'https://github.com/mkorthof/ipset-country'],
  fixes: [{ kind: 'suggestion', does: 'makes a set of the addresses and asks it in one rule' }],
  examples: {
    bad: [
      {
        title: 'twenty hosts',
        rules: `*filter
:INPUT ACCEPT [0:0]
${Array.from({ length: 20 }, (_, i) => `-A INPUT -s 198.51.100.${i + 1}/32 -j DROP\n`).join('')}COMMIT
`,
      },
      {
        title: 'networks that are not to be reached',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
${Array.from({ length: 24 }, (_, i) => `-A FORWARD -d 10.${i}.0.0/16 -i eth1 -p tcp -m tcp --dport 445 -j DROP\n`).join('')}COMMIT
`,
      },
      {
        title: 'the bans of a program',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:f2b-sshd - [0:0]
-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
${Array.from({ length: 30 }, (_, i) => `-A f2b-sshd -s 192.0.2.${i + 1}/32 -j REJECT --reject-with icmp-port-unreachable\n`).join('')}-A f2b-sshd -j RETURN
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'a set',
        rules: `*filter
:INPUT ACCEPT [0:0]
-A INPUT -m set --match-set blocked src -j DROP
COMMIT
`,
      },
      {
        title: 'a few',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 198.51.100.1/32 -j DROP
-A INPUT -s 198.51.100.2/32 -j DROP
-A INPUT -s 198.51.100.3/32 -j DROP
COMMIT
`,
      },
      {
        title: 'many addresses, each with a service of its own',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
${Array.from({ length: 20 }, (_, i) => `-A INPUT -s 198.51.100.${i + 1}/32 -p tcp -m tcp --dport ${9000 + i} -j ACCEPT\n`).join('')}COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const table of view.ruleset.tables) {
        for (const chain of table.chains) {
          for (const { key, option, dir, what } of sides) {
            const runs = runsOf(chain, [key], rulesMin, (r) => r.base[key]?.negated === false);
            for (const run of runs) {
              const [first] = run;
              const address = first?.base[key]?.value;
              if (!first || !address) continue;
              const owner = view.owner(table.name, chain.name);
              yield {
                at: { kind: 'rule', view, rule: first },
                confidence: 'proved',
                message: `${countOf(run.length, 'rule')} from here on differ in the ${what} alone: a set would be one rule`,
                underline: `${option} ${networkTextShort(address)}`,
                caption: `the first of ${run.length}`,
                help: [
                  owner
                    ? `${owner.name} writes these: look whether it can use an ipset (${owner.knob})`
                    : `ipset create NAME hash:net, add the addresses, and one rule with -m set --match-set NAME ${dir}`,
                ],
                fixes: owner || !run.every((r) => fitsInSet(r, key)) ? [] : [asSet(view, run, key)],
              };
            }
          }
        }
      }
    }
  },
});
