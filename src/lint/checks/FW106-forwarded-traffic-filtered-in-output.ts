import { addressBits, networkContains, prefixLength } from '../../net/address.ts';
import { addressText, networkText } from '../../net/address-text.ts';
import { defineCheck, type FindingDraft } from '../check.ts';
import { copied } from './support/mends.ts';
import { denies, rulesAt } from './support/rules-at.ts';
import { sendOptions, sideOf } from './support/sending.ts';
import { servicesOf, serviceText } from './support/services.ts';
import { insideInterfaces } from './support/strangers.ts';

/** A rule about forwarded traffic in OUTPUT. */
export const forwardedTrafficFilteredInOutput = defineCheck({
  code: 'FW106',
  name: 'forwarded-traffic-filtered-in-output',
  title: 'A rule about machines behind this router stands in OUTPUT',
  severity: 'warning',
  confidences: ['context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A rule in OUTPUT refuses traffic of a whole network, but the packets of the hosts in that network take FORWARD, which lets the same traffic through. The finding shows such a packet.',
  rationale:
    'OUTPUT sees what processes on this machine send, nothing else. Packets that this machine passes on for others never come by, so a rule against the mail, IRC or DNS of the LAN does nothing there.',
  decision:
    'For every drop or reject that packets in OUTPUT can meet and whose -s is a network: the packet that it describes is sent once more as it would arrive from a host of that network. It is reported if FORWARD accepts it. With `ip -j addr` it is known whether an address of this machine is in that network: then the rule does something, and the finding is only a note.',
  exceptions:
    'A policy for everything that leaves, written once in OUTPUT and once in FORWARD: then FORWARD refuses the packet and nothing is reported. Rules about the owner of a process are meant for this machine.',
  references: ['https://serverfault.com/questions/769294/'],
  fixes: [{ kind: 'unsafe', does: 'puts the same rule into FORWARD as well' }],
  examples: {
    bad: [
      {
        title: 'no mail out of the LAN, in the wrong chain',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A OUTPUT -s 192.168.1.0/24 -o eth0 -p tcp -m tcp --dport 25 -j DROP
COMMIT
`,
      },
      {
        title: 'the clients of a VPN',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i tun0 -o eth0 -j ACCEPT
-A OUTPUT -s 10.8.0.0/24 -p tcp -m multiport --dports 25,465,587 -j REJECT --reject-with icmp-port-unreachable
COMMIT
*nat
-A POSTROUTING -s 10.8.0.0/24 -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'in a chain that OUTPUT jumps to',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:egress - [0:0]
-A OUTPUT -o ppp0 -j egress
-A egress -s 192.168.0.0/16 -p udp -m udp --dport 53 -j DROP
COMMIT
*nat
-A POSTROUTING -o ppp0 -j MASQUERADE
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'in FORWARD',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 192.168.1.0/24 -o eth0 -p tcp -m tcp --dport 25 -j DROP
COMMIT
`,
      },
      {
        title: 'in both',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -s 192.168.1.0/24 -o eth0 -p tcp -m tcp --dport 25 -j DROP
-A OUTPUT -s 192.168.1.0/24 -o eth0 -p tcp -m tcp --dport 25 -j DROP
COMMIT
`,
      },
      {
        title: "this machine's own mail",
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A OUTPUT -o eth0 -p tcp -m tcp --dport 25 -m owner ! --uid-owner 105 -j DROP
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      const { family } = view;
      for (const rule of rulesAt(view, 'OUTPUT')) {
        const { src } = rule.base;
        if (!denies(rule) || !src || src.negated || view.writer(rule)) continue;
        const length = prefixLength(src.value.mask);
        if (
          length === undefined ||
          length === 0 ||
          length >= addressBits(family) ||
          src.value.address.w3 >>> 24 === 127
        )
          continue;
        if (rule.matches.some((m) => m.extension === 'owner')) continue;
        const out = rule.base.outInterface;
        if (out && !out.negated && out.value.exact && out.value.name === 'lo') continue;
        const ours = context.machine.interfaces.value
          ?.flatMap((i) => i.addresses)
          .find((a) => networkContains(src.value, a.address))?.address;
        const outName = out && !out.negated && out.value.exact ? out.value.name : undefined;
        const stranger = context.remoteAddress(family, outName);
        const services = servicesOf(view, rule);
        const sketches =
          services.length > 0
            ? services.flatMap((s) =>
                context
                  .packetsOf(view, rule, {
                    protocol: s.protocol,
                    dport: s.port,
                    ...(rule.base.dst ? {} : { dst: stranger.address }),
                  })
                  .slice(0, 1),
              )
            : context.packetsOf(view, rule, rule.base.dst ? {} : { dst: stranger.address }).slice(0, 1);
        let told = false;
        for (const sketch of sketches) {
          for (const from of insideInterfaces(context, family, outName ?? '')) {
            if (told) break;
            const host = context.remoteAddress(family, from.name);
            const hostFits = networkContains(src.value, host.address)
              ? host.address
              : { ...src.value.address, w3: (src.value.address.w3 | 7) >>> 0 };
            const walk = context.send(
              {
                ...sketch,
                src: hostFits,
                inInterface: from.name,
                outInterface: outName ?? sketch.outInterface,
              },
              sendOptions(
                stranger,
                { assume: [`remote=${addressText(sketch.dst)}`], inferences: [] },
                sideOf(from),
              ),
            );
            if (walk.fate !== 'forward' || !walk.hooks.includes('FORWARD')) continue;
            told = true;
            const about =
              sketch.dport === undefined
                ? 'this traffic'
                : serviceText({ protocol: sketch.protocol, port: sketch.dport });
            const network = networkText(src.value);
            yield {
              at: { kind: 'rule', view, rule },
              severity: ours ? 'info' : 'warning',
              message: `${about} of the hosts in ${network} takes FORWARD, not OUTPUT, and FORWARD lets it through`,
              caption: 'sees only what this machine itself sends',
              what: ours
                ? `the rule holds for this machine's own ${addressText(ours)}, and for nobody else in ${network}`
                : `hosts in ${network} send ${about} through this machine as if the rule were not there`,
              why: 'packets that this machine passes on go PREROUTING, FORWARD, POSTROUTING',
              ...(walk.decidedBy ? { openedBy: [walk.decidedBy] } : {}),
              help: ['put the same rule into FORWARD, above what accepts there'],
              fixes: copied(view, rule, 'FORWARD', walk),
              ...(context.machine.interfaces.value
                ? {}
                : {
                    inferences: [
                      { text: `${network} is a network behind this machine`, settledBy: 'ip -j addr' },
                    ],
                  }),
              witness: walk,
            };
          }
          if (told) break;
        }
      }
    }
  },
});
