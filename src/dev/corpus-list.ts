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

/** Reads a list as {@link printFound} writes it. */
export function parseFound(text: string): Found[] {
  return rows(text).map(([file = '', code = '', severity = '', line = '0', fingerprint = '']) => ({
    file,
    code,
    severity,
    line: Number(line),
    fingerprint,
  }));
}

/** One line for each finding, by dump, code and line. */
export function printFound(found: readonly Found[]): string {
  const lines = found.map((f) => [f.file, f.code, f.severity, f.line, f.fingerprint].join('\t'));
  return `${lines.sort().join('\n')}\n`;
}

/** Verdicts by dump and fingerprint, a tab between them. Lines: dump, fingerprint, judgement, reason. */
export function parseVerdicts(text: string): ReadonlyMap<string, Verdict> {
  const map = new Map<string, Verdict>();
  for (const [file = '', fingerprint = '', judgement = '', why = ''] of rows(text))
    if (judgement === 'true' || judgement === 'false' || judgement === 'unclear')
      map.set(`${file}\t${fingerprint}`, { judgement, why });
  return map;
}

/** What is in one list and not in the other. A finding that only moved to another line is the same. */
export function compareFound(
  before: readonly Found[],
  now: readonly Found[],
): { readonly added: readonly Found[]; readonly removed: readonly Found[] } {
  const key = (f: Found): string => `${f.file}\t${f.fingerprint}\t${f.severity}`;
  const old = new Set(before.map(key));
  const current = new Set(now.map(key));
  return { added: now.filter((f) => !old.has(key(f))), removed: before.filter((f) => !current.has(key(f))) };
}

/** Counts verdicts on findings that are still there, by code. */
export function measurePrecision(
  found: readonly Found[],
  verdicts: ReadonlyMap<string, Verdict>,
): readonly Precision[] {
  const byCode = new Map<string, Found[]>();
  for (const f of found) {
    const list = byCode.get(f.code);
    if (list === undefined) byCode.set(f.code, [f]);
    else list.push(f);
  }
  return [...byCode].sort().map(([code, list]) => {
    const count = (judgement: Verdict['judgement']): number =>
      list.filter((f) => verdicts.get(`${f.file}\t${f.fingerprint}`)?.judgement === judgement).length;
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
