/**
 * Does to the chains of a table what a line says, as iptables-restore does it; lines that it would refuse are told,
 * and read as they were meant.
 *
 * Source: seen with iptables-nft-restore and iptables-legacy-restore 1.8.9; iptables/nft.c, iptables/xshared.c.
 */

import { utf8Length } from '../extensions/option-types.ts';
import type { ChainDeclaration } from '../grammar/syntax-tree.ts';
import { type Backend, builtinChains, hooks, type TableName } from '../model/netfilter.ts';
import type { Counters } from '../model/ruleset.ts';
import type { BoundRule } from './bind-rule.ts';
import { bodyOf, type ChainStore, type DraftChain, type DraftRule } from './chain-store.ts';
import { type RuleCommand, verdicts } from './rule-draft.ts';
import { chainNameMax } from './rule-place.ts';
import type { RuleProblemInit } from './rule-problem.ts';
import type { Suggest } from './suggest.ts';

/** A line to be executed. */
export interface Execution {
  readonly store: ChainStore;
  readonly backend: Backend;
  readonly offset: number;
  /** From a script: what it cleans up may not be there, and that is no mistake. */
  readonly commandLine: boolean;
  readonly say: (problem: RuleProblemInit) => void;
  readonly suggest: Suggest;
}

const countersPattern = /^\[\s*(?:(\d+)\s*)?:\s*(?:(\d+)\s*)?\]$/;

/** `[packets:bytes]`, or undefined for anything else. */
export function readCounters(text: string | undefined): Counters | undefined {
  const m = text === undefined ? null : countersPattern.exec(text);
  return m ? { packets: Number(m[1] ?? 0), bytes: Number(m[2] ?? 0) } : undefined;
}

/** `:NAME POLICY [packets:bytes]`. */
export function declareChain(at: Execution, { name, policy, counters }: ChainDeclaration): void {
  const { store, backend, say } = at;
  if (name === '') {
    say({
      id: 'missing-chain-name',
      message: 'A chain line needs a name',
      word: -1,
      hint: 'write :NAME POLICY [0:0]',
    });
    return;
  }
  store.touched = true;
  const existing = store.chains.get(name);
  const chain = store.chain(name, at.offset);
  chain.offset = at.offset;
  chain.counters = readCounters(counters);
  if (chain.hook !== undefined) {
    if (policy === 'ACCEPT' || policy === 'DROP') chain.policy = policy;
    else if (policy !== '' && policy !== '-') {
      say({
        id: 'bad-policy',
        message: `Bad policy name: ${chain.name} keeps ${chain.policy ?? 'ACCEPT'}`,
        word: 1,
        hint: policyHint(at, policy),
      });
    }
    return;
  }
  checkChainName(at, name, 0, false);
  if (existing?.declared) {
    if (backend === 'legacy')
      say({ id: 'chain-exists', message: `Chain "${name}" is declared twice (File exists)`, word: 0 });
    else if (existing.rules.length > 0)
      say({
        id: 'chain-flushed',
        severity: 'warning',
        message: `Chain "${name}" is declared again: its ${existing.rules.length} rules above are deleted`,
        word: 0,
      });
    store.flush(existing);
  }
  chain.declared = true;
  if (policy !== '-' && policy !== '') {
    const near = at.suggest(name, () => builtinChains[store.table as TableName] ?? []);
    say({
      id: 'policy-of-user-chain',
      severity: backend === 'nft' ? 'warning' : 'error',
      message: `Chain "${name}" is not built into table ${store.table}: the policy ${policy} ${backend === 'nft' ? 'is ignored' : 'cannot be set'}`,
      word: 1,
      hint: near ? `did you mean ${near}?` : `write :${name} - [0:0]`,
    });
  }
}

function policyHint(at: Execution, policy: string): string {
  const near = at.suggest(policy, () => ['ACCEPT', 'DROP']);
  return policy === 'REJECT'
    ? 'a policy is ACCEPT or DROP; to reject, end the chain with a rule -j REJECT'
    : near
      ? `did you mean ${near}?`
      : 'the policy of a built-in chain is ACCEPT or DROP';
}

/** Says which names iptables does not take for a new chain. False: no dump could declare it. */
function checkChainName(
  { say, backend }: Execution,
  name: string,
  word: number,
  byCommand: boolean,
): boolean {
  const start = name[0];
  if (utf8Length(name) > chainNameMax) {
    say({
      id: 'chain-name-too-long',
      message: `chain name \`${name}' too long (must be under ${chainNameMax + 1} chars)`,
      word,
    });
  } else if ((start === '-' || start === '!') && (byCommand || backend === 'nft')) {
    say({ id: 'bad-chain-name', message: `chain name not allowed to start with \`${start}'`, word });
  } else if (verdicts.has(name)) {
    say({ id: 'bad-chain-name', message: 'chain name may not clash with target name', word });
  } else if (byCommand && /\s/.test(name)) {
    say({ id: 'bad-chain-name', message: `Invalid chain name \`${name}'`, word });
    return false;
  }
  return name !== '';
}

/** Runs the command of a line; `make` gives the rules that the line stands for. */
export function execute(
  at: Execution,
  bound: BoundRule,
  make: (to: DraftChain | undefined) => readonly DraftRule[],
): void {
  const { command } = bound;
  const { store, say } = at;
  if (!command) {
    if (bound.problems.some((p) => p.id === 'missing-argument')) return;
    say({
      id: 'no-command',
      message: 'no command specified: this line is left out',
      word: -1,
      hint: 'a rule begins with -A CHAIN; does this line belong to the one above?',
    });
    return;
  }
  const [first = ''] = command.operands;
  if ('AIRNPE'.includes(command.letter)) store.touched = true;
  switch (command.letter) {
    case 'A':
    case 'I':
    case 'R':
      addRules(at, command, make(targetChain(store, bound, at.offset)));
      return;
    case 'D':
      deleteRules(at, command, make(undefined));
      return;
    case 'N':
      newChain(at, command);
      return;
    case 'X':
      deleteChains(at, command);
      return;
    case 'F':
      if (command.operands.length === 0) flushAll(at, command);
      else {
        const chain = existing(at, first, command);
        if (chain) store.flush(chain);
      }
      return;
    case 'P':
      setPolicy(at, command);
      return;
    case 'Z':
      zero(at, command);
      return;
    case 'E':
      renameChain(at, command);
      return;
    default:
      say({
        id: 'not-a-change',
        severity: 'warning',
        message: `-${command.letter} shows or checks rules and changes none`,
        word: command.word,
        hint: 'leave the line out',
      });
  }
}

function targetChain(store: ChainStore, { target }: BoundRule, offset: number): DraftChain | undefined {
  return target.kind === 'jump' || target.kind === 'goto' ? store.chain(target.chain, offset) : undefined;
}

/** The chain of a command; says so if nobody declared it. */
function ownChain(at: Execution, command: RuleCommand): DraftChain {
  const [name = ''] = command.operands;
  const chain = at.store.chain(name, at.offset);
  if (!chain.declared) sayMissing(at, name, command.word + 1);
  return chain;
}

function sayMissing(at: Execution, name: string, word: number): void {
  const { store, say, commandLine } = at;
  const option = name.startsWith('-');
  const near = option ? undefined : at.suggest(name, () => store.chains.keys());
  say({
    id: 'undeclared-chain',
    severity: commandLine ? 'warning' : 'error',
    message: `Chain '${name}' does not exist in table ${store.table}`,
    word,
    hint: option
      ? "the chain's name is missing in front of this"
      : (hooks as readonly string[]).includes(name)
        ? `the built-in chains of ${store.table} are ${(builtinChains[store.table as TableName] ?? []).join(', ')}`
        : near
          ? `did you mean ${near}?`
          : `declare it above: :${name} - [0:0]`,
  });
}

function existing(at: Execution, name: string, command: RuleCommand): DraftChain | undefined {
  const chain = at.store.chains.get(name);
  if (chain?.declared) return chain;
  if (!at.commandLine) sayMissing(at, name, command.word + 1);
  return chain;
}

/** A rule number, 1-based; NaN if it is none. */
function ruleNumber({ say }: Execution, command: RuleCommand): number {
  const text = command.operands[1] ?? '1';
  const number = /^\s*\+?(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
  if (number >= 1) return number;
  say({ id: 'bad-rule-number', message: `Invalid rule number \`${text}'`, word: command.word + 2 });
  return Number.NaN;
}

function addRules(at: Execution, command: RuleCommand, rules: readonly DraftRule[]): void {
  const { store, say } = at;
  const chain = ownChain(at, command);
  const count = chain.rules.length;
  if (command.letter === 'A') {
    store.add(chain, count, rules);
    return;
  }
  const number = ruleNumber(at, command);
  if (command.letter === 'I') {
    if (number > count + 1)
      say({
        id: 'bad-rule-number',
        message: `Index of insertion too big: ${chain.name} has ${count} rules here`,
        word: command.word + 2,
      });
    const index = Number.isNaN(number) ? 0 : Math.min(number - 1, count);
    store.add(chain, index, [...rules].reverse());
    return;
  }
  if (number <= count) {
    store.remove(chain, number - 1);
    store.add(chain, number - 1, rules.slice(0, 1));
    return;
  }
  if (!Number.isNaN(number))
    say({
      id: 'bad-rule-number',
      message: `Index of replacement too big: ${chain.name} has ${count} rules here; added at the end`,
      word: command.word + 2,
    });
  store.add(chain, count, rules);
}

function deleteRules(at: Execution, command: RuleCommand, rules: readonly DraftRule[]): void {
  const { store, say, commandLine } = at;
  const chain = existing(at, command.operands[0] ?? '', command);
  if (!chain) return;
  if (command.operands[1] !== undefined) {
    const number = ruleNumber(at, command);
    if (number <= chain.rules.length) store.remove(chain, number - 1);
    else if (!Number.isNaN(number))
      say({
        id: 'no-such-rule',
        message: `Index of deletion too big: ${chain.name} has ${chain.rules.length} rules here`,
        word: command.word + 2,
      });
    return;
  }
  for (const rule of rules) {
    const body = bodyOf(rule);
    const index = chain.rules.findIndex((r) => bodyOf(r) === body);
    if (index >= 0) store.remove(chain, index);
    else if (!commandLine) {
      say({
        id: 'no-such-rule',
        message: `Bad rule (does a matching rule exist in that chain?): nothing is deleted from ${chain.name}`,
        word: -1,
      });
      return;
    }
  }
}

function newChain(at: Execution, command: RuleCommand): void {
  const { store, say } = at;
  const [name = ''] = command.operands;
  if (!checkChainName(at, name, command.word + 1, true)) return;
  const chain = store.chain(name, at.offset);
  if (chain.declared)
    say({ id: 'chain-exists', message: `Chain already exists: ${name}`, word: command.word + 1 });
  else {
    chain.declared = true;
    chain.offset = at.offset;
  }
}

function deleteChains(at: Execution, command: RuleCommand): void {
  const { store, say } = at;
  const names =
    command.operands.length > 0
      ? command.operands
      : [...store.chains.values()].filter((c) => c.hook === undefined).map((c) => c.name);
  for (const name of names) {
    const chain = existing(at, name, command);
    if (!chain) continue;
    const word = command.operands.length > 0 ? command.word + 1 : command.word;
    if (chain.hook !== undefined)
      say({ id: 'built-in-chain', message: `Chain ${name} is built in: it cannot be deleted`, word });
    else if (chain.rules.length > 0 || chain.references > 0) {
      say({
        id: 'chain-in-use',
        message: `Chain '${name}' ${chain.references > 0 ? 'is still jumped to' : 'still has rules'}: it cannot be deleted (Device or resource busy)`,
        word,
        hint: chain.references > 0 ? 'delete the rules that jump to it first' : `-F ${name} empties it`,
      });
    } else store.deleteChain(chain);
  }
}

/** Seen with 1.8.9: in a batch of iptables-nft-restore, `-F` without a chain does not reach the batch's own rules. */
function flushAll({ store, backend, commandLine, say }: Execution, command: RuleCommand): void {
  const count = [...store.chains.values()].reduce((n, c) => n + c.rules.length, 0);
  if (backend === 'nft' && !commandLine) {
    if (count > 0)
      say({
        id: 'flush-without-chain',
        severity: 'warning',
        message: `-F without a chain deletes nothing in iptables-nft-restore 1.8.9: the ${count} rules above stay`,
        word: command.word,
        hint: 'the *TABLE line empties the table already; name the chain, or leave the line out',
      });
    return;
  }
  for (const c of store.chains.values()) store.flush(c);
}

function setPolicy(at: Execution, command: RuleCommand): void {
  const { store, say } = at;
  const [name = '', policy = ''] = command.operands;
  const chain = store.chains.get(name);
  if (chain?.hook === undefined) {
    const near = at.suggest(name, () => builtinChains[store.table as TableName] ?? []);
    say({
      id: 'policy-of-user-chain',
      message: `Bad built-in chain name: ${name} is not built into table ${store.table} and can have no policy`,
      word: command.word + 1,
      ...(near ? { hint: `did you mean ${near}?` } : {}),
    });
  } else if (policy === 'ACCEPT' || policy === 'DROP') chain.policy = policy;
  else
    say({
      id: 'bad-policy',
      message: `Bad policy name: ${name} keeps ${chain.policy ?? 'ACCEPT'}`,
      word: command.word + 2,
      hint: policyHint(at, policy),
    });
}

function zero(at: Execution, command: RuleCommand): void {
  const { store } = at;
  const [name] = command.operands;
  const one = name === undefined ? undefined : existing(at, name, command);
  const chains = name === undefined ? store.chains.values() : one ? [one] : [];
  for (const c of chains) {
    c.counters = undefined;
    for (const r of c.rules) r.counters = undefined;
  }
}

function renameChain(at: Execution, command: RuleCommand): void {
  const { store, say } = at;
  const [from = '', to = ''] = command.operands;
  const chain = existing(at, from, command);
  if (!chain) return;
  if (!checkChainName(at, to, command.word + 2, true)) return;
  if (chain.hook !== undefined || store.chains.get(to)?.declared) {
    say({
      id: 'chain-exists',
      message: chain.hook ? `Chain ${from} is built in: it cannot be renamed` : `Chain already exists: ${to}`,
      word: command.word + (chain.hook ? 1 : 2),
    });
    return;
  }
  if (at.backend === 'nft' && !at.commandLine)
    say({
      id: 'rename-in-batch',
      message: `iptables-nft-restore cannot rename a chain that the same file makes (CHAIN_RENAME failed)`,
      word: command.word,
      hint: `declare it as ${to} from the beginning`,
    });
  store.rename(chain, to);
}
