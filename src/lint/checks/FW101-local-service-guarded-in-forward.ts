import type { Listener } from '../../model/machine.ts';
import type { Rule } from '../../model/ruleset.ts';
import { addressBits, networkContains, prefixLength, sameAddress } from '../../net/address.ts';
import { addressKind, witnessAddresses } from '../../net/documentation.ts';
import {
  type CheckContext,
  type ChosenAddress,
  defineCheck,
  type FindingDraft,
  type PacketSketch,
  type RulesetView,
  type SidedInterface,
  type Walk,
} from '../check.ts';
import { copied } from './support/mends.ts';
import {
  accepts,
  admitsDestination,
  admitsInterface,
  denies,
  rulesAt,
  sourceNatRules,
} from './support/rules-at.ts';
import { ofRule, sendThrough, sendToMachine } from './support/sending.ts';
import { type Service, servicesOf, servicesText, serviceText } from './support/services.ts';
import { insideInterfaces, strangersInterfaces } from './support/strangers.ts';

/** A rule of FORWARD that keeps strangers from a service, and what becomes of them at this machine. */
interface Guarded {
  readonly service: Service;
  readonly atMachine: Walk;
  readonly through: Walk;
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

function* guardedServices(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  from: SidedInterface,
): Iterable<Guarded> {
  const { family } = view;
  const narrow = denies(rule);
  const local = context.localAddress(family, from.name);
  if (!admitsDestination(rule, local.address) && rule.base.dst) return;
  for (const service of servicesOf(view, rule)) {
    const given = {
      inInterface: from.name,
      dst: local.address,
      protocol: service.protocol,
      dport: service.port,
    };
    for (const src of strangersTo(context, view, rule, from, narrow ? given : undefined)) {
      const found = tryStranger(context, view, rule, from, local, service, src, narrow);
      if (!found) continue;
      yield found;
      break;
    }
  }
}

/** Sources that a deny refuses (as far as it describes them), or that an accept does not name. */
function* strangersTo(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  from: SidedInterface,
  denied: Partial<PacketSketch> | undefined,
): Iterable<ChosenAddress> {
  const { family } = view;
  const { src } = rule.base;
  const described = denied ? context.packetsOf(view, rule, denied) : [];
  if (denied && described.length === 0) return;
  const tried: ChosenAddress[] = [];
  for (const one of [
    context.remoteAddress(family, from.name),
    context.remoteAddress(family),
    ...witnessAddresses(family).map(ofRule),
  ]) {
    if (tried.some((other) => sameAddress(other.address, one.address))) continue;
    tried.push(one);
    const named = src !== undefined && networkContains(src.value, one.address) !== src.negated;
    if (!denied) {
      if (!src || !networkContains(src.value, one.address)) yield one;
    } else if (!src || named) yield one;
  }
  for (const sketch of described) yield ofRule(sketch.src);
}

/** Sends one stranger to this machine and through it. */
function tryStranger(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  from: SidedInterface,
  local: ChosenAddress,
  service: Service,
  src: ChosenAddress,
  narrow: boolean,
): Guarded | undefined {
  const { family } = view;
  const atMachine = sendToMachine(context, from, src, service, family, local);
  if (atMachine.fate !== 'local' || openedByName(view, atMachine, service)) return undefined;
  // A rule that names an address of this machine is shown by the delivery alone: FORWARD has no such packets.
  if (rule.base.dst) return { service, atMachine, through: atMachine };
  for (const to of insideInterfaces(context, family, from.name).slice(0, 2)) {
    const through = sendThrough(context, from, src, service, to, family);
    const refused = through.fate === 'drop' || through.fate === 'reject';
    if (!refused || through.decidedBy === undefined || !through.hooks.includes('FORWARD')) continue;
    if (narrow && !through.matched(rule)) continue;
    return { service, atMachine, through };
  }
  return undefined;
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
    'For every rule that packets in FORWARD can meet and that refuses a port to outsiders (by an outside interface, to everybody but a network, or to everybody after an accept for some), or that allows it to a few outsiders before a refusal: a packet from a refused source is sent to an address of this machine, and once more to somebody behind it. It is reported if the first is delivered by INPUT without a rule that opens the port by name, and the second is refused in FORWARD. That the port is meant to be on this machine is known from `ss -tulnp`, from the rule naming an own address, or inferred: behind source NAT, strangers cannot ask for a host inside, so the rule has no other meaning.',
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
          const guarded = [...guardedServices(context, view, rule, from)].filter(
            (g) => namesMachine || hidden || listenerOf(context, g.service) !== undefined,
          );
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
