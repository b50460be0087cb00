/**
 * Who keeps packets from a rule: the rules on the ways to it that end some of them for certain, down to the rules of
 * the chains that are called.
 *
 * The packets that come to the rules of a chain only become fewer from rule to rule, so those who take some are found
 * by halving: as many steps as there are takers, times the logarithm of the chain's length.
 */

import type { Rule } from '../model/ruleset.ts';
import type { PacketSet } from '../packetset/space.ts';
import type { ChainModel, Ending, RuleModel } from './chain-model.ts';
import type { Way } from './cover-ways.ts';
import type { ChainSummary } from './summary.ts';

/** A rule that keeps packets from another. */
export interface Blocker {
  readonly rule: Rule;
  /** The jumps and gotos by which packets come to it from the way, the outermost first. */
  readonly via: readonly Rule[];
  /** What it does with them. `return`: they go back to the caller, `away`: a goto leaves the chain for good. */
  readonly ending: Ending | 'return' | 'away';
  /** By way: packets in question that it takes for certain if no rule takes them before. */
  readonly takes: readonly PacketSet[];
  /** By way: packets in question that no rule took before. */
  readonly first: readonly PacketSet[];
}

interface Draft {
  readonly rule: Rule;
  readonly via: readonly Rule[];
  readonly ending: Blocker['ending'];
  readonly takes: PacketSet[];
  readonly first: PacketSet[];
}

/** Packets under way through a chain, and those that a rule there would see if only diverting rules were before it. */
interface Flow {
  readonly left: PacketSet;
  readonly scope: PacketSet;
  readonly via: readonly Rule[];
  readonly way: number;
  /** Whether the chain lies on the way itself: then a RETURN keeps packets from going on. */
  readonly onWay: boolean;
}

/**
 * The rules that take some of the packets in question, in the order in which they are come by. `rest`: packets that
 * nobody is certain to take, by way.
 */
export function blockersOf(
  ways: readonly Way[],
  inQuestion: readonly PacketSet[],
): { readonly blockers: readonly Blocker[]; readonly rest: readonly PacketSet[] } {
  const drafts = new Map<string, Draft>();
  const [one] = ways;
  if (one === undefined) return { blockers: [], rest: [] };
  const { space } = one.table.analysis.vocabulary;
  const { none } = space;

  function note(r: RuleModel, ending: Blocker['ending'], flow: Flow): void {
    const first = space.and(flow.left, r.must);
    if (first === none) return;
    const key = `${r.rule.id} ${ending}`;
    let draft = drafts.get(key);
    if (draft === undefined) {
      const empty = (): PacketSet[] => ways.map(() => none);
      draft = { rule: r.rule, via: flow.via, ending, takes: empty(), first: empty() };
      drafts.set(key, draft);
    }
    const { takes, first: firsts } = draft;
    takes[flow.way] = space.or(takes[flow.way] as PacketSet, space.and(flow.scope, r.must));
    firsts[flow.way] = space.or(firsts[flow.way] as PacketSet, first);
  }

  /** Without the packets that a RETURN or a goto of this chain may have led away before this rule. */
  function undiverted(chain: ChainModel, before: number, scope: PacketSet): PacketSet {
    let rest = scope;
    for (let i = 0; i < before && rest !== none; i++) {
      const r = chain.rules[i] as RuleModel;
      if (r.action.kind === 'return' || r.action.kind === 'goto') rest = space.diff(rest, r.may);
    }
    return rest;
  }

  function ask(chain: ChainModel, at: number, flow: Flow): void {
    const r = chain.rules[at] as RuleModel;
    const { action } = r;
    switch (action.kind) {
      case 'continue':
      case 'open':
        return;
      case 'return':
        if (flow.onWay) note(r, 'return', flow);
        return;
      case 'end':
        note(r, action.ending, here(chain, at, flow));
        return;
      case 'jump':
      case 'goto': {
        if (action.chain === undefined || action.chain.loops) return;
        const into = here(chain, at, flow);
        const called = ways[flow.way]?.table.analysis.summary(action.chain);
        if (called === undefined) return;
        follow(action.chain, called, action.chain.rules.length, {
          left: space.and(into.left, r.must),
          scope: space.and(into.scope, r.must),
          via: [...flow.via, r.rule],
          way: flow.way,
          onWay: false,
        });
        // Whatever becomes of them there, they do not come back here.
        if (action.kind === 'goto' && flow.onWay) note(r, 'away', flow);
      }
    }
  }
  const here = (chain: ChainModel, at: number, flow: Flow): Flow =>
    flow.onWay ? flow : { ...flow, scope: undiverted(chain, at, flow.scope) };

  /** Asks the rules from the first up to `end` who take some of the packets; answers what is left. */
  function follow(chain: ChainModel, summary: ChainSummary, end: number, flow: Flow): PacketSet {
    const leftAt = (at: number): PacketSet | undefined => {
      const reaching = summary.reaching[at];
      return reaching === undefined ? undefined : space.and(flow.left, reaching);
    };
    const halve = (from: number, to: number, before: PacketSet, after: PacketSet | undefined): void => {
      if (from >= to || before === none || before === after) return;
      if (to - from === 1) {
        ask(chain, from, { ...flow, left: before });
        return;
      }
      const middle = (from + to) >>> 1;
      const between = leftAt(middle);
      halve(from, middle, before, between);
      if (between !== undefined) halve(middle, to, between, after);
    };
    const after = leftAt(end);
    halve(0, end, flow.left, after);
    return after ?? none;
  }

  const rest = ways.map(({ legs, table }, w) => {
    const asked = inQuestion[w] as PacketSet;
    let left = asked;
    for (const { chain, before } of legs) {
      const summary = table.analysis.summary(chain);
      if (summary === undefined) return left;
      left = follow(chain, summary, before, { left, scope: asked, via: [], way: w, onWay: true });
    }
    return left;
  });
  return { blockers: [...drafts.values()], rest };
}
