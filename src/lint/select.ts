/** Which checks run: by code, beginning of a code, or name. */

import { didYouMean } from '../diagnostics/did-you-mean.ts';
import type { CheckMetadata } from './check.ts';

const codePattern = /^FW\d{0,3}$/;

/** Whether a word of `--select` means this check. */
function means(word: string, check: Pick<CheckMetadata, 'code' | 'name'>): boolean {
  const upper = word.toUpperCase();
  return codePattern.test(upper) ? check.code.startsWith(upper) : check.name === word.toLowerCase();
}

/** About the input and the answer: always on, unless ignored by name. */
function isAlwaysOn(check: Pick<CheckMetadata, 'code'>): boolean {
  return check.code.startsWith('FW9');
}

/**
 * Whether a check runs. Without `select`: the stable ones of the preset `recommended`. A preview check runs if its
 * whole code or its name is given.
 */
export function isSelected(
  check: CheckMetadata,
  select: readonly string[],
  ignore: readonly string[],
): boolean {
  if (ignore.some((word) => means(word, check))) return false;
  if (isAlwaysOn(check)) return true;
  if (select.length === 0) return check.state === 'stable' && check.groups.includes('recommended');
  return select.some(
    (word) =>
      means(word, check) &&
      (check.state === 'stable' || word.toUpperCase() === check.code || word.toLowerCase() === check.name),
  );
}

/** Words that mean no check at all, each with the name that was probably meant. */
export function unknownWords(
  words: readonly string[],
  checks: readonly CheckMetadata[],
): readonly { name: string; meant?: string }[] {
  const names = checks.flatMap((check) => [check.code, check.name]);
  return words
    .filter((word) => !checks.some((check) => means(word, check)))
    .map((name) => {
      const meant = didYouMean(name, names);
      return meant === undefined ? { name } : { name, meant };
    });
}
