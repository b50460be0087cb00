/**
 * Finds the outputs of other commands in the text around a ruleset, and reads them.
 *
 * Every reader knows its lines by their shape, so the outputs may come in any order, with prompts and blank lines
 * between them.
 */

import { type Diagnostic, diagnostic } from '../diagnostics/diagnostic.ts';
import { type ContextFacts, createDraft, type FactsDraft, finishDraft } from './facts.ts';
import { asObject, objectsOf, readJsonAt } from './json.ts';
import { type Line, lineLengthMax, linesOf, type ReadContext, type Reader, type Run } from './lines.ts';
import { addressReaders, readInterfacesJson } from './read-addresses.ts';
import { conntrackReader } from './read-conntrack.ts';
import { hostReaders, readNftJson } from './read-host.ts';
import { ipsetReaders } from './read-ipsets.ts';
import { readRulesJson, ruleReader } from './read-policy-rules.ts';
import { promptFamily, readRoutesJson, routeReader } from './read-routes.ts';
import { socketReaders } from './read-sockets.ts';
import { sysctlReader } from './read-sysctls.ts';

/** What {@link claimContext} found. */
export interface ClaimedContext {
  readonly facts: ContextFacts;
  readonly diagnostics: readonly Diagnostic[];
  /** The lines that nobody here knows, in order; lines that stood together stay together. Blank lines are left out. */
  readonly unclaimed: readonly Run[];
}

/** The commonest shapes first: what may have a hundred thousand lines. */
const readers: readonly Reader[] = [
  ...ipsetReaders,
  sysctlReader,
  conntrackReader,
  ...addressReaders,
  ruleReader,
  routeReader,
  ...socketReaders,
  ...hostReaders,
];

function problem(
  id: string,
  severity: Diagnostic['severity'],
  message: string,
  start: number,
  end: number,
  hint?: string,
): Diagnostic {
  return diagnostic({
    code: 'FW908',
    id,
    severity,
    message,
    span: { start, end },
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Reads one array or object of JSON by what its members are called. False: something else. */
function readJson(draft: FactsDraft, value: unknown, start: number, end: number): boolean {
  const root = asObject(value);
  if (root) {
    if (!Array.isArray(root['nftables'])) return false;
    readNftJson(draft, root);
    return true;
  }
  const items = objectsOf(value);
  // `ip -j` prints `[]`, `[ ]` or `[{},{}]` where there is nothing to show.
  if (items.length === 0) return Array.isArray(value) && value.every((e) => asObject(e) !== undefined);
  const has = (key: string): boolean => items.some((o) => Object.hasOwn(o, key));
  if (has('ifname') && (has('addr_info') || has('flags') || has('operstate'))) {
    readInterfacesJson(draft, items);
    return true;
  }
  const hint = promptFamily(draft);
  if (has('priority') && (has('src') || has('table') || has('action'))) {
    const unread = readRulesJson(draft, items, hint);
    if (unread > 0)
      draft.diagnostics.push(
        problem(
          'policy-rule-not-modelled',
          'info',
          `${unread === 1 ? 'A policy rule has a condition' : `${unread} policy rules have conditions`} that is not modelled (suppress_ifgroup, tun_id); they are taken to apply without it`,
          start,
          end,
        ),
      );
    return true;
  }
  // `ip -j neigh` has destinations too.
  if (
    has('dst') &&
    !has('state') &&
    !has('lladdr') &&
    (has('dev') || has('flags') || has('type') || has('gateway') || has('nexthops'))
  ) {
    const unread = readRoutesJson(draft, items, hint);
    if (unread > 0)
      draft.diagnostics.push(
        problem(
          'route-unreadable',
          'warning',
          `${unread === 1 ? 'A route is' : `${unread} routes are`} of a kind that is not known here, and left out`,
          start,
          end,
        ),
      );
    return true;
  }
  return false;
}

/** Whether a line may begin JSON. A counter (`[0:0] -A …`) and a prompt (`[root@gw ~]#`) do not. */
function beginsJson(text: string): boolean {
  return /^\s*(?:\[\s*(?:$|[{\]])|\{\s*(?:$|["}]))/.test(text);
}

/** The index of the line that holds an offset of the run; lines are searched from `from` on. */
function lineIndexAt(lines: readonly Line[], offset: number, from: number): number {
  let low = from;
  let high = lines.length;
  while (low + 1 < high) {
    const middle = (low + high) >> 1;
    if ((lines[middle]?.start ?? 0) <= offset) low = middle;
    else high = middle;
  }
  return low;
}

/** Reads the JSON texts that begin on a line. The number of lines taken, or 0. */
function claimJson(context: ReadContext, at: number): number {
  const { run, lines, draft } = context;
  const line = lines[at];
  if (!line || !beginsJson(line.text)) return 0;
  let offset = line.start + (line.text.length - line.text.trimStart().length);
  for (;;) {
    const json = readJsonAt(run.text, offset);
    if (!json.ok) {
      const failed = lineIndexAt(lines, json.at, at);
      draft.diagnostics.push(
        problem(
          'broken-json',
          'warning',
          `This JSON cannot be read: ${json.message}`,
          run.offset + json.at,
          run.offset + Math.min(json.at + 1, run.text.length),
          'give the output of the command whole; the rest of it is passed over',
        ),
      );
      return endOfBrokenJson(lines, failed) - at;
    }
    const end = json.end;
    const stop = lineIndexAt(lines, end - 1, at);
    if (!readJson(draft, json.value, run.offset + offset, run.offset + end))
      draft.diagnostics.push(
        problem(
          'unknown-json',
          'info',
          'This JSON is none of the outputs that are known here, and is passed over',
          run.offset + offset,
          run.offset + end,
          'known are ip -j addr, link, route and rule, and nft -j list tables',
        ),
      );
    // Several arrays may follow each other on one line.
    const last = lines[stop];
    const rest = last ? last.text.slice(end - last.start) : '';
    if (!beginsJson(rest)) return stop - at + 1;
    offset = end + (rest.length - rest.trimStart().length);
  }
}

/** After broken JSON: passes over what still looks like a part of it. */
function endOfBrokenJson(lines: readonly Line[], failed: number): number {
  let i = failed;
  // The line at fault belongs to it, unless it begins something else altogether.
  if (i < lines.length && /^\s*["{}[\],\d]|^\s+\S/.test(lines[i]?.text ?? '')) i++;
  while (i < lines.length && /^\s*["{}\],]|^\s+["\d-]/.test(lines[i]?.text ?? '')) i++;
  return Math.max(i, failed);
}

/** Says that parts of the input come from different machines. */
function checkHosts(draft: FactsDraft, runs: readonly Run[]): void {
  const names = [...new Set(draft.hostNames.map((h) => h.value.split('.')[0] ?? h.value))];
  const first = runs[0];
  if (names.length < 2 || !first) return;
  draft.diagnostics.push(
    problem(
      'several-hosts',
      'error',
      `The outputs come from different machines: ${names.map((n) => `"${n}"`).join(', ')}; one stream is one machine`,
      first.offset,
      first.offset,
      'give each machine a file of its own',
    ),
  );
}

/**
 * Reads all facts from the parts of the input that are no ruleset. Never throws; linear in the length of the
 * input. Offsets of diagnostics and of unclaimed runs are those of the source.
 */
export function claimContext(runs: readonly Run[]): ClaimedContext {
  const draft = createDraft();
  const unclaimed: Run[] = [];
  for (const run of runs) {
    const lines = linesOf(run);
    const context: ReadContext = { run, lines, draft };
    let open: { first: number; last: number } | undefined;
    const close = (): void => {
      if (!open) return;
      const from = lines[open.first]?.start ?? 0;
      const last = lines[open.last];
      const to = lines[open.last + 1]?.start ?? (last ? run.text.length : from);
      unclaimed.push({ text: run.text.slice(from, to), offset: run.offset + from });
      open = undefined;
    };
    for (let at = 0; at < lines.length; ) {
      const text = lines[at]?.text ?? '';
      if (text.trim() === '') {
        draft.promptCommand = undefined;
        at++;
        continue;
      }
      let taken = claimJson(context, at);
      if (taken === 0 && text.length <= lineLengthMax) {
        for (const reader of readers) {
          taken = reader.read(context, at);
          if (taken > 0) break;
        }
      }
      if (taken > 0) {
        close();
        at += taken;
        continue;
      }
      if (open && at === open.last + 1) open.last = at;
      else {
        close();
        open = { first: at, last: at };
      }
      at++;
    }
    close();
  }
  checkHosts(draft, runs);
  return { facts: finishDraft(draft), diagnostics: draft.diagnostics, unclaimed };
}
