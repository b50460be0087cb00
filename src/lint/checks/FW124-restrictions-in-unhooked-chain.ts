import type { Chain, Rule, Table } from '../../model/ruleset.ts';
import type { AllPackets, Heading } from '../all-packets.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import { describedAtEntry, walkOf } from './support/roads.ts';
import { countOf } from './support/rule-shape.ts';
import { denies } from './support/rules-at.ts';
import { servicesOf } from './support/services.ts';

/** Chains of the administrator's that a program jumps to as soon as it runs. */
const hungInLater: ReadonlySet<string> = new Set(['DOCKER-USER']);

/** Refusals that say what they refuse: a bare DROP at the end of a helper chain is none. */
function restrictionsOf(view: RulesetView, chain: Chain): readonly Rule[] {
  return chain.rules.filter((rule) => {
    const { src, dst } = rule.base;
    const named = servicesOf(view, rule).length > 0 || (src && !src.negated) || (dst && !dst.negated);
    return named && denies(rule);
  });
}

/** The jumps to a chain that nothing comes through; undefined where something does, or nobody can tell. */
function deadJumps(context: CheckContext, view: RulesetView, chain: Chain): readonly Rule[] | undefined {
  const callers = view.callers(chain.table, chain.name);
  if (view.hooks(chain.table, chain.name).length === 0) return [];
  const answers = context.answers(view);
  const dead = callers.every((jump) => {
    if (view.hooks(jump.table, jump.chain).length === 0) return true;
    const death = answers.death(jump);
    // Jumps that lie behind one another are told with the first of them.
    return death?.kind === 'covered' && !death.deadJumps;
  });
  return dead ? callers.filter((c) => view.hooks(c.table, c.chain).length > 0) : undefined;
}

/** Refusals of one chain that are tried: mostly the first shows it, and a list of hundreds is of one kind. */
const triedMax = 8;

/** A packet that one of these rules would refuse, if the chain were asked, and that gets through. */
function walkPastChain(
  context: CheckContext,
  all: AllPackets,
  rules: readonly Rule[],
  headings: readonly Heading[],
): { readonly walk: Walk; readonly rule: Rule; readonly heading: Heading } | undefined {
  const { space } = all;
  for (const rule of rules.slice(0, triedMax)) {
    for (const heading of headings) {
      const open = space.and(describedAtEntry(all, rule, heading), all.accepted(heading).may);
      const walk = walkOf(context, all, open, heading, (w) => w.accepted);
      if (walk) return { walk, rule, heading };
    }
  }
  return undefined;
}

const hookOf = { to: 'INPUT', through: 'FORWARD', out: 'OUTPUT' } as const;

/** Where the chain was meant to hang: by its dead jumps, else by its name, else anywhere. */
function headingsOf(view: RulesetView, chain: Chain, jumps: readonly Rule[]): readonly Heading[] {
  const all: readonly Heading[] = ['to', 'through', 'out'];
  const hooks = jumps.flatMap((j) => view.hooks(j.table, j.chain));
  const jumped = all.filter((h) => hooks.includes(hookOf[h]));
  if (jumped.length > 0) return jumped;
  if (/in(put)?\b|^in/i.test(chain.name)) return ['to'];
  if (/out|egress/i.test(chain.name)) return ['out', 'through'];
  return /f(or)?wa?r?d/i.test(chain.name) ? ['through'] : ['to', 'through'];
}

function* inTable(context: CheckContext, view: RulesetView, table: Table): Iterable<FindingDraft> {
  // Files with chains of their own alone are loaded beside others.
  if (!table.chains.some((c) => c.hook !== undefined && (c.rules.length > 0 || c.offset !== table.offset)))
    return;
  for (const chain of table.chains) {
    if (chain.hook !== undefined || view.owner(table.name, chain.name) || hungInLater.has(chain.name))
      continue;
    const rules = restrictionsOf(view, chain);
    if (rules.length === 0) continue;
    const jumps = deadJumps(context, view, chain);
    if (jumps === undefined) continue;
    // Somebody's rule leads here who is never asked himself: that chain is the cause.
    if (jumps.length === 0 && view.callers(table.name, chain.name).length > 0) continue;
    const found = walkPastChain(context, context.packets(view), rules, headingsOf(view, chain, jumps));
    if (!found) continue;
    const { walk, rule, heading } = found;
    const [jump] = jumps;
    const hook = hookOf[heading];
    const before = jump && context.answers(view).death(jump);
    const blockers = before?.kind === 'covered' ? before.cover.map((part) => part.rule) : [];
    yield {
      at: jump ? { kind: 'rule', view, rule: jump } : { kind: 'chain', view, chain },
      severity: jump ? 'error' : 'warning',
      message: jump
        ? `The ${countOf(rules.length, 'refusal')} in "${chain.name}" ${rules.length === 1 ? 'is' : 'are'} never asked: other rules take every packet before the jump`
        : `The ${countOf(rules.length, 'refusal')} in "${chain.name}" ${rules.length === 1 ? 'is' : 'are'} never asked: no rule jumps to the chain`,
      caption: jump ? 'no packet comes here' : 'nobody jumps here',
      what: `what rule ${rule.index + 1} of "${chain.name}" would refuse gets ${heading === 'to' ? 'in' : heading === 'out' ? 'out' : 'through'}`,
      why: 'a chain of one’s own is asked only where a rule jumps to it, and then only about packets that come so far',
      ...(walk.decidedBy ? { openedBy: [walk.decidedBy] } : {}),
      related: [
        { message: 'this refusal is meant', at: { kind: 'rule', view, rule } as const },
        ...blockers.slice(0, 3).map((r) => ({
          message: 'takes the packets before',
          at: { kind: 'rule', view, rule: r } as const,
        })),
      ],
      help: [
        jump
          ? `put the jump above ${blockers.length === 1 ? 'that rule' : 'those rules'}`
          : `jump to it: iptables -I ${hook} -j ${chain.name}`,
      ],
      witness: walk,
      covers: [
        { kind: 'chain', view, chain },
        ...chain.rules.map((r) => ({ kind: 'rule', view, rule: r }) as const),
      ],
    };
  }
}

/** Refusals that no packet is asked. */
export const restrictionsInUnhookedChain = defineCheck({
  code: 'FW124',
  name: 'restrictions-in-unhooked-chain',
  title: 'Refusals stand in a chain that no packet comes to, and what they mean gets through',
  severity: 'error',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A chain of one’s own refuses ports or addresses, and no packet is ever asked there: no rule jumps to it, or every jump stands behind rules that take all packets. The finding shows a packet that one of its refusals describes, and that gets through.',
  rationale:
    'The chain looks like protection in every listing. A jump that was lost in an edit, or that was appended below an accept, leaves it without effect, and nothing says so.',
  decision:
    'For every chain that refuses named ports or addresses: it is reported if it cannot be reached, or if all jumps to it are dead since earlier rules take all of their packets, and an ordinary packet that one of the refusals describes is walked and gets through. It is an error where a jump shows that the chain was meant to be asked. Unlike FW205, a chain that would change nothing is not reported.',
  exceptions:
    'Chains that are kept for emergencies, or that a program jumps to when it runs: ignore them by name. DOCKER-USER and chains of programs are left out.',
  references: ['man iptables(8), -j'],
  examples: {
    bad: [
      {
        title: 'the jump stands below an accept of everything',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:hardening - [0:0]
-A INPUT -j ACCEPT
-A INPUT -j hardening
-A hardening -p tcp -m tcp --dport 3306 -j DROP
-A hardening ! -s 10.0.0.0/8 -p tcp -m tcp --dport 6379 -j DROP
COMMIT
`,
      },
      {
        title: 'the jump was lost',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:blocked-ports - [0:0]
-A INPUT -i lo -j ACCEPT
-A blocked-ports ! -s 10.0.0.0/8 -p tcp -m multiport --dports 3306,5432 -j DROP
COMMIT
`,
      },
      {
        title: 'two accepts take all between them',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:denied - [0:0]
-A INPUT -s 10.0.0.0/8 -j ACCEPT
-A INPUT ! -s 10.0.0.0/8 -j ACCEPT
-A INPUT -p tcp -j denied
-A denied -p tcp -m tcp --dport 23 -j REJECT --reject-with tcp-reset
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the jump comes first',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:hardening - [0:0]
-A INPUT -j hardening
-A INPUT -j ACCEPT
-A hardening -p tcp -m tcp --dport 3306 -j DROP
-A hardening ! -s 10.0.0.0/8 -p tcp -m tcp --dport 6379 -j DROP
COMMIT
`,
      },
      {
        title: 'a helper chain that nobody uses restricts nothing by itself',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:LOGDROP - [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A LOGDROP -j LOG --log-prefix "dropped: "
-A LOGDROP -j DROP
COMMIT
`,
      },
      {
        title: 'what it would refuse is refused anyway',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:blocked-ports - [0:0]
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A blocked-ports ! -s 10.0.0.0/8 -p tcp -m multiport --dports 3306,5432 -j DROP
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      const table = view.table('filter');
      if (table) yield* inTable(context, view, table);
    }
  },
});
