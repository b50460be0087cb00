/**
 * Turns the words of one rule line into a rule: reads the options, then asks each extension for its data, and
 * checks what iptables checks of the whole.
 */

import { noBase } from '../extensions/base.ts';
import type { RuleContext } from '../extensions/define.ts';
import { builtinHook } from '../model/netfilter.ts';
import type { BaseMatch, Counters, Invertible, MatchUse, RuleTarget } from '../model/ruleset.ts';
import type { Network } from '../net/address.ts';
import { checkConstraints, extensionBinder, mergeNativeMatches, placeOfRefusal } from './extension-uses.ts';
import { readOptions } from './read-options.ts';
import { networkReader, placeholder, readAddresses, variable } from './rule-addresses.ts';
import {
  type BindContext,
  type ChainNames,
  complain,
  type RuleCommand,
  type RuleDraft,
  requote,
} from './rule-draft.ts';
import { chainTarget, checkPlace } from './rule-place.ts';
import type { RuleProblem } from './rule-problem.ts';
import { type Suggest, suggester } from './suggest.ts';

export type { BindContext, RuleCommand } from './rule-draft.ts';

/** A line as bound. Several sources or destinations make several bases: one rule each. */
export interface BoundRule {
  readonly command: RuleCommand | undefined;
  /** Argument of `-t`. */
  readonly table: string | undefined;
  readonly bases: readonly BaseMatch[];
  readonly matches: readonly MatchUse[];
  readonly target: RuleTarget;
  readonly counters: Counters | undefined;
  readonly problems: readonly RuleProblem[];
  /** Word index of the target's name, -1 if there is none. */
  readonly targetWord: number;
  /** The line is for the other family (`-4`, `-6`) and does nothing here. */
  readonly otherFamily: boolean;
}

/** How a line is bound, besides its words. */
export interface BindOptions {
  /** A line of a script: `-t` and `-w` are allowed, `$X` is a variable. */
  readonly commandLine?: boolean;
  /** For "did you mean". */
  readonly chainNames?: () => Iterable<string>;
}

/** Binds rules; equal uses of an extension share one object. */
export interface RuleBinder {
  bind(
    table: string,
    words: readonly string[],
    chainExists: (name: string) => boolean,
    options?: BindOptions,
  ): BoundRule;
}

const noMatches: readonly MatchUse[] = [];

/** Makes a binder for one ruleset. */
export function ruleBinder(context: BindContext, options: { readonly suggest?: Suggest } = {}): RuleBinder {
  const { family, backend, version } = context;
  const networks = networkReader(family);
  const bindUse = extensionBinder();
  const suggest = options.suggest ?? suggester();

  function bindMatches(
    draft: RuleDraft,
    rule: RuleContext,
    instances: RuleDraft['instances'] | readonly RuleDraft['instances'][number][],
  ): { matches: readonly MatchUse[]; target: RuleTarget | undefined } {
    if (instances.length === 0 && draft.opaque.length === 0) return { matches: noMatches, target: undefined };
    const matches: MatchUse[] = draft.opaque.map((words) => ({
      extension: (words[0] === '!' ? words[1] : words[0]) ?? '!',
      known: false,
      data: undefined,
      text: words.map(requote).join(' '),
    }));
    let target: RuleTarget | undefined;
    for (const instance of instances) {
      const { use, refusal } = bindUse(draft, instance, rule);
      if (instance.kind === 'match') matches.push(use as MatchUse);
      else target = use as RuleTarget;
      const { extension } = instance;
      const wrong =
        refusal ?? (extension ? checkConstraints(instance, extension, use.data, rule) : undefined);
      if (wrong) {
        // A variable of a script: nothing is wrong, and nothing is known.
        if (draft.commandLine && instance.given.some((g) => g.args.some((a) => variable.test(a)))) continue;
        // The option that is missing is the one that was not understood.
        if (wrong.id === 'missing-option' && draft.problems.some((p) => p.id === 'unknown-option')) continue;
        const place = placeOfRefusal(instance, wrong, draft.words);
        const hint = wrong.hint ?? hintForPlaceholder(draft, place.word);
        complain(draft, {
          id: wrong.id,
          message: wrong.message,
          ...place,
          ...(hint === undefined ? {} : { hint }),
        });
      }
    }
    // Copied, since an array that has grown has room for sixteen more.
    return { matches: matches.length === 0 ? noMatches : matches.slice(), target };
  }

  return {
    bind(table, words, chainExists, options) {
      const chains: ChainNames = { has: chainExists, names: options?.chainNames ?? (() => []) };
      const draft = readOptions(context, words, options?.commandLine ?? false, chains, suggest);
      const effectiveTable = draft.table ?? table;
      const sources = readAddresses(draft, draft.src, '-s', networks);
      const destinations = readAddresses(draft, draft.dst, '-d', networks);
      const bases: BaseMatch[] = [];
      for (const s of sources) for (const d of destinations) bases.push(baseOf(draft, s, d));
      checkPlace(draft, effectiveTable);

      const chain = draft.command?.operands[0] ?? '';
      const instances = mergeNativeMatches(draft.instances, backend);
      const rule: RuleContext = {
        family,
        backend,
        version,
        table: effectiveTable,
        chain,
        hook: builtinHook(effectiveTable, chain),
        base: bases[0] ?? noBase,
        matchNames: instances.filter((x) => x.kind === 'match').map((x) => x.name),
        setNames: context.setNames,
      };
      const { matches, target } = bindMatches(draft, rule, instances);
      return {
        command: draft.command,
        table: draft.table,
        bases,
        matches,
        target: target ?? chainTarget(draft, effectiveTable),
        counters: draft.counters,
        problems: draft.problems,
        targetWord: draft.jump?.word ?? -1,
        otherFamily: draft.otherFamily,
      };
    },
  };
}

/** Where the word at fault, or one behind it, was to be filled in by somebody. */
function hintForPlaceholder({ words }: RuleDraft, word: number): string | undefined {
  const found = word < 0 ? undefined : words.slice(word, word + 3).find((w) => placeholder.test(w));
  return found === undefined
    ? undefined
    : `nobody has filled in ${found}: iptables-restore takes it as it stands`;
}

function baseOf(
  { protocol, inInterface, outInterface, fragment }: RuleDraft,
  src: Invertible<Network> | undefined,
  dst: Invertible<Network> | undefined,
): BaseMatch {
  return !src && !dst && !protocol && !inInterface && !outInterface && !fragment
    ? noBase
    : { src, dst, protocol, inInterface, outInterface, fragment };
}
