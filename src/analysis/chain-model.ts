/** The chains of a table as the analysis walks them: conditions as sets, targets as outcomes and changes. */

import type { FieldChange } from '../extensions/define.ts';
import type { Chain, Rule, Table } from '../model/ruleset.ts';
import type { PacketSet } from '../packetset/space.ts';
import { effectOf } from './effects.ts';
import type { Side } from './side.ts';
import type { Vocabulary } from './vocabulary.ts';

/** How a walk through a table may end. `stuck`: in a loop of jumps that the kernel would never have loaded. */
export const endings = ['accept', 'drop', 'reject', 'queue', 'stolen', 'stuck'] as const;
/** One of the endings. */
export type Ending = (typeof endings)[number];

/** What a rule does with the packets that it takes. `open`: nobody knows; ends them in some of these ways, or goes on. */
export type RuleAction =
  | { readonly kind: 'end'; readonly ending: Ending }
  | { readonly kind: 'continue' }
  | { readonly kind: 'return' }
  | { readonly kind: 'open'; readonly endings: readonly Ending[] }
  | { readonly kind: 'jump' | 'goto'; readonly chain: ChainModel | undefined };

/** How a rule of which nothing is known may end packets. */
export const openEndings: readonly Ending[] = ['accept', 'drop'];

/** One rule as sets. */
export interface RuleModel {
  readonly rule: Rule;
  /** Packets that match for some answer to what they do not decide, and for every one. */
  readonly may: PacketSet;
  readonly must: PacketSet;
  readonly action: RuleAction;
  /** Changes to fields that somebody reads, in order. */
  readonly changes: readonly FieldChange[];
}

/** One chain. */
export interface ChainModel {
  readonly chain: Chain;
  readonly rules: readonly RuleModel[];
  /** Whether some rule here or below changes packets: then what goes in decides what comes out. */
  readonly rewrites: boolean;
  /** Whether its jumps lead back to itself. */
  readonly loops: boolean;
}

/** All chains of one table. */
export interface TableModel {
  readonly table: Table;
  readonly chains: ReadonlyMap<string, ChainModel>;
  /** Callees before callers. */
  readonly order: readonly ChainModel[];
}

/** Whether a change touches a field that is in use. */
function matters(change: FieldChange, vocabulary: Vocabulary): boolean {
  const { fields } = vocabulary.space.codec;
  switch (change.field) {
    case 'set':
    case 'tcpOptions':
      return false;
    case 'nat':
      return true;
    default:
      return fields.has(change.field);
  }
}

/** A change as it is where there is no connection yet: its mark cannot be written, and no template outlives the hook. */
function changeSeen(change: FieldChange, { connmark }: SeenAs): readonly FieldChange[] {
  if (connmark === undefined) return [change];
  if (change.field === 'connmark') return [];
  if (!('from' in change) || change.from !== 'connmark') return [change];
  return connmark === 'none' ? [] : [{ field: 'mark', operation: 'unknown' }];
}

/** Chains in an order in which every callee stands before its callers; those of a loop where it is entered. */
function calleesFirst(table: Table): {
  readonly order: readonly Chain[];
  readonly looping: ReadonlySet<string>;
} {
  const byName = new Map(table.chains.map((c) => [c.name, c]));
  const state = new Map<string, 'open' | 'done'>();
  const order: Chain[] = [];
  const looping = new Set<string>();
  const callees = (c: Chain): string[] => {
    const names = new Set<string>();
    for (const { target } of c.rules)
      if (target.kind === 'jump' || target.kind === 'goto') names.add(target.chain);
    return [...names];
  };
  for (const root of table.chains) {
    if (state.has(root.name)) continue;
    state.set(root.name, 'open');
    const stack = [{ chain: root, next: callees(root), at: 0 }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const name = top.next[top.at++];
      if (name === undefined) {
        state.set(top.chain.name, 'done');
        order.push(top.chain);
        stack.pop();
        continue;
      }
      const callee = byName.get(name);
      if (callee === undefined || state.get(name) === 'done') continue;
      if (state.get(name) === 'open') {
        for (let i = stack.length - 1; i >= 0; i--) {
          looping.add((stack[i] as (typeof stack)[number]).chain.name);
          if (stack[i]?.chain.name === name) break;
        }
        continue;
      }
      state.set(name, 'open');
      stack.push({ chain: callee, next: callees(callee), at: 0 });
    }
  }
  return { order, looping };
}

/** What the rules of a table see of packets: matches, for packets that may match and for those that must. */
export interface SeenAs {
  readonly may: (set: PacketSet) => PacketSet;
  readonly must: (set: PacketSet) => PacketSet;
  /** What targets have in place of a connection's mark, where conntrack has not looked yet. */
  readonly connmark?: 'none' | 'of a template';
}

const asTheyAre = (set: PacketSet): PacketSet => set;
/** Matches see everything of packets. */
export const seenAsTheyAre: SeenAs = { may: asTheyAre, must: asTheyAre };

/** One view behind the other. */
export function seenThrough(first: SeenAs, then: SeenAs): SeenAs {
  return {
    ...first,
    may: (set) => then.may(first.may(set)),
    must: (set) => then.must(first.must(set)),
  };
}

/**
 * Makes sets of all rules of a table. Raw tables see packets before conntrack does: `view` narrows their matches. `care`:
 * the only packets that come, where that is known.
 */
export function modelTable(
  side: Side,
  table: Table,
  vocabulary: Vocabulary,
  view: SeenAs,
  care: PacketSet = vocabulary.space.all,
): TableModel {
  const { order: chains, looping } = calleesFirst(table);
  const models = new Map<string, ChainModel & { rules: RuleModel[]; rewrites: boolean }>();
  const order: ChainModel[] = [];
  for (const chain of chains) {
    const loops = looping.has(chain.name);
    const model = { chain, rules: [] as RuleModel[], rewrites: false, loops };
    models.set(chain.name, model);
    order.push(model);
  }
  for (const model of models.values()) {
    for (const rule of model.chain.rules) {
      const { may, must } = vocabulary.matches(side, rule, care);
      const seenMay = view.may(may);
      const r = modelRule(side, rule, vocabulary, view, (name) => models.get(name));
      model.rules.push({
        rule,
        may: seenMay,
        must: view.must === view.may && must === may ? seenMay : view.must(must),
        action: r.action,
        changes: r.changes,
      });
      const target = r.action.kind === 'jump' || r.action.kind === 'goto' ? r.action.chain : undefined;
      if (r.changes.length > 0 || target?.rewrites === true) model.rewrites = true;
    }
  }
  // Within a loop, the first chain of it was done before the others.
  for (let grew = looping.size > 0; grew; ) {
    grew = false;
    for (const model of models.values())
      if (!model.rewrites && model.rules.some(({ action }) => 'chain' in action && action.chain?.rewrites)) {
        model.rewrites = true;
        grew = true;
      }
  }
  return { table, chains: models, order };
}

type Verdict = Extract<Rule['target'], { kind: 'verdict' }>['verdict'];
/** What the target of a rule does with packets that match. */
type TargetModel = Pick<RuleModel, 'action' | 'changes'>;

/** What rules do that name a verdict or no target: one object for all of them, since there may be a million. */
const noTarget: TargetModel = { action: { kind: 'continue' }, changes: [] };
const verdictModels: Readonly<Record<Verdict, TargetModel>> = {
  ACCEPT: { action: { kind: 'end', ending: 'accept' }, changes: [] },
  DROP: { action: { kind: 'end', ending: 'drop' }, changes: [] },
  QUEUE: { action: { kind: 'end', ending: 'queue' }, changes: [] },
  RETURN: { action: { kind: 'return' }, changes: [] },
};

function modelRule(
  side: Side,
  rule: Rule,
  vocabulary: Vocabulary,
  view: SeenAs,
  chainOf: (name: string) => ChainModel | undefined,
): TargetModel {
  const { target } = rule;
  switch (target.kind) {
    case 'none':
      return noTarget;
    case 'verdict':
      return verdictModels[target.verdict];
    case 'jump':
    case 'goto':
      return { action: { kind: target.kind, chain: chainOf(target.chain) }, changes: [] };
    case 'extension': {
      const effect = effectOf(side.ruleset, side.program.machine, side.registry, rule);
      if (effect === undefined) return { action: { kind: 'open', endings: openEndings }, changes: [] };
      const changes = effect.changes
        .flatMap((c) => changeSeen(c, view))
        .filter((c) => matters(c, vocabulary));
      switch (effect.outcome) {
        case 'continue':
          return { action: { kind: 'continue' }, changes };
        case 'unknown':
          return { action: { kind: 'open', endings: effect.endings ?? openEndings }, changes };
        case 'drop':
          return {
            action: { kind: 'end', ending: effect.rejectWith === undefined ? 'drop' : 'reject' },
            changes,
          };
        default:
          return { action: { kind: 'end', ending: effect.outcome }, changes };
      }
    }
  }
}
