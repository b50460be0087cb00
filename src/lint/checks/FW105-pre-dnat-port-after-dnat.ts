import type { Rule } from '../../model/ruleset.ts';
import { type Address, addressBits, prefix } from '../../net/address.ts';
import { addressText } from '../../net/address-text.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import { changedBody, type FixDraft, replaceRule } from '../fixes/fix-draft.ts';
import {
  accepts,
  admitsInterface,
  denies,
  destinationNatRules,
  rulesAt,
  translationsNamedBy,
} from './support/rules-at.ts';
import { sendByAnyWay, sendOptions, sideOf } from './support/sending.ts';
import { servicesOf, serviceText } from './support/services.ts';

/** Whether the rule asks conntrack for the original destination: it knows about the translation. */
function asksForOriginal(rule: Rule): boolean {
  return rule.matches.some((m) => m.extension === 'conntrack' && /--ctorigdst/.test(m.text));
}

/** What the walk says if the rule is passed by although it describes the packet as it came in. */
function missed(view: RulesetView, rule: Rule, translation: Rule, walk: Walk): boolean {
  if (!walk.matched(translation) || walk.matched(rule)) return false;
  const by = walk.decidedBy;
  // Decided above the rule: whatever it names, it would not have been asked.
  if (by?.kind === 'rule' && by.chain === rule.chain && by.number <= rule.index) return false;
  if (
    by?.kind === 'rule' &&
    view.callers('filter', rule.chain).some((c) => c.chain === by.chain && by.number <= c.index)
  )
    return false;
  if (denies(rule)) return walk.accepted;
  return (walk.fate === 'drop' || walk.fate === 'reject') && by !== undefined;
}

/** Whether the rule would match the packet if it still had the destination or the port that it came in with. */
function namesTheOriginal(context: CheckContext, view: RulesetView, rule: Rule, walk: Walk): boolean {
  const { sketch } = walk;
  const nat = walk.trace.events.find((e) => e.kind === 'nat' && e.manip === 'destination');
  if (nat?.kind !== 'nat') return false;
  const { before, after } = nat;
  const ports = [...new Set([before.dport, after.dport])];
  for (const dst of [before.dst, after.dst]) {
    for (const dport of ports) {
      if (dst === after.dst && dport === after.dport) continue;
      const given = {
        inInterface: sketch.inInterface,
        src: sketch.src,
        dst,
        protocol: sketch.protocol,
        dport,
      };
      if (context.packetsOf(view, rule, given).length > 0) return true;
    }
  }
  return false;
}

/** Packets that the translation takes, as they come in by interfaces of strangers that both rules admit. */
function* translatedPackets(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  translation: Rule,
): Iterable<Walk> {
  const { family } = view;
  const { src } = rule.base;
  for (const from of context.interfaces(family)) {
    if (from.side === 'loopback' || from.side === 'inside') continue;
    if (!admitsInterface(rule, from.name) || !admitsInterface(translation, from.name)) continue;
    const local = context.localAddress(family, from.name);
    const stranger = context.remoteAddress(family, from.name);
    const sources = [stranger.address, ...(src && !src.negated ? [src.value.address] : [])];
    for (const service of servicesOf(view, translation)) {
      for (const source of sources) {
        const given = {
          inInterface: from.name,
          protocol: service.protocol,
          dport: service.port,
          src: source,
        };
        const sketches = [
          ...context.packetsOf(view, translation, { ...given, dst: local.address }),
          ...context.packetsOf(view, translation, given),
        ];
        for (const sketch of sketches.slice(0, 2)) {
          yield* sendByAnyWay(context, sketch, sendOptions(local, stranger, sideOf(from)), family);
        }
      }
    }
  }
}

/** The rule with the destination and the one port that its packets have when they get to it. */
function named(
  view: RulesetView,
  rule: Rule,
  after: { readonly dst: Address; readonly dport?: number | undefined },
): readonly FixDraft[] {
  if (rule.base.dst?.negated || after.dport === undefined) return [];
  const dst = { value: prefix(after.dst, addressBits(view.family)), negated: false };
  const base = { ...rule.base, dst: rule.base.dst ? dst : undefined };
  const port = / --dports? [\d,:]+(?= |$)/;
  const ports = rule.matches.filter((use) => port.test(use.text));
  if (ports.length !== 1 || ports.some((use) => use.text.includes(' ! ') || /[,:]\d/.test(use.text)))
    return [];
  const matches = rule.matches.map((use) => ({
    ...use,
    text: use.text.replace(port, (words) => words.replace(/\d+$/, String(after.dport))),
  }));
  return [replaceRule(view, rule, changedBody(rule, { base, matches }))];
}

/** A filter rule that names what a packet had before its translation. */
export const preDnatPortAfterDnat = defineCheck({
  code: 'FW105',
  name: 'pre-dnat-port-after-dnat',
  title: 'A filter rule names the port or address from before the translation',
  severity: 'error',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule in FORWARD (or INPUT) names the public port or address of a forwarded service, but the packets have the translated ones when they come by. The finding shows a packet that the rule means and misses.',
  rationale:
    'Filter chains come after nat PREROUTING: they see the destination that DNAT or REDIRECT has written. A drop that names the published port never drops, an accept that names it never accepts.',
  decision:
    'For every rule that FORWARD packets can meet and that names a port or a destination, and every destination NAT of that port or address: a packet that both describe as it comes in is sent. It is reported if the translation matches, the filter rule does not, and the outcome is the contrary of what the rule says.',
  exceptions:
    'Translations that keep the port change nothing for rules about ports. A rule that is also meant for untranslated traffic to the same port elsewhere is half right: split it.',
  references: ['https://github.com/docker/docs/issues/12925', 'https://serverfault.com/a/933803'],
  yieldsTo: ['FW101'],
  fixes: [{ kind: 'unsafe', does: 'names what the packet has after the translation' }],
  examples: {
    bad: [
      {
        title: 'a ban on the published port, behind the translation',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 8088 -j DNAT --to-destination 192.168.1.10:80
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 198.51.100.66/32 -i eth0 -p tcp -m tcp --dport 8088 -j DROP
COMMIT
`,
      },
      {
        title: 'an accept for the published port: the service does not work',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 2222 -j DNAT --to-destination 10.0.0.8:22
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth0 -p tcp -m tcp --dport 2222 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'an accept for the public address',
        rules: `*nat
-A PREROUTING -d 203.0.113.1/32 -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.8
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -d 203.0.113.1/32 -i eth0 -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the original port, asked of conntrack',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 8088 -j DNAT --to-destination 192.168.1.10:80
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 198.51.100.66/32 -i eth0 -p tcp -m conntrack --ctorigdstport 8088 --ctdir ORIGINAL -j DROP
COMMIT
`,
      },
      {
        title: 'the translated address and port',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 2222 -j DNAT --to-destination 10.0.0.8:22
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -d 10.0.0.8/32 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the port stays the same',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.0.8
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i eth0 -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      if (destinationNatRules(view).length === 0) continue;
      for (const rule of rulesAt(view, 'FORWARD')) {
        if (view.writer(rule)?.name === 'Kubernetes') continue;
        if (!denies(rule) && !accepts(rule)) continue;
        if (asksForOriginal(rule) || (servicesOf(view, rule).length === 0 && !rule.base.dst)) continue;
        for (const translation of translationsNamedBy(view, rule)) {
          const walk = [...translatedPackets(context, view, rule, translation)].find(
            (w) => missed(view, rule, translation, w) && namesTheOriginal(context, view, rule, w),
          );
          if (!walk) continue;
          const { dport, dst, protocol } = walk.sketch;
          const rewritten = walk.trace.events.find((e) => e.kind === 'nat' && e.manip === 'destination');
          const after =
            rewritten?.kind === 'nat'
              ? `${addressText(rewritten.after.dst)}${rewritten.after.dport === undefined ? '' : ` port ${rewritten.after.dport}`}`
              : 'another destination';
          const portChanged = rewritten?.kind === 'nat' && rewritten.after.dport !== dport;
          const what =
            portChanged && servicesOf(view, rule).length > 0
              ? serviceText({ protocol, port: dport ?? 0 })
              : addressText(dst);
          yield {
            at: { kind: 'rule', view, rule },
            message: denies(rule)
              ? `This rule means to refuse ${what}, but the packets have ${after} when they get here, and pass`
              : `This rule means to accept ${what}, but the packets have ${after} when they get here, and are refused`,
            caption: 'names what the packet had before the translation',
            why: 'nat PREROUTING comes before FORWARD: filter rules see the translated destination',
            related: [{ message: 'translated here', at: { kind: 'rule', view, rule: translation } }],
            ...(walk.decidedBy ? { openedBy: [walk.decidedBy] } : {}),
            help: [
              `name ${after}, or ask for the original: -m conntrack --ctorigdst ${addressText(dst)}${dport === undefined ? '' : ` --ctorigdstport ${dport}`} --ctdir ORIGINAL`,
            ],
            fixes: rewritten?.kind === 'nat' ? named(view, rule, rewritten.after) : [],
            witness: walk,
          };
          break;
        }
      }
    }
  },
});
