/** Rules with one small mistake each: what tests of rules ought to notice. */

import { diffMachines } from '../analysis/diff-machines.ts';
import { addressBits, maskAddress, prefixMask } from '../net/address.ts';
import { addressText, parseAddress } from '../net/address-text.ts';
import { type Rules, registry, rulesFromTexts } from './rules.ts';

/** The kinds of mistakes. */
export const mutationKinds = ['drop', 'widen', 'swap', 'move', 'flip'] as const;
/** A rule left out, a network too wide, another interface, another chain, another verdict. */
export type MutationKind = (typeof mutationKinds)[number];

/** Rules with a mistake. */
export interface Mutant {
  readonly kind: MutationKind;
  /** Of the line that was changed, from 1. */
  readonly line: number;
  readonly before: string;
  /** Undefined where the line is gone. */
  readonly after: string | undefined;
  /** The ruleset with the mistake. */
  readonly text: string;
  /** `line 12, widen: -A INPUT …`. */
  toString(): string;
}

/** What became of a mutant: whether packets fare differently under it at all. */
export interface JudgedMutant extends Mutant {
  /** `equal`: proved that no packet does; `unknown`: neither that nor the contrary. */
  readonly judged: 'different' | 'equal' | 'unknown';
  /** The mutant as rules of the same machine. */
  readonly rules: Rules;
}

const chainPairs: Readonly<Record<string, string>> = { INPUT: 'FORWARD', FORWARD: 'INPUT' };
const verdicts: Readonly<Record<string, string>> = { ACCEPT: 'DROP', DROP: 'ACCEPT', REJECT: 'ACCEPT' };

/** Every mutant of a text as iptables-save prints it, in the order of its lines. */
function mutantsOfText(text: string): readonly Mutant[] {
  const lines = text.split('\n');
  const interfaces = [
    ...new Set(
      lines
        .filter((line) => line.startsWith('-A '))
        .flatMap((line) => [...line.matchAll(/(?<=\s-[io] )\S+/g)].map(([name]) => name)),
    ),
  ].filter((name) => name !== 'lo' && !name.includes('+'));
  const found: Mutant[] = [];
  let table = '';
  for (const [index, before] of lines.entries()) {
    if (before.startsWith('*')) table = before.slice(1).trim();
    const add = (kind: MutationKind, after: string | undefined): void => {
      if (after === before) return;
      const changed = after === undefined ? lines.toSpliced(index, 1) : lines.with(index, after);
      found.push(new Mistake(kind, index + 1, before, after, changed.join('\n')));
    };
    const policy = /^(:\S+ )(ACCEPT|DROP)( .*)?$/.exec(before);
    if (policy && table === 'filter')
      add('flip', `${policy[1]}${verdicts[policy[2] ?? '']}${policy[3] ?? ''}`);
    const [, chain = ''] = /^-A (\S+) /.exec(before) ?? [];
    if (chain === '') continue;
    add('drop', undefined);
    for (const { index: at, 0: network } of before.matchAll(/(?<=\s-[sd] )\S+/g)) {
      const wider = widened(network);
      if (wider !== undefined) add('widen', before.slice(0, at) + wider + before.slice(at + network.length));
    }
    for (const { index: at, 0: name } of before.matchAll(/(?<=\s-[io] )\S+/g))
      for (const other of interfaces)
        if (other !== name) add('swap', before.slice(0, at) + other + before.slice(at + name.length));
    const beside = chainPairs[chain];
    const fits = beside === 'FORWARD' || !/\s-o /.test(before);
    if (table === 'filter' && beside !== undefined && fits)
      add('move', before.replace(/^-A \S+/, `-A ${beside}`));
    const verdict = /\s-j (ACCEPT|DROP|REJECT)\b.*/.exec(before);
    if (table === 'filter' && verdict)
      add('flip', `${before.slice(0, verdict.index)} -j ${verdicts[verdict[1] ?? '']}`);
  }
  return found;
}

/** A network of twice as many addresses. */
function widened(network: string): string | undefined {
  const [host = '', length] = network.split('/');
  const address = parseAddress('ipv4', host) ?? parseAddress('ipv6', host);
  if (address === undefined) return undefined;
  const bits = length === undefined ? addressBits(address.family) : Number(length);
  if (!Number.isInteger(bits) || bits < 1) return undefined;
  const base = maskAddress(address, prefixMask(address.family, bits - 1));
  return `${addressText(base)}/${bits - 1}`;
}

/**
 * Every mutant of these rules that can be loaded, each with whether it changes anything: held against the rules for all
 * packets at once, so that a test is never blamed for a mistake that makes no difference.
 */
export function mutantsOf(rules: Rules): readonly JudgedMutant[] {
  const [own, ...context] = rules.texts;
  if (own === undefined) return [];
  return mutantsOfText(own.text).flatMap((mutant) => {
    const texts = [{ name: own.name, text: mutant.text }, ...context];
    const changed = rulesFromTexts(texts, rules);
    if (changed === undefined) return [];
    const { compared } = diffMachines(rules.texts, texts, { registry, witnessesMax: 0 });
    const kinds = compared?.families.map(({ diff }) => diff.kind) ?? [];
    const judged =
      kinds.length > 0 && kinds.every((kind) => kind === 'equal')
        ? 'equal'
        : kinds.includes('different')
          ? 'different'
          : 'unknown';
    return [Object.assign(mutant, { judged, rules: changed } as const)];
  });
}

/** Test runners print what `toString` says. */
class Mistake implements Mutant {
  readonly kind: MutationKind;
  readonly line: number;
  readonly before: string;
  readonly after: string | undefined;
  readonly text: string;

  constructor(kind: MutationKind, line: number, before: string, after: string | undefined, text: string) {
    this.kind = kind;
    this.line = line;
    this.before = before;
    this.after = after;
    this.text = text;
  }

  toString(): string {
    return `line ${this.line}, ${this.kind}: ${this.after ?? `without ${this.before}`}`;
  }
}
