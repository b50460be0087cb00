import type { Rule } from '../../model/ruleset.ts';
import { type Address, addressBits, prefix, prefixLength, sameAddress } from '../../net/address.ts';
import { addressText } from '../../net/address-text.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import { changedBody, type FixDraft, replaceRule } from '../fixes/fix-draft.ts';
import { type NatEvent, natEvents } from './support/conversations.ts';
import { writerText } from './support/origin.ts';
import { translatorOf } from './support/published.ts';
import {
  addressesBefore,
  missedByTranslation,
  ownFilterRules,
  portsBefore,
  walkOf,
} from './support/roads.ts';
import { accepts, denies, destinationNatRules, redirectRules } from './support/rules-at.ts';
import { destinationPorts, serviceText } from './support/services.ts';

/** Whether the rule asks conntrack for the original destination: it knows about the translation. */
function asksForOriginal(rule: Rule): boolean {
  return rule.matches.some((m) => m.extension === 'conntrack' && /--ctorigdst/.test(m.text));
}

/** Whether the rule's -d is an address of this machine, as far as anybody knows: of networks, hosts behind it may be meant. */
function namesMachine({ machine }: CheckContext, { base }: Rule): boolean {
  const { dst } = base;
  if (!dst || dst.negated) return false;
  const { address, mask } = dst.value;
  if (prefixLength(mask) !== addressBits(address.family)) return false;
  return machine.localAddresses.some((f) => sameAddress(f.value, address));
}

/** Whether the rule names a port or an address that packets had before a translation took it from them. */
function namesWhatWas(context: CheckContext, view: RulesetView, rule: Rule): boolean {
  const all = context.packets(view);
  const { space } = all;
  const ports = destinationPorts(view, rule).map(({ low, high }) => space.interval('dport', low, high));
  const { dst } = rule.base;
  return (
    ports.some((set) => !space.disjoint(set, portsBefore(all))) ||
    (dst !== undefined &&
      namesMachine(context, rule) &&
      !space.disjoint(space.network('dst', dst.value), addressesBefore(all)))
  );
}

/** A packet that the rule means, as it comes in, and misses after its translation; it fares the other way. */
function walkMissed(context: CheckContext, view: RulesetView, rule: Rule): Walk | undefined {
  const all = context.packets(view);
  const { space } = all;
  // What our own networks ask for is another road: the rule is about those who come from elsewhere.
  const inside = context.interfaces(view.family).filter((i) => i.side === 'inside' || i.side === 'loopback');
  const missed = space.diff(
    missedByTranslation(all, rule, namesMachine(context, rule) ? 'port or address' : 'port'),
    all.comingBy(inside.map((i) => i.name)),
  );
  if (missed === space.none) return undefined;
  const heading = view.hooks('filter', rule.chain).includes('INPUT') ? 'to' : 'through';
  const refuses = denies(rule);
  const fates = all.fates(heading);
  const contrary = refuses
    ? all.accepted(heading).may
    : space.union((['drop', 'reject'] as const).map((fate) => fates.get(fate)?.may ?? space.none));
  return walkOf(
    context,
    all,
    space.and(missed, contrary),
    'to',
    (walk) =>
      walk.accepted === refuses &&
      walk.decidedBy !== undefined &&
      !walk.matched(rule) &&
      translatorOf(view, walk) !== undefined,
    { byAnyWay: true },
  );
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
    text: use.text.replace(port, (words) => words.replace(/ \d+$/, ` ${after.dport}`)),
  }));
  return [replaceRule(view, rule, changedBody(rule, { base, matches }))];
}

function draft(
  view: RulesetView,
  rule: Rule,
  walk: Walk,
  { after }: NatEvent,
  translation: Rule,
): FindingDraft {
  const { dport, dst, protocol } = walk.sketch;
  const now = `${addressText(after.dst)}${after.dport === undefined ? '' : ` port ${after.dport}`}`;
  const namesPort = after.dport !== dport && destinationPorts(view, rule).length > 0;
  const what = namesPort ? serviceText({ protocol, port: dport ?? 0 }) : addressText(dst);
  const hook = walk.hooks.includes('FORWARD') ? 'FORWARD' : 'INPUT';
  const writer = writerText(view, translation);
  return {
    at: { kind: 'rule', view, rule },
    message: denies(rule)
      ? `This rule means to refuse ${what}, but the packets have ${now} when they get here, and pass`
      : `This rule means to accept ${what}, but the packets have ${now} when they get here, and are refused`,
    caption: 'names what the packet had before the translation',
    why: `nat PREROUTING comes before ${hook}: filter rules see the translated destination`,
    related: [
      {
        message: `translated here${writer ? ` (written by ${writer})` : ''}`,
        at: { kind: 'rule', view, rule: translation },
      },
    ],
    ...(walk.decidedBy ? { openedBy: [walk.decidedBy] } : {}),
    help: [
      `name ${now}, or ask for the original: -m conntrack --ctorigdst ${addressText(dst)}${dport === undefined ? '' : ` --ctorigdstport ${dport}`} --ctdir ORIGINAL`,
    ],
    fixes: named(view, rule, after),
    witness: walk,
  };
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
    'A rule in FORWARD names the public port or address of a forwarded service, or a rule in INPUT the port that a redirection leads away from, but the packets have the translated ones when they come by. The finding shows a packet that the rule means and misses.',
  rationale:
    'Filter chains come after nat PREROUTING: they see the destination that DNAT or REDIRECT has written. A drop that names the published port never drops, an accept that names it never accepts.',
  decision:
    'All packets that come to a rule of FORWARD or INPUT are known with the destination that they came in with and the one that they have there. Those are taken that the rule would match with the port of before, or with the address where it is known or inferred to be this machine’s, and does not match as they are. It is reported if some of them, from elsewhere than our own networks, fare the other way than the rule says, with one that is sent.',
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
      {
        title: 'the port of before a redirection, accepted in INPUT: the service does not work',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth0 -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the port that a redirection leads to, for connections that were redirected',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth0 -p tcp -m tcp --dport 8080 -m conntrack --ctorigdstport 80 --ctdir ORIGINAL -j ACCEPT
COMMIT
`,
      },
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
      const translates = destinationNatRules(view).length > 0;
      const redirects = redirectRules(view).length > 0;
      if (!translates && !redirects) continue;
      for (const { rule, at } of ownFilterRules(view, ['FORWARD', 'INPUT'])) {
        if (!(translates && at.includes('FORWARD')) && !redirects) continue;
        if (!denies(rule) && !accepts(rule)) continue;
        if (asksForOriginal(rule) || (destinationPorts(view, rule).length === 0 && !rule.base.dst)) continue;
        if (!namesWhatWas(context, view, rule)) continue;
        const walk = walkMissed(context, view, rule);
        const [rewritten] = walk ? natEvents(walk, 'destination') : [];
        const translation = walk && translatorOf(view, walk);
        if (!walk || !rewritten || !translation) continue;
        yield draft(view, rule, walk, rewritten, translation);
      }
    }
  },
});
