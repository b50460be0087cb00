/**
 * The syntax tree of a ruleset file: a compact store over the kept source.
 *
 * A dump of 100,000 rules has a few thousand different options, so option texts are shared and rules are slices of
 * one column of their ids. No token and no span is kept: where one is wanted, its line is lexed again.
 *
 * ```
 * node      kind     offset   data                       (one per line that is not blank)
 *   0       table         0   id of the text "filter"
 *   1       chain         8   index into chains
 *   2       rule         27   index into groups ──▶ 3 ids, counters or -1
 * groups    [17, 4, 9, …]     ids into texts ("-A INPUT", "-p tcp", "-j DROP")
 * ```
 */

import { type IntVector, intVector } from '../support/int-vector.ts';
import { type Program, readShellCommand } from './shell-words.ts';
import { splitWords, type Word } from './words.ts';

/**
 * `rule` is any line of options, commands such as `-P` and `-N` too. `loose` stands inside of a table and begins as
 * no line does: garbage, or the rest of a wrapped line; the linker tries. `broken` has been reported. `foreign`
 * stands outside of all tables: other programs' text.
 */
export type NodeKind = 'table' | 'chain' | 'commit' | 'rule' | 'comment' | 'loose' | 'broken' | 'foreign';

const kinds: readonly NodeKind[] = [
  'table',
  'chain',
  'commit',
  'rule',
  'comment',
  'loose',
  'broken',
  'foreign',
];

/** A chain declaration: `:INPUT DROP [0:0]`. Texts as written; the policy of a user chain is `-`. */
export interface ChainDeclaration {
  readonly name: string;
  readonly policy: string;
  readonly counters: string | undefined;
}

/** One option of a rule with all words up to the next option. */
export interface OptionGroup {
  readonly text: string;
  readonly negated: boolean;
  /** `--dport`, `-A`; with `=value` if it was written so. */
  readonly option: string;
  /** The words after it, unquoted. */
  readonly words: readonly string[];
}

/** The tree as plain data, for people and programs that want to look at it. */
export interface TreeData {
  readonly kind: NodeKind;
  readonly offset: number;
  readonly table?: string;
  readonly chain?: ChainDeclaration;
  readonly counters?: string;
  readonly options?: readonly string[];
  readonly text?: string;
}

/** Read access to the tree. Node indices run from 0 in the order of the source; blank lines have no node. */
export interface SyntaxTree {
  readonly source: string;
  readonly nodeCount: number;
  kind(node: number): NodeKind;
  /** Offset of the node's line in the source. */
  offset(node: number): number;
  /** The node's line without its line end. */
  text(node: number): string;
  /** Name after the `*`. */
  tableName(node: number): string;
  chainDeclaration(node: number): ChainDeclaration;
  /** `[packets:bytes]` in front of a rule. */
  ruleCounters(node: number): string | undefined;
  /** A rule that is a line of a shell script: the program that it runs. */
  program(node: number): Program | undefined;
  groupCount(node: number): number;
  /** Id of a rule's option; equal texts have equal ids. */
  groupId(node: number, position: number): number;
  group(id: number): OptionGroup;
  /** Number of different option texts. */
  readonly groupIdCount: number;
  /** All words of a node's line with their places in the source; without the program of a script's line. */
  words(node: number): readonly Word[];
  toJSON(): readonly TreeData[];
}

/** Collects a tree; {@link finish} ends it. */
export interface TreeBuilder {
  table(offset: number, name: string): void;
  chain(offset: number, declaration: ChainDeclaration): void;
  other(kind: 'commit' | 'comment' | 'loose' | 'broken' | 'foreign', offset: number): void;
  /** Begins a rule; its groups follow. */
  beginRule(offset: number, counters: string | undefined): void;
  /** Begins a rule that is a line of a script; `end` is where it ends, which may be lines below. */
  beginCommand(offset: number, end: number, program: Program): void;
  group(text: string): void;
  finish(): SyntaxTree;
}

function parseGroup(text: string): OptionGroup {
  const words = splitWords(text);
  const negated = words[0]?.text === '!' && !words[0].quoted;
  const [option, ...rest] = negated ? words.slice(1) : words;
  return { text, negated, option: option?.text ?? '', words: rest.map((w) => w.text) };
}

/** An empty tree over a source that is kept, not copied. */
export function treeBuilder(source: string): TreeBuilder {
  const nodeKind = intVector(1024);
  const nodeOffset = intVector(1024);
  const nodeData = intVector(1024);
  // Per rule: start in `groups`; the end is the start of the next rule.
  const ruleStart: IntVector = intVector(1024);
  const groups: IntVector = intVector(4096);
  const ids = new Map<string, number>();
  const texts: string[] = [];
  const names: string[] = [];
  const chains: ChainDeclaration[] = [];
  const counters = new Map<number, string>();
  const commands = new Map<number, { readonly program: Program; readonly end: number }>();
  const parsed: (OptionGroup | undefined)[] = [];

  const node = (kind: NodeKind, offset: number, data: number): void => {
    nodeKind.push(kinds.indexOf(kind));
    nodeOffset.push(offset);
    nodeData.push(data);
  };

  const lineEnd = (offset: number): number => {
    const end = source.indexOf('\n', offset);
    const stop = end < 0 ? source.length : end;
    return stop > offset && source.charCodeAt(stop - 1) === 13 ? stop - 1 : stop;
  };

  const tree: SyntaxTree = {
    source,
    get nodeCount() {
      return nodeKind.length;
    },
    kind: (n) => kinds[nodeKind.at(n)] as NodeKind,
    offset: (n) => nodeOffset.at(n),
    text: (n) => source.slice(nodeOffset.at(n), commands.get(n)?.end ?? lineEnd(nodeOffset.at(n))),
    tableName: (n) => names[nodeData.at(n)] ?? '',
    chainDeclaration: (n) => chains[nodeData.at(n)] as ChainDeclaration,
    ruleCounters: (n) => counters.get(n),
    program: (n) => commands.get(n)?.program,
    groupCount: (n) => {
      const rule = nodeData.at(n);
      const end = rule + 1 < ruleStart.length ? ruleStart.at(rule + 1) : groups.length;
      return end - ruleStart.at(rule);
    },
    groupId: (n, position) => groups.at(ruleStart.at(nodeData.at(n)) + position),
    group: (id) => {
      let g = parsed[id];
      if (!g) {
        g = parseGroup(texts[id] ?? '');
        parsed[id] = g;
      }
      return g;
    },
    get groupIdCount() {
      return texts.length;
    },
    words: (n) => {
      const text = tree.text(n);
      const shell = commands.has(n) ? readShellCommand(text, nodeOffset.at(n)) : undefined;
      return shell?.words ?? splitWords(text, nodeOffset.at(n));
    },
    toJSON: () => {
      const out: TreeData[] = [];
      for (let n = 0; n < nodeKind.length; n++) {
        const kind = tree.kind(n);
        const data: TreeData = { kind, offset: tree.offset(n) };
        if (kind === 'table') out.push({ ...data, table: tree.tableName(n) });
        else if (kind === 'chain') out.push({ ...data, chain: tree.chainDeclaration(n) });
        else if (kind === 'rule') {
          const options: string[] = [];
          for (let i = 0; i < tree.groupCount(n); i++) options.push(texts[tree.groupId(n, i)] ?? '');
          const c = counters.get(n);
          out.push({ ...data, ...(c === undefined ? {} : { counters: c }), options });
        } else out.push({ ...data, text: tree.text(n) });
      }
      return out;
    },
  };

  return {
    table(offset, name) {
      names.push(name);
      node('table', offset, names.length - 1);
    },
    chain(offset, declaration) {
      chains.push(declaration);
      node('chain', offset, chains.length - 1);
    },
    other: (kind, offset) => node(kind, offset, 0),
    beginRule(offset, c) {
      if (c !== undefined) counters.set(nodeKind.length, c);
      ruleStart.push(groups.length);
      node('rule', offset, ruleStart.length - 1);
    },
    beginCommand(offset, end, program) {
      commands.set(nodeKind.length, { program, end });
      ruleStart.push(groups.length);
      node('rule', offset, ruleStart.length - 1);
    },
    group(text) {
      let id = ids.get(text);
      if (id === undefined) {
        id = texts.length;
        ids.set(text, id);
        texts.push(text);
      }
      groups.push(id);
    },
    finish: () => tree,
  };
}
