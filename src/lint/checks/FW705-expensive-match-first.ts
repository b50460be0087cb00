import type { Rule } from '../../model/ruleset.ts';
import { defineCheck, type RulesetView } from '../check.ts';
import { conditionsOf } from './support/rule-shape.ts';

/** Matches that look into the packet's contents, byte by byte. */
const costly: ReadonlySet<string> = new Set(['string', 'u32', 'bpf', 'layer7', 'geoip']);

/** Matches that are decided before a packet's contents are looked at, when they stand first. */
const cheap: ReadonlySet<string> = new Set([
  'tcp',
  'udp',
  'multiport',
  'icmp',
  'icmp6',
  'mark',
  'conntrack',
  'state',
  'length',
  'addrtype',
]);

function asksFirst(rule: Rule): boolean {
  const { src, dst, protocol, inInterface, outInterface } = rule.base;
  if (src || dst || protocol || inInterface || outInterface) return true;
  const matches = conditionsOf(rule);
  const at = matches.findIndex((m) => costly.has(m.extension));
  return matches.slice(0, at < 0 ? matches.length : at).some((m) => cheap.has(m.extension));
}

/** Whether every packet of some hook comes to the chain, or the rule, without having been asked anything. */
function isAskedOfAll(view: RulesetView, rule: Rule, depth = 0): boolean {
  if (asksFirst(rule) || depth > 8) return false;
  const chain = view.chain(rule.table, rule.chain);
  if (chain?.hook !== undefined) return true;
  return view.callers(rule.table, rule.chain).some((caller) => isAskedOfAll(view, caller, depth + 1));
}

/** Matches on contents, for every packet. */
export const expensiveMatchFirst = defineCheck({
  code: 'FW705',
  name: 'expensive-match-first',
  title: 'The contents of every packet are searched',
  severity: 'info',
  confidences: ['proved'],
  groups: ['perf'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A rule looks into the contents of packets (`string`, `u32`, `bpf` …), and neither it nor the jumps to it ask for a protocol, a port, an address or an interface first.',
  rationale:
    'The kernel asks a rule’s conditions in their order and stops at the first that is not met. Without a cheap one in front, each byte of each packet is searched. And what TLS has encrypted is not found at all.',
  decision:
    'The rule has such a match, and no address, interface, protocol or cheap match stands before it; the same holds for some way of jumps from a built-in chain.',
  exceptions: 'Machines with little traffic.',
  references: ['man iptables-extensions(8), string'],
  examples: {
    bad: [
      {
        title: 'a word, searched for everywhere',
        rules: `*filter
:INPUT ACCEPT [0:0]
-A INPUT -m string --string "wp-login" --algo bm --to 65535 -j DROP
COMMIT
`,
      },
      {
        title: 'bytes by their place',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m u32 --u32 "0>>22&0x3C@ 0>>16=80" -j DROP
COMMIT
`,
      },
      {
        title: 'behind a jump that asks nothing',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:words - [0:0]
-A INPUT -j words
-A words -m string --string "cmd.exe" --algo kmp --to 65535 -j DROP
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the port first',
        rules: `*filter
:INPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED ! -p tcp -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 --tcp-flags PSH,ACK PSH,ACK -m string --string "wp-login" --algo bm --to 300 -j DROP
COMMIT
`,
      },
      {
        title: 'the jump asks for it',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:web - [0:0]
-A INPUT -p tcp -m tcp --dport 80 -j web
-A web -m string --string "cmd.exe" --algo kmp --to 65535 -j DROP
COMMIT
`,
      },
      {
        title: 'no contents',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const rule of view.rules()) {
        const use = rule.matches.find((m) => costly.has(m.extension));
        if (!use || view.owner(rule.table, rule.chain) || !isAskedOfAll(view, rule)) continue;
        yield {
          at: { kind: 'rule', view, rule },
          confidence: 'proved',
          message: `"-m ${use.extension}" searches the contents of every packet that comes to ${rule.chain}`,
          underline: `-m ${use.extension}`,
          caption: 'nothing is asked before',
          help: ['ask for the protocol and the port first: -p tcp --dport PORT'],
          group: `${view.family} ${rule.table} ${rule.chain} ${use.extension}`,
        };
      }
    }
  },
});
