import { multiport } from '../../extensions/matches/multiport.ts';
import { tcp } from '../../extensions/matches/tcp.ts';
import { udp } from '../../extensions/matches/udp.ts';
import { DNAT } from '../../extensions/targets/DNAT.ts';
import type { Rule } from '../../model/ruleset.ts';
import { defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { changedBody, type FixDraft, replaceRule } from '../fixes/fix-draft.ts';

type Ports = readonly { readonly low: number; readonly high: number }[];

/** The destination ports that a rule asks for; undefined if it does not name them one way or another. */
function portsOf(view: RulesetView, rule: Rule): Ports | undefined {
  const plain = view.find(rule, tcp)?.dport ?? view.find(rule, udp)?.dport;
  if (plain) return plain.negated ? undefined : [plain];
  const several = view.find(rule, multiport);
  return several && !several.negated && several.side === 'destination' ? several.ports : undefined;
}

const portText = (p: { readonly low: number; readonly high: number }): string =>
  p.low === p.high ? String(p.low) : `${p.low}:${p.high}`;

/** The rule with a base port behind the range, or without ports. */
function corresponding(view: RulesetView, rule: Rule, basePort: number | undefined): FixDraft {
  const to = /( --to-destination (?:\[[^\]\s]*\]|[^\s:[]+)):(\S+)/;
  const body = changedBody(rule, {}).replace(to, basePort === undefined ? '$1' : `$1:$2/${basePort}`);
  return replaceRule(view, rule, body);
}

function judge(view: RulesetView, rule: Rule): FindingDraft | undefined {
  const range = view.findTarget(rule, DNAT)?.range;
  const asked = range && portsOf(view, rule);
  if (!range?.ports || !asked || range.basePort !== undefined) return undefined;
  const [low, high] = range.ports;
  // The kernel keeps a port that lies in the range already.
  if (asked.every((p) => low <= p.low && p.high <= high)) return undefined;
  const count = asked.reduce((n, p) => n + p.high - p.low + 1, 0);
  if (count < 2) return undefined;
  const single = low === high;
  const text = asked.map(portText).join(',');
  const [first] = asked;
  const straight = asked.length === 1 && first && first.high - first.low === high - low;
  return {
    at: { kind: 'rule', view, rule },
    confidence: 'proved',
    message: single
      ? `${count} ports (${text}) all become port ${low}: which one was asked for is lost`
      : `Ports ${text} become any of ${low} to ${high}: the kernel picks one, not the one that corresponds`,
    underline: '--to-destination',
    caption: single ? 'one port for all' : 'a range without a base port',
    why: single
      ? 'without a port in --to-destination the port stays as it was; with one, it is this one for every connection'
      : 'a range of ports is a choice for each connection; only a base port behind it (LOW-HIGH/BASE) moves ports one by one',
    help: [
      straight
        ? `to move the ports one by one: --to-destination ADDRESS:${low}-${high}/${first.low}`
        : 'to keep the ports, leave them out: --to-destination ADDRESS',
    ],
    fixes: [corresponding(view, rule, straight && first ? first.low : undefined)],
  };
}

/** Ranges of ports that are translated otherwise than they read. */
export const dnatPortArithmetic = defineCheck({
  code: 'FW412',
  name: 'dnat-port-arithmetic',
  title: 'Ports that a DNAT does not translate one by one',
  severity: 'warning',
  confidences: ['proved'],
  groups: [],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A DNAT takes several ports and gives them one port, or a range that is not theirs. The ports are not moved one by one, although the rule reads as if they were.',
  rationale:
    'With one port behind the address, every connection goes to that port. With a range, the kernel picks any free port of it for each connection, also where both ranges are of one size: 8005 may become 9002. Only `LOW-HIGH/BASE` moves each port by the same distance.',
  decision:
    'The rule names several destination ports, `--to-destination` has a port or a range without a base, and not all of the ports lie in that range already (those the kernel keeps).',
  exceptions:
    'Several ports that are meant to reach one service, such as 80 and 8080 for one web server; traps that take in everything. REDIRECT is not reported: it is mostly used for just that.',
  references: [
    'man iptables-extensions(8), DNAT',
    'net/netfilter/nf_nat_core.c nf_nat_l4proto_unique_tuple()',
  ],
  fixes: [{ kind: 'unsafe', does: 'moves the ports one by one, or keeps them' }],
  examples: {
    bad: [
      {
        title: 'eleven ports become one',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 8000:8010 -j DNAT --to-destination 10.0.0.5:9000
COMMIT
`,
      },
      {
        title: 'ranges of one size are not moved port by port',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 8000:8010 -j DNAT --to-destination 10.0.0.5:9000-9010
COMMIT
`,
      },
      {
        title: 'http and https to one port',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m multiport --dports 80,443 -j DNAT --to-destination 10.0.0.5:8080
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'no port: it stays as it is',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 8000:8010 -j DNAT --to-destination 10.0.0.5
COMMIT
`,
      },
      {
        title: 'a base port moves them one by one',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 8000:8010 -j DNAT --to-destination 10.0.0.5:9000-9010/8000
COMMIT
`,
      },
      {
        title: 'the same range: ports within it are kept',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p udp -m udp --dport 10000:10100 -j DNAT --to-destination 10.0.0.5:10000-10100
COMMIT
`,
      },
      {
        title: 'one port to another',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.0.0.5:80
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const rule of view.rules()) {
        const found = view.writer(rule) ? undefined : judge(view, rule);
        if (found) yield found;
      }
    }
  },
});
