/**
 * Findings that somebody has looked at and left as they are, on purpose: said in the rule's own comment, on a comment
 * line of the file, or in a file beside it. Each names its checks and a reason; what is wrong with one is told as FW910.
 */

import { type Diagnostic, diagnostic, type Span } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import type { Machine } from '../model/machine.ts';
import type { Rule } from '../model/ruleset.ts';
import type { CheckMetadata } from './check.ts';
import type { Finding } from './finding.ts';
import { means, unknownWords } from './select.ts';

/** What a suppression says, wherever it stands. */
export interface SuppressionText {
  /** Codes or names, as written. */
  readonly words: readonly string[];
  readonly reason: string;
  /** `2027-06` or `2027-06-30`: the last month or day on which it holds. */
  readonly until: string | undefined;
}

/** One suppression in its place. */
export interface Suppression extends SuppressionText {
  /** Which findings it means: those of one line, of a whole text, or one finding by name. */
  readonly scope:
    | { readonly kind: 'line'; readonly source: string; readonly start: number }
    | { readonly kind: 'file'; readonly source: string }
    | {
        readonly kind: 'fingerprint';
        readonly fingerprint: string;
        /** It is known to be about this machine: it may be told that it hides nothing any more. */
        readonly owned: boolean;
      };
  /** Where it is written. */
  readonly at: Span;
}

/** Why a finding is not told. */
export interface SuppressedBy {
  /** `rule` and `file`: in the ruleset; `beside`: in a file of suppressions; `baseline`: it was there before. */
  readonly kind: 'rule' | 'file' | 'beside' | 'baseline';
  readonly reason: string;
}

const datePattern = /^\d{4}-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?$/;

/** Whether a text is a month or a day. */
export function isUntil(text: string): boolean {
  return datePattern.test(text);
}

/** Reads `FW313, one-name: the reason until=2027-06`. Nothing is refused here. */
export function parseSuppression(text: string): SuppressionText {
  const colon = text.indexOf(':');
  const head = colon < 0 ? text : text.slice(0, colon);
  const untilPattern = /(?:^|\s)until=(\S*)/;
  const body = colon < 0 ? '' : text.slice(colon + 1);
  const until = untilPattern.exec(body) ?? untilPattern.exec(head);
  return {
    words: head
      .replace(untilPattern, '')
      .split(/[\s,]+/)
      .filter((word) => word !== ''),
    reason: body.replace(untilPattern, '').trim(),
    until: until?.[1],
  };
}

/** `fwsim-ignore…` with what follows it. */
const marker = /(?:^|[\s#"'])(fwsim-ignore(?:-[\w-]*)?)(?![\w-])[ \t]*(.*)/;

/** A mark that was read, or one that is none. */
interface Mark {
  readonly form: string;
  readonly text: string;
}

function markIn(text: string): Mark | undefined {
  const found = marker.exec(text);
  return found ? { form: found[1] ?? '', text: found[2] ?? '' } : undefined;
}

interface Line {
  readonly text: string;
  readonly start: number;
}

/** The line that begins at an offset, without its end. */
function lineFrom(text: string, start: number): Line {
  const feed = text.indexOf('\n', start);
  const end = feed < 0 ? text.length : feed;
  return { text: text.slice(start, end).replace(/\r$/, ''), start };
}

/** The first line below that says something: no comment, not blank. */
function nextLine(text: string, from: Line): Line | undefined {
  for (let feed = text.indexOf('\n', from.start); feed >= 0; feed = text.indexOf('\n', feed + 1)) {
    const line = lineFrom(text, feed + 1);
    if (!/^\s*(?:#|$)/.test(line.text)) return line;
  }
  return undefined;
}

function problem(id: string, message: string, span: Span, hint?: string): Diagnostic {
  return diagnostic({
    code: 'FW910',
    id,
    severity: 'warning',
    message,
    span,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Finds the suppressions that stand in the texts of a machine; linear, and next to nothing where there are none. */
function readTexts(
  texts: readonly SourceText[],
  rules: () => Iterable<{ readonly source: string; readonly rule: Rule }>,
): { readonly found: readonly Suppression[]; readonly problems: readonly Diagnostic[] } {
  const found: Suppression[] = [];
  const problems: Diagnostic[] = [];
  let comments: ReadonlyMap<string, string> | undefined;
  const commentAt = (source: string, start: number): string | undefined => {
    comments ??= new Map(
      [...rules()].map(({ source: name, rule }) => [
        `${name} ${rule.offset}`,
        rule.matches
          .flatMap((m) =>
            m.extension === 'comment' && m.known ? [(m.data as { readonly text: string }).text] : [],
          )
          .join(' '),
      ]),
    );
    return comments.get(`${source} ${start}`);
  };
  for (const { name, text } of texts) {
    for (let at = text.indexOf('fwsim-ignore'); at >= 0; ) {
      const line = lineFrom(text, text.lastIndexOf('\n', at) + 1);
      const indent = line.text.length - line.text.trimStart().length;
      const start = line.start + indent;
      const comment = line.text.trimStart().startsWith('#');
      const span = { start: at, end: line.start + line.text.length, source: name };
      const mark = markIn(comment ? line.text : (commentAt(name, start) ?? ''));
      if (mark) {
        const said = parseSuppression(mark.text);
        const wanted = comment ? ['fwsim-ignore-next', 'fwsim-ignore-file'] : ['fwsim-ignore'];
        if (!wanted.includes(mark.form)) {
          const hint = comment
            ? 'on a comment line: fwsim-ignore-next CODE: reason, or fwsim-ignore-file CODE: reason'
            : 'in the comment of a rule: fwsim-ignore CODE: reason';
          problems.push(problem('unknown-form', `"${mark.form}" does nothing here`, span, hint));
        } else if (mark.form === 'fwsim-ignore-file') {
          found.push({ ...said, scope: { kind: 'file', source: name }, at: span });
        } else {
          const target = comment ? nextLine(text, line) : line;
          if (target) {
            const begin = target.start + (target.text.length - target.text.trimStart().length);
            found.push({ ...said, scope: { kind: 'line', source: name, start: begin }, at: span });
          } else problems.push(problem('unused', 'Nothing follows that this suppression could hide', span));
        }
      }
      at = text.indexOf('fwsim-ignore', line.start + line.text.length);
    }
  }
  return { found, problems };
}

/** What {@link createSuppressor} works on. */
export interface SuppressorInput {
  readonly texts: readonly SourceText[];
  readonly rules: () => Iterable<{ readonly source: string; readonly rule: Rule }>;
  readonly checks: readonly CheckMetadata[];
  /** From a file beside the ruleset. */
  readonly beside?: readonly Suppression[] | undefined;
  /** Fingerprints of findings that were there before. */
  readonly baseline?: ReadonlySet<string> | undefined;
  /** `2026-11-22`; undefined: nothing is out of date. */
  readonly today?: string | undefined;
}

/** Hides findings, and tells afterwards what was wrong with the suppressions. */
export interface Suppressor {
  /** Why a finding is not to be told; undefined: it is. */
  hide(finding: Finding): SuppressedBy | undefined;
  /** FW910, in the order of the texts; after all findings were asked for. */
  problems(ran: ReadonlySet<string>, machine: Machine): readonly Diagnostic[];
}

/** About the answer itself, and about suppressions: never hidden by one. */
const neverHidden: readonly string[] = ['FW905', 'FW910'];

/** Makes the suppressor of one machine. */
export function createSuppressor(input: SuppressorInput): Suppressor {
  const { texts, rules, checks, beside = [], baseline, today } = input;
  const read = readTexts(texts, rules);
  const problems: Diagnostic[] = [...read.problems];
  const active: { readonly suppression: Suppression; readonly kind: SuppressedBy['kind']; used: boolean }[] =
    [];

  for (const suppression of [...read.found, ...beside]) {
    const faults = faultsOf(suppression, checks, today);
    for (const one of faults) problems.push(one);
    if (faults.length > 0) continue;
    const { scope } = suppression;
    const comment =
      scope.kind === 'line' && suppression.at.start > scope.start && suppression.at.source === scope.source;
    active.push({
      suppression,
      kind: scope.kind === 'fingerprint' ? 'beside' : comment ? 'rule' : 'file',
      used: false,
    });
  }

  const lineStart = (source: string, offset: number): number => {
    const text = texts.find(({ name }) => name === source)?.text ?? '';
    let start = text.lastIndexOf('\n', offset - 1) + 1;
    while (text[start] === ' ' || text[start] === '\t') start++;
    return start;
  };

  const isMeant = ({ scope, words }: Suppression, finding: Finding): boolean => {
    if (scope.kind === 'fingerprint') return scope.fingerprint === finding.fingerprint;
    if (!words.some((word) => means(word, finding))) return false;
    const source = finding.span?.source ?? texts[0]?.name;
    if (scope.source !== source) return false;
    return (
      scope.kind === 'file' ||
      (finding.span !== undefined && lineStart(scope.source, finding.span.start) === scope.start)
    );
  };

  return {
    hide(finding) {
      if (neverHidden.includes(finding.code)) return undefined;
      const hiding = active.filter(({ suppression }) => isMeant(suppression, finding));
      for (const one of hiding) one.used = true;
      const [first] = hiding;
      if (first) return { kind: first.kind, reason: first.suppression.reason };
      if (baseline?.has(finding.fingerprint)) return { kind: 'baseline', reason: 'it was there before' };
      return undefined;
    },
    problems(ran, machine) {
      const unused = active.filter(
        ({ used, suppression }) => !used && mayBeStale(suppression, checks, ran, machine),
      );
      return [
        ...problems,
        ...unused.map(({ suppression }) =>
          problem(
            'unused',
            `This suppression of ${suppression.words.join(', ')} hides nothing any more`,
            suppression.at,
            'delete it',
          ),
        ),
      ];
    },
  };
}

/** What keeps a suppression from having any effect. */
function faultsOf(
  { words, reason, until, at, scope }: Suppression,
  checks: readonly CheckMetadata[],
  today: string | undefined,
): readonly Diagnostic[] {
  const faults: Diagnostic[] = [];
  if (words.length === 0)
    faults.push(
      problem(
        'no-check',
        'This suppression names no check, so it hides nothing',
        at,
        'name what it is about: fwsim-ignore FW313: reason',
      ),
    );
  for (const { name, meant } of unknownWords(words, checks))
    faults.push(
      problem(
        'unknown-check',
        `There is no check "${name}", so this suppression hides nothing`,
        at,
        meant === undefined ? 'fwsim checks lists them' : `did you mean "${meant}"?`,
      ),
    );
  for (const word of words.filter((w) => /^FW\d{0,2}$/i.test(w) && unknownWords([w], checks).length === 0))
    faults.push(
      problem(
        'not-one-check',
        `"${word}" means many checks: a suppression names each by its whole code`,
        at,
        'to turn a family off, set its severity to off in fwsim.yml',
      ),
    );
  if (reason === '' && words.length > 0)
    faults.push(
      problem(
        'no-reason',
        'This suppression gives no reason, so it hides nothing',
        at,
        `say why it is right: ${scope.kind === 'fingerprint' ? 'reason: …' : `${words.join(', ')}: reason`}`,
      ),
    );
  if (until !== undefined && !isUntil(until))
    faults.push(
      problem('bad-date', `"${until}" is no date, so this suppression hides nothing`, at, 'until=2027-06'),
    );
  else if (until !== undefined && today !== undefined && today.slice(0, until.length) > until)
    faults.push(
      problem(
        'expired',
        `This suppression was meant to hold until ${until}, and hides nothing any more`,
        at,
        'look at the finding again: mend it, or give a new date',
      ),
    );
  return faults;
}

/** Whether a suppression that hid nothing is known to be of no use: its checks ran, and knew all they ask for. */
function mayBeStale(
  { words, scope }: Suppression,
  checks: readonly CheckMetadata[],
  ran: ReadonlySet<string>,
  machine: Machine,
): boolean {
  if (scope.kind === 'fingerprint' && !scope.owned) return false;
  const facts = [machine.interfaces, machine.routes, machine.sysctls, machine.sets, machine.listeners];
  const allTold = facts.every(({ provenance }) => provenance === 'given');
  return words.every((word) =>
    checks
      .filter((check) => means(word, check))
      .every((check) => ran.has(check.code) && (allTold || !check.confidences.includes('context'))),
  );
}
