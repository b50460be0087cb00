import type { Rule } from '../../model/ruleset.ts';
import { type Network, networkContains, prefixLength } from '../../net/address.ts';
import { networkTextShort } from '../../net/address-text.ts';
import { type AddressKind, addressKind } from '../../net/documentation.ts';
import { interfaceMatches } from '../../net/interface-pattern.ts';
import { createMeasure } from '../../packetset/measure.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import {
  calmWalk,
  isGuardedElsewhere,
  isWideOpen,
  knobOf,
  opennessOf,
  strangersMention,
  type Way,
} from './support/openness.ts';
import { ownNetworks } from './support/own-networks.ts';
import { comingBy, strangersOf, takenBy } from './support/roads.ts';

/** Ports that one service has at most: a rule for more trusts the sender in general. */
const portsMax = 1024n;

/** Longer prefixes are a network that somebody laid out, not the whole range. */
const broadMax = 16;

const shared: readonly AddressKind[] = ['private', 'shared', 'unique-local'];
/** What nobody on a wire has. Documentation's addresses stand for others where people write them. */
const bogons: readonly AddressKind[] = ['this-network', 'reserved', 'benchmark'];

/** What the rule's source is, where it is more than one network of somebody's. */
function trusted(rule: Rule): 'private' | 'bogon' | undefined {
  const { src } = rule.base;
  if (!src || src.negated) return undefined;
  const length = prefixLength(src.value.mask);
  if (length === undefined || length === 0) return undefined;
  const kind = addressKind(src.value.address);
  if (bogons.includes(kind) || (kind === 'unspecified' && length <= 8)) return 'bogon';
  return shared.includes(kind) && length <= broadMax ? 'private' : undefined;
}

/** Whether the machine itself has an address of that range on one of these interfaces. */
function livesIn(context: CheckContext, rule: Rule, names: readonly string[]): boolean {
  const { src } = rule.base;
  return (context.machine.interfaces.value ?? []).some(
    (i) => names.includes(i.name) && i.addresses.some((a) => src && networkContains(src.value, a.address)),
  );
}

/**
 * Whether other rules speak of a network within that range without placing it behind an inner interface: then the range
 * is laid out, and part of it may well be beyond the outer interface.
 */
function isLaidOut(context: CheckContext, view: RulesetView, rule: Rule): boolean {
  const range = rule.base.src?.value;
  if (!range) return false;
  const placed = ownNetworks(context, view).map(({ network }) => network);
  const isApart = (net: Network | undefined): boolean =>
    net !== undefined &&
    (prefixLength(net.mask) ?? 0) > broadMax &&
    networkContains(range, net.address) &&
    !placed.some((own) => networkContains(own, net.address));
  return view.rules().some(({ base }) => isApart(base.src?.value) || isApart(base.dst?.value));
}

/** A packet from outside that this rule lets in for its source alone. */
function trustedWalk(context: CheckContext, view: RulesetView, rule: Rule, way: Way): Walk | undefined {
  const openness = opennessOf(context, view);
  const { all } = openness;
  const { space } = all;
  const strangers = strangersOf(context, all);
  const measure = createMeasure(space, ['dport']);
  const others = [...space.codec.fields.keys()].filter((f) => f !== 'dport');
  const taken = space.may(takenBy(all, rule, [way === 'to' ? 'INPUT' : 'FORWARD']));
  for (const name of strangers.names) {
    const set = space.and(taken, comingBy(context, all, name));
    if (set === space.none || !space.isDecided(set)) continue;
    if (measure.count(space.forget(set, others)) <= portsMax) continue;
    for (const { sketch, options } of all.examples(set, way)) {
      const walk = calmWalk(context, sketch, {
        ...options,
        inferences: [...(options.inferences ?? []), ...strangers.inferences],
      });
      if (walk.decidedBy?.kind !== 'rule' || walk.decidedBy.id !== rule.id) continue;
      if (walk.fate === (way === 'to' ? 'local' : 'forward')) return walk;
    }
  }
  return undefined;
}

/** Everybody with a private address. */
export const overbroadPrivateTrust = defineCheck({
  code: 'FW306',
  name: 'overbroad-private-trust',
  title: 'A whole range of private addresses is trusted by any interface',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A rule accepts a source such as 10.0.0.0/8, 192.168.0.0/16 or 100.64.0.0/10, to more than a thousand ports, also by the interface that leads outside. The finding shows a packet that comes in there and gets past.',
  rationale:
    'Private addresses are no sign of a friend. The segment before a server in a data centre, the customers behind one carrier-grade NAT, the neighbours in a cloud have them as well, and a rule that means "our own" lets all of them in. A range that nobody has (240.0.0.0/4) can only be forged.',
  decision:
    "For each accept with a source in a private range, of a prefix of 16 or shorter, or in one that is not assigned to anybody, the first packets that it takes behind all rules above it are worked out. It is reported if they may come by an interface that leads outside, go to more than 1024 ports, and the engine walked one of them in by this rule; a rule that asks for IPsec is walked without. A rule that names an interface is believed to say where these hosts are, unless that one leads outside. It is a remark where nothing says which interface leads outside, or where the machine's own address there lies in that range: a host that lives in 10.0.0.0/8 may well trust it; and where other rules name a network of that range that nothing places inside, since part of the range may be beyond the outer interface on purpose. A rule for a single service is no trust in general and is not reported.",
  exceptions:
    'A host on a segment that has no other neighbours than its own network; name the interface all the same, and the prefix that is really there.',
  references: ['RFC 1918', 'RFC 6598', 'RFC 6890'],
  yieldsTo: ['FW115', 'FW303', 'FW304'],
  mentions: strangersMention,
  examples: {
    bad: [
      {
        title: 'ten of the sixteen million are ours',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.0.0.0/8 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a router that takes private sources by its outer interface',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 192.168.0.0/16 -p tcp -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -o eth0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'addresses of nobody',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 240.0.0.0/5 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'one network, its interface, its services',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.0.5.0/24 -i eth1 -p tcp -m multiport --dports 22,9100 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the whole range, by the inner interface',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 192.168.0.0/16 -i eth1 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'a VPN by its own interface',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 100.64.0.0/10 -i tailscale0 -j ACCEPT
-A INPUT -i eth0 -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'private sources from outside are dropped first',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.0.0.0/8 -i eth0 -j DROP
-A INPUT -s 10.0.0.0/8 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'out of an IPsec tunnel',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.0.0.0/8 -m policy --dir in --pol ipsec -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      const rules = view
        .rules()
        .filter((r) => r.table === 'filter' && view.effect(r).outcome === 'accept' && trusted(r));
      if (rules.length === 0) continue;
      const outside = context.interfaces(view.family).filter((i) => i.side === 'outside');
      for (const rule of rules) {
        const named = rule.base.inInterface;
        // Whoever names the interface says that these hosts are behind it; that is believed unless it leads outside.
        if (named && !named.negated && !outside.some((i) => interfaceMatches(named.value, i.name))) continue;
        for (const way of ['to', 'through'] as const) {
          if (way === 'to' && isGuardedElsewhere(context)) continue;
          if (!view.hooks('filter', rule.chain).includes(way === 'to' ? 'INPUT' : 'FORWARD')) continue;
          if (isWideOpen(opennessOf(context, view), way)) continue;
          const walk = trustedWalk(context, view, rule, way);
          const { src } = rule.base;
          if (!walk || !src) continue;
          const at = { kind: 'rule', view, rule } as const;
          const names = outside.map((i) => i.name);
          const bogon = trusted(rule) === 'bogon';
          const sure =
            outside.length > 0 && !livesIn(context, rule, names) && !isLaidOut(context, view, rule);
          const by = outside.length > 0 ? walk.sketch.inInterface : undefined;
          const net = networkTextShort(src.value);
          yield {
            at,
            ...(sure || bogon ? {} : { severity: 'info' }),
            message: `Rule ${rule.index + 1} of ${rule.chain} trusts ${net}${named ? '' : by ? ' also' : ', all of it,'} by ${by ?? 'whatever interface'}: ${bogon ? 'nobody has such an address, so whoever uses it has forged it' : `whoever has or forges such an address${by ? ' there' : ''} reaches ${way === 'to' ? 'this machine' : 'what is behind this machine'}`}`,
            underline: '-s',
            caption: 'no sign of a friend',
            help: [
              knobOf(view, at) ??
                (bogon
                  ? 'take the rule out, or turn it into a DROP'
                  : 'name the prefix that is really there, and where there are several interfaces the one that these hosts come by: -i NAME'),
            ],
            witness: walk,
            group: view.family,
          };
          break;
        }
      }
    }
  },
});
