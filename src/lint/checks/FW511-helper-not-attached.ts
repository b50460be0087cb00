import { conntrack, ctStateWords } from '../../extensions/matches/conntrack.ts';
import { state } from '../../extensions/matches/state.ts';
import { CT } from '../../extensions/targets/CT.ts';
import type { Hook } from '../../model/netfilter.ts';
import type { Rule } from '../../model/ruleset.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView, type Walk } from '../check.ts';
import { accepts, admitsInterface, rulesAt } from './support/rules-at.ts';
import { sendOptions, sideOf } from './support/sending.ts';
import { servicesOf } from './support/services.ts';
import { strangersInterfaces } from './support/strangers.ts';

/** A protocol whose further connections conntrack has to be told of by a helper. */
interface Helped {
  readonly helper: string;
  readonly protocol: number;
  readonly port: number;
  /** The connection that follows, and what it is called. */
  readonly next: { readonly protocol: number; readonly dport?: number; readonly name: string };
}

const helped: readonly Helped[] = [
  {
    helper: 'ftp',
    protocol: 6,
    port: 21,
    next: { protocol: 6, dport: 50_123, name: 'passive data connections' },
  },
  { helper: 'pptp', protocol: 6, port: 1723, next: { protocol: 47, name: 'the tunnel itself (GRE)' } },
];

const relatedBit = 1 << ctStateWords.indexOf('RELATED');

function acceptsRelated(view: RulesetView, rule: Rule): boolean {
  const states = view.find(rule, conntrack)?.state ?? view.find(rule, state);
  return accepts(rule) && states !== undefined && ((states.bits & relatedBit) !== 0) !== states.negated;
}

/** How a helper comes to a connection without a rule that asks for it. */
function automatic(context: CheckContext): 'on' | 'off' | 'unknown' {
  const value = context.read.facts.sysctls?.value['net.netfilter.nf_conntrack_helper'];
  if (value !== undefined) return value === '1' ? 'on' : 'off';
  const release = /^(\d+)\./.exec(context.machine.kernelRelease.value ?? '')?.[1];
  return release === undefined ? 'unknown' : Number(release) >= 6 ? 'off' : 'unknown';
}

function attaches(view: RulesetView, about: Helped): boolean {
  return view.rules().some((rule) => view.findTarget(rule, CT)?.helper === about.helper);
}

/** The connection that follows, as a stranger would open it to where the rule lets him: undefined if it is let in. */
function refusedNext(
  context: CheckContext,
  view: RulesetView,
  rule: Rule,
  hook: Hook,
  about: Helped,
): Walk | undefined {
  for (const from of strangersInterfaces(context, view.family)) {
    const src = context.remoteAddress(view.family, from.name);
    const dst =
      hook === 'INPUT' ? context.localAddress(view.family, from.name) : context.remoteAddress(view.family);
    const given = {
      inInterface: from.name,
      protocol: about.protocol,
      dport: about.port,
      ...(rule.base.src ? {} : { src: src.address }),
      ...(rule.base.dst ? {} : { dst: dst.address }),
    };
    const options = sendOptions(src, dst, sideOf(from));
    for (const control of admitsInterface(rule, from.name) ? context.packetsOf(view, rule, given) : []) {
      const first = context.send(control, options);
      if (!first.accepted || !first.matched(rule)) continue;
      const { dport: _, sport: __, ...rest } = first.sketch;
      const { protocol, dport } = about.next;
      const walk = context.send(
        { ...rest, protocol, ...(dport === undefined ? {} : { dport, sport: 40_001 }) },
        options,
      );
      if (walk.fate === 'drop' || walk.fate === 'reject') return walk;
    }
  }
  return undefined;
}

function judge(context: CheckContext, view: RulesetView, hook: Hook): FindingDraft | undefined {
  const mode = automatic(context);
  const rules = rulesAt(view, hook);
  if (mode === 'on' || !rules.some((rule) => acceptsRelated(view, rule))) return undefined;
  for (const about of helped) {
    if (attaches(view, about)) continue;
    const rule = rules.find(
      (r) =>
        accepts(r) &&
        !view.owner(r.table, r.chain) &&
        servicesOf(view, r).some((s) => s.protocol === about.protocol && s.port === about.port),
    );
    const walk = rule && refusedNext(context, view, rule, hook, about);
    if (!rule || !walk) continue;
    return {
      at: { kind: 'rule', view, rule },
      severity: mode === 'off' ? 'warning' : 'info',
      ...(mode === 'off' ? { confidence: 'context' as const } : {}),
      message: `${about.helper.toUpperCase()} is accepted, but nothing attaches the helper "${about.helper}": ${about.next.name} are refused`,
      caption: 'no helper for this',
      why: 'RELATED knows of further connections only through a helper, and since Linux 6.0 no helper is attached by itself',
      help: [
        `iptables -t raw -A PREROUTING -p tcp --dport ${about.port} -j CT --helper ${about.helper}`,
        ...(about.helper === 'ftp' ? ['or a fixed range of passive ports in the server, accepted here'] : []),
      ],
      witness: walk,
      inferences:
        mode === 'off'
          ? []
          : [
              {
                text: 'this kernel attaches no helpers by itself',
                settledBy: 'sysctl net.netfilter.nf_conntrack_helper',
              },
            ],
    };
  }
  return undefined;
}

/** Services that need a helper, and have none. */
export const helperNotAttached = defineCheck({
  code: 'FW511',
  name: 'helper-not-attached',
  title: 'A service that needs a helper of connection tracking, and has none',
  severity: 'warning',
  confidences: ['context', 'inferred'],
  groups: ['recommended'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'FTP or PPTP is accepted, RELATED is relied on for what follows, and no rule attaches the helper that knows of it. The connection that follows is refused: a packet shows it.',
  rationale:
    'A client of FTP opens a second connection, to a port that only the first one names. Conntrack knows of it through a helper; Linux attached those by port alone, then by a switch, and since 6.0 not at all. Log in works, and every listing hangs.',
  decision:
    'A rule of table filter accepts the control port and another one RELATED at the same hook; no `-j CT --helper` names the helper; a packet of the second connection (TCP to a high port, GRE) is walked and refused. With `sysctl nf_conntrack_helper` or a kernel release of 6 or later this is certain, else a remark. TFTP, SIP and IRC are not reported: they mostly work without, or open what they need.',
  exceptions:
    'FTP over TLS, which no helper can read; a passive range that is open is seen only if it holds port 50123.',
  references: [
    'https://home.regit.org/netfilter-en/secure-use-of-helpers/',
    'https://github.com/firewalld/firewalld/issues/1049',
  ],
  examples: {
    bad: [
      {
        title: 'a server for FTP',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 21 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'the kernel says so',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m multiport --dports 20,21,22 -j ACCEPT
COMMIT
`,
        context: `net.netfilter.nf_conntrack_helper = 0
`,
      },
      {
        title: 'a server for PPTP, without GRE',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 1723 -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the helper is attached',
        rules: `*raw
-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp
COMMIT
*filter
:INPUT DROP [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED -m helper --helper ftp -j ACCEPT
-A INPUT -p icmp -m conntrack --ctstate RELATED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 21 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'a passive range is open',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 21 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 49152:65535 -j ACCEPT
COMMIT
`,
      },
      {
        title: 'GRE is accepted by itself',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 1723 -j ACCEPT
-A INPUT -p gre -j ACCEPT
COMMIT
`,
      },
    ],
  },
  *run(context) {
    for (const view of context.views) {
      for (const hook of ['INPUT', 'FORWARD'] as const) {
        const found = judge(context, view, hook);
        if (found) yield found;
      }
    }
  },
});
