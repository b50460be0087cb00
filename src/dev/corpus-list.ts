/** The list of what the linter finds on real dumps, and what readers judged of it: kept, compared, counted. */

/** One finding of a dump. `line` is 1-based; 0: the machine as a whole. */
export interface Found {
  readonly file: string;
  readonly code: string;
  readonly severity: string;
  readonly line: number;
  readonly fingerprint: string;
}

/** What a reader thought of a finding. */
export interface Verdict {
  readonly judgement: 'true' | 'false' | 'unclear';
  readonly why: string;
}

/** How often a code was right, of its findings that were read. */
export interface Precision {
  readonly code: string;
  readonly found: number;
  readonly dumps: number;
  readonly right: number;
  readonly wrong: number;
  readonly unclear: number;
}

const rows = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t'));

/** The beginning of a fingerprint that is enough to tell the findings of one dump apart: `FW204-` and eight digits. */
const shortOf = (fingerprint: string): string => fingerprint.slice(0, 14);

/** Reads a list as {@link printFound} writes it; fingerprints are cut to what is enough within a dump. */
export function parseFound(text: string): Found[] {
  return rows(text).flatMap(([file = '', code = '', severity = '', places = '']) =>
    places.split(' ').map((place) => {
      const [line = '0', digits = ''] = place.split(':');
      return { file, code, severity, line: Number(line), fingerprint: `${code}-${digits}` };
    }),
  );
}

/** One line for each dump, code and severity, with `LINE:FINGERPRINT` of each finding in the order of lines. */
export function printFound(found: readonly Found[]): string {
  const groups = new Map<string, Found[]>();
  for (const f of found) {
    const key = [f.file, f.code, f.severity].join('\t');
    const list = groups.get(key);
    if (list === undefined) groups.set(key, [f]);
    else list.push(f);
  }
  const lines = [...groups].map(([key, list]) => {
    const places = list
      .sort((a, b) => a.line - b.line || (a.fingerprint < b.fingerprint ? -1 : 1))
      .map((f) => `${f.line}:${shortOf(f.fingerprint).slice(f.code.length + 1)}`);
    return `${key}\t${places.join(' ')}`;
  });
  return `${lines.sort().join('\n')}\n`;
}

/** What a finding is kept under: its dump and its fingerprint, as far as that is needed. */
export const keyOfFound = (file: string, fingerprint: string): string => `${file}\t${shortOf(fingerprint)}`;

/** Verdicts by {@link keyOfFound}. Lines: dump, fingerprint, judgement, reason. */
export function parseVerdicts(text: string): ReadonlyMap<string, Verdict> {
  const map = new Map<string, Verdict>();
  for (const [file = '', fingerprint = '', judgement = '', why = ''] of rows(text))
    if (judgement === 'true' || judgement === 'false' || judgement === 'unclear')
      map.set(keyOfFound(file, fingerprint), { judgement, why });
  return map;
}

/** What is in one list and not in the other. A finding that only moved to another line is the same. */
export function compareFound(
  before: readonly Found[],
  now: readonly Found[],
): { readonly added: readonly Found[]; readonly removed: readonly Found[] } {
  const key = (f: Found): string => `${keyOfFound(f.file, f.fingerprint)}\t${f.severity}`;
  const old = new Set(before.map(key));
  const current = new Set(now.map(key));
  return { added: now.filter((f) => !old.has(key(f))), removed: before.filter((f) => !current.has(key(f))) };
}

/** Whether somebody had this dump: those of rules-examples were written to be found fault with. */
export const isReal = (file: string): boolean => !file.startsWith('rules-examples/');

/** Counts verdicts on findings of real dumps that are still there, by code. */
export function measurePrecision(
  found: readonly Found[],
  verdicts: ReadonlyMap<string, Verdict>,
): readonly Precision[] {
  const byCode = new Map<string, Found[]>();
  for (const f of found) {
    if (!isReal(f.file)) continue;
    const list = byCode.get(f.code);
    if (list === undefined) byCode.set(f.code, [f]);
    else list.push(f);
  }
  return [...byCode].sort().map(([code, list]) => {
    const count = (judgement: Verdict['judgement']): number =>
      list.filter((f) => verdicts.get(keyOfFound(f.file, f.fingerprint))?.judgement === judgement).length;
    return {
      code,
      found: list.length,
      dumps: new Set(list.map((f) => f.file)).size,
      right: count('true'),
      wrong: count('false'),
      unclear: count('unclear'),
    };
  });
}
