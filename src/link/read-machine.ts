/** All texts of one machine, read: its rulesets, what other commands said of it, and what there was to say of both. */

import { type Assumption, assumptionText } from '../context/assume.ts';
import { claimContext } from '../context/claim.ts';
import type { DeclaredContext } from '../context/declared.ts';
import type { ContextFacts } from '../context/facts.ts';
import type { Run } from '../context/lines.ts';
import { buildMachine } from '../context/machine.ts';
import { type Diagnostic, diagnostic, type Span } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/sources.ts';
import type { Registry } from '../extensions/registry.ts';
import { parse } from '../grammar/parse.ts';
import type { SyntaxTree } from '../grammar/syntax-tree.ts';
import type { Machine } from '../model/machine.ts';
import type { Backend } from '../model/netfilter.ts';
import type { Family } from '../net/address.ts';
import { type LinkedRuleset, link } from './link.ts';

/** How to read, and whom to ask. */
export interface ReadMachineOptions {
  readonly registry: Registry;
  readonly family?: Family | undefined;
  readonly backend?: Backend | undefined;
  readonly assume?: readonly Assumption[];
  /** What the administrator says of the machine in his configuration. */
  readonly declared?: DeclaredContext | undefined;
}

/** A ruleset with the text that it stands in. */
export interface ReadRuleset {
  readonly linked: LinkedRuleset;
  readonly source: SourceText;
}

/** One machine as its texts tell of it. */
export interface ReadMachine {
  readonly texts: readonly SourceText[];
  /** In the order of the texts; of one family, the last is the one in force. */
  readonly rulesets: readonly ReadRuleset[];
  readonly machine: Machine;
  readonly facts: ContextFacts;
  /** Spans name their source. In the order of the texts, then of places. */
  readonly diagnostics: readonly Diagnostic[];
  /** Lines that are neither ruleset nor any output that is known here; `offset` is within the named text. */
  readonly unclaimed: readonly (Run & { readonly source: string })[];
  /** What was taken for known of it besides, as `--assume` takes it. */
  readonly assumed: readonly string[];
}

/** Runs of lines that the grammar left alone; blank lines between them do not part them. */
export function foreignRuns(tree: SyntaxTree): readonly Run[] {
  const { source } = tree;
  const runs: Run[] = [];
  let open: { start: number; end: number } | undefined;
  const close = (): void => {
    if (open) runs.push({ text: source.slice(open.start, open.end), offset: open.start });
    open = undefined;
  };
  for (let node = 0; node < tree.nodeCount; node++) {
    if (tree.kind(node) !== 'foreign') {
      close();
      continue;
    }
    const offset = tree.offset(node);
    const newline = source.indexOf('\n', offset);
    const end = newline < 0 ? source.length : newline + 1;
    // The indentation belongs to the line: it tells what `ip addr` means.
    if (open) open.end = end;
    else open = { start: offset === 0 ? 0 : source.lastIndexOf('\n', offset - 1) + 1, end };
  }
  close();
  return runs;
}

/** Gives a diagnostic's spans the name of the text they are in. */
function nameSource(d: Diagnostic, source: string): Diagnostic {
  const named = (span: Span): Span => (span.source === undefined ? { ...span, source } : span);
  return {
    ...d,
    ...(d.span ? { span: named(d.span) } : {}),
    related: d.related.map((r) => ({ ...r, span: named(r.span) })),
  };
}

/** Runs of several texts as one list, and which offsets of it belong to which text. */
interface Joined {
  readonly runs: readonly Run[];
  locate(offset: number): { readonly source: string; readonly shift: number };
}

/** Facts may be spread over texts, but offsets are of one: each text gets a region of its own. */
function joinRuns(parts: readonly { readonly text: SourceText; readonly runs: readonly Run[] }[]): Joined {
  const starts: number[] = [];
  const runs: Run[] = [];
  let start = 0;
  for (const part of parts) {
    starts.push(start);
    for (const run of part.runs) runs.push({ text: run.text, offset: run.offset + start });
    start += part.text.text.length + 1;
  }
  return {
    runs,
    locate(offset) {
      const at = Math.max(
        0,
        starts.findLastIndex((s) => s <= offset),
      );
      return { source: parts[at]?.text.name ?? '', shift: starts[at] ?? 0 };
    },
  };
}

/** Trees by their texts: a text is read again for another back end, or as the other family. */
const trees = new WeakMap<SourceText, ReturnType<typeof parse>>();

function parsedOnce(text: SourceText): ReturnType<typeof parse> {
  const known = trees.get(text);
  if (known !== undefined) return known;
  const made = parse(text.text);
  trees.set(text, made);
  return made;
}

/** Reads one machine. Never throws for any input. */
export function readMachine(texts: readonly SourceText[], options: ReadMachineOptions): ReadMachine {
  const { registry, family, backend, assume = [], declared } = options;
  const diagnostics: Diagnostic[] = [];
  const parsed = texts.map((text) => ({ text, ...parsedOnce(text) }));

  const joined = joinRuns(parsed.map(({ text, tree }) => ({ text, runs: foreignRuns(tree) })));
  const claimed = claimContext(joined.runs);
  const { facts } = claimed;
  const placed = (span: Span): Span => {
    const { source, shift } = joined.locate(span.start);
    return { start: span.start - shift, end: span.end - shift, source };
  };

  const setNames = facts.sets && new Set(facts.sets.value.map((s) => s.name));
  const rulesets: ReadRuleset[] = [];
  for (const { text, tree, diagnostics: said } of parsed) {
    const linked = link({ tree }, { registry, family, backend, setNames });
    for (const l of linked.rulesets) rulesets.push({ linked: l, source: text });
    for (const d of [...said, ...linked.diagnostics]) diagnostics.push(nameSource(d, text.name));
  }
  for (const d of claimed.diagnostics) {
    diagnostics.push({
      ...d,
      ...(d.span ? { span: placed(d.span) } : {}),
      related: d.related.map((r) => ({ ...r, span: placed(r.span) })),
    });
  }
  for (const [index, { linked, source }] of rulesets.entries()) {
    const later = rulesets.slice(index + 1).find((r) => r.linked.ruleset.family === linked.ruleset.family);
    if (later) diagnostics.push(replaced(linked, source, later));
  }
  const inForce = rulesets.map(({ linked }) => linked.ruleset);
  return {
    texts,
    rulesets,
    machine: buildMachine({ facts, rulesets: inForce, assume, declared, ...(backend ? { backend } : {}) }),
    facts,
    diagnostics,
    unclaimed: claimed.unclaimed.map((run) => {
      const { source, shift } = joined.locate(run.offset);
      return { text: run.text, offset: run.offset - shift, source };
    }),
    assumed: assume.map(assumptionText),
  };
}

function firstTableSpan(linked: LinkedRuleset, source: SourceText): Span {
  const table = linked.ruleset.tables[0];
  const start = table?.offset ?? 0;
  return { start, end: start + 1 + (table?.name.length ?? 0), source: source.name };
}

function replaced(linked: LinkedRuleset, source: SourceText, later: ReadRuleset): Diagnostic {
  const name = linked.ruleset.family === 'ipv4' ? 'IPv4' : 'IPv6';
  return diagnostic({
    code: 'FW908',
    id: 'dump-replaced',
    severity: 'warning',
    message: `Two ${name} rulesets are given for this machine: the later one is looked at, this one is passed over`,
    span: firstTableSpan(linked, source),
    related: [{ message: 'the later one', span: firstTableSpan(later.linked, later.source) }],
    hint: 'give each machine a file of its own; of two back ends on one machine, lint each dump by itself',
  });
}
