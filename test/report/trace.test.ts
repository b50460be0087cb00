/** Goal: every kind of event and every way to end is told. Method: made-up traces, since no one packet meets them all. */
import { describe, expect, test } from 'vitest';
import { makePacket } from '../../src/expression/make-packet.ts';
import { defaultRegistry, link, parse } from '../../src/index.ts';
import type { Fate, RouteDropReason, RuleRef, Trace, TraceEvent } from '../../src/model/trace.ts';
import type { Address } from '../../src/net/address.ts';
import { parseIpv4 } from '../../src/net/address-text.ts';
import { ruleBook } from '../../src/report/rule-book.ts';
import { createTheme } from '../../src/report/theme.ts';
import { type EventStyle, eventLines } from '../../src/report/trace-events.ts';
import { nextStep } from '../../src/report/trace-next.ts';
import { verdictLines } from '../../src/report/trace-verdict.ts';
import {
  assumptionWords,
  fateWords,
  routeWords,
  settleHint,
  topicWords,
} from '../../src/report/trace-words.ts';

const address = (text: string): Address => parseIpv4(text) as Address;
const packet = makePacket({
  family: 'ipv4',
  src: address('198.51.100.7'),
  dst: address('203.0.113.1'),
  protocol: 6,
});

const ruleset = link(
  parse(`*filter
:INPUT DROP [0:0]
:svc - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -j svc
-A INPUT -j LOG --log-prefix "in: "
-A INPUT -j SET --add-set seen src
-A svc ! -s 10.0.0.0/8 -p tcp -m tcp --dport 22 -j ACCEPT
-A svc -j CONNMARK --set-mark 1
COMMIT
`),
  { registry: defaultRegistry() },
).rulesets[0]?.ruleset;
if (!ruleset) throw new Error('no ruleset');

const rules = ruleset.tables[0]?.chains.flatMap((chain) => chain.rules) ?? [];
const ref = (chain: string, number: number): RuleRef => {
  const rule = rules.find((r) => r.chain === chain && r.index === number - 1);
  return { table: 'filter', chain, number, id: rule?.id ?? -1, line: rule?.line ?? 0 };
};

const style = (all: boolean): EventStyle => ({
  style: { theme: createTheme(false), columns: 80 },
  book: ruleBook(ruleset),
  all,
  logOnly: new Set(['rule:filter/INPUT/3']),
  forked: new Set(['local:192.0.2.9']),
  localSource: () => 'ip -j addr',
  listener: () => 'sshd listens on port 22 (ss)',
  next: (trace) => nextStep(trace, { listener: 'known', outside: [] }),
});

const tuple = { src: packet.src, dst: packet.dst, protocol: 6, sport: 40000, dport: 80 };
const ends = { src: packet.src, dst: packet.dst, sport: 40000, dport: 80 };
const otherEnds = { ...ends, dst: address('192.168.1.9'), dport: 8080 };
const decision = {
  kind: 'local',
  type: undefined,
  outInterface: undefined,
  gateway: undefined,
  route: undefined,
  table: undefined,
  nextHop: undefined,
  preferredSource: undefined,
  reason: undefined,
  source: undefined,
} as const;
const after = { mark: 0, ctState: 'NEW', status: 0 } as const;
const policy = { kind: 'policy', table: 'filter', chain: 'INPUT', verdict: 'drop', ...after } as const;
const inner: Trace = {
  entry: { kind: 'local' },
  packet: makePacket({ ...packet, src: packet.dst, dst: packet.src, tcpFlags: 20 }),
  events: [{ kind: 'hook', hook: 'OUTPUT', inInterface: undefined, outInterface: 'eth0' }],
  fate: { kind: 'sent', outInterface: 'eth0', packet, fragments: undefined },
  errno: undefined,
  inInterface: undefined,
  viaLoopback: false,
  connection: undefined,
  assumptions: [],
};

const events: readonly TraceEvent[] = [
  { kind: 'fragment', complete: false, packet: undefined },
  { kind: 'fragment', complete: true, packet },
  { kind: 'hook', hook: 'PREROUTING', inInterface: 'eth0', outInterface: undefined },
  { kind: 'table', hook: 'PREROUTING', table: 'raw', skipped: undefined },
  { ...policy, table: 'raw', chain: 'PREROUTING', verdict: 'accept' },
  {
    kind: 'conntrack',
    state: 'ESTABLISHED',
    direction: 'reply',
    entry: 1,
    original: tuple,
    reply: tuple,
    status: 2,
    created: false,
    reason: undefined,
  },
  { kind: 'table', hook: 'PREROUTING', table: 'nat', skipped: 'known-connection' },
  { kind: 'table', hook: 'PREROUTING', table: 'nat', skipped: 'no-connection' },
  { kind: 'table', hook: 'PREROUTING', table: 'nat', skipped: 'conntrack-off' },
  {
    kind: 'nat-setup',
    manip: 'destination',
    by: 'none',
    original: tuple,
    reply: tuple,
    portChanged: false,
    anyPort: false,
  },
  {
    kind: 'nat-setup',
    manip: 'source',
    by: ref('INPUT', 1),
    original: tuple,
    reply: tuple,
    portChanged: true,
    anyPort: true,
  },
  { kind: 'nat', manip: 'destination', by: 'connection', before: ends, after: otherEnds },
  { kind: 'nat', manip: 'source', by: ref('INPUT', 1), before: ends, after: ends },
  { kind: 'assumed', assumption: { key: 'out:192.0.2.9', answer: 'eth1' }, rule: undefined },
  { kind: 'assumed', assumption: { key: 'local:192.0.2.9', answer: 'yes' }, rule: undefined },
  { kind: 'route', purpose: 'input', decision },
  { kind: 'route', purpose: 'reroute', decision: { ...decision, kind: 'output', outInterface: 'eth1' } },
  { kind: 'change', field: 'ttl', before: 64, after: 63, by: 'forwarding' },
  { kind: 'loopback' },
  { kind: 'hook', hook: 'INPUT', inInterface: 'eth0', outInterface: undefined },
  { kind: 'table', hook: 'INPUT', table: 'filter', skipped: undefined },
  { kind: 'miss', rule: ref('INPUT', 1), because: { condition: 'inInterface' } },
  { kind: 'rule', rule: ref('INPUT', 2), outcome: 'jump', to: 'svc', ...after },
  { kind: 'miss', rule: ref('svc', 1), because: { condition: 'src' } },
  {
    kind: 'miss',
    rule: ref('svc', 1),
    because: { condition: 'match', index: 0, extension: 'tcp', text: '-m tcp --dport 22' },
  },
  { kind: 'rule', rule: ref('svc', 2), outcome: 'continue', to: undefined, ...after },
  { kind: 'change', field: 'connmark', before: 0, after: 1, by: ref('svc', 2) },
  { kind: 'change', field: 'mark', before: 0, after: 16, by: ref('svc', 2) },
  {
    kind: 'change',
    field: 'tcpOptions',
    before: [{ kind: 2, data: '05b4' }],
    after: [{ kind: 2, data: '0218' }],
    by: ref('svc', 2),
  },
  { kind: 'chain-end', table: 'filter', chain: 'svc', mark: 0 },
  { kind: 'assumed', assumption: { key: 'rule:filter/INPUT/3', answer: 'yes' }, rule: ref('INPUT', 3) },
  { kind: 'rule', rule: ref('INPUT', 3), outcome: 'continue', to: undefined, ...after },
  { kind: 'log', rule: ref('INPUT', 3), via: 'LOG', prefix: 'in: ', level: 4, group: undefined },
  { kind: 'note', rule: ref('INPUT', 3), text: 'something happened' },
  { kind: 'assumed', assumption: { key: 'limit', answer: 'over' }, rule: ref('INPUT', 1) },
  { kind: 'rule', rule: ref('INPUT', 4), outcome: 'continue', to: undefined, ...after, ctState: 'UNTRACKED' },
  { kind: 'set-change', rule: ref('INPUT', 4), set: 'seen', text: 'add 198.51.100.7' },
  { kind: 'generated', cause: 'reject', trace: inner },
  policy,
  { kind: 'confirmed', entry: 1 },
];

const traceOf = (fate: Fate, errno?: string): Trace => ({
  ...inner,
  entry: { kind: 'arrives', inInterface: 'eth0' },
  packet,
  events,
  fate,
  errno,
});

describe('events', () => {
  test.each([
    ['what mattered', false],
    ['all', true],
  ])('%s', async (name, all) => {
    const lines = eventLines(traceOf({ kind: 'queued' }), style(all)).map(({ text }) => text);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(
      `trace/events-${name.replaceAll(' ', '-')}.out`,
    );
  });

  test('colour changes no word', () => {
    const trace = traceOf({ kind: 'drop', at: ref('INPUT', 2) });
    const coloured: EventStyle = { ...style(true), style: { theme: createTheme(true), columns: 80 } };
    const text = [...eventLines(trace, coloured).map((l) => l.text), ...verdictLines(trace, coloured)].join(
      '\n',
    );
    const bare = [...eventLines(trace, style(true)).map((l) => l.text), ...verdictLines(trace, style(true))];
    expect(text).not.toBe(bare.join('\n'));
    expect(text.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g'), '')).toBe(bare.join('\n'));
  });
});

test('ends', async () => {
  const at = ref('INPUT', 2);
  const question = { key: 'rule:filter/INPUT/2', answers: ['no', 'yes'], topic: 'limit', rule: at };
  const fates: readonly Fate[] = [
    { kind: 'local', inInterface: 'eth0', packet },
    { kind: 'forward', outInterface: 'eth1', packet, fragments: undefined },
    { kind: 'sent', outInterface: 'eth1', packet, fragments: [packet, packet] },
    { kind: 'drop', at },
    { kind: 'drop', at: { table: 'filter', chain: 'INPUT', policy: true } },
    { kind: 'reject', at, with: 'tcp-reset' },
    { kind: 'queue', at },
    { kind: 'stolen', at },
    { kind: 'route-drop', after: 'PREROUTING', reason: 'no-route' },
    { kind: 'ingress-drop', reason: 'other-host' },
    { kind: 'queued' },
    { kind: 'hook-drop', hook: 'POSTROUTING', reason: 'no-free-tuple', at: undefined },
    { kind: 'hook-drop', hook: 'OUTPUT', reason: 'reroute: no-route', at },
    { kind: 'lost', reason: 'connection not unique', outInterface: 'eth1' },
    { kind: 'send-error', errno: 'ENETUNREACH', reason: 'no-route' },
    { kind: 'undecided', question },
    { kind: 'exhausted', resource: 'steps', limit: 1000 },
    { kind: 'exhausted', resource: 'depth', limit: 1000 },
  ];
  const lines = fates.flatMap((fate) => [
    `${fate.kind}:`,
    ...verdictLines(traceOf(fate, 'EPERM'), style(false)),
  ]);
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('trace/ends.out');
});

test('reasons of routing are sentences', () => {
  const reasons: readonly RouteDropReason[] = [
    'no-route',
    'reverse-path',
    'not-forwarding',
    'ttl-exceeded',
    'too-big',
  ];
  for (const reason of reasons)
    expect(fateWords({ kind: 'route-drop', after: 'PREROUTING', reason }).rest).toMatch(/: \S+ \S+ /);
  expect(
    routeWords({ ...decision, kind: 'forward', outInterface: 'eth0', route: 'default', table: 254 }),
  ).toBe('to be forwarded, out by eth0 (route default, table main)');
});

test('questions and assumptions in words', () => {
  const ask = (topic: string) => ({
    key: 'rule:filter/INPUT/1',
    answers: ['no', 'yes'],
    topic,
    rule: undefined,
  });
  expect(topicWords(ask('set:bad'))).toBe('what is in set bad is not known');
  expect(topicWords(ask('recent:ssh'))).toBe('who is on the list ssh is not known');
  expect(settleHint(ask('set:bad'))).toContain('ipset save');
  expect(settleHint(ask('cpu'))).toBeUndefined();
  expect(assumptionWords({ key: 'target:filter/INPUT/2', answer: 'drop' })).toBe(
    'rule 2 of filter INPUT drops',
  );
  expect(assumptionWords({ key: 'forwarding', answer: 'off' })).toBe('the machine does not forward');
});
