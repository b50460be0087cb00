/**
 * What is asked beside the screen, answered: of the rules with a draft in force, which packets in all fare differently,
 * what the linter finds, and which rules are dead. Lives in a thread; between two steps others may work.
 */

import { buildMachine } from '../../context/machine.ts';
import type { SourceText } from '../../diagnostics/sources.ts';
import { parse } from '../../grammar/parse.ts';
import { formatLinked } from '../../link/format.ts';
import { foreignRuns, type ReadMachine } from '../../link/read-machine.ts';
import { checks, defaultRegistry, lintMachine } from '../../linting.ts';
import type { Ruleset } from '../../model/ruleset.ts';
import { type Draft, draftRuleset } from '../state/draft.ts';
import { countRules } from '../state/shown-rules.ts';
import { createDeadRules } from './dead-rules.ts';
import { packetsChanged } from './packets-changed.ts';
import type { Answered, Answers, BesideMachine, DeadRule, Lists } from './questions.ts';
import { readLightly } from './read-lightly.ts';
import { type ShownFinding, shownFinding } from './shown-finding.ts';

/** See the head of this file. */
export interface Desk {
  /** The answers as they come; each step yields those that it made. */
  ask(draft: Draft, about: readonly (keyof Lists)[]): Generator<Answers, void>;
}

/**
 * Up to so many rules, what is known of dead ones is kept from change to change: they are found again within a moment.
 * Of more rules that would take memory that the comparison needs.
 */
const keptRulesMax = 10_000;

/** Reads the machine once, for all that is asked of it; for the linter alone not at all, since that reads by itself. */
export function openDesk(asked: BesideMachine): Desk {
  const registry = defaultRegistry();
  let opened: ReadMachine | undefined;
  const open = (): ReadMachine => {
    opened ??= readLightly(asked, registry);
    return opened;
  };
  let deadRules = createDeadRules(registry);

  function* dead(
    read: ReadMachine,
    draft: Draft,
    after: readonly Ruleset[],
    small: boolean,
  ): Generator<Answers, void> {
    const machine = draft.size === 0 ? read.machine : machineOf(read, after);
    const list: DeadRule[] = [];
    const untold: string[] = [];
    for (const wanted of ['ipv4', 'ipv6'] as const) {
      const ruleset = after.findLast((r) => r.family === wanted);
      const answered = ruleset && deadRules(ruleset, machine);
      if (answered?.kind === 'done') list.push(...answered.list);
      if (answered?.kind === 'done' && answered.untold !== undefined) untold.push(answered.untold);
      yield {};
    }
    if (!small) deadRules = createDeadRules(registry);
    yield { dead: { kind: 'done', list, ...(untold.length > 0 && { untold: untold.join('; ') }) } };
  }
  function* diff(
    read: ReadMachine,
    before: readonly Ruleset[],
    after: readonly Ruleset[],
  ): Generator<Answers, void> {
    const work = packetsChanged(read, before, after, registry);
    for (let step = work.next(); ; step = work.next()) {
      yield step.done === true ? { diff: step.value } : {};
      if (step.done === true) break;
    }
  }
  return {
    *ask(draft, about) {
      if (draft.size === 0) {
        if (about.includes('diff')) yield { diff: { kind: 'done', list: [] } };
        if (about.includes('findings')) yield { findings: findingsOf(asked, asked.texts) };
        if (!about.includes('dead')) return;
      }
      if (about.every((part) => part === 'findings')) {
        // The linter reads for itself: of a large machine, what the texts are made of need not stand beside that.
        const { texts, identify } = changedTexts(opened ?? readLightly(asked, registry), draft);
        yield { findings: findingsOf(asked, texts, identify) };
        return;
      }
      const read = open();
      const before = read.rulesets.map((r) => r.linked.ruleset);
      const after = before.map((ruleset) => draftRuleset(ruleset, draft));
      const small = countRules(before) <= keptRulesMax;
      if (draft.size === 0) {
        yield* dead(read, draft, after, small);
        return;
      }
      if (small && about.includes('dead')) yield* dead(read, draft, after, small);
      if (about.includes('diff')) yield* diff(read, before, after);
      if (about.includes('findings')) {
        const { texts, identify } = changedTexts(read, draft);
        yield { findings: findingsOf(asked, texts, identify) };
      }
      if (!small && about.includes('dead')) yield* dead(read, draft, after, small);
    },
  };
}

function machineOf({ facts, machine }: ReadMachine, rulesets: readonly Ruleset[]): ReadMachine['machine'] {
  const { backend } = machine;
  return buildMachine({
    facts,
    rulesets,
    ...(backend.provenance === 'given' ? { backend: backend.value } : {}),
  });
}

/**
 * The texts that would be there if the changed rules were loaded and saved: the rules in the place of the first text,
 * what other commands said as it was.
 */
function textsWith({ texts, rulesets }: ReadMachine, after: readonly Ruleset[]): readonly SourceText[] {
  const linked = rulesets.map((r, i) => ({ ...r.linked, ruleset: after[i] ?? r.linked.ruleset }));
  const rules = formatLinked({ rulesets: linked }, { keepComments: true, counters: true });
  const others = texts.map(({ name, text }, i) => {
    const runs = foreignRuns(parse(text).tree).map((run) => run.text);
    return { name, text: `${i === 0 ? rules : ''}${runs.join('\n')}` };
  });
  return others;
}

/** These texts, and which rules they are made of. */
function changedTexts(
  read: ReadMachine,
  draft: Draft,
): { readonly texts: readonly SourceText[]; readonly identify: Identify } {
  const after = read.rulesets.map((r) => draftRuleset(r.linked.ruleset, draft));
  return { texts: textsWith(read, after), identify: identities(after) };
}

/** `identify`: the rules that the texts were made of, where they were made; else the rules are those that stand there. */
function findingsOf(
  { diagnostics, lint }: BesideMachine,
  texts: readonly SourceText[],
  identify?: Identify,
): Answered<readonly ShownFinding[]> {
  const result = lintMachine(texts, {
    ...lint,
    registry: defaultRegistry(),
    checks,
    diagnostics,
  });
  if (result.couldNotLook !== undefined) return { kind: 'failed', reason: result.couldNotLook };
  const idOf = identify ?? identities(result.read.rulesets.map((r) => r.linked.ruleset));
  const list = result.findings.map((finding) => {
    const shown = shownFinding(finding);
    const ruleId = idOf(shown);
    return ruleId === undefined ? shown : { ...shown, place: { ...shown.place, ruleId } };
  });
  return { kind: 'done', list, ...(result.unfinished === undefined ? {} : { untold: result.unfinished }) };
}

/** Identity of the rule that a finding is about, if it is about one. */
type Identify = (finding: ShownFinding) => number | undefined;

/** Rules keep their identity on the screen; another reading of their text numbers them anew. */
function identities(rulesets: readonly Ruleset[]): Identify {
  const key = (family: string, table: string, chain: string): string => `${family} ${table} ${chain}`;
  const ids = new Map<string, Int32Array>();
  for (const { family, tables } of rulesets)
    for (const table of tables)
      for (const { name, rules } of table.chains)
        ids.set(
          key(family, table.name, name),
          Int32Array.from(rules, (rule) => rule.id),
        );
  const last = rulesets.at(-1)?.family ?? 'ipv4';
  return ({ family = last, place: { table, chain, ruleNumber } }) =>
    table === undefined || chain === undefined || ruleNumber === undefined
      ? undefined
      : ids.get(key(family, table, chain))?.[ruleNumber - 1];
}
