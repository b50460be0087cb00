/**
 * Whether a regular expression takes time in proportion to the text that it is tried on.
 *
 * The engine of JavaScript tries one way after the other. It is slow exactly where a text has many ways that all come to
 * nothing, so the ways are counted, over the automaton of the expression (Weideman et al., "Analyzing Matching Time
 * Behavior of Backtracking Regular Expression Matchers by Using Ambiguity of NFA", 2016):
 *
 * - exponential: from some state, one text leads back to it in two ways;
 * - quadratic: one text leads from a state p to itself, from p to a state q, and from q to itself.
 *
 * Where an expression may begin anywhere, a state that takes any character and begins again at each stands in front:
 * `\s+$` is quadratic for this reason. A state from where the end is reached whatever follows never comes to nothing: the
 * first way that gets there is the answer. Such a state is no q, since ways through it are not tried again, but may be a p.
 *
 * Conditions (`$`, `\b`, lookaround) are taken as sometimes true. All is on the safe side: what is called linear is linear;
 * the constant may be large where a bounded repetition of a bounded repetition stands.
 */

import {
  type Set as CharacterSet,
  type Disjunction,
  RegExpParser,
  type Term,
} from '@chevrotain/regexp-to-ast';
import type { RegexpText } from './regexp-literals.ts';

/** How an expression is used. */
export interface RegexpUse {
  /** It is only tried where its text must begin: with the flag y, or by a lexer. */
  readonly sticky?: boolean;
}

/** Bounded repetitions up to this are written out; larger ones count as unbounded. */
const copiesMax = 100;
/** Ways without a character from one state, before an expression is called too nested to judge. */
const emptyWaysMax = 50_000;

type Ranges = readonly (readonly [from: number, to: number])[];
const anyCharacter: Ranges = [[0, 0x10ffff]];

interface Node {
  readonly empty: { readonly to: number; readonly when: 'always' | 'sometimes' | 'at-start' }[];
  /** Takes one of these characters, then goes on at `next`. */
  takes?: Ranges;
  next: number;
}

class Unjudged extends Error {}

/** Why the expression may take more than linear time; undefined where it is linear. */
export function superlinear({ source, flags }: RegexpText, use: RegexpUse = {}): string | undefined {
  try {
    return judge(automatonOf(source, flags, use.sticky === true || flags.includes('y')));
  } catch (error) {
    if (error instanceof Unjudged) return error.message;
    throw error;
  }
}

// ------------------------------------------------------------------------------------------- the automaton

/** States are characters of the expression, by number; the last one begins the search again at each character. */
interface Automaton {
  readonly takes: readonly Ranges[];
  /** From each state: the states that may come next, with the number of ways there (2 for more). */
  readonly next: readonly ReadonlyMap<number, number>[];
  /** Whether the whole expression has matched behind this state, whatever follows. */
  readonly sure: readonly boolean[];
  /** States that a text may begin with. */
  readonly first: readonly number[];
}

function automatonOf(source: string, flags: string, sticky: boolean): Automaton {
  const pattern = new RegExpParser().pattern(`/${source}/`).value;
  const nodes: Node[] = [];
  const node = (): number => nodes.push({ empty: [], next: -1 }) - 1;
  const join = (from: number, to: number, when: Node['empty'][number]['when'] = 'always'): void => {
    nodes[from]?.empty.push({ to, when });
  };
  const disjunction = (d: Disjunction, from: number): number => {
    const end = node();
    for (const { value } of d.value) {
      let at = node();
      join(from, at);
      for (const term of value) at = repeated(term as Term, at);
      join(at, end);
    }
    return end;
  };
  const repeated = (term: Term, from: number): number => {
    const quantifier = 'quantifier' in term ? term.quantifier : undefined;
    if (quantifier === undefined) return once(term, from);
    const { atLeast, atMost } = quantifier;
    const end = node();
    let at = from;
    for (let i = 0; i < Math.min(atLeast, copiesMax); i++) at = once(term, at);
    if (atMost > copiesMax) {
      const again = node();
      join(at, again);
      join(once(term, again), again);
      at = again;
    } else {
      for (let i = atLeast; i < atMost; i++) {
        join(at, end);
        at = once(term, at);
      }
    }
    join(at, end);
    return end;
  };
  const once = (term: Term, from: number): number => {
    switch (term.type) {
      case 'Group':
        return disjunction(term.value, from);
      case 'Character':
      case 'Set': {
        const taking = node();
        const to = node();
        join(from, taking);
        Object.assign(nodes[taking] as Node, { takes: rangesOf(term, flags), next: to });
        return to;
      }
      case 'GroupBackReference':
        throw new Unjudged('a back reference');
      case 'Lookbehind':
      case 'NegativeLookbehind':
        if (term.value && unbounded(term.value)) throw new Unjudged('a lookbehind of any length');
        break;
      case 'Lookahead':
      case 'NegativeLookahead':
        // Ways into it are tried as any others, and end with it.
        if (term.value) disjunction(term.value, from);
        break;
    }
    const to = node();
    join(from, to, term.type === 'StartAnchor' && !flags.includes('m') ? 'at-start' : 'sometimes');
    return to;
  };

  const start = node();
  const end = disjunction(pattern, start);
  const takers = nodes.flatMap(({ takes }, i) => (takes ? [i] : []));
  const stateOf = new Map(takers.map((n, i) => [n, i]));

  /** The states behind a node, on all ways that take no character; at the start of the text, or further on. */
  const follow = (
    from: number,
    atStart = false,
  ): { readonly next: Map<number, number>; readonly sure: boolean } => {
    const next = new Map<number, number>();
    const visits = new Map<number, number>();
    let sure = false;
    let ways = 0;
    const go = (n: number, conditional: boolean): void => {
      if (++ways > emptyWaysMax) throw new Unjudged('too many ways without a character');
      if (n === end && !conditional) sure = true;
      const state = stateOf.get(n);
      if (state !== undefined) {
        next.set(state, Math.min(2, (next.get(state) ?? 0) + 1));
        return;
      }
      // Once behind what a round took, once into the next round: a third time would be a round that takes nothing.
      const visited = visits.get(n) ?? 0;
      if (visited === 2) return;
      visits.set(n, visited + 1);
      for (const { to, when } of nodes[n]?.empty ?? [])
        if (when !== 'at-start' || atStart) go(to, conditional || when === 'sometimes');
      visits.set(n, visited);
    };
    go(from, false);
    return { next, sure };
  };
  const followed = takers.map((n) => follow((nodes[n] as Node).next));
  const first = follow(start, true).next;
  const takes: Ranges[] = takers.map((n) => (nodes[n] as Node).takes ?? []);
  const next: ReadonlyMap<number, number>[] = followed.map((f) => f.next);
  const sure = followed.map((f) => f.sure);
  if (sticky) return { takes, next, sure, first: [...first.keys()] };
  // Any character, then from the beginning; with the flag m, where it begins with ^, behind a line end only.
  const search = takes.push(anyCharacter) - 1;
  sure.push(false);
  if (flags.includes('m') && beginsAtStart(pattern)) {
    const lineEnd = takes.push([[10, 10]]) - 1;
    sure.push(false);
    next.push(
      new Map([
        [search, 1],
        [lineEnd, 1],
      ]),
      first,
    );
    return { takes, next, sure, first: [...first.keys(), search, lineEnd] };
  }
  next.push(new Map([...follow(start).next, [search, 1]]));
  return { takes, next, sure, first: [...first.keys(), search] };
}

function beginsAtStart(d: Disjunction): boolean {
  return d.value.every(({ value: [term] }) => {
    if (term?.type === 'StartAnchor') return true;
    return term?.type === 'Group' && term.quantifier === undefined && beginsAtStart(term.value);
  });
}

function unbounded(d: Disjunction): boolean {
  return d.value.some(({ value }) =>
    value.some(
      (term) =>
        ('quantifier' in term && term.quantifier?.atMost === Infinity) ||
        (term.type === 'Group' && unbounded(term.value)),
    ),
  );
}

function rangesOf(term: Extract<Term, { type: 'Character' | 'Set' }>, flags: string): Ranges {
  const values = term.type === 'Set' ? term.value : [term.value];
  // The parser knows no flag s: it reads the dot as all but the four line ends.
  if (flags.includes('s') && term.type === 'Set' && isDot(term)) return anyCharacter;
  const ranges = values.map((v): [number, number] => (typeof v === 'number' ? [v, v] : [v.from, v.to]));
  if (flags.includes('i'))
    for (let code = 0x41; code <= 0x5a; code++)
      for (const [here, there] of [
        [code, code + 32],
        [code + 32, code],
      ] as const)
        if (ranges.some(([from, to]) => from <= here && here <= to)) ranges.push([there, there]);
  ranges.sort((a, b) => a[0] - b[0]);
  if (term.type === 'Character' || !term.complement) return ranges;
  const rest: [number, number][] = [];
  let at = 0;
  for (const [from, to] of [...ranges, [0x110000, 0x110000] as const]) {
    if (from > at) rest.push([at, from - 1]);
    at = Math.max(at, to + 1);
  }
  return rest;
}

function isDot({ complement, value }: CharacterSet): boolean {
  return complement && value.length === 4 && [10, 13, 0x2028, 0x2029].every((code) => value.includes(code));
}

// ------------------------------------------------------------------------------------------- the judgement

function judge({ takes, next, sure, first }: Automaton): string | undefined {
  const count = takes.length;
  const successors = (s: number): Iterable<number> => next[s]?.keys() ?? [];
  const reached = new Set(first);
  for (const s of reached) for (const t of successors(s)) reached.add(t);
  const component = components([...reached], successors);
  const alike = (a: number, b: number): boolean => component.get(a) === component.get(b);
  /** Next states on the way round. */
  const round = Array.from({ length: count }, (_, s) => [...successors(s)].filter((t) => alike(s, t)));
  const inLoop = [...reached].filter((s) => (round[s]?.length ?? 0) > 0);
  const failing = (s: number): boolean => !sure[s];
  const failingRound = round.map((states) => states.filter(failing));
  const text = textsOf(takes);
  const say = (s: number): string => words(takes[s] ?? []);

  for (const p of inLoop.filter(failing)) {
    for (const q of failingRound[p] ?? [])
      if (next[p]?.get(q) === 2) return `exponential in ${say(q)}, which is come to in two ways`;
    // All pairs of ways from p; then, of those, the ones that come back to p together.
    const id = (a: number, b: number): number => a * count + b;
    const cameFrom = new Map<number, number[]>([[id(p, p), []]]);
    for (const [pair] of cameFrom) {
      for (const a of failingRound[Math.floor(pair / count)] ?? [])
        for (const b of failingRound[pair % count] ?? []) {
          if (!text.meet(a, b)) continue;
          const sources = cameFrom.get(id(a, b));
          if (sources) sources.push(pair);
          else cameFrom.set(id(a, b), [pair]);
        }
    }
    const back = new Set([id(p, p)]);
    for (const pair of back) for (const source of cameFrom.get(pair) ?? []) back.add(source);
    for (const pair of back)
      if (Math.floor(pair / count) !== pair % count)
        return `exponential in ${say(Math.floor(pair / count))} and ${say(pair % count)}`;
  }

  for (const q of inLoop.filter(failing))
    for (const p of inLoop) {
      if (p === q) continue;
      // Three ways in step: round p, from p to q, round q.
      const id = (a: number, b: number, c: number): number => (a * count + b) * count + c;
      const seen = new Set([id(p, p, q)]);
      for (const three of seen) {
        const c = three % count;
        const b = Math.floor(three / count) % count;
        const a = Math.floor(three / count / count);
        for (const a2 of round[a] ?? [])
          for (const c2 of failingRound[c] ?? []) {
            if (!text.meet(a2, c2)) continue;
            for (const b2 of successors(b)) if (text.meet3(a2, b2, c2)) seen.add(id(a2, b2, c2));
          }
      }
      if (seen.has(id(p, q, q))) return `quadratic: ${say(p)} may end and ${say(q)} begin at any place`;
    }
  return undefined;
}

/** Which states take a character that others take, too. */
function textsOf(takes: readonly Ranges[]) {
  const cuts = [...new Set(takes.flat().flatMap(([from, to]) => [from, to + 1]))].sort((a, b) => a - b);
  const numbers = new Map(cuts.map((cut, i) => [cut, i]));
  const sets = takes.map((ranges) => {
    const set = new Uint8Array(cuts.length);
    for (const [from, to] of ranges) set.fill(1, numbers.get(from), numbers.get(to + 1));
    return set;
  });
  const pairs = sets.map((a) => sets.map((b) => a.some((one, i) => one === 1 && b[i] === 1)));
  const meet = (a: number, b: number): boolean => pairs[a]?.[b] === true;
  return {
    meet,
    meet3: (a: number, b: number, c: number): boolean =>
      meet(a, b) &&
      meet(b, c) &&
      (sets[a]?.some((one, i) => one === 1 && sets[b]?.[i] === 1 && sets[c]?.[i] === 1) ?? false),
  };
}

/** Strongly connected components (Tarjan), each named by one of its states. */
function components(states: readonly number[], next: (s: number) => Iterable<number>): Map<number, number> {
  const order = new Map<number, number>();
  const low = new Map<number, number>();
  const stack: number[] = [];
  const component = new Map<number, number>();
  const visit = (s: number): number => {
    let lowest = order.size;
    order.set(s, lowest);
    const own = lowest;
    stack.push(s);
    for (const t of next(s)) {
      if (!order.has(t)) lowest = Math.min(lowest, visit(t));
      else if (!component.has(t)) lowest = Math.min(lowest, order.get(t) ?? lowest);
    }
    low.set(s, lowest);
    if (lowest === own)
      for (let member = stack.pop(); member !== undefined; member = member === s ? undefined : stack.pop())
        component.set(member, s);
    return lowest;
  };
  for (const s of states) if (!order.has(s)) visit(s);
  return component;
}

function words(ranges: Ranges): string {
  const [[from, to] = [0, 0]] = ranges;
  const one = (code: number): string => JSON.stringify(String.fromCodePoint(code));
  return ranges.length === 1 && from === to ? one(from) : `one of ${one(from)}…`;
}
