/** The words of a comparison: what a change means, how packets end, who decides. */

import type { ConnectionsDiff, LostConnection } from '../analysis/diff-connections.ts';
import type { Decider } from '../analysis/diff-frame.ts';
import type { ChangeKind } from '../analysis/diff-groups.ts';
import type { FamilyDiff, MachineDiff, ReadSide } from '../analysis/diff-machines.ts';
import type { Difference } from '../analysis/diff-tell.ts';
import { ruleText } from '../link/rule-text.ts';
import type { CtState } from '../model/netfilter.ts';
import { findChain, findTable, type Ruleset } from '../model/ruleset.ts';
import type { PolicyRef, RuleRef } from '../model/trace.ts';
import type { Address, Family } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import { hasPorts, protocolName } from '../net/protocols.ts';
import { shellCommand } from './shell-quote.ts';
import { fateWords } from './trace-words.ts';

/** Which side is spoken of. */
export type SideName = 'old' | 'new';

/** IPv4 or IPv6. */
export function familyName(family: Family): string {
  return family === 'ipv4' ? 'IPv4' : 'IPv6';
}

const markedWords: Readonly<Record<string, string>> = {
  mark: 'other mark',
  connmark: 'other connection mark',
  ctState: 'tracked otherwise',
  tos: 'other TOS',
  ttl: 'other TTL',
};

/** The change in two or three words: `opened`, `rejected instead of dropped`. */
export function changeWords({ change, about, old, new: now }: Difference): string {
  switch (change) {
    case 'opened':
    case 'closed':
      return change;
    case 'answered': {
      const [a, b] = [old.ends, now.ends].map((ends) => new Set(ends.map((end) => end.split(' ')[0])));
      const was =
        a?.size === 1 && a.has('drop') ? 'dropped' : a?.size === 1 && a.has('reject') ? 'rejected' : '';
      const is =
        b?.size === 1 && b.has('drop') ? 'dropped' : b?.size === 1 && b.has('reject') ? 'rejected' : '';
      if (was !== '' && is !== '' && was !== is) return `${is} instead of ${was}`;
      return was === 'rejected' && is === 'rejected' ? 'rejected otherwise' : 'stopped otherwise';
    }
    case 'redirected':
      return 'goes elsewhere';
    case 'translated':
      return 'leaves with another source';
    case 'marked':
      return markedWords[about.split(' ')[0] ?? ''] ?? 'changed otherwise';
    case 'limited':
      return 'other limit';
    case 'effect':
      return about.startsWith('list ') ? `other use of the ${about}` : `other ${about}`;
    case 'otherwise':
      return 'ends otherwise';
  }
}

/** How often each change is among the differences, in the order of telling: `2 opened, 1 closed`. */
function countWords(differences: readonly Difference[]): string {
  const counts = new Map<string, number>();
  for (const d of differences) counts.set(changeWords(d), (counts.get(changeWords(d)) ?? 0) + 1);
  return [...counts].map(([words, n]) => `${n} ${words}`).join(', ');
}

const endWords: Readonly<Record<string, string>> = {
  local: 'delivered to this machine',
  forward: 'forwarded',
  sent: 'sent',
  drop: 'dropped',
  reject: 'rejected',
  queue: 'handed to a program',
  stolen: 'taken',
  stuck: 'lost in a loop of jumps',
};

/** Changes whose ends are words of rules, not fates. */
const wordedChanges: readonly ChangeKind[] = ['translated', 'limited', 'effect'];

/** How the packets of one side end: `dropped or rejected`, `-j MASQUERADE`, `nothing of the kind`. */
export function endsWords({ change, about }: Difference, ends: readonly string[]): string {
  if (wordedChanges.includes(change) || about === 'destination')
    return ends.map((end) => (end === '' ? 'nothing of the kind' : end)).join(' or ');
  const words = ends.map((end) => {
    const [kind = '', ...rest] = end.split(' ');
    const answer = /--reject-with (\S+)/.exec(rest.join(' '))?.[1];
    return answer === undefined ? (endWords[kind] ?? end) : `rejected (${answer})`;
  });
  return [...new Set(words)].join(' or ');
}

/** A decider in words, and what stands in the dump. */
export interface DeciderWords {
  /** `filter INPUT #7`, `policy ACCEPT of filter INPUT`, `routing`, `no rule`. */
  readonly name: string;
  /** Line in the dump; undefined where there is none. */
  readonly line: number | undefined;
  /** The rule as the dump has it. */
  readonly text: string | undefined;
}

/** Says who decides. */
export function deciderWords(decider: Decider, ruleset: Ruleset | undefined): DeciderWords {
  switch (decider.kind) {
    case 'rule': {
      const { rule } = decider;
      const name = `${rule.table} ${rule.chain} #${rule.index + 1}`;
      return { name, line: rule.line > 0 ? rule.line : undefined, text: ruleText(rule) };
    }
    case 'policy': {
      const table = ruleset && findTable(ruleset, decider.table);
      const line = table && findChain(table, decider.chain)?.line;
      const name = `policy ${decider.policy} of ${decider.table} ${decider.chain}`;
      return { name, line: line !== undefined && line > 0 ? line : undefined, text: undefined };
    }
    case 'routing':
      return { name: 'routing', line: undefined, text: undefined };
    case 'none':
      return { name: 'no rule', line: undefined, text: undefined };
  }
}

const describedWords = {
  opening: 'new connections',
  known: 'packets of known connections',
  others: 'packets without a connection',
} as const;

/** Whose packets are meant: `new connections to this machine`. */
export function roadWords({ road, described, hook }: Difference): string {
  const what = describedWords[described];
  if (road === 'local') return `${what} of this machine itself`;
  if (hook === undefined) return `${what} from the wire`;
  return hook === 'INPUT' ? `${what} to this machine` : `${what} through this machine`;
}

/** Which further packets fare so: `packets of known connections`. */
export function stateWords({ states }: Difference): string | undefined {
  if (states.length === 0) return undefined;
  const names: Readonly<Record<CtState, string>> = {
    NEW: 'new connections',
    ESTABLISHED: 'known connections',
    RELATED: 'related ones',
    INVALID: 'INVALID ones',
    UNTRACKED: 'untracked ones',
  };
  const list = states.map((s) => names[s]);
  const last = list.pop() ?? '';
  return `packets of ${list.length === 0 ? last : `${list.join(', ')} and ${last}`}`;
}

/** The outcome for one family in one sentence. */
export function outcomeWords(f: FamilyDiff, { expression }: MachineDiff): string {
  const { diff } = f;
  const of = expression.length === 0 ? '' : ' of these';
  switch (diff.kind) {
    case 'equal':
      if (diff.proof === 'nothing') return 'nothing to compare: no packet here is of this kind';
      return diff.proof === 'structure'
        ? `equal: the rules are the same, but for names, counters and comments`
        : `equal: the texts differ, and no packet${of} fares differently`;
    case 'different': {
      const n = diff.differences.length;
      return `${n} ${n === 1 ? 'difference' : 'differences'}: ${countWords(diff.differences)}`;
    }
    case 'undecided':
      return `not decided: ${diff.why}`;
  }
}

/** What a side lacks, in a sentence each. */
export function missingWords(f: FamilyDiff): readonly string[] {
  const lacks = (side: SideName): string =>
    `${side.toUpperCase()} has no ${familyName(f.family)} rules: taken to accept everything`;
  return [...(f.old === undefined ? [lacks('old')] : []), ...(f.new === undefined ? [lacks('new')] : [])];
}

/** Name of the text that a side's rules stand in. */
export function sideFile(f: FamilyDiff, compared: MachineDiff, side: SideName): string {
  return f[side]?.source.name ?? compared[side].read.texts[0]?.name ?? '';
}

/** The command that walks the witness of a difference under one side's rules. */
export function witnessTrace(d: Difference, { read }: ReadSide, side: SideName): string | undefined {
  const { witness } = d;
  if (witness === undefined) return undefined;
  const [own, ...others] = read.texts.map((t) => (t.name === '<stdin>' ? '-' : t.name));
  const words = ['fwsim', 'trace', ...(own === undefined ? [] : [own])];
  for (const other of others) words.push('--with', other);
  if (witness.local) words.push('--local');
  // Where only a limit or a log line differs, both ways of a rule are worth a look.
  const either = d.change === 'limited' || d.change === 'effect';
  for (const text of read.assumed) words.push('--assume', text);
  for (const text of witness.assume[side])
    if (!either || !/^(rule|target):/.test(text)) words.push('--assume', text);
  return shellCommand([...words, '--', ...witness.packet]);
}

const tupleEnd = (address: Address, port: number, ported: boolean): string => {
  const text = addressText(address);
  if (!ported) return text;
  return address.family === 'ipv6' ? `[${text}]:${port}` : `${text}:${port}`;
};

/** A connection in one line: `tcp 198.51.100.7:40000 -> 203.0.113.1:22`. */
export function connectionText({ connection: { original: t } }: LostConnection): string {
  const ported = hasPorts(t.protocol);
  const ends = `${tupleEnd(t.src, t.sport, ported)} -> ${tupleEnd(t.dst, t.dport, ported)}`;
  return `${protocolName(t.protocol)} ${ends}`;
}

/** What cuts a connection off: `its answers are DROPPED by filter OUTPUT #3`. */
export function lostWords({ direction, fate, by, certain }: LostConnection): string {
  const packets = direction === 'original' ? 'its packets' : 'its answers';
  const at = by === undefined ? '' : ` by ${refName(by)}`;
  return `${packets} ${certain ? 'are' : 'may be'} ${fateWords(fate).word}${at}`;
}

/** A rule or policy by its place: `filter INPUT #3`, `the policy of filter INPUT`. */
function refName(by: RuleRef | PolicyRef): string {
  if ('policy' in by) return `the policy of ${by.table} ${by.chain}`;
  return `${by.table} ${by.chain} #${by.number}${by.line > 0 ? ` (line ${by.line})` : ''}`;
}

/** How many connections would be lost: `2 of 15 known connections would be cut off`. */
export function connectionsWords({ looked, lost }: ConnectionsDiff): string {
  const assumed = lost.length > 0 ? lost.every((l) => l.assumed) : false;
  const which = `${looked} ${assumed ? 'assumed' : 'known'} ${looked === 1 ? 'connection' : 'connections'}`;
  if (lost.length === 0) return `none of ${which} would be cut off`;
  return `${lost.length} of ${which} would be cut off`;
}
