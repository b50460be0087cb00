import type { Listener } from '../../model/machine.ts';
import type { Rule } from '../../model/ruleset.ts';
import { addressBits, networkContains, prefixLength } from '../../net/address.ts';
import { addressKind } from '../../net/documentation.ts';
import type { PacketSet } from '../../packetset/space.ts';
import {
  type CheckContext,
  defineCheck,
  type FindingDraft,
  type RulesetView,
  type SidedInterface,
  type Walk,
} from '../check.ts';
import { copied } from './support/mends.ts';
import { opennessOf } from './support/openness.ts';
import { comingBy, describedAtEntry, takenBy, walkOf } from './support/roads.ts';
import { accepts, admitsInterface, denies, isNamedAt, rulesAt, sourceNatRules } from './support/rules-at.ts';
import { type Service, servicesOf, servicesText, serviceText } from './support/services.ts';
import { strangersInterfaces } from './support/strangers.ts';

/** A service that a rule of FORWARD keeps strangers from, and what becomes of one of them at this machine. */
interface Guarded {
  readonly service: Service;
  readonly atMachine: Walk;
}

/** The socket of this machine that takes the service from elsewhere, by what the machine told. */
function listenerOf(context: CheckContext, s: Service): Listener | undefined {
  return context.machine.listeners.value?.find(
    (l) =>
      l.protocol === s.protocol &&
      l.port === s.port &&
      !(l.address && (l.address.w3 >>> 24 === 127 || (l.address.family === 'ipv6' && l.address.w3 === 1))),
  );
}

/** `; served by nginx and sshd (ss)`; empty where nobody told. */
function servedBy(context: CheckContext, services: readonly Service[]): string {
  const names = services.map((s) => listenerOf(context, s)?.process).filter((name) => name !== undefined);
  if (names.length === 0) return '';
  return `; served by ${[...new Set(names)].join(' and ')} (${context.machine.listeners.source})`;
}

/** Whether a rule of INPUT accepted the packet by naming its port: the service is open on purpose. */
function openedByName(view: RulesetView, walk: Walk, s: Service): boolean {
  const by = walk.decidedBy;
  const rule = by?.kind === 'rule' ? view.ruleById(by.id) : undefined;
  return (
    rule !== undefined && servicesOf(view, rule).some((x) => x.protocol === s.protocol && x.port === s.port)
  );
}

/**
 * A deny that speaks of outsiders: it names an outside interface, everybody but a network, or everybody at all after
 * a rule above it has let some in.
 */
function guardsAgainstOutsiders(view: RulesetView, rule: Rule, from: SidedInterface): boolean {
  const { inInterface, outInterface, src } = rule.base;
  if (outInterface && !outInterface.negated) return false;
  if (inInterface) return !inInterface.negated && admitsInterface(rule, from.name) && from.side === 'outside';
  if (src) return src.negated;
  const services = servicesOf(view, rule).map(serviceText);
  const above = view.chain('filter', rule.chain)?.rules.slice(0, rule.index) ?? [];
  return above.some(
    (r) =>
      accepts(r) &&
      r.base.src?.negated === false &&
      !r.base.outInterface &&
      !r.base.dst &&
      servicesOf(view, r).some((s) => services.includes(serviceText(s))),
  );
}

/** Source NAT that hides whole networks: not only what goes to a few destinations. */
function hidesNetworks(view: RulesetView): boolean {
  return sourceNatRules(view).some((r) => (!r.base.dst || r.base.dst.negated) && !r.base.protocol);
}

/** An accept for a few outside sources: with a deny below it, it guards the service as well. */
function opensForSome(rule: Rule, from: SidedInterface): boolean {
  const { inInterface, outInterface, src } = rule.base;
  if (outInterface || !src || src.negated || prefixLength(src.value.mask) === 0) return false;
  const publicSource = ['global', 'documentation'].includes(addressKind(src.value.address));
  if (inInterface) return !inInterface.negated && admitsInterface(rule, from.name) && from.side === 'outside';
  return publicSource;
}

/**
 * Packets to this machine from `from` that INPUT lets in, whatever is not known, and that a rule of FORWARD means to
 * keep out: those that it refuses on their way through, if they were for this machine; of an accept, those of other
 * sources that FORWARD refuses. A rule that names an address of this machine means what it describes.
 */
function letIn(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  from: SidedInterface,
  namesMachine: boolean,
): PacketSet {
  const all = context.packets(view);
  const { space } = all;
  const meant = (): PacketSet => {
    if (namesMachine) return describedAtEntry(all, rule, 'to');
    if (denies(rule)) return takenBy(all, rule, ['FORWARD']);
    const named = describedAtEntry(all, rule, 'through');
    const others = space.and(space.diff(space.forget(named, ['src']), named), all.entering('through'));
    return space.diff(others, all.accepted('through').may);
  };
  const asIfToUs = space.and(space.forget(space.may(meant()), ['dst']), all.entering('to'));
  const come = space.and(asIfToUs, comingBy(context, all, from.name));
  return space.and(come, opennessOf(context, view).certain('to'));
}

/** The services of a rule that those whom it means to keep out reach on this machine, with a packet each. */
function* guardedServices(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  from: SidedInterface,
  namesMachine: boolean,
  services: readonly Service[],
): Iterable<Guarded> {
  if (services.length === 0) return;
  const all = context.packets(view);
  const { space } = all;
  const open = letIn(context, view, rule, from, namesMachine);
  if (open === space.none) return;
  const openers = rulesAt(view, 'INPUT').filter(accepts);
  for (const service of services) {
    const { protocol, port } = service;
    const asked = space.and(
      space.interval('protocol', protocol, protocol),
      space.interval('dport', port, port),
    );
    const byName = isNamedAt(view, 'INPUT', service)
      ? openers.filter((r) => servicesOf(view, r).some((s) => serviceText(s) === serviceText(service)))
      : [];
    const opened = space.union(byName.map((r) => takenBy(all, r, ['INPUT'])));
    const set = space.diff(space.and(open, asked), opened);
    const atMachine = walkOf(
      context,
      all,
      set,
      'to',
      (w) => w.fate === 'local' && !openedByName(view, w, service),
      { inferences: from.inferences },
    );
    if (atMachine) yield { service, atMachine };
  }
}

/** Accepts above a deny that let in some of those whom it refuses. */
function exceptionsAbove(view: RulesetView, rule: Rule): readonly Rule[] {
  const services = servicesOf(view, rule).map(serviceText);
  const above = view.chain('filter', rule.chain)?.rules.slice(0, rule.index) ?? [];
  return above.filter(
    (r) => accepts(r) && r.base.src && servicesOf(view, r).some((s) => services.includes(serviceText(s))),
  );
}

/** A service of this machine guarded in FORWARD. */
export const localServiceGuardedInForward = defineCheck({
  code: 'FW101',
  name: 'local-service-guarded-in-forward',
  title: 'A service of this machine is guarded in FORWARD, where its packets never come by',
  severity: 'error',
  confidences: ['context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule in FORWARD keeps strangers from a port, while INPUT lets the same strangers reach that port on the machine itself. The finding shows one such packet and who accepted it.',
  rationale:
    'Packets that are addressed to the machine go PREROUTING, routing, INPUT. FORWARD sees only packets that leave again by another way. A rule there never guards a service of the machine, however right it reads; the service is as open as INPUT leaves it. A gateway was lost to an IRC bot in just this way.',
  decision:
    'For every rule that packets in FORWARD can meet and that refuses a port to outsiders (by an outside interface, to everybody but a network, or to everybody after an accept for some), or that allows it to a few outsiders before a refusal: all packets that it refuses on their way through (of an accept: that FORWARD refuses to other sources) are asked about once more as packets to this machine. It is reported if INPUT lets some of them in whatever is not known, other than by a rule that opens the port by name, with one that is sent. That the port is meant to be on this machine is known from `ss -tulnp`, from the rule naming an own address, or inferred: behind source NAT, strangers cannot ask for a host inside, so the rule has no other meaning.',
  exceptions:
    'Machines whose INPUT is filtered elsewhere (a native nft table, the provider): say so by `input-filtered-elsewhere: true` in fwsim.yml. A rule that guards hosts behind a gateway without NAT is right where it is, and is not reported unless it names an address of the machine.',
  references: [
    'https://stackoverflow.com/questions/12945233/iptables-forward-and-input',
    'man iptables(8), TABLES',
  ],
  fixes: [{ kind: 'unsafe', does: 'puts a rule that refuses into INPUT as well, with the accepts above it' }],
  examples: {
    bad: [
      {
        title: 'everybody but the LAN is kept from the web application, in the wrong chain',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD ! -s 192.168.1.0/24 -i eth0 -p tcp -m multiport --dports 80,443 -j DROP
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'the founding incident: accept from the office only, then a drop',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 198.51.100.0/28 -i eth0 -p tcp -m tcp --dport 80 -j ACCEPT
-A FORWARD -i eth0 -j DROP
-A FORWARD -i eth1 -o eth0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'an accept for the office, a drop for everybody else, no interface named',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 192.168.1.0/24 -p tcp -m tcp --dport 80 -j ACCEPT
-A FORWARD -p tcp -m tcp --dport 80 -j DROP
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'the rule names the address of the gateway itself',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -d 203.0.113.1/32 -i eth0 -p tcp -m tcp --dport 8080 -j REJECT --reject-with icmp-port-unreachable
COMMIT
*nat
-A POSTROUTING -o eth0 -j SNAT --to-source 203.0.113.1
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the restriction stands in INPUT',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 192.168.1.0/24 -i eth1 -p tcp -m multiport --dports 80,443 -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -o eth0 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'mail out of the LAN is refused: that belongs into FORWARD',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i eth1 -o eth0 -p tcp -m tcp --dport 25 -j DROP
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'a router without NAT guards the servers behind it',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD ! -s 198.51.100.0/24 -i eth0 -o eth1 -p tcp -m multiport --dports 80,443 -j DROP
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    if (context.machine.inputFilteredElsewhere?.value) return;
    for (const view of context.views) {
      const hidden = hidesNetworks(view);
      const found: { rule: Rule; from: SidedInterface; guarded: readonly Guarded[] }[] = [];
      for (const from of strangersInterfaces(context, view.family)) {
        for (const rule of rulesAt(view, 'FORWARD')) {
          if (view.owner('filter', rule.chain) || found.some((f) => f.rule === rule)) continue;
          const deny = denies(rule);
          if (!deny && !accepts(rule)) continue;
          const { dst } = rule.base;
          const local = context.localAddress(view.family, from.name);
          const namesMachine =
            dst !== undefined &&
            !dst.negated &&
            prefixLength(dst.value.mask) === addressBits(view.family) &&
            local.provenance !== 'assumed' &&
            networkContains(dst.value, local.address);
          if (dst && !namesMachine) continue;
          if (!namesMachine && !(deny ? guardsAgainstOutsiders(view, rule, from) : opensForSome(rule, from)))
            continue;
          const services = servicesOf(view, rule).filter(
            (s) => namesMachine || hidden || listenerOf(context, s) !== undefined,
          );
          const guarded = [...guardedServices(context, view, rule, from, namesMachine, services)];
          if (guarded.length > 0) found.push({ rule, from, guarded });
        }
      }
      // A deny and the accepts above it about the same ports are one cause: the deny speaks.
      const told = new Set<string>();
      for (const { rule, from, guarded } of [...found].sort(
        (a, b) => Number(denies(b.rule)) - Number(denies(a.rule)),
      )) {
        const fresh = guarded.filter((g) => !told.has(`${g.service.protocol}/${g.service.port}`));
        const [first] = fresh;
        if (!first) continue;
        for (const g of fresh) told.add(`${g.service.protocol}/${g.service.port}`);
        const services = servicesText(fresh.map((g) => g.service));
        const given = fresh.every((g) => listenerOf(context, g.service) !== undefined);
        const served = servedBy(
          context,
          fresh.map((g) => g.service),
        );
        const inferences =
          given || rule.base.dst
            ? []
            : [
                {
                  text: `${services} ${fresh.length > 1 ? 'are meant to be services' : 'is meant to be a service'} of this machine (source NAT on ${from.name}: strangers cannot ask for a host behind it)`,
                  settledBy: 'ss -tulnp',
                },
              ];
        const opener = first.atMachine.decidedBy;
        yield {
          at: { kind: 'rule', view, rule },
          message: `${services} on this machine ${fresh.length > 1 ? 'are' : 'is'} guarded in FORWARD, but packets to the machine itself take INPUT, which lets them in`,
          caption: 'never sees packets to this machine',
          what: `${services} on this machine can be reached from ${from.name} by those whom this rule means to refuse${served}`,
          why: 'packets addressed to this machine go PREROUTING, INPUT; FORWARD is for packets that leave again',
          ...(opener ? { openedBy: [opener] } : {}),
          help: [
            `put the restriction into INPUT as well, above what accepts there; keep the FORWARD rule for what is behind this machine`,
          ],
          fixes: denies(rule)
            ? copied(view, rule, 'INPUT', first.atMachine, exceptionsAbove(view, rule))
            : [],
          inferences,
          witness: first.atMachine,
        };
      }
    }
  },
});
