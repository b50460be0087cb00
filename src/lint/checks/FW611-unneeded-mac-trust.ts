import { mac } from '../../extensions/matches/mac.ts';
import { defineCheck } from '../check.ts';
import { conditionsOf } from './support/rule-shape.ts';
import { accepts } from './support/rules-at.ts';

/** Accepts that a hardware address alone decides. */
export const unneededMacTrust = defineCheck({
  code: 'FW611',
  name: 'unneeded-mac-trust',
  title: 'A hardware address alone opens everything',
  severity: 'info',
  confidences: ['proved'],
  groups: ['strict'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A rule accepts whatever comes with a certain hardware (MAC) address: no other address, protocol or port is asked for.',
  rationale:
    'Anybody on the same segment can take on that address with one command, and hears it in every packet. Behind a router all packets have the router’s.',
  decision:
    'The rule accepts, has `-m mac --mac-source` (not negated), and else nothing but an interface, a state or a remark.',
  exceptions: 'Portals that open a network for devices, where nothing better is known of them.',
  references: ['man iptables-extensions(8), mac'],
  examples: {
    bad: [
      {
        title: 'the administrator’s notebook',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -i eth0 -m mac --mac-source 00:11:22:33:44:55 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the way out for one device',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m mac --mac-source 00:11:22:33:44:55 -m comment --comment "printer" -j ACCEPT
COMMIT
`,
      },
      {
        title: 'new connections of any kind',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:trusted - [0:0]
-A INPUT -i eth1 -j trusted
-A trusted -m mac --mac-source 00:11:22:33:44:66 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'one condition among others',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -s 192.168.1.7/32 -i eth1 -p tcp -m tcp --dport 22 -m mac --mac-source 00:11:22:33:44:55 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'refused by it: that is no trust',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m mac --mac-source 00:11:22:33:44:55 -j DROP
COMMIT
`,
      },
      {
        title: 'one service',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth1 -p udp -m udp --dport 67 -m mac --mac-source 00:11:22:33:44:55 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const rule of view.rules()) {
        const data = rule.table === 'filter' && accepts(rule) ? view.find(rule, mac) : undefined;
        if (!data || data.negated || view.writer(rule)) continue;
        const { src, dst, protocol } = rule.base;
        if (src || dst || protocol) continue;
        if (conditionsOf(rule).some((m) => !['mac', 'conntrack', 'state'].includes(m.extension))) continue;
        yield {
          at: { kind: 'rule', view, rule },
          confidence: 'proved',
          message: `Whoever takes on the hardware address ${data.source} is let in with everything`,
          underline: '--mac-source',
          caption: 'nothing else is asked',
          help: ['add the address and the service: -s ADDRESS -p tcp --dport PORT'],
          group: `${view.family} ${rule.table} ${rule.chain}`,
        };
      }
    }
  },
});
