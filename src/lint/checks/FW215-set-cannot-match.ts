import { dimensionsOf, parseElement } from '../../context/set-element.ts';
import { type SetMatchData, set } from '../../extensions/matches/set.ts';
import { SET } from '../../extensions/targets/SET.ts';
import type { IpSet } from '../../model/machine.ts';
import type { Rule } from '../../model/ruleset.ts';
import { networkContains, prefix } from '../../net/address.ts';
import { addressKind } from '../../net/documentation.ts';
import { type CheckContext, defineCheck, type RulesetView } from '../check.ts';

/** Why a lookup finds nothing, whatever the packet. */
interface Fault {
  readonly id: string;
  readonly because: string;
  readonly help: string;
  /** It may be otherwise in a minute. */
  readonly passing?: true;
}

/** Sets that rules of this machine add to. */
function filledByRules(context: CheckContext): ReadonlySet<string> {
  const names = new Set<string>();
  for (const view of context.views)
    for (const rule of view.rules()) {
      if (!view.findTarget(rule, SET) || rule.target.kind !== 'extension') continue;
      const added = /--add-set (\S+)/.exec(rule.target.text)?.[1];
      if (added !== undefined) names.add(added);
    }
  return names;
}

/** Whether one of the set's addresses may be a destination in INPUT: this machine's, or one for all. */
function mayBeLocal(context: CheckContext, known: IpSet): boolean | undefined {
  const { interfaces } = context.machine;
  if (interfaces.provenance !== 'given' || !interfaces.value) return undefined;
  const own = interfaces.value.flatMap((i) => i.addresses);
  const dimensions = dimensionsOf(known.type);
  if (dimensions?.[0] !== 'ip' && dimensions?.[0] !== 'net') return undefined;
  for (const { text } of known.members) {
    const elements = parseElement(known.type, known.family, text);
    if (!elements) return undefined;
    for (const [first] of elements) {
      if (first?.kind !== 'ip' && first?.kind !== 'net') return undefined;
      const net = prefix(first.address, first.length);
      const kind = addressKind(first.address);
      if (kind === 'multicast' || kind === 'broadcast' || kind === 'loopback' || kind === 'link-local')
        return true;
      if (first.length < 8) return true;
      if (
        own.some((a) => networkContains(net, a.address) || (a.broadcast && networkContains(net, a.broadcast)))
      )
        return true;
    }
  }
  return false;
}

function faultOf(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  data: SetMatchData,
  known: IpSet,
  filled: ReadonlySet<string>,
): Fault | undefined {
  const { name, dirs } = data.set;
  const dimensions = dimensionsOf(known.type);
  if (known.type !== 'list:set' && dimensions && dirs.length < dimensions.length) {
    return {
      id: 'too-few-directions',
      because: `it is of type ${known.type}, which needs ${dimensions.length} directions, and gets "${dirs.join(',')}"`,
      help: `--match-set ${name} ${[...dirs, ...dimensions.slice(dirs.length).map((d) => (d === 'port' ? 'dst' : (dirs[0] ?? 'src')))].join(',')}`,
    };
  }
  if (
    known.type !== 'list:set' &&
    known.family !== view.family &&
    view.linked.hasHeader &&
    dimensions?.some((d) => d === 'ip' || d === 'net')
  ) {
    return {
      id: 'other-family',
      because: `it holds ${known.family === 'ipv6' ? 'IPv6' : 'IPv4'} addresses, and these rules are for ${view.family === 'ipv6' ? 'IPv6' : 'IPv4'}`,
      help: `make a set of this family: ipset create NAME ${known.type} family ${view.family === 'ipv6' ? 'inet6' : 'inet'}`,
    };
  }
  if (known.members.length === 0 && !filled.has(name)) {
    return { id: 'empty-set', because: 'it is empty', help: `fill it: ipset add ${name} …`, passing: true };
  }
  const hooks = view.hooks(rule.table, rule.chain);
  const inputOnly = hooks.length > 0 && hooks.every((hook) => hook === 'INPUT');
  if (inputOnly && dirs[0] === 'dst' && known.members.length > 0 && mayBeLocal(context, known) === false) {
    return {
      id: 'dst-is-never-ours',
      because: 'in INPUT the destination is this machine, and none of its addresses is in the set',
      help: `if the senders are meant: --match-set ${name} src`,
    };
  }
  return undefined;
}

/** Sets that no packet can be found in. */
export const setCannotMatch = defineCheck({
  code: 'FW215',
  name: 'set-cannot-match',
  title: 'A set in which no packet can be found',
  severity: 'warning',
  confidences: ['context'],
  groups: ['recommended'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A rule looks into a set and cannot find anything: the set is empty, is for the other family, needs more directions than the rule gives, or is asked for the destination where only this machine’s own addresses occur.',
  rationale:
    'The kernel does not complain: a lookup with too few directions, or in a set of the other family, simply finds nothing. A list of bans that is asked for `dst` in INPUT bans nobody.',
  decision:
    'By the output of `ipset save`. The family is compared only where the dump tells its own. The kernel answers "not found" if fewer directions are given than the type has dimensions, and if the family differs. An empty set is a remark, since something may fill it; nothing is said if a rule adds to it. For `dst` in chains that INPUT alone leads to, `ip addr` must be given too: none of the machine’s addresses, no broadcast and no multicast address may be in the set. Lists of sets are looked at only for being empty.',
  exceptions: 'Sets that a program fills while the machine runs.',
  references: ['net/netfilter/ipset/ip_set_core.c ip_set_test()', 'man ipset(8)'],
  examples: {
    bad: [
      {
        title: 'a list of senders, asked for the destination',
        rules: `*filter
:INPUT ACCEPT [0:0]
-A INPUT -m set --match-set blocked dst -j DROP
COMMIT
`,
        context: `create blocked hash:net family inet hashsize 1024 maxelem 65536
add blocked 198.51.100.0/24
add blocked 192.0.2.66
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq state UP group default qlen 1000
    link/ether 52:54:00:12:34:56 brd ff:ff:ff:ff:ff:ff
    inet 203.0.113.5/24 brd 203.0.113.255 scope global eth0
       valid_lft forever preferred_lft forever
`,
      },
      {
        title: 'two dimensions, one direction',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p tcp -m set --match-set partners src -j ACCEPT
COMMIT
`,
        context: `create partners hash:ip,port family inet hashsize 1024 maxelem 65536
add partners 198.51.100.7,tcp:443
`,
      },
      {
        title: 'nothing in it',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m set --match-set blocked src -j DROP
COMMIT
`,
        context: `create blocked hash:ip family inet hashsize 1024 maxelem 65536
`,
      },
    ],
    good: [
      {
        title: 'asked for the sender',
        rules: `*filter
:INPUT ACCEPT [0:0]
-A INPUT -m set --match-set blocked src -j DROP
COMMIT
`,
        context: `create blocked hash:net family inet hashsize 1024 maxelem 65536
add blocked 198.51.100.0/24
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq state UP group default qlen 1000
    link/ether 52:54:00:12:34:56 brd ff:ff:ff:ff:ff:ff
    inet 203.0.113.5/24 brd 203.0.113.255 scope global eth0
       valid_lft forever preferred_lft forever
`,
      },
      {
        title: 'one of the machine’s addresses is in it',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m set --match-set services dst -p tcp -m tcp --dport 443 -j ACCEPT
COMMIT
`,
        context: `create services hash:ip family inet hashsize 1024 maxelem 65536
add services 203.0.113.5
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq state UP group default qlen 1000
    link/ether 52:54:00:12:34:56 brd ff:ff:ff:ff:ff:ff
    inet 203.0.113.5/24 brd 203.0.113.255 scope global eth0
       valid_lft forever preferred_lft forever
`,
      },
      {
        title: 'empty, and filled by a rule',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m set --match-set scanners src -j DROP
-A INPUT -p tcp -m tcp --dport 23 -j SET --add-set scanners src
COMMIT
`,
        context: `create scanners hash:ip family inet hashsize 1024 maxelem 65536 timeout 600
`,
      },
    ],
  },
  *run(context) {
    const sets = context.machine.sets.value;
    if (!sets) return;
    const filled = filledByRules(context);
    for (const view of context.views) {
      for (const rule of view.rules()) {
        for (const use of rule.matches) {
          if (!use.known || use.extension !== set.name) continue;
          const data = use.data as SetMatchData;
          const known = sets.find((s) => s.name === data.set.name);
          const fault = known && faultOf(context, view, rule, data, known, filled);
          if (!fault || (view.owner(rule.table, rule.chain) && fault.passing)) continue;
          yield {
            at: { kind: 'rule', view, rule },
            id: fault.id,
            severity: fault.passing ? 'info' : 'warning',
            confidence: 'context',
            message: `Nothing is found in the set "${data.set.name}": ${fault.because}${data.negated ? ', so that the condition always holds' : ''}`,
            underline: `--match-set ${data.set.name}`,
            caption: data.negated ? 'always true' : 'finds nothing',
            help: [fault.help],
            group: `${view.family} ${fault.id} ${data.set.name}`,
          };
        }
      }
    }
  },
});
