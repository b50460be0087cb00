import type { PacketSet } from '../../packetset/space.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import { insertRules } from '../fixes/fix-draft.ts';
import { answersToClients, fromElsewhere, refusedAt, sendAnswer } from './support/conversations.ts';
import { sendOptions } from './support/sending.ts';
import { strangersInterfaces } from './support/strangers.ts';

/** What nearly every machine asks of others: names, the time, updates. */
const questions = [
  { protocol: 17, port: 53, text: 'names (udp/53)' },
  { protocol: 6, port: 443, text: 'updates (tcp/443)' },
  { protocol: 17, port: 123, text: 'the time (udp/123)' },
] as const;

/** A question of this machine that may leave, whose answer INPUT refuses. */
interface Unanswered {
  readonly text: string;
  readonly answer: Walk;
}

function unanswered(context: CheckContext, view: RulesetView): readonly Unanswered[] {
  const [out] = strangersInterfaces(context, view.family);
  if (!out) return [];
  const src = context.localAddress(view.family, out.name);
  const dst = context.remoteAddress(view.family);
  const options = sendOptions(src, dst);
  const found: Unanswered[] = [];
  for (const { protocol, port, text } of questions) {
    const question = context.send(
      { src: src.address, dst: dst.address, protocol, dport: port, outInterface: out.name },
      options,
    );
    if (question.fate !== 'sent') continue;
    const answer = sendAnswer(context, question);
    // An answer that comes in, or may, is enough to keep silent: somebody thought of them.
    if (!answer || !refusedAt(answer, 'INPUT')) return [];
    found.push({ text, answer });
  }
  return found;
}

/** Whether no answer to any client port comes in from elsewhere, whoever sends it. */
function noneComesIn(context: CheckContext, view: RulesetView): boolean {
  const all = context.packets(view);
  const { space } = all;
  const open = all.fates('to').get('local')?.may ?? space.none;
  const answers: PacketSet = space.and(all.describe(answersToClients).may, fromElsewhere(space));
  const both = space.and(open, answers);
  return space.isDecided(both) && both === space.none;
}

function judge(context: CheckContext, view: RulesetView): FindingDraft | undefined {
  const input = view.chain('filter', 'INPUT');
  if (!input) return undefined;
  const found = unanswered(context, view);
  const [first] = found;
  const by = first?.answer.decidedBy;
  if (!first || !by || !noneComesIn(context, view)) return undefined;
  const rule = by.kind === 'rule' ? view.ruleById(by.id) : undefined;
  const names = found.map((f) => f.text);
  return {
    at: rule ? { kind: 'rule', view, rule } : { kind: 'policy', view, chain: input },
    message: `This machine may ask, but INPUT lets no answer in: ${listed(names)} fail`,
    caption: 'refuses the answers',
    what: 'the first packet of a connection leaves, and what comes back to it is refused',
    why: 'an answer comes to INPUT like any other packet; only a rule for its state tells it from a stranger’s',
    openedBy: [by],
    help: [
      'iptables -I INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      'if the machine is to ask nobody, refuse it in OUTPUT: then programs fail at once',
    ],
    fixes: [
      insertRules(view, input, input.rules[0], ['-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT']),
    ],
    witness: first.answer,
  };
}

function listed(texts: readonly string[]): string {
  return texts.length < 2 ? texts.join('') : `${texts.slice(0, -1).join(', ')} and ${texts.at(-1)}`;
}

/** Machines that may ask, and refuse every answer. */
export const missingEstablishedAccept = defineCheck({
  code: 'FW501',
  name: 'missing-established-accept',
  title: 'Answers to what this machine asks are refused',
  severity: 'error',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'OUTPUT lets this machine open connections, and INPUT refuses whatever comes back, from anybody. Names, updates and the time do not work; the answer to one of them is shown on its way.',
  rationale:
    'A default of DROP in INPUT refuses answers as well as strangers. What tells them apart is the state of the connection, or, without states, a rule for the source port or the flags of TCP. With neither, the machine can be reached and can reach nobody, which often shows only when the first update is due.',
  decision:
    'DNS, HTTPS and NTP are asked of a host outside. If any of these may leave, its answer (ESTABLISHED) is sent back; all answers have to be refused by INPUT. Besides, no answer at all may come in: of all packets of TCP and UDP, ESTABLISHED and in the direction of answers, to the ports that Linux gives to clients (32768 to 60999), none is accepted from any interface but `lo`, whatever falls how. So a stateless set that lets in even one kind of answer is not reported.',
  exceptions: 'A machine that is to ask nobody, and whose OUTPUT was left open.',
  references: ['CIS Benchmarks for Linux: outbound and established connections'],
  mentions: () => answersToClients,
  yieldsTo: ['FW519'],
  fixes: [{ kind: 'unsafe', does: 'accepts answers, as the first rule of INPUT' }],
  examples: {
    bad: [
      {
        title: 'INPUT knows of its services alone',
        rules: `*filter
:INPUT DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a last rule that rejects the rest',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -p icmp -j ACCEPT
-A INPUT -p tcp -m conntrack --ctstate NEW -m tcp --dport 22 -j ACCEPT
-A INPUT -j REJECT --reject-with icmp-host-prohibited
COMMIT
`,
      },
      {
        title: 'the rule for answers asks for the loopback',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -i lo -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth0 -p tcp -m tcp --dport 443 -j ACCEPT
-A OUTPUT -p udp -m udp --dport 53 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'answers are let in by their state',
        rules: `*filter
:INPUT DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'without states: whatever opens nothing',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
-A INPUT -p udp -m udp --sport 53 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a machine that may ask nobody',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A OUTPUT -p tcp -m tcp --sport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'answers are sent on by a chain',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:known - [0:0]
-A INPUT -i eth+ -j known
-A known -m state --state ESTABLISHED -j ACCEPT
-A known -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      const found = judge(context, view);
      if (found) yield found;
    }
  },
});
