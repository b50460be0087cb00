/** Records of the kernel's rule trace as it hands them out. Source: nf_tables.h enum nft_trace_attributes, net/netfilter/nf_tables_trace.c. */

import type { CtState } from '../model/netfilter.ts';
import { type ReceivedMessage, readAttributes, readNumber, readText } from './netlink.ts';
import { nftablesMessage, ruleKey } from './own-table.ts';

/** One record: a rule that was met, the end of a chain, or a policy. */
export interface TraceRecord {
  readonly kind: 'policy' | 'end' | 'rule';
  readonly table: string;
  readonly chain: string;
  /** The rule by place and handle; undefined where no rule is meant. */
  readonly rule: string | undefined;
  readonly verdict: string;
  /** Chain of a jump or goto. */
  readonly to: string | undefined;
  /** Tells one packet's records in one hook from another's, mostly. */
  readonly id: number;
  readonly mark: number;
  readonly inIndex: number | undefined;
  readonly outIndex: number | undefined;
  /** The IP header and what follows it, cut; with the first record in each chain at a hook. */
  readonly header: Uint8Array | undefined;
  readonly transport: Uint8Array | undefined;
  /** What conntrack had to say, where the kernel tells it (Linux 6.16 and newer). */
  readonly ctState: CtState | undefined;
  readonly ctStatus: number | undefined;
  readonly ctReply: boolean;
}

const attributeType = {
  table: 1,
  chain: 2,
  ruleHandle: 3,
  kind: 4,
  verdict: 5,
  id: 6,
  network: 8,
  transport: 9,
  inIndex: 10,
  outIndex: 12,
  mark: 14,
  policy: 16,
  ctId: 18,
  ctDirection: 19,
  ctStatus: 20,
  ctState: 21,
} as const;

const kinds: Readonly<Record<number, TraceRecord['kind']>> = { 1: 'policy', 2: 'end', 3: 'rule' };

const controlVerdicts: Readonly<Record<number, string>> = {
  [-1]: 'continue',
  [-2]: 'break',
  [-3]: 'jump',
  [-4]: 'goto',
  [-5]: 'return',
};
const verdicts = ['drop', 'accept', 'stolen', 'queue'];

const states: Readonly<Record<number, CtState>> = {
  1: 'INVALID',
  2: 'ESTABLISHED',
  4: 'RELATED',
  8: 'NEW',
  64: 'UNTRACKED',
};

/** A verdict: a word of chains, or of netfilter in its lowest byte. */
function verdictWord(code: number): string {
  const signed = code | 0;
  return (signed < 0 ? controlVerdicts[signed] : verdicts[signed & 0xff]) ?? String(signed);
}

/** Reads a record; undefined for any other message. */
export function readTraceRecord({ type, body }: ReceivedMessage): TraceRecord | undefined {
  if (type !== nftablesMessage.trace) return undefined;
  const found = readAttributes(body.subarray(4));
  const number = (key: keyof typeof attributeType): number | undefined =>
    readNumber(found.get(attributeType[key]));
  const kind = kinds[number('kind') ?? 0];
  if (kind === undefined) return undefined;
  const table = readText(found.get(attributeType.table));
  const chain = readText(found.get(attributeType.chain));
  const handle = found.get(attributeType.ruleHandle);
  const verdict = readAttributes(found.get(attributeType.verdict) ?? new Uint8Array());
  const code = readNumber(verdict.get(1)) ?? number('policy');
  const to = verdict.get(2);
  return {
    kind,
    table,
    chain,
    rule: handle && ruleKey(`${table}/${chain}`, handle),
    verdict: code === undefined ? 'accept' : verdictWord(code),
    to: to && readText(to),
    id: number('id') ?? 0,
    mark: number('mark') ?? 0,
    inIndex: number('inIndex'),
    outIndex: number('outIndex'),
    header: found.get(attributeType.network),
    transport: found.get(attributeType.transport),
    ctState: states[number('ctState') ?? 0],
    ctStatus: found.has(attributeType.ctId) ? (number('ctStatus') ?? 0) : undefined,
    ctReply: number('ctDirection') === 1,
  };
}
