import { set } from '../../extensions/matches/set.ts';
import type { Hook } from '../../model/netfilter.ts';
import type { Rule } from '../../model/ruleset.ts';
import { type Address, addressBits, prefixLength } from '../../net/address.ts';
import type { PacketSet } from '../../packetset/space.ts';
import type { AllPackets } from '../all-packets.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import { describedAtEntry, strangersOf, takenBy, walkOf } from './support/roads.ts';
import { denies, destinationNatRules } from './support/rules-at.ts';
import { servicesOf, servicesText } from './support/services.ts';

/** Programs that ban single addresses. */
const banPrograms: readonly string[] = ['fail2ban', 'a ban daemon (sshguard, CrowdSec, CSF)'];

/** Names that people give to chains of banned addresses. */
const banNames = /ban|black|block|deny/i;

/** A jump to a chain of bans, or one rule that asks a list of addresses. */
interface Ban {
  readonly rule: Rule;
  /** What guards: the name of the chain or of the set. */
  readonly name: string;
  /** Banned addresses that the dump shows. */
  readonly banned: readonly Address[];
}

/** Sources that a chain refuses one by one; undefined where it does something else besides. */
function bannedIn(view: RulesetView, name: string): readonly Address[] | undefined {
  const chain = view.chain('filter', name);
  if (!chain) return undefined;
  const banned: Address[] = [];
  for (const rule of chain.rules) {
    const { src } = rule.base;
    const { outcome } = view.effect(rule);
    if (outcome === 'return' || outcome === 'continue') continue;
    const listed = view.find(rule, set)?.set.dirs[0] === 'src';
    if (!denies(rule) || !(listed || (src && !src.negated))) return undefined;
    if (src && prefixLength(src.value.mask) === addressBits(view.family)) banned.push(src.value.address);
  }
  return banned;
}

function bansOf(view: RulesetView): readonly Ban[] {
  const bans: Ban[] = [];
  for (const rule of view.rules()) {
    if (rule.table !== 'filter') continue;
    const { target } = rule;
    if (target.kind === 'jump' || target.kind === 'goto') {
      const owner = view.owner('filter', target.chain)?.name;
      const isBan = owner === undefined ? banNames.test(target.chain) : banPrograms.includes(owner);
      const banned = isBan ? bannedIn(view, target.chain) : undefined;
      if (banned && (owner !== undefined || banned.length > 0))
        bans.push({ rule, name: target.chain, banned });
    }
    const listed = view.find(rule, set);
    if (denies(rule) && listed && !listed.negated && listed.set.dirs[0] === 'src')
      bans.push({ rule, name: listed.set.name, banned: [] });
  }
  return bans;
}

/** A walk of such a packet from a stranger, and where it can be from somebody who is banned. */
function showOpen(
  context: CheckContext,
  all: AllPackets,
  open: PacketSet,
  heading: 'to' | 'through',
  ban: Ban,
  others: readonly Ban[],
): Walk | undefined {
  const arrives = heading === 'to' ? 'local' : 'forward';
  const free = (w: Walk): boolean => w.fate === arrives && !others.some((b) => w.matched(b.rule));
  const walk = walkOf(context, all, open, 'to', free);
  const [banned] = ban.banned;
  if (!walk || banned === undefined) return walk;
  const same = context.send(
    { ...walk.sketch, src: banned },
    { assume: walk.assume, inferences: walk.inferences },
  );
  return free(same) ? same : walk;
}

/** Bans at a hook that the guarded packets do not pass. */
export const banOnWrongPath = defineCheck({
  code: 'FW118',
  name: 'ban-on-wrong-path',
  title: 'Banned addresses are refused where the packets of the guarded service do not pass',
  severity: 'error',
  confidences: ['proved', 'context', 'inferred'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'Bans of fail2ban, of another such program or of a list of one’s own are asked in INPUT alone, while the service is translated to another host or a container and travels FORWARD; or in FORWARD alone, while the service is on this machine. The finding shows a packet that the ban does not see.',
  rationale:
    'The program reads the log, bans the address, and reports success. The packets of a published port are translated in PREROUTING and never come to INPUT: the attacker carries on. Docker, Kubernetes and port forwards to the LAN all do this.',
  decision:
    'For every jump that names ports to a chain that refuses single sources (by fail2ban and its like, or so named and filled), and every rule that refuses the sources in a set for ports: the packets that it describes are taken as strangers send them. It is reported if some of them are translated and pass FORWARD while the bans hang in INPUT alone, or are delivered by INPUT while they hang in FORWARD alone and no translation takes them. An empty chain counts as well: the next ban goes there.',
  exceptions:
    'A container on the host’s own network, or Docker’s userland proxy without rules: those packets do pass INPUT, and nothing is reported. A second chain of bans on the right way is enough.',
  references: [
    'https://github.com/crazy-max/docker-fail2ban/issues/11',
    'https://github.com/fail2ban/fail2ban/issues/2292',
  ],
  examples: {
    bad: [
      {
        title: 'fail2ban in INPUT, the web server in a container',
        rules: `*nat
-A PREROUTING -m addrtype --dst-type LOCAL -p tcp -m tcp --dport 443 -j DNAT --to-destination 172.18.0.3:443
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:f2b-nginx - [0:0]
-A INPUT -p tcp -m multiport --dports 80,443 -j f2b-nginx
-A FORWARD -d 172.18.0.3/32 -p tcp -m tcp --dport 443 -j ACCEPT
-A f2b-nginx -s 203.0.113.66/32 -j REJECT --reject-with icmp-port-unreachable
-A f2b-nginx -j RETURN
COMMIT
`,
      },
      {
        title: 'a blocklist of one’s own, before a port forward',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 25 -j DNAT --to-destination 192.168.1.5
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:blocklist - [0:0]
-A INPUT -p tcp -m tcp --dport 25 -j blocklist
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 192.168.1.5/32 -i eth0 -p tcp -m tcp --dport 25 -j ACCEPT
-A blocklist -s 203.0.113.66/32 -j DROP
-A blocklist -s 198.51.100.77/32 -j DROP
COMMIT
`,
      },
      {
        title: 'sshd of the host, banned for containers only',
        rules: `*nat
-A PREROUTING -m addrtype --dst-type LOCAL -p tcp -m tcp --dport 443 -j DNAT --to-destination 172.18.0.3:443
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER-USER - [0:0]
:f2b-sshd - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -d 172.18.0.3/32 -o docker0 -p tcp -m tcp --dport 443 -j ACCEPT
-A DOCKER-USER -p tcp -m tcp --dport 22 -j f2b-sshd
-A DOCKER-USER -j RETURN
-A f2b-sshd -s 203.0.113.66/32 -j DROP
-A f2b-sshd -j RETURN
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the bans hang in DOCKER-USER',
        rules: `*nat
-A PREROUTING -m addrtype --dst-type LOCAL -p tcp -m tcp --dport 443 -j DNAT --to-destination 172.18.0.3:443
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER-USER - [0:0]
:f2b-nginx - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -d 172.18.0.3/32 -p tcp -m tcp --dport 443 -j ACCEPT
-A DOCKER-USER -p tcp -m conntrack --ctorigdstport 443 --ctdir ORIGINAL -j f2b-nginx
-A DOCKER-USER -j RETURN
-A f2b-nginx -s 203.0.113.66/32 -j REJECT --reject-with icmp-port-unreachable
-A f2b-nginx -j RETURN
COMMIT
`,
      },
      {
        title: 'sshd of the host, banned in INPUT',
        rules: `*nat
-A PREROUTING -m addrtype --dst-type LOCAL -p tcp -m tcp --dport 443 -j DNAT --to-destination 172.18.0.3:443
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:f2b-sshd - [0:0]
-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
-A FORWARD -d 172.18.0.3/32 -p tcp -m tcp --dport 443 -j ACCEPT
-A f2b-sshd -j RETURN
COMMIT
`,
      },
      {
        title: 'the published port is not let through',
        rules: `*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 25 -j DNAT --to-destination 192.168.1.5
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:f2b-postfix - [0:0]
-A INPUT -p tcp -m tcp --dport 25 -j f2b-postfix
-A f2b-postfix -j RETURN
COMMIT
`,
      },
    ],
  },
  *run(context): Iterable<FindingDraft> {
    for (const view of context.views) {
      const bans = bansOf(view);
      for (const ban of bans) {
        const services = servicesOf(view, ban.rule);
        if (services.length === 0) continue;
        const hooks = view.hooks('filter', ban.rule.chain);
        const only = (hook: Hook): boolean => hooks.length === 1 && hooks[0] === hook;
        if (!only('INPUT') && !only('FORWARD')) continue;
        const heading = only('INPUT') ? 'through' : 'to';
        const all = context.packets(view);
        const { space } = all;
        const translations = destinationNatRules(view);
        const translated = space.union(translations.map((r) => takenBy(all, r, ['PREROUTING'])));
        const strangers = strangersOf(context, all);
        const mine = space.and(describedAtEntry(all, ban.rule, heading), strangers.set);
        if (heading === 'to' && (translations.length === 0 || !space.disjoint(mine, translated))) continue;
        // What asks for this machine and is translated goes through it: the walk decides whether it gets there.
        const described = heading === 'to' ? mine : space.and(mine, translated);
        const open = space.and(described, all.accepted(heading).may);
        const walk = showOpen(context, all, open, heading, ban, bans);
        if (!walk) continue;
        const what = servicesText(services);
        const taker = translations.find((r) => walk.matched(r));
        const knob = view.owner('filter', ban.name)?.knob;
        yield {
          at: { kind: 'rule', view, rule: ban.rule },
          message:
            heading === 'through'
              ? `Bans for ${what} are asked in INPUT, but packets for that service are translated and take FORWARD`
              : `Bans for ${what} are asked in FORWARD, but the service is on this machine: its packets take INPUT`,
          caption: 'never sees these packets',
          what: `whoever is banned in "${ban.name}" can still connect`,
          why:
            heading === 'through'
              ? 'the translation in nat PREROUTING comes before routing, so the packets are no longer for this machine'
              : 'packets to this machine itself go PREROUTING, INPUT; FORWARD is for packets that leave again',
          ...(walk.decidedBy ? { openedBy: [walk.decidedBy] } : {}),
          ...(taker
            ? { related: [{ message: 'translated here', at: { kind: 'rule', view, rule: taker } as const }] }
            : {}),
          help: [
            heading === 'through'
              ? `hang the bans into FORWARD (with Docker: DOCKER-USER), and ask for the port by --ctorigdstport${knob ? `; ${knob}` : ''}`
              : `hang the bans into INPUT${knob ? `: ${knob}` : ''}`,
          ],
          inferences: strangers.inferences,
          witness: walk,
          group: `${view.family} ${ban.name}`,
        };
      }
    }
  },
});
