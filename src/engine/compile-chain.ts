/**
 * Chains as the walk wants them. Each rule's header conditions lie in typed columns, so that most rules are passed
 * over without a call; what the columns cannot say is left to the extensions' closures.
 *
 * A column holds one number per rule. `flags` says which columns a rule uses and which are negated. Base conditions
 * are decided by the columns alone; those of matches are necessary conditions, taken only from matches that stand
 * in front of the first one that declares none, since that one may keep state and must see what the kernel shows it.
 */

import type { ColumnTest, CompileContext, Matcher, TargetRunner } from '../extensions/define.ts';
import type { Machine } from '../model/machine.ts';
import type { Backend, Hook, Policy } from '../model/netfilter.ts';
import type { BaseMatch, Rule, Table } from '../model/ruleset.ts';
import type { RuleRef } from '../model/trace.ts';
import type { Family, Network } from '../net/address.ts';
import type { ExtensionRegistry } from './extension-registry.ts';
import { InterfaceIds } from './interface-ids.ts';

/** Bits of the `flags` column. */
export const flag = {
  SRC: 1,
  SRC_NOT: 2,
  DST: 4,
  DST_NOT: 8,
  PROTOCOL: 16,
  PROTOCOL_NOT: 32,
  IN: 64,
  IN_NOT: 128,
  OUT: 256,
  OUT_NOT: 512,
  SPORT: 1024,
  DPORT: 2048,
  ICMP: 4096,
  /** `-f`, and `! -f`. */
  FRAGMENT: 8192,
  FRAGMENT_NOT: 16384,
  /** More than one test on a column that has one slot: ask `extra`. */
  EXTRA: 32768,
} as const;

/** What a rule does, as a number for the walk's switch. */
export const action = {
  CONTINUE: 0,
  ACCEPT: 1,
  DROP: 2,
  QUEUE: 3,
  RETURN: 4,
  JUMP: 5,
  GOTO: 6,
  RUN: 7,
  UNKNOWN: 8,
} as const;

/** Words per address in the address columns. */
const wordsOf = (family: Family): 1 | 4 => (family === 'ipv4' ? 1 : 4);

/** One chain, column by column; each column has one entry per rule. */
export interface CompiledChain {
  readonly name: string;
  readonly table: string;
  readonly hook: Hook | undefined;
  readonly policy: Policy;
  readonly size: number;
  readonly flags: Uint16Array;
  /** All flags of its rules together. */
  readonly usedFlags: number;
  /** Address and mask, `words` numbers per rule, as bit patterns. */
  readonly words: 1 | 4;
  readonly src: Int32Array;
  readonly srcMask: Int32Array;
  readonly dst: Int32Array;
  readonly dstMask: Int32Array;
  readonly protocol: Uint8Array;
  readonly sportLow: Uint16Array;
  readonly sportHigh: Uint16Array;
  readonly dportLow: Uint16Array;
  readonly dportHigh: Uint16Array;
  readonly icmpLow: Uint8Array;
  readonly icmpHigh: Uint8Array;
  /** Values of {@link InterfaceIds.columnValue}. */
  readonly interfaces: InterfaceIds;
  readonly inInterface: Int32Array;
  readonly outInterface: Int32Array;
  readonly extra: readonly (readonly ColumnTest[] | undefined)[];
  readonly matchers: readonly (readonly Matcher[])[];
  readonly actions: Uint8Array;
  /** Chain of a jump or goto; filled in after all chains exist. */
  readonly targets: (CompiledChain | undefined)[];
  readonly runners: readonly (TargetRunner | undefined)[];
  readonly refs: readonly RuleRef[];
  readonly rules: readonly Rule[];
}

/** What all chains of a table are compiled with. */
export interface CompileScope {
  readonly family: Family;
  readonly backend: Backend;
  readonly machine: Machine;
  readonly registry: ExtensionRegistry;
}

/** Stands for a match that nobody knows. */
const unknownMatcher: Matcher = (_packet, env) => env.ask('unknown', ['no', 'yes']);

const none: Matcher[] = [];

/** What an extension is told of its place. The name of its slot is made where it is asked for: few have state. */
class UseContext implements CompileContext {
  readonly family: Family;
  readonly backend: Backend;
  readonly table: string;
  readonly chain: string;
  readonly base: BaseMatch;
  readonly machine: Machine;
  readonly #rule: number;
  readonly #position: number;

  constructor(scope: CompileScope, table: string, chain: string, rule: Rule, position: number) {
    this.family = scope.family;
    this.backend = scope.backend;
    this.table = table;
    this.chain = chain;
    this.base = rule.base;
    this.machine = scope.machine;
    this.#rule = rule.id;
    this.#position = position;
  }

  get slot(): string {
    return `rule ${this.family} ${this.#rule} ${this.#position}`;
  }
}

/** Whether the rule's `-p` says the same already, as it does for `-m tcp`. */
function saidByBase(test: ColumnTest, { protocol }: BaseMatch): boolean {
  if (test.column !== 'protocol' || !protocol || protocol.negated) return false;
  return protocol.value >= test.low && protocol.value <= test.high;
}

function setAddress(net: Network, words: 1 | 4, i: number, address: Int32Array, mask: Int32Array): void {
  if (words === 1) {
    address[i] = net.address.w3;
    mask[i] = net.mask.w3;
    return;
  }
  const a = [net.address.w0, net.address.w1, net.address.w2, net.address.w3];
  const m = [net.mask.w0, net.mask.w1, net.mask.w2, net.mask.w3];
  for (let k = 0; k < 4; k++) {
    address[4 * i + k] = a[k] ?? 0;
    mask[4 * i + k] = m[k] ?? 0;
  }
}

/** Compiles all chains of a table. Jumps to chains that do not exist are treated as unknown targets. */
export function compileChains(table: Table, scope: CompileScope): ReadonlyMap<string, CompiledChain> {
  const chains = new Map<string, CompiledChain>();
  const words = wordsOf(scope.family);
  const interfaces = new InterfaceIds();

  for (const chain of table.chains) {
    const n = chain.rules.length;
    const flags = new Uint16Array(n);
    let usedFlags = 0;
    const src = new Int32Array(n * words);
    const srcMask = new Int32Array(n * words);
    const dst = new Int32Array(n * words);
    const dstMask = new Int32Array(n * words);
    const protocol = new Uint8Array(n);
    const sportLow = new Uint16Array(n);
    const sportHigh = new Uint16Array(n);
    const dportLow = new Uint16Array(n);
    const dportHigh = new Uint16Array(n);
    const icmpLow = new Uint8Array(n);
    const icmpHigh = new Uint8Array(n);
    const inInterface = new Int32Array(n);
    const outInterface = new Int32Array(n);
    const extra: (readonly ColumnTest[] | undefined)[] = [];
    const matchers: (readonly Matcher[])[] = [];
    const actions = new Uint8Array(n);
    const runners: (TargetRunner | undefined)[] = [];

    const compileRule = (rule: Rule, i: number): void => {
      let f = 0;
      const { base } = rule;
      if (base.src) {
        f |= base.src.negated ? flag.SRC_NOT : flag.SRC;
        setAddress(base.src.value, words, i, src, srcMask);
      }
      if (base.dst) {
        f |= base.dst.negated ? flag.DST_NOT : flag.DST;
        setAddress(base.dst.value, words, i, dst, dstMask);
      }
      if (base.protocol) {
        f |= base.protocol.negated ? flag.PROTOCOL_NOT : flag.PROTOCOL;
        protocol[i] = base.protocol.value;
      }
      if (base.inInterface) {
        f |= base.inInterface.negated ? flag.IN_NOT : flag.IN;
        inInterface[i] = interfaces.columnValue(base.inInterface.value);
      }
      if (base.outInterface) {
        f |= base.outInterface.negated ? flag.OUT_NOT : flag.OUT;
        outInterface[i] = interfaces.columnValue(base.outInterface.value);
      }
      if (base.fragment) f |= base.fragment.negated ? flag.FRAGMENT_NOT : flag.FRAGMENT;

      const context = (position: number): CompileContext =>
        new UseContext(scope, table.name, chain.name, rule, position);
      const closures: Matcher[] = rule.matches.length === 0 ? none : [];
      let spare: ColumnTest[] | undefined;
      let columnsAllowed = true;
      rule.matches.forEach((use, position) => {
        const extension = use.known ? scope.registry.match(use.extension, scope.family) : undefined;
        if (!extension) {
          closures.push(unknownMatcher);
          columnsAllowed = false;
          return;
        }
        const data = use.data as object;
        closures.push(extension.compile(data, context(position)));
        if (!columnsAllowed) return;
        const columns = extension.columns?.(data);
        if (columns === undefined) {
          columnsAllowed = false;
          return;
        }
        for (const test of columns) {
          if (test.column === 'sport' && !(f & flag.SPORT)) {
            f |= flag.SPORT;
            sportLow[i] = test.low;
            sportHigh[i] = test.high;
          } else if (test.column === 'dport' && !(f & flag.DPORT)) {
            f |= flag.DPORT;
            dportLow[i] = test.low;
            dportHigh[i] = test.high;
          } else if (test.column === 'icmpType' && !(f & flag.ICMP)) {
            f |= flag.ICMP;
            icmpLow[i] = test.low;
            icmpHigh[i] = test.high;
          } else if (!saidByBase(test, base)) {
            f |= flag.EXTRA;
            spare ??= [];
            spare.push(test);
          }
        }
      });
      extra.push(spare);
      matchers.push(closures);
      flags[i] = f;
      usedFlags |= f;

      let runner: TargetRunner | undefined;
      const { target } = rule;
      switch (target.kind) {
        case 'none':
          actions[i] = action.CONTINUE;
          break;
        case 'verdict':
          actions[i] = action[target.verdict];
          break;
        case 'jump':
          actions[i] = action.JUMP;
          break;
        case 'goto':
          actions[i] = action.GOTO;
          break;
        case 'extension': {
          const extension = target.known ? scope.registry.target(target.extension, scope.family) : undefined;
          if (!extension) {
            actions[i] = action.UNKNOWN;
            break;
          }
          const data = target.data as object;
          actions[i] = action.RUN;
          runner = extension.compile(data, context(rule.matches.length));
          break;
        }
      }
      runners.push(runner);
    };
    for (const [i, rule] of chain.rules.entries()) compileRule(rule, i);

    chains.set(chain.name, {
      name: chain.name,
      table: table.name,
      hook: chain.hook,
      policy: chain.policy ?? 'ACCEPT',
      size: n,
      flags,
      usedFlags,
      words,
      src,
      srcMask,
      dst,
      dstMask,
      protocol,
      sportLow,
      sportHigh,
      dportLow,
      dportHigh,
      icmpLow,
      icmpHigh,
      interfaces,
      inInterface,
      outInterface,
      extra,
      matchers,
      actions,
      targets: new Array<CompiledChain | undefined>(n).fill(undefined),
      runners,
      refs: chain.rules.map((r, i) => ({
        table: table.name,
        chain: chain.name,
        number: i + 1,
        id: r.id,
        line: r.line,
      })),
      rules: chain.rules,
    });
  }

  for (const chain of table.chains) {
    const compiled = chains.get(chain.name);
    if (!compiled) continue;
    chain.rules.forEach((rule, i) => {
      if (rule.target.kind !== 'jump' && rule.target.kind !== 'goto') return;
      const to = chains.get(rule.target.chain);
      if (to) compiled.targets[i] = to;
      else compiled.actions[i] = action.UNKNOWN;
    });
  }
  return chains;
}
