import { multiport } from '../../extensions/matches/multiport.ts';
import { tcp } from '../../extensions/matches/tcp.ts';
import { udp } from '../../extensions/matches/udp.ts';
import type { Hook } from '../../model/netfilter.ts';
import type { Rule } from '../../model/ruleset.ts';
import { type Address, type Network, sameAddress } from '../../net/address.ts';
import { addressText } from '../../net/address-text.ts';
import {
  type CheckContext,
  type ChosenAddress,
  defineCheck,
  type FindingDraft,
  type PacketSketch,
  type RulesetView,
  type SendOptions,
  type Walk,
} from '../check.ts';
import { countOf } from './support/rule-shape.ts';
import { accepts, rulesAt } from './support/rules-at.ts';
import { sendOptions, sideOf } from './support/sending.ts';
import { type Service, servicesOf, serviceText } from './support/services.ts';
import { insideInterfaces, strangersInterfaces } from './support/strangers.ts';

/** Where the first packets pass whose answers pass here. */
const opposite = { INPUT: 'OUTPUT', OUTPUT: 'INPUT', FORWARD: 'FORWARD' } as const satisfies Partial<
  Record<Hook, Hook>
>;

type FilterHook = keyof typeof opposite;

/** The single source ports that a rule asks for. */
function sourceServices(view: RulesetView, rule: Rule): readonly Service[] {
  const { protocol } = rule.base;
  if (!protocol || protocol.negated) return [];
  const one = view.find(rule, tcp)?.sport ?? view.find(rule, udp)?.sport;
  const list = view.find(rule, multiport);
  const ranges = [
    ...(one && !one.negated ? [one] : []),
    ...(list && !list.negated && list.side === 'source' ? list.ports : []),
  ];
  return ranges.filter((r) => r.low === r.high).map((r) => ({ protocol: protocol.value, port: r.low }));
}

type NetCondition = { readonly value: Network; readonly negated: boolean } | undefined;

/** Whether two conditions on networks ask for the same. */
function sameNet(a: NetCondition, b: NetCondition): boolean {
  if (!a || !b) return a === b;
  return (
    a.negated === b.negated &&
    sameAddress(a.value.address, b.value.address) &&
    sameAddress(a.value.mask, b.value.mask)
  );
}

/** An accept at the other hook for the packets that these would be the answers to. */
function mirrorOf(view: RulesetView, rule: Rule, hook: FilterHook): Rule | undefined {
  const answers = new Set(sourceServices(view, rule).map(serviceText));
  if (answers.size === 0) return undefined;
  return rulesAt(view, opposite[hook]).find(
    (other) =>
      other !== rule &&
      accepts(other) &&
      sourceServices(view, other).length === 0 &&
      servicesOf(view, other).some((s) => answers.has(serviceText(s))) &&
      sameNet(other.base.src, rule.base.dst) &&
      sameNet(other.base.dst, rule.base.src),
  );
}

/** Whether the rule takes answers in whatever state they are: some of connections that are known, none untracked. */
function takesAnswers(context: CheckContext, view: RulesetView, rule: Rule, hook: FilterHook): boolean {
  const all = context.packets(view);
  const { space } = all;
  if (!space.codec.fields.has('ctState')) return true;
  if (space.fieldsOf(all.conditions(rule)).includes('ctState')) return false;
  const taken = (['to', 'out'] as const).flatMap((heading) =>
    all
      .road(heading)
      .visits.filter((v) => v.table === 'filter' && v.hook === hook)
      .map((v) => v.taking(rule)),
  );
  const meets = (state: string): boolean =>
    taken.some((set) => space.and(set, space.named('ctState', state)) !== space.none);
  return meets('ESTABLISHED') && !meets('UNTRACKED');
}

/** What a packet at this hook may look like, as far as the rule leaves it open, and what it rests on. */
function* likely(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  hook: FilterHook,
): Iterable<{ readonly given: Partial<PacketSketch>; readonly options: SendOptions }> {
  const { family } = view;
  const { src: from, dst: to } = rule.base;
  const ends = (src: ChosenAddress, dst: ChosenAddress): Partial<PacketSketch> => ({
    ...(from ? {} : { src: src.address }),
    ...(to ? {} : { dst: dst.address }),
  });
  const far = context.remoteAddress(family);
  const own = context.localAddress(family);
  if (hook === 'OUTPUT')
    yield { given: { inInterface: undefined, ...ends(own, far) }, options: sendOptions(own, far) };
  if (hook === 'INPUT') yield { given: ends(far, own), options: sendOptions(far, own) };
  if (hook !== 'FORWARD') return;
  const [outer] = strangersInterfaces(context, family);
  const [inner] = insideInterfaces(context, family, outer?.name ?? '');
  if (!outer || !inner) return;
  const near = context.remoteAddress(family, inner.name);
  const sides = sendOptions(sideOf(outer), sideOf(inner));
  const assume = (dst: Address): readonly string[] => [`remote=${addressText(to?.value.address ?? dst)}`];
  yield {
    given: { inInterface: outer.name, outInterface: inner.name, ...ends(far, near) },
    options: { ...sides, assume: assume(near.address) },
  };
  yield {
    given: { inInterface: inner.name, outInterface: outer.name, ...ends(near, far) },
    options: { ...sides, assume: assume(far.address) },
  };
}

/** A packet that nobody has asked for, and that the rule takes for an answer. */
function unasked(context: CheckContext, view: RulesetView, rule: Rule, hook: FilterHook): Walk | undefined {
  for (const { given, options } of likely(context, view, rule, hook))
    for (const sketch of context.packetsOf(view, rule, given)) {
      const walk = context.send(sketch, options);
      if (walk.accepted && walk.matched(rule) && walk.hooks.includes(hook)) return walk;
    }
  return undefined;
}

function* judge(context: CheckContext, view: RulesetView, hook: FilterHook): Iterable<FindingDraft> {
  const pairs = rulesAt(view, hook).flatMap((rule) => {
    if (!accepts(rule) || view.writer(rule)) return [];
    const asks = mirrorOf(view, rule, hook);
    return asks && takesAnswers(context, view, rule, hook) ? [{ rule, asks }] : [];
  });
  const [first] = pairs;
  if (!first) return;
  const walk = unasked(context, view, first.rule, hook);
  if (!walk) return;
  const services = sourceServices(view, first.rule).map(serviceText).join(', ');
  const more = pairs.length - 1;
  yield {
    at: { kind: 'rule', view, rule: first.rule },
    message: `Answers of ${services} are told by their port, not by their connection${more > 0 ? `; ${countOf(more, 'more rule')} of ${hook} likewise` : ''}`,
    underline: '--sport',
    caption: 'chosen by the sender',
    what: 'what was never asked for passes as an answer, and answers from other ports, errors by ICMP among them, do not',
    why: 'the pair of rules does by hand what connection tracking does for each connection',
    related: [
      { message: 'lets out what is answered', at: { kind: 'rule', view, rule: first.asks } },
      ...pairs
        .slice(1, 4)
        .map(({ rule }) => ({ message: 'the same', at: { kind: 'rule', view, rule } as const })),
    ],
    help: [
      `one rule at the top of ${hook}: -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; then the rules for answers can go`,
    ],
    witness: walk,
    covers: pairs.slice(1).map(({ rule }) => ({ kind: 'rule', view, rule })),
  };
}

const filter = (rules: string): string => `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
-A OUTPUT -o lo -j ACCEPT
${rules}COMMIT
`;

/** Pairs of rules that stand for connection tracking. */
export const statelessReplyRules = defineCheck({
  code: 'FW506',
  name: 'stateless-reply-rules',
  title: 'Answers are accepted by their source port',
  severity: 'info',
  confidences: ['proved', 'context', 'inferred'],
  groups: [],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A rule accepts packets by the port that they come from, and another one, at the hook of the other direction, accepts what they would be answers to. Neither asks for the state of the connection. The finding shows a packet that passes though nobody asked for it.',
  rationale:
    'This is how packets were filtered before connections were tracked. Each service needs two rules, and the second believes the sender’s port; where it takes first packets as well it is an open door (FW304, FW305). Errors about a connection, such as "packet too large", pass by neither.',
  decision:
    'The rule asks for single source ports and not for a state; packets of known connections come to it, so that no earlier rule has accepted them; and an accept at the other hook names the same ports as destination, with the addresses swapped. Where tracking is switched off for its packets (NOTRACK), nothing is said. One finding is made for a hook.',
  exceptions:
    'Machines that are meant to do without connection tracking, and say so in another place than table raw.',
  references: ['https://serverfault.com/questions/758088/'],
  yieldsTo: ['FW301', 'FW303', 'FW304', 'FW305'],
  examples: {
    bad: [
      {
        title: 'what is not the first packet, from port 443',
        rules: `*filter
:INPUT DROP [0:0]
:OUTPUT DROP [0:0]
-A OUTPUT -p tcp -m tcp --dport 443 -j ACCEPT
-A INPUT -p tcp -m tcp --sport 443 ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a server and its answers',
        rules: filter(
          '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A OUTPUT -p tcp -m tcp --sport 22 -j ACCEPT\n',
        ),
      },
      {
        title: 'through this machine, both ways by hand',
        rules: filter(
          '-A FORWARD -d 192.0.2.53/32 -p udp -m udp --dport 53 -j ACCEPT\n-A FORWARD -s 192.0.2.53/32 -p udp -m udp --sport 53 -j ACCEPT\n',
        ),
      },
    ],
    good: [
      {
        title: 'the answer’s connection is asked for',
        rules: `*filter
:INPUT DROP [0:0]
:OUTPUT DROP [0:0]
-A OUTPUT -p tcp -m tcp --dport 443 -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --sport 443 -m conntrack --ctstate ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'answers pass above it',
        rules: filter(
          '-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A OUTPUT -p udp -m udp --dport 123 -j ACCEPT\n-A INPUT -p udp -m udp --sport 123 --dport 123 -j ACCEPT\n',
        ),
      },
      {
        title: 'tracking is off for these packets',
        rules: `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p udp -m udp --dport 53 -j CT --notrack
-A OUTPUT -p udp -m udp --sport 53 -j CT --notrack
COMMIT
${filter(
  '-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -p udp -m udp --dport 53 -j ACCEPT\n-A OUTPUT -p udp -m udp --sport 53 -j ACCEPT\n',
)}`,
      },
    ],
  },
  *run(context) {
    if (context.machine.conntrack.value === 'off') return;
    for (const view of context.views)
      for (const hook of ['INPUT', 'FORWARD', 'OUTPUT'] as const) yield* judge(context, view, hook);
  },
});
