import { effectOf } from '../../analysis/effects.ts';
import { mark } from '../../extensions/matches/mark.ts';
import type { Hook } from '../../model/netfilter.ts';
import type { Rule } from '../../model/ruleset.ts';
import { maskInUse } from '../../packetset/valid.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';

/** Rules that set a mark which satisfies this condition, on a packet that had none. */
function settersOf(context: CheckContext, view: RulesetView, value: number, mask: number): readonly Rule[] {
  const { machine, registry } = context;
  return view.rules().filter((rule) =>
    (effectOf(view.ruleset, machine, registry, rule)?.changes ?? []).some((change) => {
      if (change.field !== 'mark' || !('xor' in change)) return false;
      return ((change.xor | change.or) & mask) >>> 0 === value;
    }),
  );
}

/** The order in which a packet from the wire is asked: INPUT and FORWARD are two roads of one rank. */
const ranks: readonly (readonly [hooks: readonly Hook[], tables: readonly string[]])[] = [
  [['PREROUTING'], ['raw', 'mangle', 'nat']],
  [
    ['INPUT', 'FORWARD'],
    ['mangle', 'filter', 'security', 'nat'],
  ],
  [['POSTROUTING'], ['mangle', 'nat']],
];

function rankOf(table: string, hook: Hook): number {
  const at = ranks.findIndex(([hooks]) => hooks.includes(hook));
  return at < 0 ? Number.POSITIVE_INFINITY : at * 10 + (ranks[at]?.[1].indexOf(table) ?? 0);
}

/** Whether packets can come to the setter before they come to the reader. */
function comesBefore(view: RulesetView, setter: Rule, reader: Rule): boolean {
  const first = (r: Rule) => Math.min(...view.hooks(r.table, r.chain).map((h) => rankOf(r.table, h)));
  const last = (r: Rule) => Math.max(...view.hooks(r.table, r.chain).map((h) => rankOf(r.table, h)));
  if (first(setter) !== last(reader)) return first(setter) < last(reader);
  return setter.chain !== reader.chain || setter.index < reader.index;
}

const placeText = (view: RulesetView, { table, chain }: Rule): string =>
  `${view.hooks(table, chain).join(' and ') || `"${chain}"`} of table ${table}`;

/** Hooks of packets from the wire, which come without a mark: what this machine sends may have one of its socket. */
const fromTheWire: readonly Hook[] = ['PREROUTING', 'INPUT', 'FORWARD'];

/** A mark that is asked for before it is set. */
export const markReadBeforeSet = defineCheck({
  code: 'FW116',
  name: 'mark-read-before-set',
  title: 'A rule asks for a mark that is set only later on the way',
  severity: 'warning',
  confidences: ['proved', 'context'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule matches a mark that other rules set at a hook or in a table that packets come to later. When it is asked, no packet has that mark yet, so it never matches.',
  rationale:
    'The mark lives as long as the packet is in this machine, and tables are asked in one order: raw, mangle, nat in PREROUTING, then routing, then mangle and filter in INPUT or FORWARD, then mangle and nat in POSTROUTING. A mark that is set in FORWARD is news to nobody in PREROUTING, and routing by mark has been done by then.',
  decision:
    'All packets are pushed through the hooks with their marks. It is reported if none that begins without a mark has the wanted one where the rule stands, although one would come if marks did not matter, and some rule sets this mark. Marks that CONNMARK restores from the connection count as there. Marks that are set before, and overwritten until then, are reported as such.',
  exceptions:
    'Marks that tc or an eBPF program writes: if those are meant, the rule is right. What a program gives to its sockets is seen in OUTPUT and POSTROUTING, and on lo: rules there are not judged.',
  references: ['man iptables-extensions(8), mark and MARK'],
  examples: {
    bad: [
      {
        title: 'set in POSTROUTING, asked for in FORWARD',
        rules: `*mangle
-A PREROUTING -m mark --mark 0x2 -j ACCEPT
-A POSTROUTING -p tcp -m tcp --dport 25 -j MARK --set-xmark 0x2/0xffffffff
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m mark --mark 0x2 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'set in mangle INPUT, asked for in nat PREROUTING',
        rules: `*mangle
-A INPUT -i eth1 -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x1/0xff
COMMIT
*nat
-A PREROUTING -i eth1 -p tcp -m mark --mark 0x1/0xff -j REDIRECT --to-ports 3128
COMMIT
`,
      },
      {
        title: 'set in filter, asked for in mangle of the same hook',
        rules: `*mangle
-A FORWARD -m mark --mark 0x10/0x10 -j DROP
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -p tcp -m tcp --dport 25 -j MARK --set-xmark 0x10/0x10
COMMIT
`,
      },
      {
        title: 'overwritten by the next rule',
        rules: `*mangle
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j MARK --set-xmark 0x63/0xffffffff
-A PREROUTING -i eth0 -p tcp -j MARK --set-xmark 0x44/0xffffffff
COMMIT
*nat
-A PREROUTING -i eth0 -p tcp -m mark --mark 0x63 -j DNAT --to-destination 192.168.188.2
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'set in PREROUTING',
        rules: `*mangle
-A PREROUTING -p tcp -m tcp --dport 25 -j MARK --set-xmark 0x2/0xffffffff
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m mark --mark 0x2 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the connection keeps the mark for its later packets',
        rules: `*mangle
-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff
-A PREROUTING -m mark --mark 0x2 -j ACCEPT
-A POSTROUTING -p tcp -m tcp --dport 25 -j MARK --set-xmark 0x2/0xffffffff
-A POSTROUTING -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff
COMMIT
`,
      },
      {
        title: 'nobody here sets it: somebody else does',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m mark --mark 0x2 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      const readers = view.rules().filter((rule) => {
        const asked = view.find(rule, mark);
        return asked && !asked.negated && asked.value !== 0 && !view.owner(rule.table, rule.chain);
      });
      for (const rule of readers) {
        const asked = view.find(rule, mark);
        const hooks = view.hooks(rule.table, rule.chain);
        if (!asked || hooks.length === 0 || !hooks.every((h) => fromTheWire.includes(h))) continue;
        if (rule.base.inInterface?.value.name === 'lo') continue;
        const setters = settersOf(context, view, asked.value, asked.mask).filter((r) => r !== rule);
        const [setter] = setters;
        if (!setter) continue;
        const all = context.packets(view);
        const { space, analysis } = all;
        if (!analysis.vocabulary.rewritten.has('mark')) continue;
        const bare = space.entry.bits('mark', 0, maskInUse(space.codec, 'mark'));
        const visits = analysis.visits().filter((v) => v.table === rule.table && hooks.includes(v.hook));
        const marked = visits.map((v) => space.and(v.taking(rule), bare));
        if (marked.some((set) => set !== space.none)) continue;
        const others = space.forget(all.conditions(rule), ['mark']);
        if (visits.every((v) => space.disjoint(space.and(v.reaching(rule), bare), others))) continue;
        const lost = setters.every((r) => comesBefore(view, r, rule));
        if (!lost && setters.some((r) => comesBefore(view, r, rule))) continue;
        yield {
          at: { kind: 'rule', view, rule },
          ...(lost ? { id: 'mark-overwritten' } : {}),
          confidence: context.answers(view).restsOn(rule).length === 0 ? 'proved' : 'context',
          message: lost
            ? `The mark 0x${asked.value.toString(16)} is overwritten before this rule asks for it: it never matches`
            : `The mark 0x${asked.value.toString(16)} is not set yet where this rule asks for it: it never matches`,
          underline: '--mark',
          caption: lost ? 'no packet has it here any more' : 'no packet has it here yet',
          why: lost
            ? `of the packets that get this mark, none has it still at ${hooks.join(' and ')} of table ${rule.table}: a later MARK or a drop takes each`
            : `${placeText(view, setter)}, where it is set, comes after ${hooks.join(' and ')} of table ${rule.table}`,
          related: setters
            .slice(0, 3)
            .map((r) => ({ message: 'set here', at: { kind: 'rule', view, rule: r } as const })),
          help: [
            lost
              ? 'end the way of these packets through the table after the first mark, or set bits of it with a mask'
              : 'set the mark in mangle PREROUTING (for packets of this machine itself: mangle OUTPUT)',
          ],
        };
      }
    }
  },
});
