import { comment } from '../../extensions/matches/comment.ts';
import { dst } from '../../extensions/matches/dst.ts';
import { frag } from '../../extensions/matches/frag.ts';
import { hbh } from '../../extensions/matches/hbh.ts';
import { headerBit, ipv6header } from '../../extensions/matches/ipv6header.ts';
import { rt } from '../../extensions/matches/rt.ts';
import type { Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { denies } from './support/path-probes.ts';

/** Extension headers that a rule may refuse as a whole. */
const headers = {
  fragment: 44,
  hopByHop: 0,
  routing: 43,
  destination: 60,
} as const;

type Header = keyof typeof headers;

/** What packets with such a header are, and what is lost with them. */
const lost: Readonly<Record<Exclude<Header, 'fragment'>, { readonly name: string; readonly what: string }>> =
  {
    hopByHop: {
      name: 'a hop-by-hop header',
      what: 'queries and reports of multicast listeners have one, always: on a switch that looks at them this machine drops out of its groups, those of neighbour discovery among them',
    },
    routing: {
      name: 'a routing header, of whatever type',
      what: 'mobile hosts (type 2) and segment routing (types 3 and 4) are refused; the dangerous one is type 0 alone, and Linux has not followed it since 2.6.20',
    },
    destination: {
      name: 'a destination options header',
      what: 'mobile hosts and some tunnels are refused; no option of it is known to be dangerous to a host',
    },
  };

const u32Max = 0xffff_ffff;

/** The header that this rule asks for and nothing else about it; undefined where it is choosier, or asks for none. */
function wholeHeader(view: RulesetView, rule: Rule): Header | undefined {
  const asked = rule.matches.filter((m) => m.extension !== comment.name);
  if (asked.length !== 1 || rule.base.src || rule.base.dst || rule.base.protocol) return undefined;
  const f = view.find(rule, frag);
  if (f) {
    const anyId = !f.id || (f.id.low === 0 && f.id.high === u32Max && !f.id.negated);
    return anyId && !f.reservedZero && !f.first && !f.more ? 'fragment' : undefined;
  }
  const r = view.find(rule, rt);
  if (r) {
    const any = !r.type && !r.segmentsLeft && !r.lengthBytes && !r.reservedZero;
    return any && r.addresses.length === 0 ? 'routing' : undefined;
  }
  const hop = view.find(rule, hbh);
  if (hop) return hop.length || hop.options ? undefined : 'hopByHop';
  const options = view.find(rule, dst);
  if (options) return options.length || options.options ? undefined : 'destination';
  const any = view.find(rule, ipv6header);
  if (!any || any.negated || !any.soft) return undefined;
  return (Object.keys(headers) as Header[]).find((h) => any.headers === headerBit(headers[h]));
}

function judge(context: CheckContext, view: RulesetView, rule: Rule): FindingDraft | undefined {
  const header = wholeHeader(view, rule);
  if (!header) return undefined;
  const at = { kind: 'rule', view, rule } as const;
  if (header !== 'fragment') {
    const { name, what } = lost[header];
    return {
      at,
      id: 'header-refused',
      message: `Every packet with ${name} is refused`,
      caption: 'whatever is in it',
      what,
      why: 'extension headers are part of IPv6; what is dangerous is a type or an option of some, not the header',
      help: [
        header === 'routing'
          ? 'name the type: -m rt --rt-type 0'
          : 'take the rule out, or name the option that is not wanted',
      ],
    };
  }
  if (context.packets(view).analysis.side.switches.defragment)
    return {
      at,
      id: 'fragments-not-seen',
      message:
        'This rule is to drop fragments, and never sees one: connection tracking puts them together before',
      caption: 'after they were put together',
      what: 'fragmented packets pass or fail as the whole packets that they are',
      why: 'with any rule that asks for a connection, or NAT, IPv6 fragments are gathered before table raw',
      help: ['take the rule out; whole packets are judged by the others'],
    };
  return {
    at,
    id: 'fragments-refused',
    message: 'Every fragment is refused: large answers by UDP are lost',
    caption: 'the ordinary ones too',
    what: 'answers of name servers with signatures, IKE with certificates and large RADIUS packets come in fragments: they time out',
    why: 'nothing here tracks connections, so fragments come to the rules one by one',
    help: ['let connection tracking put them together, and judge the whole packets'],
  };
}

const filter = (rules: string): string => `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
${rules}COMMIT
`;

const usual = `-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p ipv6-icmp -j ACCEPT
`;

/** Extension headers of IPv6 refused as such. */
export const ipv6HeaderTricks = defineCheck({
  code: 'FW806',
  name: 'ipv6-header-tricks',
  title: 'An IPv6 extension header is refused as a whole',
  severity: 'info',
  confidences: ['proved'],
  groups: [],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A DROP or REJECT takes every fragment, or every packet with a hop-by-hop, routing or destination options header, whatever is in it. The finding says what is lost with them, or, of fragments, that the rule never sees one.',
  rationale:
    'Recipes against header tricks are older than the kernels that they run on. Routing headers of type 0 have been ignored since 2007, overlapping fragments are thrown away when packets are put together. What such rules do today is to break what needs these headers: multicast, mobile hosts, large answers by UDP.',
  decision:
    'The rule asks for the header (`frag`, `rt`, `hbh`, `dst`, or `ipv6header --soft` with one header) and for no type, option or other part of it, nor for addresses or a protocol. Whether fragments come to rules at all follows from the ruleset: as soon as connections are tracked, they are put together before table raw. That routing headers of type 0 are not refused is never reported: the kernel does not follow them.',
  exceptions: 'Hosts that must refuse everything that they do not know, and do without what is lost.',
  references: ['RFC 5095', 'RFC 7045', 'RFC 9288'],
  examples: {
    bad: [
      {
        title: 'fragments, where connections are tracked',
        rules: filter(`-A INPUT -m frag --fragid 0:4294967295 -j DROP
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p ipv6-icmp -j ACCEPT
`),
        context: '2: eth0    inet6 2001:db8:1::1/64 scope global\n',
      },
      {
        title: 'hop-by-hop options',
        rules: filter(`-A INPUT -m ipv6header --header hop-by-hop --soft -j DROP
${usual}`),
      },
      {
        title: 'routing headers of every type',
        rules: filter(`-A FORWARD -m rt -j DROP
${usual}`),
      },
      {
        title: 'fragments, where nothing is tracked',
        rules: filter(
          '-A INPUT -m frag -j DROP\n-A INPUT -p ipv6-icmp -j ACCEPT\n-A INPUT -p udp -m udp --dport 53 -j ACCEPT\n',
        ),
      },
    ],
    good: [
      {
        title: 'routing headers of type 0',
        rules: filter(`-A INPUT -m rt --rt-type 0 -j DROP
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p ipv6-icmp -j ACCEPT
`),
      },
      { title: 'nothing of the kind', rules: filter(usual) },
      {
        title: 'one option, and from one network',
        rules: filter(`-A INPUT -m hbh --hbh-opts 194:4 -j DROP
-A INPUT -s 2001:db8:bad::/48 -m dst -j DROP
${usual}`),
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      if (view.family !== 'ipv6') continue;
      for (const rule of view.rules()) {
        if (!denies(rule) || view.writer(rule)) continue;
        if (view.hooks(rule.table, rule.chain).length === 0) continue;
        const found = judge(context, view, rule);
        if (found) yield found;
      }
    }
  },
});
