import { tcp } from '../../extensions/matches/tcp.ts';
import { udp } from '../../extensions/matches/udp.ts';
import type { Rule } from '../../model/ruleset.ts';
import { protocolName } from '../../net/protocols.ts';
import { defineCheck } from '../check.ts';
import { changedBody, replaceRule } from '../fixes/fix-draft.ts';

/** For the protocol itself, to other ports than those. */
function withOtherPorts(rule: Rule): string {
  const { protocol } = rule.base;
  const base = { ...rule.base, protocol: protocol && { ...protocol, negated: false } };
  const matches = rule.matches.map((use) =>
    use.extension === tcp.name || use.extension === udp.name
      ? { ...use, text: use.text.replace(/(?<! !) --([sd]port) /g, ' ! --$1 ') }
      : use,
  );
  return changedBody(rule, { base, matches });
}

/** `! -p tcp --dport 80`. */
export const negatedProtocolWithPorts = defineCheck({
  code: 'FW217',
  name: 'negated-protocol-with-ports',
  title: 'Ports of every protocol but the one that is named',
  severity: 'warning',
  confidences: ['proved'],
  groups: ['recommended'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A rule excludes a protocol and asks for a port of that very protocol. The nft back end loads it as "any other protocol whose header has these bytes there".',
  rationale:
    'With iptables-nft, `! -p tcp -m tcp --dport 80` matches UDP to port 80, and whatever else has the number 80 in the third and fourth byte behind the IP header. It matches no TCP at all. The legacy back end refuses the same line.',
  decision:
    'The protocol is negated, and the rule has conditions on ports of `-m tcp` or `-m udp`. The kernel compares the bytes and does not ask for the protocol again.',
  exceptions: 'None are known.',
  references: ['net/netfilter/nft_payload.c; iptables 1.8.9 iptables/nft.c add_nft_tcpudp()'],
  fixes: [{ kind: 'unsafe', does: 'turns the negation from the protocol to the port' }],
  examples: {
    bad: [
      {
        title: 'meant: TCP to all ports but 80',
        rules: `*filter
:INPUT ACCEPT [0:0]
-A INPUT ! -p tcp -m tcp --dport 80 -j DROP
COMMIT
`,
      },
      {
        title: 'a source port',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT ! -p tcp -m tcp --sport 1024:65535 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'in a chain of one’s own, in another table',
        rules: `*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:voip - [0:0]
-A PREROUTING -i eth0 -j voip
-A voip ! -p tcp -m tcp --dport 5060 -j MARK --set-xmark 0x2/0xffffffff
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'all ports but 80',
        rules: `*filter
:INPUT ACCEPT [0:0]
-A INPUT -p tcp -m multiport ! --dports 80 -j DROP
COMMIT
`,
      },
      {
        title: 'the same with the match of the protocol itself',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp ! --dport 80 -j DROP
COMMIT
`,
      },
      {
        title: 'a negated protocol without ports',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT ! -p tcp -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const rule of view.rules()) {
        const { protocol } = rule.base;
        if (!protocol?.negated) continue;
        const ports = view.find(rule, tcp) ?? view.find(rule, udp);
        if (!ports?.sport && !ports?.dport) continue;
        const name = protocolName(protocol.value);
        yield {
          at: { kind: 'rule', view, rule },
          confidence: 'proved',
          message: `"! -p ${name}" with a port: this matches ${name === 'tcp' ? 'UDP' : 'TCP'} and others, and no ${name} at all`,
          underline: `! -p ${name}`,
          caption: `every protocol but ${name}`,
          why: 'the nft back end compares the bytes where the port would be, whatever the protocol; the legacy back end refuses the rule',
          help: [`for ${name} to other ports: -p ${name} -m ${name} ! --dport PORT`],
          fixes: [replaceRule(view, rule, withOtherPorts(rule))],
        };
      }
    }
  },
});
