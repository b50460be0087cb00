import type { RemoteEnd } from '../../analysis/diff-connections.ts';
import { type Address, networkContains, prefix } from '../../net/address.ts';
import { addressText } from '../../net/address-text.ts';
import { addressKind } from '../../net/documentation.ts';
import {
  type CheckContext,
  defineCheck,
  type FindingDraft,
  type RulesetView,
  type SidedInterface,
  type Walk,
} from '../check.ts';
import { isRefused } from './support/limiters.ts';
import { deciderOf, deciderText } from './support/openness.ts';
import { sendOptions, sideOf } from './support/sending.ts';
import { strangersInterfaces } from './support/strangers.ts';

/** The interfaces by which an address may come: the one whose network it is in, else those of its side. */
function entrances(context: CheckContext, address: Address): readonly SidedInterface[] {
  const { family } = address;
  const all = context.interfaces(family).filter((i) => i.side !== 'loopback');
  const connected = context.machine.interfaces.value?.find((i) =>
    i.addresses.some(
      (a) => a.address.family === family && networkContains(prefix(a.address, a.prefixLength), address),
    ),
  );
  const there = all.filter((i) => i.name === connected?.name);
  if (there.length > 0) return there;
  const inside = all.filter((i) => i.side === 'inside');
  const hidden = ['private', 'unique-local'].includes(addressKind(address));
  return hidden && inside.length > 0 ? inside : strangersInterfaces(context, family);
}

/** The ports on which SSH listens: as `ss` says, else 22. */
function loginPorts(context: CheckContext): readonly number[] {
  const known = (context.machine.listeners.value ?? []).filter(
    (l) => l.protocol === 6 && /^sshd?\b/.test(l.process ?? ''),
  );
  return known.length > 0 ? [...new Set(known.map((l) => l.port))] : [22];
}

/** What becomes of a session: its first packet, a packet of it as it runs, and the answer. */
interface Session {
  readonly first: Walk;
  readonly running: Walk;
  readonly answer: Walk;
}

function walksOf(
  context: CheckContext,
  view: RulesetView,
  from: SidedInterface,
  remote: RemoteEnd,
  port: number,
): Session {
  const local = context.localAddress(view.family, from.name);
  const options = sendOptions(local, sideOf(from));
  const sport = remote.port ?? 40_000;
  const to = {
    inInterface: from.name,
    src: remote.address,
    dst: local.address,
    protocol: 6,
    sport,
    dport: port,
  };
  const back = {
    src: local.address,
    dst: remote.address,
    protocol: 6,
    sport: port,
    dport: sport,
    state: 'ESTABLISHED',
    direction: 'reply',
    outInterface: from.name,
  } as const;
  return {
    first: context.send(to, options),
    running: context.send({ ...to, state: 'ESTABLISHED', direction: 'original' }, options),
    answer: context.send(back, {
      ...options,
      assume: [...(options.assume ?? []), `remote=${addressText(remote.address)}`],
    }),
  };
}

/** An administrator who would cut himself off. */
export const lockOutRisk = defineCheck({
  code: 'FW327',
  name: 'lock-out-risk',
  title: 'These rules would cut the administrator off',
  severity: 'error',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'With `--as-remote ADDRESS[:PORT]` (the first two words of `$SSH_CLIENT`): the session of whoever works on the machine from that address would end with these rules, or he could not log in a second time.',
  rationale:
    'Rules are loaded at once, and a session that they refuse ends at once, with nobody left who could undo it. Where established connections pass, the session lives on and hides that the next login fails.',
  decision:
    'SSH is looked for where `ss -tulnp` shows it, else on port 22. Three packets are walked: the first of a new session, one of the running session, and its answer. It is an error if the running session or its answer is refused, a warning if only a new session is. The packets come by the interface whose network holds the address (from `ip addr`), else by those that lead to its side: it is reported if all of these refuse. Without `--as-remote` nothing is asked.',
  exceptions: 'A machine with a console that does not need the network.',
  references: ['CIS Benchmarks for Linux, remediation of the iptables items'],
  examples: {
    bad: [
      {
        title: 'no rule for the session, new or running',
        asRemote: '198.51.100.7',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the session would live, the next login would fail',
        asRemote: '198.51.100.7:50022',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 203.0.113.0/24 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'let in, but no answer gets out',
        asRemote: '198.51.100.7',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT DROP [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A OUTPUT -o lo -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'a rule for the address',
        asRemote: '198.51.100.7',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 198.51.100.7/32 -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'from inside, by the inner interface',
        asRemote: '192.168.1.9',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth1 -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`,
      },
      {
        title: 'nobody asked',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    const remote = context.asRemote;
    if (!remote) return;
    const view = context.views.find((v) => v.family === remote.address.family);
    if (!view) return;
    for (const port of loginPorts(context)) {
      const sessions = entrances(context, remote.address).map((from) =>
        walksOf(context, view, from, remote, port),
      );
      const ends = ({ running, answer }: Session): Walk | undefined => [running, answer].find(isRefused);
      const [session] = sessions;
      if (!session) continue;
      const cut = sessions.every((s) => ends(s) !== undefined);
      const locked = sessions.every((s) => isRefused(s.first));
      const walk = cut ? ends(session) : locked ? session.first : undefined;
      const at = walk && deciderOf(view, walk);
      if (!walk || !at) continue;
      const from = addressText(remote.address);
      const answers = walk === session.answer;
      yield {
        at,
        severity: cut ? 'error' : 'warning',
        id: cut ? 'session-ends' : 'no-new-session',
        message: cut
          ? `Loading these rules ends the session from ${from} on tcp/${port}: ${deciderText(walk)} refuses ${answers ? 'its answers' : 'its packets'}`
          : `The session from ${from} on tcp/${port} would live on, but ${deciderText(walk)} refuses a new one`,
        caption: cut ? 'cuts you off' : 'keeps you out the next time',
        help: [
          answers
            ? 'above it: -A OUTPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'
            : `above it: -A INPUT -s ${from} -p tcp --dport ${port} -j ACCEPT`,
          'load new rules with iptables-apply, which takes them back unless you confirm',
        ],
        witness: walk,
      };
    }
  },
});
