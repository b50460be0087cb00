import { type Check, defineCheck, type FindingDraft, type Subject } from '../check.ts';
import { servedAt, servedText, silentText } from './support/listeners.ts';
import { type ManagementPort, managementPorts } from './support/management-ports.ts';
import {
  deciderOf,
  isGuardedElsewhere,
  isWideOpen,
  knobOf,
  opennessOf,
  type Reached,
  strangersMention,
} from './support/openness.ts';
import { listText } from './support/rule-shape.ts';

const protocolOf = { tcp: 6, udp: 17 } as const;

const mentions: Check['mentions'] = (family) => (space) =>
  managementPorts.reduce(
    (set, { port }) => space.or(set, space.interval('dport', port, port)),
    strangersMention(family)(space),
  );

/** A router that strangers may try to manage. */
export const managementOpenToAll = defineCheck({
  code: 'FW313',
  name: 'management-open-to-all',
  title: 'Strangers may try to log in to the router',
  severity: 'warning',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'SSH, Telnet, SNMP, Webmin or another way to manage this router is open to nearly any public address. The finding lists the ports by the rule that opens them.',
  rationale:
    'Whoever owns the router owns what is behind it. Passwords are tried at every open port 22 of the Internet, day and night, and a flaw in the daemon is reached by everybody. The rule that keeps strangers from the firewall itself is the oldest of the trade.',
  decision:
    'Only on routers. For each port of a short list, first packets from outside are pushed through the rules; it is reported if some reach this machine whatever is not known, from at least 1/256 of all IPv4 addresses that are not private. Where a limit or a list of those who tried too often stands before it, it is a remark; where strangers have to knock first, nothing is reported. With `ss -tulnp` in the input it is told who listens; ports on which nobody does are only mentioned. On a plain server an open SSH port is no finding.',
  exceptions: 'A bastion that is there to be logged in to: give it the role `bastion` in `fwsim.yml`.',
  references: [
    'Wool: A Quantitative Study of Firewall Configuration Errors, IEEE Computer 37(6), 2004',
    'NIST SP 800-41 Rev. 1',
  ],
  yieldsTo: ['FW301', 'FW303', 'FW801'],
  mentions,
  examples: {
    bad: [
      {
        title: 'SSH and Webmin of a gateway',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m multiport --dports 22,10000 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'SNMP by the outer interface',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth1 -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -i ppp0 -p udp -m udp --dport 161 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o ppp0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'another port outside is still SSH',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 2222 -j REDIRECT --to-ports 22
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'from inside, and from one address outside',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 192.168.1.0/24 -i eth1 -p tcp -m multiport --dports 22,10000 -j ACCEPT
-A INPUT -s 198.51.100.7/32 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'a server that routes nothing',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'who has knocked gets in',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 7000 -m recent --set --name knocked --rsource -j DROP
-A INPUT -p tcp -m tcp --dport 22 -m recent --rcheck --seconds 30 --name knocked --rsource -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    if (context.profile.value !== 'router' || isGuardedElsewhere(context)) return;
    if (context.machine.roles?.some((r) => r.value === 'bastion')) return;
    for (const view of context.views) {
      const openness = opennessOf(context, view);
      if (isWideOpen(openness, 'to')) continue;
      const found = new Map<string, { at: Subject; ports: ManagementPort[]; reached: Reached }>();
      for (const port of managementPorts) {
        const reached = openness.reached('to', openness.ports(protocolOf[port.protocol], port.port));
        const at = reached && deciderOf(view, reached.walk);
        if (!reached || !at) continue;
        const by = reached.walk.decidedBy;
        const key = `${by?.chain} ${by?.kind === 'rule' ? by.id : ''}`;
        const group = found.get(key) ?? { at, ports: [], reached };
        found.set(key, group);
        group.ports.push(port);
      }
      for (const { at, ports, reached } of found.values()) {
        const rated = reached.walk.assume.some((text) => /^(limit=|recent:)/.test(text));
        const served = servedAt(
          context.machine,
          view.family,
          ports.map(({ protocol, port }) => ({ protocol: protocolOf[protocol], low: port, high: port })),
        );
        const silent = served?.open.length === 0 ? served : undefined;
        const heard = servedText(served);
        const texts = ports.map((p) => `${p.protocol}/${p.port} (${p.service})`);
        yield {
          at,
          ...(rated || silent ? { severity: 'info' } : {}),
          ...(served ? { confidence: 'context' } : {}),
          message: `Strangers reach ${listText(texts)} of this router ${reached.opening.from}`,
          caption: 'opens it to everybody',
          ...(heard === undefined ? {} : { what: heard }),
          why: silent ? silentText(silent) : 'no condition on the source stands on the way',
          help: [
            knobOf(view, at) ??
              'accept it by the inner interface, and from the few addresses outside that manage the router: -s ADDRESS',
          ],
          witness: reached.walk,
        };
      }
    }
  },
});
