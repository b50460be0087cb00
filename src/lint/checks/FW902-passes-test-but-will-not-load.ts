import { type Extension, isRefusal, type RuleContext } from '../../extensions/define.ts';
import { loopOf } from '../../model/chain-loop.ts';
import type { Hook } from '../../model/netfilter.ts';
import type { Chain, Rule, Table } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';

/** The extensions of a rule with their data: matches, and the target. */
function* extensionsOf(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
): Iterable<{ readonly extension: Extension; readonly data: unknown; readonly underline: string }> {
  for (const use of rule.matches) {
    const extension = use.known ? context.registry.match(use.extension, view.family) : undefined;
    if (extension) yield { extension, data: use.data, underline: `-m ${use.extension}` };
  }
  const { target } = rule;
  if (target.kind !== 'extension' || !target.known) return;
  const extension = context.registry.target(target.extension, view.family);
  if (extension) yield { extension, data: target.data, underline: `-j ${target.extension}` };
}

/** Why the kernel refuses an extension in a chain of the user's that this hook leads to. */
function refusalAt(
  view: RulesetView,
  rule: Rule,
  { extension, data }: { readonly extension: Extension; readonly data: unknown },
  hook: Hook,
): string | undefined {
  const { hooks } = extension.constraints;
  if (hooks && !hooks.includes(hook)) return `${extension.name} works in ${hooks.join(', ')} only`;
  // nft asks an extension's own check when the rule is made, before anything leads to its chain.
  if (view.ruleset.backend === 'nft') return undefined;
  const { family, ruleset } = view;
  const there: RuleContext = {
    family,
    backend: ruleset.backend,
    version: ruleset.version,
    table: rule.table,
    chain: rule.chain,
    hook,
    base: rule.base,
    matchNames: rule.matches.map((m) => m.extension),
    setNames: undefined,
  };
  const refusal = extension.check?.(data as never, there);
  return isRefusal(refusal) ? refusal.message : undefined;
}

/** Rules in chains of the user's that some hook leads to, and that the kernel takes at other hooks only. */
function* wrongHooks(context: CheckContext, view: RulesetView, chain: Chain): Iterable<FindingDraft> {
  const hooks = chain.hook === undefined ? view.hooks(chain.table, chain.name) : [];
  if (hooks.length === 0) return;
  for (const rule of chain.rules) {
    for (const use of extensionsOf(context, view, rule)) {
      const hook = hooks.find((h) => refusalAt(view, rule, use, h) !== undefined);
      if (hook === undefined) continue;
      const caller = view.callers(chain.table, chain.name)[0];
      yield {
        at: { kind: 'rule', view, rule },
        id: 'wrong-hook-by-jump',
        confidence: 'proved',
        message: `${refusalAt(view, rule, use, hook)}, and ${hook} leads to this chain: the kernel refuses the table`,
        underline: use.underline,
        caption: `not in ${hook}`,
        related: caller ? [{ message: 'leads here', at: { kind: 'rule', view, rule: caller } }] : [],
        help: [`take the rule out of what ${hook} leads to: a chain of its own for the other hooks`],
      };
      break;
    }
  }
}

function* loops(view: RulesetView, table: Table): Iterable<FindingDraft> {
  const rule = loopOf(table);
  if (rule?.target.kind !== 'jump' && rule?.target.kind !== 'goto') return;
  yield {
    at: { kind: 'rule', view, rule },
    id: 'chain-loop',
    confidence: 'proved',
    message: `This leads back into chain "${rule.target.chain}", which leads here: the kernel refuses a table with a loop`,
    caption: 'leads back',
    help: ['use RETURN to go back to where the packet came from'],
  };
}

/** What iptables-restore --test lets pass, and the load refuses. */
export const passesTestButWillNotLoad = defineCheck({
  code: 'FW902',
  name: 'passes-test-but-will-not-load',
  title: 'A rule that passes --test and is refused by the kernel',
  severity: 'error',
  confidences: ['proved'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule whose options are well formed, so that `iptables-restore --test` is content, and which the kernel refuses when it is loaded: the wrong table or hook, a protocol that is missing, a jump into a built-in chain, a loop of chains.',
  rationale:
    'A table is loaded whole or not at all. A file that was only tested fails at the next boot, with one line in a log, and the machine is up without a firewall.',
  decision:
    'Each extension knows the tables, hooks and protocols that the kernel’s own check asks for; measured with iptables 1.8.9 and both back ends, by `--test` and by loading. A chain of your own is judged at every hook that leads to it. There the back ends differ: nft checks what an extension is made for at each hook, but what depends on its options (`-m policy --dir`, `--limit-iface-out`) only in built-in chains; legacy checks both. A loop that no hook leads to does load, and is not reported.',
  exceptions:
    'Kernels that lack a module, or have one from elsewhere, are not known here. Chains that do not exist are FW901: only the nft back end lets them pass `--test`.',
  references: [
    'net/netfilter/x_tables.c xt_check_match(), xt_check_target()',
    'net/netfilter/nft_compat.c nft_target_validate()',
    'man iptables-restore(8), --test',
  ],
  examples: {
    bad: [
      {
        title: 'owner has no meaning for packets that come in; a reset answers TCP alone',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -m owner --uid-owner 33 -j ACCEPT
-A INPUT -p udp -j REJECT --reject-with tcp-reset
COMMIT
`,
      },
      {
        title: 'a chain of one’s own, at the wrong hook',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:portforward - [0:0]
-A PREROUTING -i eth0 -j portforward
-A POSTROUTING -o eth0 -j portforward
-A portforward -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.168.1.10
COMMIT
`,
      },
      {
        title: 'a loop of chains',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:check - [0:0]
:again - [0:0]
-A INPUT -j check
-A check -p tcp -j again
-A again -s 198.51.100.0/24 -j check
COMMIT
`,
      },
      {
        title: 'answers only in filter',
        rules: `*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -s 198.51.100.66/32 -j REJECT --reject-with icmp-port-unreachable
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'each where the kernel takes it',
        rules: `*filter
:INPUT DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A OUTPUT -m owner --uid-owner 33 -d 10.0.0.0/8 -j REJECT --reject-with icmp-port-unreachable
-A INPUT -p udp -j REJECT --reject-with icmp-port-unreachable
-A INPUT -p tcp -j REJECT --reject-with tcp-reset
COMMIT
`,
      },
      {
        title: 'a chain of one’s own, reached from the right hooks',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:portforward - [0:0]
-A PREROUTING -i eth0 -j portforward
-A OUTPUT -d 203.0.113.1/32 -j portforward
-A portforward -p tcp -m tcp --dport 80 -j DNAT --to-destination 192.168.1.10
COMMIT
`,
      },
      {
        title: 'a loop that nothing leads to, and an -o that is met on one of two ways',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:shared - [0:0]
:old - [0:0]
-A INPUT -j shared
-A FORWARD -j shared
-A old -j old
-A shared -o eth0 -p tcp -m tcp --dport 25 -j DROP
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const table of view.ruleset.tables) {
        yield* loops(view, table);
        for (const chain of table.chains) yield* wrongHooks(context, view, chain);
      }
    }
  },
});
