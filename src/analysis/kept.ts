/**
 * What the analysis of one ruleset leaves for that of nearly the same: summaries of chains, and answers about their
 * rules, each good for as long as the sets that it was made of are the same ones. All sets are of one space.
 */

import type { Chain } from '../model/ruleset.ts';
import type { BddPacketSpace } from '../packetset/space-bdd.ts';
import { type ChainModel, endings, type RuleModel } from './chain-model.ts';
import type { Death, Standing } from './rule-answers.ts';
import { type ChainSummary, summarise } from './summary.ts';

/** One chain as it was summarised. */
interface KeptChain {
  /** Four numbers a rule: the sets of its conditions, what it does, and which content the chain has that it calls. */
  readonly content: Int32Array;
  /** By rule: what the called chain did. */
  readonly callees: readonly (ChainSummary | undefined)[];
  readonly summary: ChainSummary;
  /** Two chains with one number have the same content, down to the chains that they call. */
  readonly number: number;
}

const wordsPerRule = 4;

const actions = ['continue', 'return', 'open', 'jump', 'goto'];

/** A number for what the rule does, but for the chain that it calls. */
function actionWord({ action }: RuleModel): number {
  if (action.kind === 'end') return actions.length + endings.indexOf(action.ending);
  if (action.kind === 'open')
    return (
      action.endings.reduce((word, e) => word | (1 << endings.indexOf(e)), 0) +
      actions.length +
      endings.length
    );
  if ('chain' in action && action.chain === undefined) return -1;
  return actions.indexOf(action.kind);
}

/** Whether callers see no difference. */
function sameFlow(a: ChainSummary | undefined, b: ChainSummary | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a.returns !== b.returns || a.ends.size !== b.ends.size)
    return false;
  for (const [ending, set] of a.ends) if (b.ends.get(ending) !== set) return false;
  return true;
}

/** The chains of one table, looked at in one way. */
export class KeptTable {
  readonly #chains = new Map<string, KeptChain>();
  readonly #numberOf = new WeakMap<ChainModel, number>();
  readonly #next: () => number;
  #steady: KeptTable | undefined;

  constructor(next: () => number) {
    this.#next = next;
  }

  /** The same table, as it is looked at where its changes are left open. */
  get steady(): KeptTable {
    this.#steady ??= new KeptTable(this.#next);
    return this.#steady;
  }

  /** A summary from before where the chain is what it was; else a new one, which is kept. Callees come first. */
  summary(
    model: ChainModel,
    space: BddPacketSpace,
    known: ReadonlyMap<ChainModel, ChainSummary>,
  ): ChainSummary {
    const { name } = model.chain;
    const content = this.#contentOf(model);
    const callees = model.rules.map(({ action }) =>
      'chain' in action && action.chain !== undefined ? known.get(action.chain) : undefined,
    );
    const old = this.#chains.get(name);
    const same = old === undefined ? 0 : sameBeginning(old, content, callees);
    if (old !== undefined && same === model.rules.length && old.callees.length === same) {
      const unchanged = old.content.every((word, i) => word === content[i]);
      const number = unchanged ? old.number : this.#next();
      this.#chains.set(name, unchanged ? old : { ...old, content, callees, number });
      this.#numberOf.set(model, number);
      return old.summary;
    }
    const beginning = old === undefined ? undefined : { summary: old.summary, rules: same };
    const summary = summarise(model, space, known, beginning);
    // Where the nodes ran out, the next attempt may have more of them.
    const sets = [...summary.ends.values(), summary.returns, ...summary.reaching.slice(-1)];
    if (!sets.every((set) => space.isDecided(set))) return summary;
    const number = this.#next();
    this.#chains.set(name, { content, callees, summary, number });
    this.#numberOf.set(model, number);
    return summary;
  }

  /** The number of a chain that was summarised, by its content and that of the chains that it calls. */
  numberOf(model: ChainModel): number | undefined {
    return this.#numberOf.get(model);
  }

  #contentOf({ rules }: ChainModel): Int32Array {
    const content = new Int32Array(rules.length * wordsPerRule);
    rules.forEach((r, i) => {
      const at = i * wordsPerRule;
      const { action } = r;
      content[at] = r.may;
      content[at + 1] = r.must;
      content[at + 2] = actionWord(r);
      content[at + 3] =
        'chain' in action && action.chain !== undefined ? (this.#numberOf.get(action.chain) ?? -1) : 0;
    });
    return content;
  }
}

/** How many rules from the first on do the same to the same packets. */
function sameBeginning(
  old: KeptChain,
  content: Int32Array,
  callees: readonly (ChainSummary | undefined)[],
): number {
  const rules = Math.min(old.callees.length, callees.length);
  for (let i = 0; i < rules; i++) {
    const at = i * wordsPerRule;
    for (let word = 0; word < 3; word++) if (old.content[at + word] !== content[at + word]) return i;
    if (!sameFlow(old.callees[i], callees[i])) return i;
  }
  return rules;
}

/** Answers about the rules of a chain, good while all of `from` are the same. */
interface KeptStandings {
  readonly from: readonly unknown[];
  readonly byRule: (Standing | undefined)[];
}

/** See the head of this file. */
export class Kept {
  readonly #tables = new Map<string, KeptTable>();
  readonly #standings = new Map<string, KeptStandings>();
  #deaths = new Map<string, Death>();
  #deathsBefore = new Map<string, Death>();
  #count = 0;

  /** `view`: names the table and how it is looked at. */
  table(view: string): KeptTable {
    let table = this.#tables.get(view);
    if (table === undefined) {
      table = new KeptTable(() => ++this.#count);
      this.#tables.set(view, table);
    }
    return table;
  }

  /** Standings of the rules of a chain: those from before where they rest on the same things, else none yet. */
  standings({ table, name }: Chain, from: readonly unknown[]): (Standing | undefined)[] {
    const key = `${table} ${name}`;
    let known = this.#standings.get(key);
    if (known?.from.length !== from.length || known.from.some((part, i) => part !== from[i])) {
      known = { from, byRule: [] };
      this.#standings.set(key, known);
    }
    return known.byRule;
  }

  /** A death explained under this key by this analysis or the one before it. */
  death(key: string): Death | undefined {
    const known = this.#deaths.get(key) ?? this.#deathsBefore.get(key);
    if (known !== undefined) this.#deaths.set(key, known);
    return known;
  }

  keepDeath(key: string, death: Death): void {
    this.#deaths.set(key, death);
  }

  /** Another analysis begins: what the last one did not ask for is forgotten. */
  begin(): void {
    this.#deathsBefore = this.#deaths;
    this.#deaths = new Map();
  }
}
