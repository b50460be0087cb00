import type { Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { changedBody, type FixDraft, replaceRule } from '../fixes/fix-draft.ts';
import { fromElsewhere, refusedAt, tooBig, tooBigErrors } from './support/conversations.ts';
import { wordAfter, wordsOf } from './support/rule-shape.ts';
import { sendOptions, sideOf } from './support/sending.ts';
import { acceptsState, stateOf } from './support/states.ts';
import { strangersInterfaces } from './support/strangers.ts';

type Way = 'INPUT' | 'FORWARD';

/** Whether no error about the size of packets passes, whoever sends it; through this machine, from that interface. */
function noErrorPasses(context: CheckContext, view: RulesetView, way: Way, from: string): boolean {
  const all = context.packets(view);
  const { space } = all;
  const [heading, fate] = way === 'INPUT' ? (['to', 'local'] as const) : (['through', 'forward'] as const);
  const open = all.fates(heading).get(fate)?.may ?? space.none;
  const by = way === 'INPUT' ? fromElsewhere(space) : all.comingBy([from]);
  const errors = space.and(all.describe(tooBigErrors(view.family)).may, by);
  const both = space.and(open, errors);
  return space.isDecided(both) && both === space.none;
}

function judge(context: CheckContext, view: RulesetView, way: Way): FindingDraft | undefined {
  const { family } = view;
  const [from] = strangersInterfaces(context, family);
  const rule = view
    .rules()
    .find(
      (r) =>
        r.table === 'filter' &&
        view.hooks('filter', r.chain).includes(way) &&
        acceptsState(view, r, 'ESTABLISHED') &&
        !acceptsState(view, r, 'RELATED') &&
        !view.owner(r.table, r.chain),
    );
  if (!rule || !from) return undefined;
  const src = context.remoteAddress(family);
  const dst =
    way === 'INPUT'
      ? context.localAddress(family, from.name)
      : context.remoteAddress(family, insideOf(context, view));
  const inside = way === 'FORWARD' ? { outInterface: insideOf(context, view) } : {};
  const options = sendOptions(src, dst, sideOf(from));
  const ends = { inInterface: from.name, src: src.address, dst: dst.address, ...inside };
  // The rule is at work: what it lets in is a whole conversation, and not a part of one that others let in.
  const known = context.send(
    { ...ends, protocol: 6, sport: 443, dport: 40_000, state: 'ESTABLISHED', direction: 'reply' },
    options,
  );
  if (!known.accepted || !known.matched(rule)) return undefined;
  const { protocol, type, code } = tooBig[family];
  const error = context.send(
    { ...ends, protocol, icmpType: type, icmpCode: code, state: 'RELATED', direction: 'original' },
    options,
  );
  if (!refusedAt(error, way) || !noErrorPasses(context, view, way, from.name)) return undefined;
  return {
    at: { kind: 'rule', view, rule },
    message: `ESTABLISHED is accepted without RELATED: errors about these connections are refused, among them the one for packets that are too large`,
    underline: stateOf(view, rule)?.option ?? '-j',
    caption: 'RELATED is missing',
    what: `connections ${way === 'INPUT' ? 'of this machine' : 'through this machine'} hang on large packets wherever a link on the way carries less`,
    why: 'an ICMP error about a connection is RELATED, not ESTABLISHED; so is the second connection of FTP and its like',
    ...(error.decidedBy ? { openedBy: [error.decidedBy] } : {}),
    help: [
      `say RELATED,ESTABLISHED here; without helpers, RELATED is ICMP errors alone`,
      family === 'ipv4'
        ? 'or accept these errors by themselves: -p icmp --icmp-type 3 -m conntrack --ctstate RELATED'
        : 'or accept these errors by themselves: -p icmpv6 --icmpv6-type packet-too-big',
    ],
    fixes: withRelated(view, rule),
    witness: error,
    group: `${family} ${way}`,
  };
}

/** The rule with RELATED before ESTABLISHED, in whichever match asks for the state. */
function withRelated(view: RulesetView, rule: Rule): readonly FixDraft[] {
  const states = /( --(?:ct)?state )((?:[A-Z]+,)*)(?=ESTABLISHED)/;
  const at = rule.matches.findIndex((use) => states.test(use.text));
  if (at < 0) return [];
  const matches = rule.matches.map((use, index) =>
    index === at ? { ...use, text: use.text.replace(states, '$1$2RELATED,') } : use,
  );
  const from = wordAfter(wordsOf(view, rule), ['--ctstate', '--state'])?.text;
  const words = from === undefined ? undefined : { from, to: `RELATED,${from}` };
  return [replaceRule(view, rule, changedBody(rule, { matches }), 'unsafe', words)];
}

function insideOf(context: CheckContext, view: RulesetView): string {
  const all = context.interfaces(view.family).filter((i) => i.side !== 'loopback' && i.side !== 'outside');
  return (all.find((i) => i.side === 'inside') ?? all[0])?.name ?? 'eth1';
}

/** Rules for answers that leave out the errors. */
export const establishedWithoutRelated = defineCheck({
  code: 'FW502',
  name: 'established-without-related',
  title: 'ESTABLISHED without RELATED: errors about connections are refused',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule accepts what is ESTABLISHED and leaves out RELATED, and no other rule lets ICMP errors about these connections in. An error for a packet that is too large is shown as it is refused.',
  rationale:
    'The errors that keep connections alive come from routers in between. Conntrack finds the connection in the packet that they quote, and calls them RELATED. Refused, "fragmentation needed" leaves the sender repeating a packet that never fits: pages load for ever, mail with attachments does not leave, and small things work.',
  decision: `The rule accepts ESTABLISHED and not RELATED at INPUT or FORWARD, and a packet of a known TCP connection is walked and accepted by it. An ICMP error of type 3 code 4 (IPv6: type 2), RELATED, is walked and refused; and of all such errors, from whatever interface but \`lo\` (through this machine: from outside), none is accepted there, whatever falls how. So errors that are let in by their ICMP type are enough.`,
  exceptions:
    'Connections that never send large packets; a path whose MTU is known to be the same everywhere.',
  references: [
    'RFC 2923 (TCP problems with path MTU discovery)',
    'https://github.com/adrelanos/vpn-firewall/issues/9',
  ],
  yieldsTo: ['FW316'],
  mentions: (family) => tooBigErrors(family),
  fixes: [{ kind: 'unsafe', does: 'adds RELATED to the states' }],
  examples: {
    bad: [
      {
        title: 'a host that lets in ESTABLISHED alone',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -s 192.0.2.0/24 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'pings are let in, errors are not',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m state --state ESTABLISHED -j ACCEPT
-A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m state --state NEW -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a gateway',
        rules: `*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i eth0 -o eth1 -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A FORWARD -s 192.168.1.0/24 -i eth1 -o eth0 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'both states',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'errors are accepted by their type',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -p icmp -m icmp --icmp-type 3 -j ACCEPT
-A INPUT -p icmp -m icmp --icmp-type 11 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'two rules, one for each state',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -p icmp -m conntrack --ctstate RELATED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'everything else is accepted anyway',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 3306 -j DROP
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const way of ['INPUT', 'FORWARD'] as const) {
        const found = judge(context, view, way);
        if (found) yield found;
      }
    }
  },
});
