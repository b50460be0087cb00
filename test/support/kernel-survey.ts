/** What random cases exercise, and how often: extensions, hooks, kinds of packets, fates. */

import type { CaseAnswer, CasePacket, KernelCase } from '../../src/dev/conform-case.ts';

/** How often each thing was met, by its kind and name: `match tcp`, `hook FORWARD`, `packet fragment`. */
export type Survey = Map<string, number>;

function count(survey: Survey, kind: string, name: string): void {
  const key = `${kind} ${name}`;
  survey.set(key, (survey.get(key) ?? 0) + 1);
}

const rule = /^-A (\S+) (.*)$/;

/** Extensions of the rules that took part, hooks, states and fates of the packet and of what it led to. */
function surveyAnswer(survey: Survey, lines: ReadonlyMap<string, string>, answer: CaseAnswer): void {
  count(survey, 'fate', answer.fate);
  if (answer.ct) {
    count(survey, 'ct', answer.ct.state);
    for (const status of answer.ct.status ?? []) count(survey, 'ct status', status);
  }
  const { hooks } = answer as { readonly hooks?: readonly string[] };
  for (const hook of hooks ?? []) count(survey, 'hook', hook);
  for (const { table, chain, rule: number } of answer.trace ?? []) {
    const text = number === undefined ? undefined : lines.get(`${table} ${chain} ${number}`);
    if (text === undefined) continue;
    for (const [, name = ''] of text.matchAll(/ -m (\S+)/g)) count(survey, 'match', name);
    count(survey, 'target', / -[jg] (\S+)/.exec(text)?.[1] ?? 'none');
  }
  for (const made of answer.generated ?? []) {
    count(survey, 'packet', made.copy ? 'made by the kernel: copy' : 'made by the kernel');
    surveyAnswer(survey, lines, made);
  }
}

/** Kinds of a sent packet, several of which may hold. */
function kindsOf(p: CasePacket): readonly string[] {
  const error = p.icmp_rest !== undefined || p.quote !== undefined;
  return [
    p.local ? 'sent by a process' : 'arrives',
    p.proto,
    ...(p.mf || p.frag_off !== undefined ? ['fragment'] : []),
    ...(p.ip_options ? ['IPv4 options'] : []),
    ...(p.ext_headers ?? []).map((h) => `IPv6 header ${h.protocol}`),
    ...(error ? [`ICMP error ${p.icmp_type}/${p.icmp_code}`] : []),
    ...(p.bad_checksum ? ['wrong checksum'] : []),
    ...(p.tcp_options ? ['TCP options'] : []),
    ...(p.proto === 'tcp' && p.seq !== undefined ? ['TCP in a conversation'] : []),
    ...(p.sctp_chunk ? [`SCTP chunk ${Number.parseInt(p.sctp_chunk.slice(0, 2), 16)}`] : []),
    ...(p.iface?.startsWith('vnet') ? ['by a port of a bridge'] : []),
  ];
}

/** Counts what one recorded case exercised. Only rules that matched count. */
export function surveyCase(survey: Survey, recorded: KernelCase): void {
  const lines = new Map<string, string>();
  let table = '';
  const numbers = new Map<string, number>();
  for (const line of recorded.ruleset.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    const [, chain = '', text = ''] = rule.exec(line) ?? [];
    if (chain === '') continue;
    const number = (numbers.get(`${table} ${chain}`) ?? 0) + 1;
    numbers.set(`${table} ${chain}`, number);
    lines.set(`${table} ${chain} ${number}`, ` ${text}`);
  }
  count(survey, 'family', String(recorded.family));
  for (const key of Object.keys(recorded.host.sysctls)) count(survey, 'sysctl', key);
  for (const [i, packet] of recorded.packets.entries()) {
    for (const kind of kindsOf(packet)) count(survey, 'packet', kind);
    const answer = recorded.expect[i];
    if (answer) surveyAnswer(survey, lines, answer);
  }
}

/** Lines by kind, each name with its number, the frequent ones first. */
export function surveyText(survey: Survey): string {
  const kinds = new Map<string, string[]>();
  for (const [key, n] of [...survey].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))) {
    const [, kind = '', name = ''] = /^(ct status|\w+) (.*)$/.exec(key) ?? [];
    kinds.set(kind, [...(kinds.get(kind) ?? []), `${name} ${n}`]);
  }
  return [...kinds].map(([kind, names]) => `${kind}: ${names.join(', ')}`).join('\n');
}
