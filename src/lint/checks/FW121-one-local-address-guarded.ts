import type { Rule } from '../../model/ruleset.ts';
import { type Address, addressBits, networkContains, prefixLength, sameAddress } from '../../net/address.ts';
import { addressText, networkTextShort } from '../../net/address-text.ts';
import { isPublicAddress } from '../../net/documentation.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import type { Inference } from '../finding.ts';
import { admitsInterface, denies, rulesAt } from './support/rules-at.ts';
import { type Service, servicesOf, servicesText, serviceText } from './support/services.ts';
import { strangersInterfaces } from './support/strangers.ts';

interface OwnAddress {
  readonly address: Address;
  readonly inferences: readonly Inference[];
  readonly assume: readonly string[];
}

/** Own addresses on the insides of a router: rules that place a private network behind an interface show one there. */
function insideAddresses({ machine }: CheckContext, view: RulesetView): readonly OwnAddress[] {
  if (machine.router?.value !== true) return [];
  const { family } = view;
  const found = new Map<string, OwnAddress>();
  for (const { base } of view.rules()) {
    const { src, inInterface } = base;
    if (!src || src.negated || !inInterface || inInterface.negated || !inInterface.value.exact) continue;
    const length = prefixLength(src.value.mask) ?? 0;
    if (isPublicAddress(src.value.address) || length < 16 || length > addressBits(family) - 2) continue;
    const address = { ...src.value.address, w3: (src.value.address.w3 | 1) >>> 0 };
    const text = addressText(address);
    found.set(text, {
      address,
      assume: [`local=${text}`],
      inferences: [
        {
          text: `this machine has an address in ${networkTextShort(src.value)}, on ${inInterface.value.name} (called ${text} here)`,
          settledBy: 'ip -j addr',
        },
      ],
    });
  }
  return [...found.values()];
}

/** The addresses at which this machine can be reached from other machines, and what their choice rests on. */
function ownAddresses(context: CheckContext, view: RulesetView): readonly OwnAddress[] {
  const { machine } = context;
  const { family } = view;
  if (machine.interfaces.value !== undefined)
    return machine.interfaces.value
      .filter((i) => i.linkType !== 'loopback')
      .flatMap((i) => i.addresses)
      .filter((a) => a.address.family === family && a.scope === 'global')
      .map(({ address }) => ({ address, inferences: [], assume: [] }));
  const shown = machine.localAddresses
    .filter((f) => f.value.family === family && !(family === 'ipv4' && f.value.w3 >>> 24 === 127))
    .map(({ value, provenance, source }) => ({
      address: value,
      assume: [],
      inferences:
        provenance === 'given'
          ? []
          : [
              {
                text: `${addressText(value)} is this machine's (${source})`,
                settledBy: 'ip -j addr',
              } as const,
            ],
    }));
  const more = insideAddresses(context, view).filter(
    (o) => !shown.some((k) => sameAddress(k.address, o.address)),
  );
  return [...shown, ...more];
}

/** Whether the services are known to listen on the guarded addresses alone, or not at all. */
function listensElsewhere({ machine }: CheckContext, s: Service, at: Address): boolean {
  const listeners = machine.listeners.value;
  if (listeners === undefined) return true;
  return listeners.some(
    (l) =>
      l.protocol === s.protocol &&
      l.port === s.port &&
      (l.address === undefined || sameAddress(l.address, at) || addressText(l.address) === '0.0.0.0'),
  );
}

/** A packet to another address of ours that the rule would refuse at its own, and that INPUT lets in. */
function reachedAt(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  others: readonly OwnAddress[],
): { readonly walk: Walk; readonly at: OwnAddress; readonly from: string } | undefined {
  const src = context.remoteAddress(view.family);
  for (const from of strangersInterfaces(context, view.family)) {
    if (!admitsInterface(rule, from.name)) continue;
    for (const at of others) {
      for (const service of servicesOf(view, rule)) {
        if (!listensElsewhere(context, service, at.address)) continue;
        const given = { inInterface: from.name, protocol: service.protocol, dport: service.port };
        const unbound = { ...rule, base: { ...rule.base, dst: undefined } };
        const [sketch] = rule.base.src
          ? context.packetsOf(view, unbound, { ...given, dst: at.address })
          : context.packetsOf(view, unbound, { ...given, dst: at.address, src: src.address });
        if (!sketch) continue;
        const walk = context.send(sketch, {
          assume: [...at.assume, ...(rule.base.src ? [] : src.assume)],
          inferences: [...at.inferences, ...from.inferences],
        });
        if (walk.fate !== 'local') continue;
        const by = walk.decidedBy;
        const opener = by?.kind === 'rule' ? view.ruleById(by.id) : undefined;
        // An accept for that address, or for the port, is how services are told apart on purpose.
        if (opener?.base.dst || (opener && servicesOf(view, opener).length > 0)) continue;
        return { walk, at, from: from.name };
      }
    }
  }
  return undefined;
}

/** A refusal at one address of several. */
export const oneLocalAddressGuarded = defineCheck({
  code: 'FW121',
  name: 'one-local-address-guarded',
  title: 'A service is refused at one address of this machine, and answers at another',
  severity: 'error',
  confidences: ['context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A refusal in INPUT is tied to one address of this machine by -d, while the same service at another of its addresses is let in from the same interface. The finding shows such a packet.',
  rationale:
    'Linux answers for each of its addresses on every interface: a packet that asks for the address of the inside is taken in by the outside interface as well. A service that listens on all addresses is guarded at one door of several. Private addresses can be asked for only by neighbours on the wire; public ones by everybody.',
  decision:
    'For every drop or reject of ports in INPUT with -d: a packet that it describes is sent to each other address of this machine, by the interfaces that lead outside. It is reported if one is delivered without an accept that names the port or that address. Addresses are known from `ip -j addr`, or else inferred from the rules: translations, and on a router the private networks that rules place behind an interface. With `ss -tulnp` only addresses count at which something listens. It is an error where that other address is public.',
  exceptions:
    'Services that are meant to differ by address (virtual hosts, a resolver for the inside): say so by an accept that names the address.',
  references: ['RFC 1122, 3.3.4.2 (the weak host model)'],
  yieldsTo: ['FW301'],
  examples: {
    bad: [
      {
        title: 'guarded at the public address, answered at the one of the LAN',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -d 203.0.113.1/32 -p tcp -m multiport --dports 22,80,3306 -j DROP
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
        context: `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 203.0.113.1/24 scope global eth0
       valid_lft forever preferred_lft forever
3: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000
    link/ether 02:00:00:00:00:02 brd ff:ff:ff:ff:ff:ff
    inet 192.168.1.1/24 scope global eth1
       valid_lft forever preferred_lft forever
`,
      },
      {
        title: 'two public addresses, one of them forgotten',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -d 203.0.113.1/32 -i eth0 -p tcp -m tcp --dport 3306 -j REJECT --reject-with icmp-port-unreachable
COMMIT
`,
        context: `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 203.0.113.1/24 scope global eth0
       valid_lft forever preferred_lft forever
    inet 203.0.113.2/24 scope global secondary eth0
       valid_lft forever preferred_lft forever
`,
      },
      {
        title: 'addresses as the rules show them',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -d 203.0.113.1/32 -i eth0 -p tcp -m tcp --dport 22 -j DROP
COMMIT
*nat
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j SNAT --to-source 203.0.113.1
-A POSTROUTING -s 192.168.2.0/24 -o eth0 -j SNAT --to-source 203.0.113.2
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'guarded by interface',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 192.168.1.0/24 -i eth1 -p tcp -m multiport --dports 22,80,3306 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'only one address is known',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -d 203.0.113.1/32 -p tcp -m multiport --dports 22,80,3306 -j DROP
COMMIT
`,
      },
      {
        title: 'opened at the other address by name',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -d 203.0.113.2/32 -i eth0 -p tcp -m tcp --dport 80 -j ACCEPT
-A INPUT -d 203.0.113.1/32 -i eth0 -p tcp -m tcp --dport 80 -j DROP
COMMIT
*nat
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j SNAT --to-source 203.0.113.1
-A POSTROUTING -s 192.168.2.0/24 -o eth0 -j SNAT --to-source 203.0.113.2
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      const own = ownAddresses(context, view);
      if (own.length < 2) continue;
      for (const rule of rulesAt(view, 'INPUT')) {
        const { dst } = rule.base;
        if (!denies(rule) || !dst || dst.negated || view.owner('filter', rule.chain)) continue;
        if (prefixLength(dst.value.mask) !== addressBits(view.family)) continue;
        if (!own.some((o) => networkContains(dst.value, o.address))) continue;
        const others = own.filter((o) => !networkContains(dst.value, o.address));
        const found = reachedAt(context, view, rule, others);
        if (!found) continue;
        const { walk, at, from } = found;
        const services = servicesText(servicesOf(view, rule));
        const shown = serviceText({ protocol: walk.sketch.protocol, port: walk.sketch.dport ?? 0 });
        const open = isPublicAddress(at.address);
        yield {
          at: { kind: 'rule', view, rule },
          severity: open ? 'error' : 'warning',
          message: `${services} is refused at ${addressText(dst.value.address)} only: this machine answers at ${addressText(at.address)} as well`,
          underline: '-d',
          caption: 'is one of several addresses of this machine',
          what: open
            ? `${shown} can be reached from ${from} by asking for ${addressText(at.address)}`
            : `neighbours on ${from} can reach ${shown} by asking for ${addressText(at.address)}`,
          why: 'Linux takes packets for any of its addresses on every interface',
          ...(walk.decidedBy ? { openedBy: [walk.decidedBy] } : {}),
          help: [`say by which interface the refusal holds (-i ${from}) instead of at which address`],
          witness: walk,
        };
      }
    }
  },
});
