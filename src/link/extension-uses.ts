/**
 * Uses of extensions: options to data, constraints, and the word that a refusal is about.
 *
 * Source: iptables 1.8.9 libxtables/xtoptions.c xtables_option_parse(), xtables_options_fcheck().
 */

import {
  type BoundOption,
  type Extension,
  isRefusal,
  type OptionSpec,
  type Refusal,
  type RuleContext,
  refuse,
} from '../extensions/define.ts';
import type { MatchUse, RuleTarget } from '../model/ruleset.ts';
import { protocolText } from '../net/protocols.ts';
import { type GivenOption, type Instance, parseContextOf, type RuleDraft, requote } from './rule-draft.ts';

/** A match or target with its data and its printed text. */
export type ExtensionUse = MatchUse | Extract<RuleTarget, { kind: 'extension' }>;

/** What became of one use; `refusal`: iptables would not take it, and the use is kept verbatim. */
export interface BoundUse {
  readonly use: ExtensionUse;
  readonly refusal: Refusal | undefined;
}

/** Binds a use; uses that say the same in the same place share one object. */
export type UseBinder = (draft: RuleDraft, instance: Instance, rule: RuleContext) => BoundUse;

/** Makes a binder that remembers what it has bound. */
export function extensionBinder(): UseBinder {
  const bound = new Map<string, BoundUse>();
  return (draft, instance, rule) => {
    if (!instance.extension) return verbatimUse(instance, instance.verbatim, undefined);
    const key = keyOf(instance, rule);
    let use = bound.get(key);
    if (!use) {
      use = bindUse(draft, instance, instance.extension, rule);
      bound.set(key, use);
    }
    return use;
  };
}

function keyOf(instance: Instance, { base, table, hook }: RuleContext): string {
  const p = base.protocol;
  let key = `${instance.kind} ${instance.name} ${p ? (p.negated ? -p.value : p.value) : ''} ${table} ${hook ?? ''}`;
  for (const g of instance.given) {
    key += g.negated ? `\u0000!${g.key}` : `\u0000${g.key}`;
    for (const arg of g.args) key += `\u0001${arg}`;
  }
  return key;
}

function asUse(
  kind: Instance['kind'],
  name: string,
  known: boolean,
  data: unknown,
  text: string,
): ExtensionUse {
  return kind === 'match'
    ? { extension: name, known, data, text }
    : { kind: 'extension', extension: name, known, data, text };
}

function verbatimUse(
  { kind, name }: Instance,
  options: readonly string[],
  refusal: Refusal | undefined,
): BoundUse {
  const text = [`${kind === 'match' ? '-m' : '-j'} ${requote(name)}`, ...options].join(' ');
  return { use: asUse(kind, name, false, undefined, text), refusal };
}

function bindUse(draft: RuleDraft, instance: Instance, extension: Extension, rule: RuleContext): BoundUse {
  const { kind, given } = instance;
  const data = bindData(draft, extension, given, rule);
  if (isRefusal(data)) {
    const options = given.map((g) =>
      [...(g.negated ? ['!'] : []), `--${g.key}`, ...g.args.map(requote)].join(' '),
    );
    return verbatimUse(instance, options, data);
  }
  const { family, backend, version, keepMeaning } = draft.context;
  const printContext = { family, backend, version, base: rule.base, keepMeaning };
  const text = extension.vanishes?.(data as never, printContext)
    ? ''
    : [
        `${kind === 'match' ? '-m' : '-j'} ${extension.name}`,
        ...extension.print(data as never, printContext),
      ].join(' ');
  return { use: asUse(kind, extension.name, true, data, text), refusal: undefined };
}

function bindData(
  draft: RuleDraft,
  extension: Extension,
  given: readonly GivenOption[],
  rule: RuleContext,
): object | Refusal {
  const { name } = extension;
  const bound: Record<string, BoundOption<unknown> | BoundOption<unknown>[] | undefined> = {};
  for (const key of tableOf(extension).multiple) bound[key] = [];
  for (const [position, g] of given.entries()) {
    const spec = extension.options[g.key] as OptionSpec<unknown>;
    const option = `--${g.key}`;
    const before = bound[g.key];
    if (g.args.length < spec.type.arity && !spec.type.optional) return missingWords(draft, g, spec);
    if (before !== undefined && !Array.isArray(before)) {
      return refuse('repeated-option', `${name}: option "${option}" can only be used once.`, {
        option,
        word: option,
      });
    }
    if (g.negated && !spec.invertible) {
      return refuse('cannot-invert', `${name}: option "${option}" cannot be inverted.`, {
        option,
        word: option,
      });
    }
    const value = spec.type.parse(g.args, parseContextOf(draft, name, option));
    if (isRefusal(value)) return value;
    const entry: BoundOption<unknown> = { value, negated: g.negated, words: g.args, position };
    if (Array.isArray(before)) before.push(entry);
    else bound[g.key] = entry;
  }
  return checkTogether(extension, bound) ?? extension.bind(bound as never, rule);
}

function missingWords({ words }: RuleDraft, given: GivenOption, spec: OptionSpec<unknown>): Refusal {
  const written = words[given.word] ?? `--${given.key}`;
  const { missing, placeholder } = spec.type;
  return refuse(
    'missing-argument',
    given.args.length > 0 && missing !== undefined ? missing : `option "${written}" requires an argument`,
    {
      option: `--${given.key}`,
      word: written,
      ...(placeholder === '' ? {} : { hint: `--${given.key} ${placeholder}` }),
    },
  );
}

/** What an extension's option table says of several options at once; looked up for every use. */
interface TableShape {
  readonly multiple: readonly string[];
  /** Options that are required, or that demand or exclude others. */
  readonly bound: readonly (readonly [key: string, spec: OptionSpec<unknown>])[];
}

const shapes = new WeakMap<Extension, TableShape>();

function tableOf(extension: Extension): TableShape {
  let shape = shapes.get(extension);
  if (!shape) {
    const all = Object.entries(extension.options) as [string, OptionSpec<unknown>][];
    shape = {
      multiple: all.filter(([, spec]) => spec.multiple).map(([key]) => key),
      bound: all.filter(([, spec]) => spec.required || spec.requires || spec.excludes),
    };
    shapes.set(extension, shape);
  }
  return shape;
}

/** Options that must, or must not, stand together. */
function checkTogether(extension: Extension, bound: Readonly<Record<string, unknown>>): Refusal | undefined {
  const { name } = extension;
  const has = (key: string): boolean => {
    const b = bound[key];
    return Array.isArray(b) ? b.length > 0 : b !== undefined;
  };
  for (const [key, spec] of tableOf(extension).bound) {
    const option = `--${key}`;
    if (!has(key)) {
      if (spec.required) return refuse('missing-option', `${name}: option "${option}" must be specified`);
      continue;
    }
    for (const other of spec.requires ?? []) {
      if (!has(other))
        return refuse('missing-option', `${name}: option "${option}" also requires "--${other}".`, {
          option,
          word: option,
        });
    }
    for (const other of spec.excludes ?? []) {
      if (has(other))
        return refuse(
          'excluded-option',
          `${name}: option "${option}" cannot be used together with "--${other}".`,
          { option, word: option },
        );
    }
  }
  return undefined;
}

/** Matches that iptables-nft turns into its own expressions: their protocol may be negated in front of them. */
const nativeInNft: ReadonlySet<string> = new Set(['tcp', 'udp']);

/** What the kernel's checkentry, and iptables' own final check, would say of the place of this use. */
export function checkConstraints(
  instance: Instance,
  extension: Extension,
  data: unknown,
  rule: RuleContext,
): Refusal | undefined {
  const { constraints } = extension;
  const p = rule.base.protocol;
  const native = rule.backend === 'nft' && nativeInNft.has(extension.name) && instance.given.length > 0;
  if (constraints.protocols && (!p || (p.negated && !native) || !constraints.protocols.includes(p.value))) {
    const wanted = constraints.protocols.map((n) => `-p ${protocolText(n)}`).join(' or ');
    return refuse(
      'needs-protocol',
      constraints.protocolMessage ??
        `${extension.name} needs ${wanted}; without it the kernel refuses the rule (Invalid argument)`,
      { hint: `add ${wanted}` },
    );
  }
  if (constraints.tables && !constraints.tables.some((t) => t === rule.table)) {
    return refuse(
      'wrong-table',
      `${extension.name} works in table ${constraints.tables.join(', ')} only; in ${rule.table} the kernel refuses the rule (Invalid argument)`,
    );
  }
  if (constraints.hooks && rule.hook && !constraints.hooks.includes(rule.hook)) {
    return refuse(
      'wrong-hook',
      `${extension.name} works in ${constraints.hooks.join(', ')} only; in ${rule.hook} the kernel refuses the rule (Invalid argument)`,
    );
  }
  return extension.check?.(data as never, rule);
}

/** The word that a refusal is about, and the part of it. */
export function placeOfRefusal(
  instance: Instance,
  refusal: Refusal,
  words: readonly string[],
): { word: number; part?: string } {
  const { word, option } = refusal;
  const ofOption = option === undefined ? [] : instance.given.filter((g) => `--${g.key}` === option);
  const lists = ofOption.length > 0 ? ofOption : instance.given;
  if (word !== undefined) {
    for (const g of [...lists].reverse()) {
      const last = g.word + g.args.length;
      for (let w = g.word; w <= last; w++) if (words[w] === word) return { word: w };
      for (let w = g.word; word !== '' && w <= last; w++)
        if (words[w]?.includes(word)) return { word: w, part: word };
      if (word === `--${g.key}` || word === option) return { word: g.word };
    }
    const anywhere = words.indexOf(word);
    if (anywhere >= 0) return { word: anywhere };
  }
  const g = ofOption.at(-1);
  if (g) return { word: g.word };
  if (instance.word >= 0) return { word: instance.word };
  return { word: lists.at(-1)?.word ?? -1 };
}

/**
 * iptables-nft keeps the conditions of several `-m tcp` (or udp) as one: they are put together where that changes
 * nothing. What it prints of two conditions on one field loses the first; those are left apart.
 *
 * Source: seen with iptables-nft-save 1.8.9; iptables/nft-shared.c nft_create_match() of an existing match.
 */
export function mergeNativeMatches(instances: readonly Instance[], backend: string): readonly Instance[] {
  if (backend !== 'nft' || instances.length < 2) return instances;
  let out = instances;
  for (const later of instances) {
    if (!nativeInNft.has(later.name) || later.kind !== 'match' || !isNative(later)) continue;
    const first = out.find((i) => i.name === later.name && i.kind === 'match' && isNative(i));
    if (!first || first === later) continue;
    if (later.given.some((g) => first.given.some((f) => f.key === g.key))) continue;
    const merged: Instance = { ...first, given: [...first.given, ...later.given] };
    out = out.filter((i) => i !== later).map((i) => (i === first ? merged : i));
  }
  return out;
}

const isNative = (i: Instance): boolean => i.given.length > 0 && !i.given.some((g) => g.key === 'tcp-option');
