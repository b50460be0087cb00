/**
 * From the tree to rulesets: tables of one dump put together, commands executed as iptables-restore executes them,
 * rules bound.
 */

import { type Diagnostic, diagnostic, type Span } from '../diagnostics/diagnostic.ts';
import { didYouMean } from '../diagnostics/did-you-mean.ts';
import type { Registry } from '../extensions/registry.ts';
import type { Parsed } from '../grammar/parse.ts';
import type { SyntaxTree } from '../grammar/syntax-tree.ts';
import {
  type Backend,
  builtinChains,
  builtinHook,
  type Policy,
  type TableName,
  tableNames,
} from '../model/netfilter.ts';
import type { Chain, Counters, Rule, Ruleset } from '../model/ruleset.ts';
import type { Family } from '../net/address.ts';
import { type BoundRule, type RuleBinder, type RuleProblem, ruleBinder } from './bind-rule.ts';
import { type DumpPart, findDumps } from './find-dumps.ts';
import { ruleBody } from './rule-text.ts';

export interface LinkOptions {
  readonly registry: Registry;
  /** Family of dumps that do not say theirs. */
  readonly family?: Family | undefined;
  readonly backend?: Backend | undefined;
  /** Target version of dumps without a header; default 1.8.9. */
  readonly version?: string | undefined;
  /** Names of the machine's ipsets, if they are known. */
  readonly setNames?: ReadonlySet<string> | undefined;
  /** Print lossless (default) or exactly as iptables-save does. */
  readonly keepMeaning?: boolean;
}

/** One ruleset with what its dump said of itself. */
export interface LinkedRuleset {
  readonly ruleset: Ruleset;
  /** Nothing in the input says which family this is; it was read as `ruleset.family`. */
  readonly familyUndecided: boolean;
  /** Text after "on" in the header: `Sun Nov 22 00:48:19 2026`. */
  readonly date: string | undefined;
  /** Line, 1-based, on which the dump begins. */
  readonly line: number;
  /** Comment lines in front of rules, by rule id; only comments of the author, not iptables-save's own. */
  readonly comments: ReadonlyMap<number, readonly string[]>;
}

export interface Linked {
  readonly rulesets: readonly LinkedRuleset[];
  readonly diagnostics: readonly Diagnostic[];
}

interface MutableChain {
  name: string;
  policy: Policy | undefined;
  counters: Counters | undefined;
  rules: MutableRule[];
  declared: boolean;
  offset: number;
}

interface MutableRule {
  bound: BoundRule;
  baseIndex: number;
  counters: Counters | undefined;
  offset: number;
  comments: readonly string[];
}

interface MutableTable {
  name: string;
  offset: number;
  chains: Map<string, MutableChain>;
}

const countersPattern = /^\[(\d+):(\d+)\]$/;

function readCounters(text: string | undefined): Counters | undefined {
  const m = text === undefined ? null : countersPattern.exec(text);
  return m ? { packets: Number(m[1]), bytes: Number(m[2]) } : undefined;
}

/** Links everything that a stream holds. Never throws for any tree. Linear in the input, but for -D and -I. */
export function link({ tree }: Pick<Parsed, 'tree'>, options: LinkOptions): Linked {
  const diagnostics: Diagnostic[] = [];
  const lines = lineCounter(tree.source);
  const rulesets: LinkedRuleset[] = [];
  for (const part of findDumps(tree, options, diagnostics)) {
    rulesets.push(linkPart(tree, part, options, diagnostics, lines));
  }
  diagnostics.sort((a, b) => (a.span?.start ?? 0) - (b.span?.start ?? 0));
  return { rulesets, diagnostics };
}

/** Line numbers for offsets that come in ascending order; others cost a walk from the start. */
function lineCounter(source: string): (offset: number) => number {
  let at = 0;
  let line = 1;
  return (offset) => {
    if (offset < at) {
      at = 0;
      line = 1;
    }
    for (;;) {
      const next = source.indexOf('\n', at);
      if (next < 0 || next >= offset) return line;
      line++;
      at = next + 1;
    }
  };
}

function linkPart(
  tree: SyntaxTree,
  part: DumpPart,
  options: LinkOptions,
  diagnostics: Diagnostic[],
  lineOf: (offset: number) => number,
): LinkedRuleset {
  const { family, backend, version } = part;
  const binder: RuleBinder = ruleBinder({
    registry: options.registry,
    family,
    backend,
    version,
    setNames: options.setNames,
    keepMeaning: options.keepMeaning ?? true,
  });
  const namedOnce = new Set<string>();
  const tables = new Map<string, MutableTable>();
  let words: string[] = [];

  const say = (node: number, problem: RuleProblem): void => {
    // Unknown extensions are named once for a dump, not at every rule.
    if (problem.id === 'unknown-match') {
      if (namedOnce.has(problem.message)) return;
      namedOnce.add(problem.message);
    }
    const span = spanOf(tree, node, problem);
    diagnostics.push(
      diagnostic({
        code: 'FW901',
        id: problem.id,
        severity: problem.severity,
        message: problem.message,
        span,
        ...(problem.hint === undefined ? {} : { hint: problem.hint }),
      }),
    );
  };
  const lineSay = (
    node: number,
    id: string,
    message: string,
    severity: Diagnostic['severity'],
    hint?: string,
  ): void => say(node, { id, message, severity, word: -1, ...(hint === undefined ? {} : { hint }) });

  for (const segment of part.segments) {
    const known = (tableNames as readonly string[]).includes(segment.table);
    if (!known) {
      const near = didYouMean(segment.table, tableNames);
      const offset = segment.headerNode < 0 ? segment.from : tree.offset(segment.headerNode);
      diagnostics.push(
        diagnostic({
          code: 'FW901',
          id: 'unknown-table',
          severity: 'error',
          message: `table name '${segment.table}' is not one of ${tableNames.join(', ')}: its rules are kept, but no packet visits them`,
          span: { start: offset, end: offset + 1 + segment.table.length },
          ...(near ? { hint: `did you mean ${near}?` } : {}),
        }),
      );
    }
    const getTable = (name: string, offset: number): MutableTable => {
      let t = tables.get(name);
      if (!t) {
        t = { name, offset, chains: new Map() };
        tables.set(name, t);
        // Both back ends have all built-in chains of a table as soon as it is used.
        for (const hook of builtinChains[name as TableName] ?? []) {
          t.chains.set(hook, {
            name: hook,
            policy: 'ACCEPT',
            counters: undefined,
            rules: [],
            declared: true,
            offset,
          });
        }
      }
      return t;
    };
    const start = segment.headerNode < 0 ? 0 : tree.offset(segment.headerNode);
    if (segment.headerNode >= 0) tables.delete(segment.table);
    getTable(segment.table, start);
    // Declarations come first in a dump, but -N lines and hand-kept files may stand anywhere: jumps look ahead.
    const declaredAhead = new Set<string>();
    for (let node = segment.from; node < segment.to; node++) {
      if (tree.kind(node) === 'chain') declaredAhead.add(tree.chainDeclaration(node).name);
      else if (tree.kind(node) === 'rule') {
        const g = tree.group(tree.groupId(node, 0));
        if (g.option === '-N' || g.option === '--new-chain' || g.option === '--new')
          for (const w of g.words) declaredAhead.add(w);
      }
    }
    let comments: string[] = [];

    for (let node = segment.from; node < segment.to; node++) {
      const kind = tree.kind(node);
      if (kind === 'comment') {
        const text = tree.text(node);
        if (!/^\s*# (Generated by|Completed on) /.test(text)) comments.push(text);
        continue;
      }
      if (kind === 'chain') {
        const table = getTable(segment.table, start);
        declare(table, node);
      } else if (kind === 'rule') {
        words = [];
        for (let k = 0, n = tree.groupCount(node); k < n; k++) {
          const g = tree.group(tree.groupId(node, k));
          if (g.negated) words.push('!');
          words.push(g.option);
          for (const w of g.words) words.push(w);
        }
        const current = getTable(segment.table, start);
        const bound = binder.bind(
          segment.table,
          words,
          (name) => current.chains.get(name)?.declared === true || declaredAhead.has(name),
        );
        for (const p of bound.problems) say(node, p);
        let table = current;
        if (bound.table !== undefined && bound.table !== segment.table) {
          if (segment.headerNode >= 0) {
            say(node, {
              id: 'table-option',
              message: `The -t option cannot be used in iptables-restore: read as a rule of table "${bound.table}"`,
              severity: 'error',
              word: words.indexOf('-t') >= 0 ? words.indexOf('-t') : words.indexOf('--table'),
              hint: `move it below *${bound.table}`,
            });
          }
          table = getTable(bound.table, tree.offset(node));
        }
        execute(table, node, bound, comments);
      }
      comments = [];
    }
  }

  function declare(table: MutableTable, node: number): void {
    const { name, policy, counters } = tree.chainDeclaration(node);
    const builtin = builtinHook(table.name, name) !== undefined;
    const offset = tree.offset(node);
    if (name === '') {
      lineSay(node, 'missing-chain-name', 'A chain line needs a name', 'error', 'write :NAME POLICY [0:0]');
      return;
    }
    let chainPolicy: Policy | undefined;
    if (builtin) {
      if (policy === 'ACCEPT' || policy === 'DROP' || policy === 'QUEUE') chainPolicy = policy;
      else {
        chainPolicy = 'ACCEPT';
        if (policy !== '' && policy !== '-') {
          lineSay(
            node,
            'bad-policy',
            `Bad policy "${policy}" for ${name}: read as ACCEPT`,
            'error',
            'a built-in chain has the policy ACCEPT or DROP',
          );
        }
      }
    } else if (policy !== '-' && policy !== '') {
      const nearBuiltin = didYouMean(name, builtinChains[table.name as TableName] ?? []);
      lineSay(
        node,
        'policy-of-user-chain',
        `Chain "${name}" is not built into table ${table.name}, so it cannot have the policy ${policy}`,
        'error',
        nearBuiltin ? `did you mean ${nearBuiltin}?` : `write :${name} - [0:0]`,
      );
    }
    const existing = table.chains.get(name);
    table.chains.set(name, {
      name,
      policy: chainPolicy,
      counters: readCounters(counters),
      // A declaration flushes; rules that stood above it in a hand-kept file go with it, as restore does.
      rules: builtin && existing ? existing.rules : [],
      declared: true,
      offset,
    });
  }

  function getChain(table: MutableTable, name: string, node: number): MutableChain {
    let chain = table.chains.get(name);
    if (!chain) {
      const near = didYouMean(name, table.chains.keys());
      const word = words.indexOf(name);
      say(node, {
        id: 'undeclared-chain',
        message: `Chain '${name}' does not exist in table ${table.name}: kept as if it were declared elsewhere`,
        severity: 'error',
        word,
        hint: near ? `did you mean ${near}?` : `declare it: :${name} - [0:0]`,
      });
      chain = {
        name,
        policy: undefined,
        counters: undefined,
        rules: [],
        declared: false,
        offset: tree.offset(node),
      };
      table.chains.set(name, chain);
    }
    return chain;
  }

  function execute(table: MutableTable, node: number, bound: BoundRule, comments: readonly string[]): void {
    const { command } = bound;
    if (!command) {
      lineSay(
        node,
        'no-command',
        'no command specified: this line is left out',
        'error',
        'a rule begins with -A CHAIN',
      );
      return;
    }
    const [first = '', second] = command.operands;
    const make = (): MutableRule[] =>
      bound.bases.map((_, baseIndex) => ({
        bound,
        baseIndex,
        counters: bound.counters ?? readCounters(tree.ruleCounters(node)),
        offset: tree.offset(node),
        comments: baseIndex === 0 ? comments : [],
      }));
    switch (command.letter) {
      case 'A':
        getChain(table, first, node).rules.push(...make());
        return;
      case 'I': {
        const chain = getChain(table, first, node);
        const number = second === undefined ? 1 : Number(second);
        if (number < 1 || number > chain.rules.length + 1) {
          say(node, {
            id: 'bad-rule-number',
            message: `Index of insertion too big: chain ${first} has ${chain.rules.length} rules here`,
            severity: 'error',
            word: command.word + 2,
          });
        }
        const at = Math.max(0, Math.min(number - 1, chain.rules.length));
        chain.rules.splice(at, 0, ...make().reverse());
        return;
      }
      case 'R': {
        const chain = getChain(table, first, node);
        const number = Number(second);
        if (!(number >= 1 && number <= chain.rules.length)) {
          say(node, {
            id: 'bad-rule-number',
            message: `Index of replacement too big: chain ${first} has ${chain.rules.length} rules here`,
            severity: 'error',
            word: command.word + 2,
          });
          chain.rules.push(...make());
        } else chain.rules.splice(number - 1, 1, ...make().slice(0, 1));
        return;
      }
      case 'D': {
        const chain = getChain(table, first, node);
        let at: number;
        if (second !== undefined) at = Number(second) - 1;
        else {
          const body = ruleBody(asRule(bound, 0));
          at = chain.rules.findIndex((r) => ruleBody(asRule(r.bound, r.baseIndex)) === body);
        }
        if (at < 0 || at >= chain.rules.length || !Number.isFinite(at)) {
          lineSay(
            node,
            'no-such-rule',
            second === undefined
              ? 'Bad rule (does a matching rule exist in that chain?): nothing is deleted'
              : 'Index of deletion too big: nothing is deleted',
            'error',
          );
        } else chain.rules.splice(at, 1);
        return;
      }
      case 'N':
        if (table.chains.get(first)?.declared) {
          // "iptables -S" and ufw's files name chains that the head already declared.
          lineSay(
            node,
            'chain-exists',
            `Chain "${first}" already exists: restore would stop here`,
            'warning',
          );
          return;
        }
        table.chains.set(first, {
          name: first,
          policy: undefined,
          counters: undefined,
          rules: table.chains.get(first)?.rules ?? [],
          declared: true,
          offset: tree.offset(node),
        });
        return;
      case 'X':
        if (first === '')
          for (const c of [...table.chains.values()]) {
            if (builtinHook(table.name, c.name) === undefined && c.rules.length === 0)
              table.chains.delete(c.name);
          }
        else if (!table.chains.has(first))
          lineSay(node, 'undeclared-chain', `Chain '${first}' does not exist: nothing to delete`, 'error');
        else if (builtinHook(table.name, first))
          lineSay(node, 'built-in-chain', `Chain ${first} is built in and cannot be deleted`, 'error');
        else table.chains.delete(first);
        return;
      case 'F':
        if (first === '') for (const c of table.chains.values()) c.rules = [];
        else getChain(table, first, node).rules = [];
        return;
      case 'P': {
        const chain = table.chains.get(first);
        if (!chain || builtinHook(table.name, first) === undefined) {
          lineSay(
            node,
            'policy-of-user-chain',
            `Chain "${first}" is not built into table ${table.name}: it cannot have a policy`,
            'error',
          );
        } else if (second === 'ACCEPT' || second === 'DROP' || second === 'QUEUE') chain.policy = second;
        else
          lineSay(
            node,
            'bad-policy',
            `Bad policy "${second ?? ''}": the policy of ${first} stays ${chain.policy ?? 'ACCEPT'}`,
            'error',
          );
        return;
      }
      case 'Z': {
        const chains = first === '' ? [...table.chains.values()] : [getChain(table, first, node)];
        for (const c of chains) {
          c.counters = undefined;
          for (const r of c.rules) r.counters = undefined;
        }
        return;
      }
      case 'E': {
        const chain = table.chains.get(first);
        if (!chain || second === undefined)
          lineSay(node, 'undeclared-chain', `Chain '${first}' does not exist: nothing to rename`, 'error');
        else {
          table.chains.delete(first);
          table.chains.set(second, { ...chain, name: second });
        }
        return;
      }
      default:
        lineSay(
          node,
          'not-a-change',
          `-${command.letter} only shows or checks rules: the line changes nothing`,
          'warning',
        );
    }
  }

  let nextId = 1;
  const commentsOf = new Map<number, readonly string[]>();
  const done = [...tables.values()].map((table) => ({
    name: table.name,
    offset: table.offset,
    line: lineOf(table.offset),
    chains: finishChains(table),
  }));

  function finishChains(table: MutableTable): readonly Chain[] {
    // Chains that rules jump to but nobody declared: partial files. They stand for what is elsewhere.
    for (const chain of [...table.chains.values()]) {
      for (const { bound } of chain.rules) {
        const t = bound.target;
        if ((t.kind === 'jump' || t.kind === 'goto') && !table.chains.has(t.chain)) {
          table.chains.set(t.chain, {
            name: t.chain,
            policy: undefined,
            counters: undefined,
            rules: [],
            declared: false,
            offset: -1,
          });
        }
      }
    }
    return [...table.chains.values()].map((chain): Chain => {
      const rules: Rule[] = [];
      for (const r of chain.rules) {
        const id = nextId++;
        if (r.comments.length > 0) commentsOf.set(id, r.comments);
        rules.push({
          id,
          table: table.name,
          chain: chain.name,
          index: rules.length,
          ...asRule(r.bound, r.baseIndex),
          counters: r.counters,
          offset: r.offset,
          line: lineOf(r.offset),
        });
      }
      return {
        name: chain.name,
        table: table.name,
        hook: builtinHook(table.name, chain.name),
        policy: chain.policy,
        counters: chain.counters,
        rules,
        declared: chain.declared,
        offset: chain.offset,
        line: chain.offset < 0 ? 0 : lineOf(chain.offset),
      };
    });
  }

  const firstOffset = part.segments[0] ? tree.offset(Math.max(0, part.segments[0].headerNode)) : 0;
  return {
    ruleset: { family, backend, version, tables: done },
    familyUndecided: part.familyUndecided,
    date: part.date,
    line: lineOf(firstOffset),
    comments: commentsOf,
  };
}

function asRule(bound: BoundRule, baseIndex: number): Pick<Rule, 'base' | 'matches' | 'target'> {
  return { base: bound.bases[baseIndex] as Rule['base'], matches: bound.matches, target: bound.target };
}

/** The place of a problem: its line is lexed again, its word found by index. */
function spanOf(tree: SyntaxTree, node: number, problem: RuleProblem): Span {
  const words = tree.words(node);
  const skip = tree.ruleCounters(node) === undefined ? 0 : 1;
  const word = problem.word < 0 ? undefined : words[problem.word + skip];
  if (!word) {
    const last = words.at(-1);
    return { start: words[0]?.start ?? tree.offset(node), end: last?.end ?? tree.offset(node) };
  }
  if (problem.part !== undefined && problem.part !== '') {
    const written = tree.source.slice(word.start, word.end);
    const at = written.indexOf(problem.part);
    if (at >= 0) return { start: word.start + at, end: word.start + at + problem.part.length };
  }
  return { start: word.start, end: word.end };
}
