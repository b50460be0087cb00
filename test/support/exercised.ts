/** Counts in how many cases each extension was asked, and what it said: which of them a campaign has really tried. */

import type { Extension, MatchExtension, TargetExtension } from '../../src/extensions/define.ts';
import { extensions } from '../../src/extensions/index.ts';
import { createRegistry, type Registry } from '../../src/extensions/registry.ts';
import type { Family } from '../../src/net/address.ts';

/** Of one extension in one family: cases in which it was asked at all, and in which it said yes, and no. */
export interface Asked {
  cases: number;
  /** A match: cases with a packet that it matched. A target: the same as `cases`. */
  yes: number;
  /** A match: cases with a packet that it did not match, or that nobody can tell. */
  no: number;
}

/** Counts by `FAMILY KIND NAME`: `ipv4 match tcp`. */
export type Exercised = Map<string, Asked>;

/** The key of an extension in a family. */
export function exercisedKey(family: Family, { kind, name }: Pick<Extension, 'kind' | 'name'>): string {
  return `${family} ${kind} ${name}`;
}

/** All keys that there can be, in the order of the extensions. */
export const exercisedKeys: readonly string[] = (['ipv4', 'ipv6'] as const).flatMap((family) =>
  extensions.filter((e) => e.families.includes(family)).map((e) => exercisedKey(family, e)),
);

/** A registry whose extensions note that they were asked. */
export interface Counting {
  readonly registry: Registry;
  /** Adds what was noted since the last call, as one case. */
  endCase(into: Exercised): void;
  /** Forgets what was noted since then. */
  forget(): void;
}

/** Wraps all extensions. What they answer is left as it is; a rule that the prefilter refuses is not asked. */
export function countingRegistry(): Counting {
  const noted = new Map<string, { yes: boolean; no: boolean }>();
  const noteFor = (family: Family, e: Extension): { yes: boolean; no: boolean } => {
    const key = exercisedKey(family, e);
    const known = noted.get(key) ?? { yes: false, no: false };
    noted.set(key, known);
    return known;
  };
  const wrapMatch = (e: MatchExtension): MatchExtension => ({
    ...e,
    compile: (data, context) => {
      const inner = e.compile(data, context);
      const note = noteFor(context.family, e);
      return (packet, env) => {
        const answer = inner(packet, env);
        if (answer === 1) note.yes = true;
        else note.no = true;
        return answer;
      };
    },
  });
  const wrapTarget = (e: TargetExtension): TargetExtension => ({
    ...e,
    compile: (data, context) => {
      const inner = e.compile(data, context);
      const note = noteFor(context.family, e);
      return (env) => {
        note.yes = true;
        return inner(env);
      };
    },
  });
  return {
    registry: createRegistry(extensions.map((e) => (e.kind === 'match' ? wrapMatch(e) : wrapTarget(e)))),
    forget: () => noted.clear(),
    endCase: (into) => {
      for (const [key, { yes, no }] of noted) {
        if (!yes && !no) continue;
        const asked = into.get(key) ?? { cases: 0, yes: 0, no: 0 };
        asked.cases++;
        if (yes) asked.yes++;
        if (no) asked.no++;
        into.set(key, asked);
      }
      noted.clear();
    },
  };
}

/** Those of these keys that were asked least, the rarest first; `turn` decides between equals. */
export function leastAsked(
  exercised: Exercised,
  keys: readonly string[],
  count: number,
  turn: number,
): readonly string[] {
  const from = keys.length === 0 ? 0 : turn % keys.length;
  const turned = [...keys.slice(from), ...keys.slice(0, from)];
  const asked = (key: string): number => exercised.get(key)?.cases ?? 0;
  return turned.sort((a, b) => asked(a) - asked(b)).slice(0, count);
}
