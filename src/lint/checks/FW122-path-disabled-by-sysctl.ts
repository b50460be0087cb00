import { physdev } from '../../extensions/matches/physdev.ts';
import { DNAT } from '../../extensions/targets/DNAT.ts';
import type { Rule } from '../../model/ruleset.ts';
import { parseIpv4 } from '../../net/address-text.ts';
import { type CheckContext, defineCheck, type FindingDraft, type RulesetView } from '../check.ts';
import { countOf } from './support/rule-shape.ts';
import { accepts } from './support/rules-at.ts';
import { sendOptions, sideOf } from './support/sending.ts';
import { strangersInterfaces } from './support/strangers.ts';

type Sysctls = Readonly<Record<string, string>>;

/** Values that a command printed; nothing inferred and no defaults. */
function givenSysctls(
  context: CheckContext,
): { readonly values: Sysctls; readonly source: string } | undefined {
  const read = context.read.facts.sysctls;
  return read && { values: read.value, source: read.source };
}

/** Whether routing is off on all interfaces, as far as the output says. */
function isForwardingOff(view: RulesetView, values: Sysctls): boolean {
  const conf = `net.${view.family}.conf.`;
  const off =
    values[`${conf}all.forwarding`] === '0' ||
    (view.family === 'ipv4' && values['net.ipv4.ip_forward'] === '0');
  return (
    off &&
    !Object.entries(values).some(([k, v]) => k.startsWith(conf) && k.endsWith('.forwarding') && v === '1')
  );
}

/** Rules that let packets through this machine, or send them on. */
function forwardingRules(view: RulesetView): readonly Rule[] {
  return view.rules().filter((rule) => {
    if (view.writer(rule)) return false;
    const hooks = view.hooks(rule.table, rule.chain);
    if (rule.table === 'filter') return hooks.length === 1 && hooks[0] === 'FORWARD' && accepts(rule);
    const to = view.findTarget(rule, DNAT)?.range.addresses?.low;
    return (
      to !== undefined && hooks.includes('PREROUTING') && !(to.family === 'ipv4' && to.w3 >>> 24 === 127)
    );
  });
}

function* forwardingOff(view: RulesetView, values: Sysctls, source: string): Iterable<FindingDraft> {
  const rules = isForwardingOff(view, values) ? forwardingRules(view) : [];
  const [first] = rules;
  if (!first) return;
  yield {
    at: { kind: 'rule', view, rule: first },
    id: 'forwarding-off',
    confidence: 'context',
    message: `This machine does not forward (${source}): ${countOf(rules.length, 'rule')} for packets through it ${rules.length === 1 ? 'waits' : 'wait'} for packets that never come`,
    caption: 'for packets through this machine',
    help: [
      `sysctl -w net.${view.family === 'ipv4' ? 'ipv4.ip_forward' : 'ipv6.conf.all.forwarding'}=1, if it is to forward`,
    ],
  };
}

function* bridgedOff(view: RulesetView, values: Sysctls, source: string): Iterable<FindingDraft> {
  const name = `net.bridge.bridge-nf-call-${view.family === 'ipv4' ? 'iptables' : 'ip6tables'}`;
  if (values[name] !== '0') return;
  for (const rule of view.rules()) {
    const data = view.find(rule, physdev);
    if (!data || view.writer(rule)) continue;
    yield {
      at: { kind: 'rule', view, rule },
      id: 'bridged-not-seen',
      confidence: 'context',
      message: `${name} is 0 (${source}): bridged packets do not come to this rule`,
      underline: '-m physdev',
      caption: 'for bridged packets',
      help: [`sysctl -w ${name}=1, or leave the rule out`],
      group: `${view.family} bridged`,
    };
  }
}

/** The value of route_localnet for packets that come in by this interface. */
function routeLocalnet(values: Sysctls | undefined, inInterface: string | undefined): string | undefined {
  const all = values?.['net.ipv4.conf.all.route_localnet'];
  const own =
    inInterface === undefined
      ? undefined
      : values?.[`net.ipv4.conf.${inInterface.replaceAll('.', '/')}.route_localnet`];
  return all === '1' || own === '1' ? '1' : (own ?? all);
}

function* toLoopback(view: RulesetView, values: Sysctls | undefined): Iterable<FindingDraft> {
  if (view.family !== 'ipv4') return;
  for (const rule of view.rules()) {
    const to = view.findTarget(rule, DNAT)?.range.addresses?.low;
    if (to?.family !== 'ipv4' || to.w3 >>> 24 !== 127 || view.writer(rule)) continue;
    const { inInterface } = rule.base;
    if (!view.hooks(rule.table, rule.chain).includes('PREROUTING') || inInterface?.value.name === 'lo')
      continue;
    const name = inInterface && !inInterface.negated ? inInterface.value.name : undefined;
    const value = routeLocalnet(values, name);
    if (value === '1') continue;
    yield {
      at: { kind: 'rule', view, rule },
      id: 'loopback-not-routed',
      severity: value === undefined ? 'info' : 'warning',
      message:
        'Packets from outside cannot be sent on to 127.0.0.0/8: the kernel drops them behind this translation',
      caption: 'dropped as not routable',
      why: 'an address of the loopback is taken from no other interface, unless net.ipv4.conf.IFACE.route_localnet is 1',
      help: ['-j REDIRECT --to-ports PORT, and let the service listen on that interface'],
      ...(value === undefined
        ? {
            inferences: [
              { text: 'net.ipv4.conf.*.route_localnet is 0, as the kernel has it', settledBy: 'sysctl -a' },
            ],
          }
        : { confidence: 'context' as const }),
      group: `${view.family} loopback`,
    };
  }
}

/** Who is on the same segment may send packets to 127.0.0.1, and the services there believe them to be local. */
function* loopbackOpen(context: CheckContext, view: RulesetView, values: Sysctls): Iterable<FindingDraft> {
  const loopback = parseIpv4('127.0.0.1');
  const input = view.chain('filter', 'INPUT');
  const [first] = view.ruleset.tables;
  if (view.family !== 'ipv4' || !loopback || !first) return;
  for (const from of strangersInterfaces(context, view.family)) {
    if (routeLocalnet(values, from.name) !== '1') continue;
    const src = context.remoteAddress(view.family, from.name);
    const walk = context.send(
      { inInterface: from.name, src: src.address, dst: loopback, protocol: 6, dport: 10_250 },
      sendOptions(src, sideOf(from)),
    );
    if (walk.fate !== 'local') continue;
    yield {
      at: input ? { kind: 'chain', view, chain: input } : { kind: 'table', view, table: first },
      id: 'loopback-open',
      severity: 'error',
      confidence: 'context',
      message: `Neighbours on ${from.name} reach the services that listen on 127.0.0.1 alone: route_localnet is 1, and no rule drops such packets`,
      why: 'with route_localnet=1 the kernel takes 127.0.0.0/8 from other interfaces too (CVE-2020-8558)',
      help: ['iptables -t raw -I PREROUTING ! -i lo -d 127.0.0.0/8 -j DROP'],
      witness: walk,
      ...(walk.decidedBy ? { openedBy: [walk.decidedBy] } : {}),
    };
    return;
  }
}

/** Rules for a way that a setting of the kernel closes. */
export const pathDisabledBySysctl = defineCheck({
  code: 'FW122',
  name: 'path-disabled-by-sysctl',
  title: 'Rules for a way that the kernel has closed, or opened wider than they see',
  severity: 'error',
  confidences: ['context', 'inferred'],
  groups: ['recommended'],
  state: 'preview',
  since: '0.1.0',
  reports:
    'A setting of the kernel makes rules idle: forwarding is off, bridged packets are not shown to iptables, or a translation leads to 127.0.0.0/8, which the kernel drops. Or `route_localnet` is on, and neighbours reach what listens on the loopback.',
  rationale:
    'Rules and sysctls are set in different places, often by different people. A port forward on a machine that does not forward looks right in every listing and works for nobody.',
  decision:
    'By the output of `sysctl -a`, for forwarding and bridges; an interface with forwarding of its own keeps the check silent. A DNAT to 127.0.0.0/8 in PREROUTING is reported without it too, as a remark. That the loopback is open is shown by a packet that is walked to it. That bridged packets are filtered which nobody meant to filter is not looked for.',
  exceptions:
    'Values that were printed before a program changes them: Docker turns forwarding on, Kubernetes route_localnet.',
  references: [
    'Documentation/networking/ip-sysctl.rst of the Linux kernel',
    'https://github.com/kubernetes/kubernetes/issues/92315',
  ],
  examples: {
    bad: [
      {
        title: 'bridged packets that are not shown, and a translation into the loopback',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m physdev --physdev-in vnet0 --physdev-is-bridged -p tcp -m tcp --dport 25 -j DROP
COMMIT
*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 127.0.0.1:80
COMMIT
`,
        context: `net.bridge.bridge-nf-call-iptables = 0
net.ipv4.conf.all.route_localnet = 0
`,
      },
      {
        title: 'a port forward on a machine that does not forward',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -d 192.168.1.10/32 -i eth0 -p tcp -m tcp --dport 80 -j ACCEPT
COMMIT
`,
        context: `net.ipv4.ip_forward = 0
`,
      },
      {
        title: 'the loopback, open to the neighbours',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0 -p tcp -m tcp --dport 22 -j DROP
COMMIT
`,
        context: `net.ipv4.conf.all.route_localnet = 1
net.ipv4.conf.all.rp_filter = 0
`,
      },
    ],
    good: [
      {
        title: 'bridged packets are shown; a redirect stays on the interface',
        rules: `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m physdev --physdev-is-bridged -j ACCEPT
COMMIT
*nat
-A PREROUTING -i eth0 -p tcp -m tcp --dport 8080 -j REDIRECT --to-ports 80
COMMIT
`,
        context: `net.bridge.bridge-nf-call-iptables = 1
`,
      },
      {
        title: 'one interface forwards',
        rules: `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -i eth0 -o eth1 -j ACCEPT
COMMIT
`,
        context: `net.ipv4.conf.all.forwarding = 0
net.ipv4.conf.eth0.forwarding = 1
`,
      },
      {
        title: 'the loopback is guarded',
        rules: `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -d 127.0.0.0/8 ! -i lo -j DROP
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i eth0 -p tcp -m tcp --dport 22 -j DROP
COMMIT
`,
        context: `net.ipv4.conf.all.route_localnet = 1
net.ipv4.conf.all.rp_filter = 0
`,
      },
    ],
  },
  *run(context) {
    const given = givenSysctls(context);
    for (const view of context.views) {
      yield* toLoopback(view, given?.values);
      if (!given) continue;
      yield* forwardingOff(view, given.values, given.source);
      yield* bridgedOff(view, given.values, given.source);
      yield* loopbackOpen(context, view, given.values);
    }
  },
});
