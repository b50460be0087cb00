import type { Chain, Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import { changedBody, deleteRules, type FixDraft } from '../fixes/fix-draft.ts';
import { decisions } from './support/decisions.ts';
import { sendOptions, sideOf } from './support/sending.ts';
import { admitsState, stateOf } from './support/states.ts';
import { strangersInterfaces } from './support/strangers.ts';

/** An ordinary packet of the rule, of a connection that exists: one that a rule about states should tell apart. */
function packetFor(context: CheckContext, view: RulesetView, rule: Rule): Walk | undefined {
  const { family } = view;
  const [from] = strangersInterfaces(context, family);
  const inbound = view.hooks('raw', rule.chain).includes('PREROUTING');
  const asked = rule.base.inInterface;
  const name = asked && !asked.negated && asked.value.exact ? asked.value.name : from?.name;
  if (name === undefined || name === 'lo') return undefined;
  const remote = context.remoteAddress(family, name);
  const local = context.localAddress(family, name);
  const [src, dst] = inbound ? [remote, local] : [local, remote];
  const options = sendOptions(src, dst, ...(from ? [sideOf(from)] : []));
  const bare: Rule = {
    ...rule,
    matches: rule.matches.filter((m) => !['conntrack', 'state'].includes(m.extension)),
  };
  const given = {
    ...(rule.base.src ? {} : { src: src.address }),
    ...(rule.base.dst ? {} : { dst: dst.address }),
    ...(inbound ? { inInterface: name } : {}),
  };
  const [sketch] = context.packetsOf(view, bare, given);
  return sketch && context.send({ ...sketch, state: 'ESTABLISHED', direction: 'original' }, options);
}

/** The same hook one table later; most texts have no table mangle, and only the commands can say it then. */
function behindTracking(view: RulesetView, rule: Rule): readonly FixDraft[] {
  const { target, chain: name } = rule;
  if (target.kind !== 'verdict' || (name !== 'PREROUTING' && name !== 'OUTPUT')) return [];
  const chain: Chain = view.chain('mangle', name) ?? {
    name,
    table: 'mangle',
    hook: name,
    policy: 'ACCEPT',
    counters: undefined,
    rules: [],
    declared: false,
    offset: -1,
    line: 0,
  };
  return [
    {
      title: `move rule ${rule.index + 1} of raw ${name} to mangle ${name}`,
      applicability: 'unsafe',
      view,
      edits: [
        { kind: 'insert', chain, before: chain.rules[0], body: changedBody(rule, {}) },
        { kind: 'delete', rule },
      ],
    },
  ];
}

function judge(context: CheckContext, view: RulesetView, rule: Rule): FindingDraft | undefined {
  const states = stateOf(view, rule);
  if (!states || view.hooks('raw', rule.chain).length === 0) return undefined;
  // What NOTRACK has done is seen by the rules behind it.
  if (admitsState(view, rule, 'UNTRACKED') && !admitsState(view, rule, 'INVALID')) return undefined;
  const walk = packetFor(context, view, rule);
  if (!walk || walk.fate === 'undecided') return undefined;
  const common = {
    at: { kind: 'rule', view, rule },
    underline: states.option,
    why: 'table raw comes before connection tracking: a packet has no state there yet, which reads as INVALID',
  } as const;
  if (admitsState(view, rule, 'INVALID')) {
    const denied = decisions(view, rule).has('deny');
    const refused = walk.decidedBy?.table === 'raw' && (walk.fate === 'drop' || walk.fate === 'reject');
    if (!walk.matched(rule)) return undefined;
    return {
      ...common,
      severity: denied && refused ? 'error' : 'warning',
      message:
        denied && refused
          ? 'In table raw this state is that of every packet: connections that are in order are refused as well'
          : 'In table raw this state is that of every packet: the condition asks for nothing',
      caption: 'true of every packet',
      help: ['put the rule into table filter, or mangle PREROUTING, where states are known'],
      fixes: behindTracking(view, rule),
      witness: walk,
    };
  }
  const standing = context.answers(view).standing(rule);
  if (walk.matched(rule) || standing === 'undecided') return undefined;
  return {
    ...common,
    message: 'In table raw no packet has this state yet: the rule does not match what it is meant for',
    caption: 'true of no packet',
    ...(standing === 'live'
      ? { what: 'only packets that this machine sends to itself come by lo with a connection' }
      : {}),
    help: ['delete the rule, or put it into table filter, where states are known'],
    fixes: [...behindTracking(view, rule), ...(standing === 'dead' ? [deleteRules(view, [rule])] : [])],
    witness: walk,
  };
}

/** Rules of table raw that ask for the state of a connection. */
export const stateInRaw = defineCheck({
  code: 'FW509',
  name: 'state-in-raw',
  title: 'A rule of table raw that asks for the state of connections',
  severity: 'error',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule of table raw asks for a state. Conntrack has not looked at the packet there: NEW, RELATED and ESTABLISHED match nothing, INVALID and every negation match every packet. It is an error where packets of connections that are in order are dropped by it.',
  rationale:
    'Raw is there for what is to happen before connection tracking. The match for states finds no connection at a packet and takes it for INVALID, so "drop what is INVALID" at the very beginning cuts the machine off, and "let in what is ESTABLISHED" lets in nothing.',
  decision:
    'A packet of a known connection that the other conditions describe is sent. Either it matches a state that it does not have, or it passes a rule whose state it has, and the sets of all packets say that no packet from elsewhere matches. Packets that the machine sends to itself bring their connection along by `lo`; the finding says so.',
  exceptions:
    'None is known. A rule for UNTRACKED below one for NOTRACK does what it says, and is not reported.',
  references: ['man iptables(8), tables', 'net/netfilter/xt_conntrack.c conntrack_mt()'],
  fixes: [
    { kind: 'unsafe', does: 'moves the rule to table mangle, where states are known' },
    { kind: 'safe', does: 'deletes the rule, where no packet is what it asks for' },
  ],
  examples: {
    bad: [
      {
        title: 'answers are not let in here, and bans take them',
        rules: `*raw
-A PREROUTING -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A PREROUTING -s 203.0.113.0/24 -j DROP
COMMIT
`,
      },
      {
        title: 'INVALID is everybody',
        rules: `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -d 203.0.113.1/32 -i eth0 -m conntrack --ctstate INVALID -j DROP
COMMIT
`,
      },
      {
        title: 'not ESTABLISHED is everybody, too',
        rules: `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -d 203.0.113.1/32 -i eth0 -p tcp -m tcp --dport 22 -m state ! --state ESTABLISHED -j DROP
COMMIT
`,
      },
      {
        title: 'from outside, nothing has a connection yet',
        rules: `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -i eth0 -m conntrack --ctstate ESTABLISHED -j ACCEPT
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'bans without a state',
        rules: `*raw
-A PREROUTING -s 203.0.113.0/24 -j DROP
COMMIT
`,
      },
      {
        title: 'mangle comes after connection tracking',
        rules: `*mangle
:PREROUTING ACCEPT [0:0]
-A PREROUTING -m conntrack --ctstate INVALID -j DROP
COMMIT
`,
      },
      {
        title: 'what is not to be tracked, by its port',
        rules: `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p udp -m udp --dport 53 -j CT --notrack
-A PREROUTING -m conntrack --ctstate UNTRACKED -j ACCEPT
-A OUTPUT -p udp -m udp --sport 53 -j CT --notrack
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      const chains = (view.table('raw')?.chains ?? []).filter((c) => !view.owner('raw', c.name));
      for (const rule of chains.flatMap((c) => c.rules)) {
        const found = judge(context, view, rule);
        if (found) yield found;
      }
    }
  },
});
