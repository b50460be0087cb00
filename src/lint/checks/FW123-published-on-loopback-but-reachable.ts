import { DNAT } from '../../extensions/targets/DNAT.ts';
import type { Rule } from '../../model/ruleset.ts';
import { type Address, type AddressRange, rangeContains, sameAddress } from '../../net/address.ts';
import { addressText } from '../../net/address-text.ts';
import { addressKind } from '../../net/documentation.ts';
import { interfacePattern } from '../../net/interface-pattern.ts';
import { protocolName } from '../../net/protocols.ts';
import { defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { walkOf } from './support/roads.ts';

/** A host that translations lead to, with the port there. */
interface Published {
  readonly rule: Rule;
  readonly host: Address;
  readonly protocol: number;
  readonly port: number;
}

/** Translations to one host and port each. */
function publications(view: RulesetView): readonly Published[] {
  return view.rules().flatMap((rule) => {
    const to = view.findTarget(rule, DNAT)?.range;
    const { protocol } = rule.base;
    const { addresses, ports } = to ?? {};
    if (!addresses || !ports || !protocol || protocol.negated) return [];
    if (!sameAddress(addresses.low, addresses.high) || ports[0] !== ports[1]) return [];
    return [{ rule, host: addresses.low, protocol: protocol.value, port: ports[0] }];
  });
}

/** Whether the rule translates only what asks for a loopback address. */
function forLoopback({ rule }: Published): boolean {
  const { dst } = rule.base;
  return dst !== undefined && !dst.negated && addressKind(dst.value.address) === 'loopback';
}

/** A service published for this machine alone, that others reach past the translation. */
export const publishedOnLoopbackButReachable = defineCheck({
  code: 'FW123',
  name: 'published-on-loopback-but-reachable',
  title: 'A service is published on loopback only, and FORWARD lets others to it directly',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'Every translation to a container or host is for 127.0.0.1 alone, so that only this machine should reach the service. FORWARD accepts the address and port behind the translation from elsewhere as well. The finding shows a packet that gets there without being translated.',
  rationale:
    'A neighbour needs no translation: he adds a route for the network of the containers by way of this machine and asks for the container itself. What keeps him out is FORWARD, and an accept for the destination alone does not.',
  decision:
    'For every host and port to which only translations of loopback addresses lead: packets with that destination are taken as they come in by interfaces that do not lead to the host; which one does is known from rules that name it with the host. It is reported if one of them, sent, is let through without a translation.',
  exceptions:
    'Networks of containers that are meant to be routed. Docker 28 and later drop such packets in table raw; then nothing is reported.',
  references: [
    'https://github.com/moby/moby/issues/45610',
    'https://docs.docker.com/engine/network/packet-filtering-firewalls/',
  ],
  examples: {
    bad: [
      {
        title: 'a container on 127.0.0.1:8081',
        rules: `*nat
-A PREROUTING -d 127.0.0.1/32 -p tcp -m tcp --dport 8081 -j DNAT --to-destination 172.17.0.3:80
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -d 172.17.0.3/32 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'as Docker writes it',
        rules: `*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A DOCKER -d 127.0.0.1/32 ! -i docker0 -p tcp -m tcp --dport 5432 -j DNAT --to-destination 172.17.0.2:5432
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 5432 -j ACCEPT
-A DOCKER-USER -j RETURN
COMMIT
`,
      },
      {
        title: 'FORWARD lets everything through',
        rules: `*nat
-A OUTPUT -d 127.0.0.1/32 -p tcp -m tcp --dport 6379 -j DNAT --to-destination 10.0.3.5:6379
-A POSTROUTING -s 10.0.3.0/24 -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i lxcbr0 -j ACCEPT
-A FORWARD -d 10.0.3.5/32 -o lxcbr0 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'only what was translated, and raw drops the rest',
        rules: `*raw
-A PREROUTING -d 172.17.0.3/32 ! -i docker0 -j DROP
COMMIT
*nat
-A PREROUTING -d 127.0.0.1/32 -p tcp -m tcp --dport 8081 -j DNAT --to-destination 172.17.0.3:80
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -d 172.17.0.3/32 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the accept asks for a translation',
        rules: `*nat
-A PREROUTING -d 127.0.0.1/32 -p tcp -m tcp --dport 8081 -j DNAT --to-destination 172.17.0.3:80
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -d 172.17.0.3/32 -o docker0 -p tcp -m conntrack --ctstate DNAT -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'published for everybody',
        rules: `*nat
-A PREROUTING -p tcp -m tcp --dport 8081 -j DNAT --to-destination 172.17.0.3:80
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -d 172.17.0.3/32 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      const list = publications(view);
      const seen = new Set<string>();
      for (const p of list) {
        const key = `${p.protocol} ${addressText(p.host)} ${p.port}`;
        if (seen.has(key)) continue;
        seen.add(key);
        const same = list.filter(
          (q) => q.protocol === p.protocol && q.port === p.port && sameAddress(q.host, p.host),
        );
        if (!same.every(forLoopback)) continue;
        const all = context.packets(view);
        const { space } = all;
        const host: AddressRange = { low: p.host, high: p.host };
        // The host's own side: what its interface brings in are its neighbours in the same network.
        const near = view
          .rules()
          .flatMap(({ base }) =>
            base.dst &&
            !base.dst.negated &&
            base.outInterface &&
            !base.outInterface.negated &&
            rangeContains(host, base.dst.value.address)
              ? [base.outInterface.value.name]
              : [],
          );
        const asked = all.describe((s) =>
          s.and(
            s.addresses('dst', host),
            s.and(s.interval('protocol', p.protocol, p.protocol), s.interval('dport', p.port, p.port)),
          ),
        ).may;
        // Of a rule that leaves the containers' own packets alone, the interface is theirs, too.
        for (const { rule } of same) {
          const own = rule.base.inInterface;
          if (own?.negated && own.value.exact) near.push(own.value.name);
        }
        const [outInterface] = near;
        // Nothing tells which side is theirs: whoever asks may be a neighbour of the host.
        if (outInterface === undefined) continue;
        const far = space.diff(
          asked,
          space.union(near.map((name) => space.interface('in', interfacePattern(name)))),
        );
        const open = space.and(far, all.accepted('through').may);
        const walk = walkOf(
          context,
          all,
          open,
          'through',
          (w) => w.fate === 'forward' && !same.some((q) => w.matched(q.rule)),
          { fixed: { outInterface } },
        );
        if (!walk) continue;
        const service = `${protocolName(p.protocol)}/${p.port}`;
        const owner = view.owner(p.rule.table, p.rule.chain);
        yield {
          at: { kind: 'rule', view, rule: p.rule },
          message: `${service} of ${addressText(p.host)} is published on loopback only, but FORWARD lets others to it without the translation`,
          underline: '-d',
          caption: 'is not the only way to it',
          what: `a neighbour who routes ${addressText(p.host)} by way of this machine reaches ${service} there`,
          why: 'a packet that asks for the host itself needs no translation: only FORWARD stands before it',
          ...(walk.decidedBy ? { openedBy: [walk.decidedBy] } : {}),
          help: [
            owner
              ? `${owner.name} writes these rules: in its newer versions it guards them; else drop such packets in raw PREROUTING`
              : 'ask for the translation where FORWARD accepts: -m conntrack --ctstate DNAT',
          ],
          witness: walk,
          group: `${view.family} ${addressText(p.host)}`,
        };
      }
    }
  },
});
