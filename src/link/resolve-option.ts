/**
 * Which option a word names, as getopt_long(3) sees it: the base options, then those of the extensions that the
 * line has loaded so far, the newest first; then what `-p` would load.
 *
 * Source: iptables 1.8.9 libxtables/xtables.c xtables_merge_options(), iptables/xshared.c command_default().
 */

import type { Extension } from '../extensions/define.ts';
import { protocolText } from '../net/protocols.ts';
import { baseLongNames, baseOptions } from './base-options.ts';
import { placeholder } from './rule-addresses.ts';
import type { Instance, RuleDraft } from './rule-draft.ts';

/** An option of an extension, or a base option by its exact name. */
export type ResolvedOption =
  | { readonly instance: Instance; readonly key: string }
  | { readonly instance: undefined; readonly key: string };

const keysOf = new WeakMap<Extension, ReadonlyMap<string, string>>();

/** Option names of an extension, aliases included, to the keys of its table. */
function optionKeys(extension: Extension): ReadonlyMap<string, string> {
  let map = keysOf.get(extension);
  if (!map) {
    const m = new Map<string, string>();
    for (const [key, spec] of Object.entries(extension.options)) {
      m.set(key, key);
      for (const alias of spec.aliases ?? []) m.set(alias, key);
    }
    keysOf.set(extension, m);
    map = m;
  }
  return map;
}

/**
 * Loads a match or target into the draft. Nothing is said if nobody knows it: `extension` is undefined then, and
 * the options that follow go to it verbatim.
 */
export function loadExtension(
  draft: RuleDraft,
  kind: 'match' | 'target',
  name: string,
  word: number,
): Instance {
  const { registry, family } = draft.context;
  const extension = kind === 'match' ? registry.match(name, family) : registry.target(name, family);
  const instance: Instance = {
    kind,
    name: extension?.name ?? name,
    extension,
    word,
    given: [],
    verbatim: [],
  };
  draft.instances.push(instance);
  return instance;
}

/** Resolves the name of a long option, without its dashes. */
export function resolveOption(draft: RuleDraft, name: string): ResolvedOption | 'ambiguous' | undefined {
  const { instances } = draft;
  for (let i = instances.length - 1; i >= 0; i--) {
    const instance = instances[i] as Instance;
    const key = instance.extension && optionKeys(instance.extension).get(name);
    if (key !== undefined) return { instance, key };
  }
  if (name === '') return undefined;
  const short = resolveAbbreviation(draft, name);
  if (short !== undefined && short !== 'ambiguous') return short;
  return loadMatchOfProtocol(draft, name, short === undefined) ?? short;
}

function resolveAbbreviation(draft: RuleDraft, name: string): ResolvedOption | 'ambiguous' | undefined {
  const { instances } = draft;
  const found: ResolvedOption[] = [];
  // An extension that nobody knows may have an option of exactly this name.
  if (!instances.some((i) => !i.extension)) {
    for (const long of baseLongNames)
      if (long.startsWith(`--${name}`)) found.push({ instance: undefined, key: long });
  }
  for (let i = instances.length - 1; i >= 0; i--) {
    const instance = instances[i] as Instance;
    if (!instance.extension) continue;
    for (const [alias, key] of optionKeys(instance.extension))
      if (alias.startsWith(name)) found.push({ instance, key });
  }
  const [first, ...rest] = found;
  if (!first) return undefined;
  const letter = (key: string): string => baseOptions.get(key)?.letter ?? '';
  const same = (f: ResolvedOption): boolean =>
    f.instance === first.instance && (f.instance ? f.key === first.key : letter(f.key) === letter(first.key));
  return rest.every(same) ? first : 'ambiguous';
}

/** `-p` loads its match only when an option asks for it, and only once. */
function loadMatchOfProtocol(
  draft: RuleDraft,
  name: string,
  abbreviations: boolean,
): ResolvedOption | undefined {
  const { protocol, protocolName, context } = draft;
  if (!protocol || draft.protocolLoaded) return undefined;
  const { registry, family } = context;
  const extension =
    registry.match(protocolName, family) ?? registry.match(protocolText(protocol.value), family);
  if (!extension) return undefined;
  const keys = optionKeys(extension);
  let key = keys.get(name);
  if (key === undefined) {
    if (!abbreviations) return undefined;
    const short = new Set([...keys].filter(([alias]) => alias.startsWith(name)).map(([, k]) => k));
    if (short.size !== 1) return undefined;
    key = [...short][0] as string;
  }
  if (draft.instances.some((i) => i.kind === 'match' && i.name === extension.name)) return undefined;
  draft.protocolLoaded = true;
  return { instance: loadExtension(draft, 'match', extension.name, -1), key };
}

/** What to do about an option that nobody has: whose it would be, or which word was meant. */
export function hintForOption(draft: RuleDraft, word: string): string | undefined {
  const { registry, family } = draft.context;
  if (placeholder.test(word)) return 'nobody has filled this in: iptables-restore takes it as it stands';
  if (/^-[a-z]{2,}/i.test(word) && !word.startsWith('--') && isLongName(draft, word.slice(1)))
    return `long options begin with two dashes: -${word}`;
  const written = word.replace(/=.*/s, '');
  const name = written.replace(/^-+/, '');
  const usable = (e: Extension): boolean => e.families.includes(family);
  const owner = [...registry.matches, ...registry.targets].filter(
    (e) => usable(e) && optionKeys(e).has(name),
  );
  // The protocol of the line, or the commonest one, first.
  const wanted = protocolText(draft.protocol?.value ?? 6);
  owner.sort((a, b) => Number(b.name === wanted) - Number(a.name === wanted));
  const [first] = owner;
  if (first?.kind === 'match') {
    const names = owner
      .filter((e) => e.kind === 'match')
      .slice(0, 3)
      .map((e) => `-m ${e.name}`);
    const [protocol] = first.constraints.protocols ?? [];
    const byProtocol = protocol === undefined ? '' : ` or -p ${protocolText(protocol)}`;
    return `it is an option of ${names.join(', ')}: ${names[0]}${byProtocol} must stand in front of it`;
  }
  if (first) return `it is an option of the target ${first.name}: -j ${first.name} must stand in front of it`;
  const near = draft.suggest(written, () => [
    ...draft.instances.flatMap((i) => (i.extension ? longNames(i.extension) : [])),
    ...baseLongNames,
  ]);
  if (near !== undefined) return `did you mean ${near}?`;
  const { protocol } = draft;
  const ofProtocol = protocol && registry.match(protocolText(protocol.value), family);
  const anywhere = draft.suggest(written, () => [
    ...(ofProtocol ? longNames(ofProtocol) : []),
    ...registry.matches.filter(usable).flatMap(longNames),
    ...registry.targets.filter(usable).flatMap(longNames),
  ]);
  return anywhere === undefined ? undefined : `did you mean ${anywhere}?`;
}

/** Whether some long option has this name. */
export function isLongName({ context }: RuleDraft, name: string): boolean {
  const has = (e: Extension): boolean => optionKeys(e).has(name);
  const { matches, targets } = context.registry;
  return baseOptions.has(`--${name}`) || matches.some(has) || targets.some(has);
}

function longNames(extension: Extension): readonly string[] {
  return [...optionKeys(extension).keys()].map((key) => `--${key}`);
}
