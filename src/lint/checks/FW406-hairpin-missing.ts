import { DNAT } from '../../extensions/targets/DNAT.ts';
import type { Rule } from '../../model/ruleset.ts';
import { type Address, networkContains, prefix, sameAddress } from '../../net/address.ts';
import { addressText } from '../../net/address-text.ts';
import { isPublicAddress } from '../../net/documentation.ts';
import {
  type CheckContext,
  defineCheck,
  type FindingDraft,
  type RulesetView,
  type SidedInterface,
} from '../check.ts';
import type { Inference } from '../finding.ts';
import { leftBy, natEvents } from './support/conversations.ts';
import {
  comesInBy,
  isTranslatedBy,
  mayBeOurs,
  publishedAddress,
  translatedWalks,
} from './support/published.ts';
import { destinationNatRules } from './support/rules-at.ts';
import { sendOptions, sideOf } from './support/sending.ts';
import { servicesOf, serviceText } from './support/services.ts';
import { insideInterfaces } from './support/strangers.ts';

/** A host that shares a network with the server. */
interface Client {
  readonly address: Address;
  readonly inside: SidedInterface;
  readonly inferences: readonly Inference[];
}

/** Bridges by their names: not every output says which interfaces are ports. */
const bridgeName = /^(br|vmbr|lan$)/;

/** Whether answers within this interface's network pass the rules again and are put right: a bridge that is filtered. */
function putsRight({ machine }: CheckContext, { name }: SidedInterface): boolean | undefined {
  const ports = machine.interfaces.value?.some((i) => i.master === name);
  if (!ports && !bridgeName.test(name)) return false;
  const asked = machine.sysctls.value['net.bridge.bridge-nf-call-iptables'];
  return asked === undefined ? undefined : asked === '1';
}

/** Hosts beside the server: of the interface that has its network, else by the look of the address. */
function clientsOf(
  context: CheckContext,
  view: RulesetView,
  target: Address,
  outside: string,
): readonly Client[] {
  const known = context.machine.interfaces.value;
  const inner = insideInterfaces(context, view.family, outside);
  if (known !== undefined)
    return inner.flatMap((inside) => {
      const net = known
        .find((i) => i.name === inside.name)
        ?.addresses.filter((a) => a.address.family === view.family)
        .map((a) => prefix(a.address, a.prefixLength))
        .find((n) => networkContains(n, target));
      const other = net && beside(target);
      return other && networkContains(net, other) ? [{ address: other, inside, inferences: [] }] : [];
    });
  const address = beside(target);
  return inner.slice(0, 1).map((inside) => ({
    address,
    inside,
    inferences: [
      {
        text: `hosts like ${addressText(address)} share the network of ${addressText(target)}, behind ${inside.name}`,
        settledBy: 'ip -j addr',
      },
    ],
  }));
}

/** The seventh address of the server's /24 (IPv6: of its last 256), or the eighth. */
function beside(target: Address): Address {
  const [seventh, eighth] = [7, 8].map((n) => ({ ...target, w3: ((target.w3 & ~255) | n) >>> 0 }));
  return (seventh && !sameAddress(seventh, target) ? seventh : eighth) ?? target;
}

function judge(context: CheckContext, view: RulesetView, rule: Rule): FindingDraft | undefined {
  const range = view.findTarget(rule, DNAT)?.range.addresses;
  const [service] = servicesOf(view, rule);
  if (!range || !service || isPublicAddress(range.low) || (rule.base.src && !rule.base.src.negated))
    return undefined;
  const target = range.low;
  if (mayBeOurs(context, target)) return undefined;
  for (const from of comesInBy(context, view, rule)) {
    if (from.side !== 'outside') continue;
    if (!translatedWalks(context, view, rule, from).some((w) => w.fate === 'forward')) continue;
    const dst = publishedAddress(context, view, rule, from.name);
    // Behind another router, hosts inside know the address of that one.
    if (!isPublicAddress(dst.address)) continue;
    for (const { address, inside, inferences } of clientsOf(context, view, target, from.name)) {
      const bridged = putsRight(context, inside);
      if (bridged === true) continue;
      const sketch = {
        inInterface: inside.name,
        outInterface: inside.name,
        src: address,
        dst: dst.address,
        protocol: service.protocol,
        dport: service.port,
      };
      const walk = context.send(sketch, {
        ...(context.machine.interfaces.value
          ? sendOptions(dst)
          : sendOptions(dst, sideOf(from), sideOf(inside))),
        assume: [
          ...dst.assume,
          ...(context.machine.interfaces.value ? [] : [`remote=${addressText(target)}`]),
        ],
      });
      if (walk.fate !== 'forward' || leftBy(walk) !== inside.name || !isTranslatedBy(walk, rule)) continue;
      if (natEvents(walk, 'source').length > 0) continue;
      const bridge: Inference = {
        text: `bridged packets of ${inside.name} do not pass the rules`,
        settledBy: 'sysctl -a',
      };
      return {
        at: { kind: 'rule', view, rule },
        message: `${serviceText(service)} of ${addressText(dst.address)} does not work from the server's own network: its answers come to the client under another address`,
        underline: '--to-destination',
        caption: 'also for those beside the server',
        what: `a host such as ${addressText(address)} asks ${addressText(dst.address)}, and is answered by ${addressText(target)}, which it has not asked`,
        why: `the server sees a neighbour and answers it directly; only what comes back through ${inside.name} would get the old address again`,
        help: [
          `source NAT for them: -A POSTROUTING -s NETWORK -d ${addressText(target)} -p ${service.protocol === 17 ? 'udp' : 'tcp'} -j MASQUERADE, with the network of the server`,
          'or give hosts inside the inner address by their name server',
        ],
        witness: walk,
        inferences: [...inferences, ...(bridged === undefined ? [bridge] : [])],
        group: `${view.family} ${inside.name}`,
      };
    }
  }
  return undefined;
}

const addresses = `2: eth0    inet 203.0.113.1/24 brd 203.0.113.255 scope global eth0
3: eth1    inet 192.168.1.1/24 brd 192.168.1.255 scope global eth1
`;

const nat = (rules: string): string => `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
${rules}-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`;

/** Port forwards that hosts beside the server cannot use. */
export const hairpinMissing = defineCheck({
  code: 'FW406',
  name: 'hairpin-missing',
  title: 'A published service that its own neighbours cannot reach',
  severity: 'info',
  confidences: ['context', 'inferred'],
  groups: [],
  state: 'preview',
  probation: 'whether hosts inside ask for the public address at all cannot be told from the rules',
  since: '0.1.0',
  reports:
    'A port forward also takes packets from the network that the server is in, and sends them back there with the source that they had. The server answers its neighbour directly, and the neighbour throws the answer away: the packet is shown.',
  rationale:
    'Destination NAT is undone for answers that pass this machine again. Between two hosts of one network they do not: the client asked 203.0.113.1 and is answered by 192.168.1.10. Source NAT for these connections alone brings the answers back. On a bridge whose packets pass iptables (`bridge-nf-call-iptables`) it works without.',
  decision:
    'A stranger’s connection is translated by the rule and passes. The same is asked by a host that shares the server’s network: of the interface that has it, where addresses are given, else a guess that the finding names. The packet, walked, has to be translated by the same rule, to leave by the interface that it came in by, and to keep its source. Nothing is said where the published address is private, nor of a bridge whose packets are known to pass the rules.',
  exceptions: 'Hosts inside that are given the inner address by their own name server.',
  references: ['https://serverfault.com/questions/55611/'],
  yieldsTo: ['FW401', 'FW402', 'FW405'],
  examples: {
    bad: [
      {
        title: 'whoever asks is translated, and nobody’s source',
        rules: `*nat
-A PREROUTING -d 203.0.113.1/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.10:443
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'with the addresses of the machine',
        rules: nat(
          '-A PREROUTING -d 203.0.113.1/32 -p tcp -m tcp --dport 25 -j DNAT --to-destination 192.168.1.25\n',
        ),
        context: addresses,
      },
      {
        title: 'source NAT for another server alone',
        rules: nat(
          '-A PREROUTING -p tcp -m addrtype --dst-type LOCAL -m tcp --dport 8443 -j DNAT --to-destination 192.168.1.20:443\n-A POSTROUTING -s 192.168.1.0/24 -d 192.168.1.10/32 -p tcp -m tcp --dport 443 -j MASQUERADE\n',
        ),
        context: addresses,
      },
    ],
    good: [
      {
        title: 'neighbours get another source',
        rules: `*nat
-A PREROUTING -d 203.0.113.1/32 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.10:443
-A POSTROUTING -s 192.168.1.0/24 -d 192.168.1.10/32 -p tcp -m tcp --dport 443 -j MASQUERADE
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'for packets from outside alone',
        rules: nat(
          '-A PREROUTING -d 203.0.113.1/32 -i eth0 -p tcp -m tcp --dport 25 -j DNAT --to-destination 192.168.1.25\n',
        ),
        context: addresses,
      },
      {
        title: 'the server is in a network where no clients are',
        rules: nat(
          '-A PREROUTING -d 203.0.113.1/32 -p tcp -m tcp --dport 25 -j DNAT --to-destination 10.0.0.25\n',
        ),
        context: addresses,
      },
      {
        title: 'a bridge whose packets pass the rules',
        rules: nat(
          '-A PREROUTING -d 203.0.113.1/32 -p tcp -m tcp --dport 25 -j DNAT --to-destination 192.168.1.25\n',
        ),
        context: `${addresses.replaceAll('eth1', 'br0')}net.bridge.bridge-nf-call-iptables = 1
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views)
      for (const rule of destinationNatRules(view)) {
        if (view.writer(rule)) continue;
        const found = judge(context, view, rule);
        if (found) yield found;
      }
  },
});
