/** Compares answers with what the kernel did, field by field, as the cases' README says. */

import type { CaseAnswer, CaseTraceEntry } from './conform-case.ts';

/** What agreement is counted by. */
export const categories = ['trace', 'fate', 'packet_out', 'ct', 'generated'] as const;
/** One of {@link categories}. */
export type Category = (typeof categories)[number];

/** A field where we and the kernel disagree. */
export interface Difference {
  readonly category: Category;
  readonly ours: string;
  readonly kernels: string;
}

function entryText(e: CaseTraceEntry): string {
  const at = e.policy ? 'policy' : `#${e.rule}`;
  return `${e.table}/${e.chain}${e.rule === undefined && !e.policy ? '' : at} ${e.verdict}${e.to === undefined ? '' : `>${e.to}`}${e.mark === undefined ? '' : ` mark=${e.mark}`}`;
}

function traceTexts(a: CaseAnswer): string[] {
  return (a.trace ?? []).filter((e) => e.verdict !== 'end').map(entryText);
}

const json = (x: unknown): string => (x === undefined ? '-' : JSON.stringify(x));

/** Fields of an emitted packet that both sides name. */
function packetDifference(
  ours: Readonly<Record<string, unknown>> | undefined,
  kernels: Readonly<Record<string, unknown>> | undefined,
): Pick<Difference, 'ours' | 'kernels'> | undefined {
  if (!kernels) return undefined;
  if (!ours) return { ours: json(ours), kernels: json(kernels) };
  const wrong: [string, unknown, unknown][] = [];
  for (const field of [
    'src',
    'dst',
    'sport',
    'dport',
    'ttl',
    'tos',
    'mark',
    'length',
    'mss',
    'seq',
    'ack',
    'window',
    'tcp_flags',
    'icmp_type',
    'icmp_code',
    'icmp_id',
    'icmp_seq',
    'mf',
    'frag_off',
    'quote',
  ]) {
    const a = ours[field];
    const b = kernels[field];
    if (field === 'quote') {
      if (a === undefined || b === undefined) continue;
      const difference = packetDifference(
        a as Readonly<Record<string, unknown>>,
        b as Readonly<Record<string, unknown>>,
      );
      if (difference) wrong.push(['quote', difference.ours, difference.kernels]);
      continue;
    }
    if (b === undefined && !(field === 'sport' || field === 'dport' || field === 'mf')) continue;
    if (b === undefined && a !== undefined && (field === 'sport' || field === 'dport')) continue;
    if (json(a) !== json(b)) wrong.push([field, a, b]);
  }
  if (wrong.length === 0) return undefined;
  return {
    ours: wrong.map(([f, a]) => `${f}=${json(a)}`).join(' '),
    kernels: wrong.map(([f, , b]) => `${f}=${json(b)}`).join(' '),
  };
}

/** All differences of one packet; empty: it agrees. */
export function compareAnswers(ours: CaseAnswer, kernels: CaseAnswer): readonly Difference[] {
  const out: Difference[] = [];
  const push = (category: Category, a: unknown, b: unknown): void => {
    if (json(a) !== json(b)) out.push({ category, ours: json(a), kernels: json(b) });
  };
  const a = traceTexts(ours);
  const b = traceTexts(kernels);
  const at = a.findIndex((x, i) => x !== b[i]);
  const first = at >= 0 ? at : a.length < b.length ? a.length : -1;
  if (first >= 0)
    out.push({
      category: 'trace',
      ours: `[${first}] ${a[first] ?? 'end'}`,
      kernels: `[${first}] ${b[first] ?? 'end'}`,
    });
  const fate = (x: CaseAnswer): unknown => ({
    fate: x.fate,
    drop_at: x.drop_at,
    reject_with: x.reject_with,
    out_iface: x.out_iface,
  });
  push('fate', fate(ours), fate(kernels));
  const packet = packetDifference(ours.packet_out, kernels.packet_out);
  if (packet) out.push({ category: 'packet_out', ...packet });
  push('ct', ctOf(ours), ctOf(kernels));
  const g = ours.generated ?? [];
  const k = kernels.generated ?? [];
  if (g.length !== k.length)
    out.push({ category: 'generated', ours: `${g.length}: ${json(g)}`, kernels: `${k.length}: ${json(k)}` });
  else
    for (const [i, x] of g.entries())
      for (const d of compareAnswers(x, k[i] as CaseAnswer))
        out.push({
          category: 'generated',
          ours: `${d.category}: ${d.ours}`,
          kernels: `${d.category}: ${d.kernels}`,
        });
  return out;
}

function ctOf(x: CaseAnswer): unknown {
  const { ct } = x;
  if (!ct) return undefined;
  return { state: ct.state, dir: ct.dir, status: [...(ct.status ?? [])].sort() };
}
