import { createMeasure } from '../../packetset/measure.ts';
import type { AllPackets } from '../all-packets.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import {
  calmWalk,
  deciderOf,
  deciderText,
  knobOf,
  openShare,
  strangersMention,
  unspokenPort,
} from './support/openness.ts';
import { strangersOf } from './support/roads.ts';

/** Whether nearly all that this machine may send, to whatever destination and port, can leave. */
function sendsAll(all: AllPackets): boolean {
  const { space } = all;
  const measure = createMeasure(space, ['dst', 'dport']);
  const others = [...space.codec.fields.keys()].filter((f) => f !== 'dst' && f !== 'dport');
  const entering = space.may(all.entering('out'));
  const accepted = all.accepted('out').may;
  // What only some users may send is restricted.
  const users = (['uid', 'gid'] as const).filter((f) => space.codec.fields.has(f));
  const passed = space.diff(accepted, space.forget(space.diff(entering, accepted), users));
  return [6, 17].every((protocol) => {
    const here = space.interval('protocol', protocol, protocol);
    const whole = space.forget(space.and(entering, here), others);
    const open = space.forget(space.and(space.and(passed, entering), here), others);
    return space.isDecided(open) && measure.share(open, whole) >= openShare;
  });
}

/** A connection of this machine to somebody out there, on a port that no rule is likely to name. */
function outgoing(context: CheckContext, view: RulesetView, protocol: number): Walk {
  const { family } = view;
  const strangers = strangersOf(context, context.packets(view));
  const src = context.localAddress(family, strangers.names[0]);
  const dst = context.remoteAddress(family);
  const routed = context.machine.routes.value !== undefined;
  return calmWalk(
    context,
    {
      src: src.address,
      dst: dst.address,
      protocol,
      dport: unspokenPort,
      ...(routed ? {} : { outInterface: strangers.names[0] }),
    },
    {
      assume: [...new Set([...src.assume, ...dst.assume])],
      inferences: routed ? src.inferences : [...src.inferences, ...strangers.inferences],
    },
  );
}

/** A machine that may say anything to anybody. */
export const ownEgressUnrestricted = defineCheck({
  code: 'FW310',
  name: 'own-egress-unrestricted',
  title: 'This machine may open connections to anywhere',
  severity: 'info',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['strict', 'cis'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'OUTPUT lets nearly everything go that programs of this machine send: every port of every address. The finding shows such a connection and who lets it out.',
  rationale:
    'Whoever takes over a program here needs a way out: to fetch tools, to report home, to attack others. A list of what the machine needs (a resolver, a clock, mirrors) stops much of that, and what it stops is an alarm worth having.',
  decision:
    'All first packets of local processes are pushed through OUTPUT, NAT and POSTROUTING. It is reported if at least nine tenths of all destinations and ports may pass, for TCP and for UDP, and the engine walked a connection of each to a port that no rule names. What only some users may send (`-m owner`) counts as refused. It is in the presets strict and cis only: most machines are so on purpose, and FW311 tells of those where it matters most.',
  exceptions: 'Nearly everywhere: a workstation, a proxy, a machine that many programs share.',
  references: ['CIS Benchmarks for Linux, "Ensure iptables default deny firewall policy"'],
  mentions: strangersMention,
  examples: {
    bad: [
      {
        title: 'the policy',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a rule',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A OUTPUT -m conntrack --ctstate NEW,RELATED,ESTABLISHED -j ACCEPT
COMMIT
`,
      },
      {
        title: 'all but mail',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A OUTPUT -p tcp -m tcp --dport 25 -j REJECT --reject-with icmp-port-unreachable
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'a resolver and a mirror',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT
-A OUTPUT -o lo -j ACCEPT
-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A OUTPUT -d 192.0.2.53/32 -p udp -m udp --dport 53 -j ACCEPT
-A OUTPUT -d 198.51.100.80/32 -p tcp -m multiport --dports 80,443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'by user',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A OUTPUT -m owner --uid-owner 0 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the web alone',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A OUTPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
-A OUTPUT -p udp -m udp --dport 53 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      if (!view.chain('filter', 'OUTPUT')?.declared || !sendsAll(context.packets(view))) continue;
      const walks = [6, 17].map((protocol) => outgoing(context, view, protocol));
      const [walk] = walks;
      const at = walk && deciderOf(view, walk);
      if (!walk || !at || !walks.every((w) => w.fate === 'sent')) continue;
      yield {
        at,
        message: `Programs of this machine may open connections to anybody, on nearly any port: ${deciderText(walk)} lets them`,
        caption: 'a way out for whoever breaks in',
        help: [
          knobOf(view, at) ??
            ':OUTPUT DROP, then -A OUTPUT -o lo -j ACCEPT, RELATED,ESTABLISHED, and what the machine needs',
        ],
        witness: walk,
      };
    }
  },
});
