/** Which checks run, and how grave they are: by presets, codes, beginnings of codes, and names. */

import type { Severity } from '../diagnostics/diagnostic.ts';
import { didYouMean } from '../diagnostics/did-you-mean.ts';
import type { CheckMetadata } from './check.ts';
import type { Profile } from './profile.ts';

/** Sets of checks for a purpose. `strict` holds `recommended`; `cis` and `perf` stand for themselves. */
export const presets = ['recommended', 'strict', 'cis', 'perf', 'all'] as const;

/** One of {@link presets}. */
export type Preset = (typeof presets)[number];

/** What a check may be set to; `off` turns it off. */
export type SeverityChoice = Severity | 'off';

/** Which checks are wanted. Words are codes (`FW204`), beginnings of codes (`FW2`), or names; in any case of letters. */
export interface CheckSelection {
  /** Default: `recommended`. */
  readonly presets?: readonly Preset[];
  /** Not empty: these, and no preset. */
  readonly select?: readonly string[];
  /** These besides. */
  readonly also?: readonly string[];
  /** Not these, whatever else is said. */
  readonly ignore?: readonly string[];
  /** Also checks that are still on probation; without it only by their whole code or name. */
  readonly preview?: boolean;
  /** By word; a whole code or name goes before a beginning, a longer beginning before a shorter. */
  readonly severities?: Readonly<Record<string, SeverityChoice>>;
}

type Named = Pick<CheckMetadata, 'code' | 'name'>;

const codePattern = /^FW\d{0,3}$/;
/** Families exist, whether or not this version has a check of theirs. */
const familyPattern = /^FW[1-9]?$/i;

/** Whether a word means this check. */
export function means(word: string, check: Named): boolean {
  const upper = word.toUpperCase();
  return codePattern.test(upper) ? check.code.startsWith(upper) : check.name === word.toLowerCase();
}

/** Whether a word means this check and no other. */
function namesIt(word: string, check: Named): boolean {
  return word.toUpperCase() === check.code || word.toLowerCase() === check.name;
}

/** About the input and the answer: always on, unless turned off by name. */
function isAlwaysOn(check: Named): boolean {
  return check.code.startsWith('FW9');
}

/** What the most specific word says of a check's severity; undefined: none does. */
export function severityChoice(
  check: Named,
  severities: CheckSelection['severities'] = {},
): SeverityChoice | undefined {
  const words = Object.keys(severities).filter((word) => means(word, check));
  const [best] = words.sort(
    (a, b) => Number(namesIt(b, check)) - Number(namesIt(a, check)) || b.length - a.length,
  );
  return best === undefined ? undefined : severities[best];
}

/** Whether a preset holds a check, for a machine of this profile; its state apart. */
function inPreset(check: CheckMetadata, preset: Preset, profile: Profile): boolean {
  if (check.profiles && !check.profiles.includes(profile)) return false;
  if (preset === 'all') return true;
  return check.groups.includes(preset) || (preset === 'strict' && check.groups.includes('recommended'));
}

/** Why a check takes part or not: what {@link isSelected} decides by. */
export type SelectionReason =
  | { readonly runs: true }
  /** `ignored`: by `ignore`; `off`: by its severity; `not-selected`: others were asked for; `not-in-presets`; `preview`. */
  | {
      readonly runs: false;
      readonly because: 'ignored' | 'off' | 'not-selected' | 'not-in-presets' | 'preview';
    };

/** Whether a check takes part, and if not, why. */
export function selectionOf(
  check: CheckMetadata,
  selection: CheckSelection,
  profile: Profile,
): SelectionReason {
  const { select = [], also = [], ignore = [], preview = false, severities } = selection;
  if (ignore.some((word) => means(word, check))) return { runs: false, because: 'ignored' };
  if (severityChoice(check, severities) === 'off') return { runs: false, because: 'off' };
  if (isAlwaysOn(check)) return { runs: true };
  const named = [...select, ...(select.length > 0 ? [] : [...also, ...Object.keys(severities ?? {})])];
  if (named.some((word) => namesIt(word, check))) return { runs: true };
  const wanted =
    select.length > 0
      ? select.some((word) => means(word, check))
      : also.some((word) => means(word, check)) ||
        (selection.presets ?? ['recommended']).some((preset) => inPreset(check, preset, profile));
  if (!wanted) return { runs: false, because: select.length > 0 ? 'not-selected' : 'not-in-presets' };
  return check.state === 'stable' || preview ? { runs: true } : { runs: false, because: 'preview' };
}

/** Whether a check takes part. */
export function isSelected(check: CheckMetadata, selection: CheckSelection, profile: Profile): boolean {
  return selectionOf(check, selection, profile).runs;
}

/** Words that mean no check at all, each with the name that was probably meant. */
export function unknownWords(
  words: readonly string[],
  checks: readonly Named[],
): readonly { name: string; meant?: string }[] {
  const names = checks.flatMap((check) => [check.code, check.name]);
  return words
    .filter((word) => !familyPattern.test(word) && !checks.some((check) => means(word, check)))
    .map((name) => {
      const meant = didYouMean(name, names);
      return meant === undefined ? { name } : { name, meant };
    });
}
