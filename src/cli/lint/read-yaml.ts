import * as v from 'valibot';
import { isMap, isNode, isPair, isScalar, parseDocument, visit } from 'yaml';
import type { Span } from '../../diagnostics/diagnostic.ts';
import { didYouMean } from '../../diagnostics/did-you-mean.ts';
import type { SourceText } from '../../diagnostics/sources.ts';

/** What is wrong with a file, and where. */
export interface FileProblem {
  /** One sentence without a full stop. */
  readonly message: string;
  readonly hint?: string;
  readonly span: Span;
}

/** A file of the expected shape, or what is wrong with it. */
export type ReadYaml<T> =
  | { readonly ok: true; readonly value: T; readonly place: (path: Path, part?: 'key' | 'value') => Span }
  | { readonly ok: false; readonly problems: readonly FileProblem[] };

/** Keys and indexes from the root of a document. */
export type Path = readonly (string | number)[];

/** Names that JavaScript gives a meaning of its own. */
const unusable: readonly unknown[] = ['__proto__', 'prototype', 'constructor'];

/** Reads a YAML text and checks its shape. An empty text is an empty object. Never throws. */
export function readYaml<S extends v.GenericSchema>(
  source: SourceText,
  schema: S,
): ReadYaml<v.InferOutput<S>> {
  // The library would print warnings by itself, past our escapes: what a schema does not know, it names anyway.
  const document = parseDocument(source.text, { prettyErrors: false, logLevel: 'error' });
  const spanOf = (start: number, end: number): Span => ({ start, end, source: source.name });
  const problems: FileProblem[] = [...document.errors, ...document.warnings].map(({ message, pos }) => ({
    message: message.replace(/\.$/, ''),
    span: spanOf(pos[0], pos[1]),
  }));
  visit(document, {
    Pair(_, { key }) {
      if (!isScalar(key)) return;
      if (!unusable.includes(key.value) || !key.range) return;
      const span = spanOf(key.range[0], key.range[1]);
      problems.push({ message: `there is no key "${String(key.value)}"`, span });
    },
  });
  if (problems.length > 0) return { ok: false, problems };

  const place = (path: Path, part: 'key' | 'value' = 'value'): Span => {
    const parent = path.length === 0 ? undefined : document.getIn(path.slice(0, -1), true);
    if (part === 'key' && isMap(parent)) {
      const pair = parent.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(path.at(-1)),
      );
      const range = isScalar(pair?.key) ? pair.key.range : undefined;
      if (range) return spanOf(range[0], range[1]);
    }
    const node = path.length === 0 ? document.contents : document.getIn(path, true);
    if (isNode(node) && node.range) return spanOf(node.range[0], Math.max(node.range[0], node.range[1]));
    return path.length === 0 ? spanOf(0, 0) : place(path.slice(0, -1), 'key');
  };

  let value: unknown;
  try {
    value = document.toJS() ?? {};
  } catch (error) {
    // Aliases that multiply beyond measure.
    return { ok: false, problems: [{ message: String((error as Error).message), span: spanOf(0, 0) }] };
  }
  const lists = listsForMappings(value, schema, []);
  if (lists.length > 0) {
    const message = (path: Path): string => `"${nameOf(path)}" must be ${kinds['Object']}`;
    return { ok: false, problems: lists.map((path) => ({ message: message(path), span: place(path) })) };
  }
  const result = v.safeParse(schema, value, { abortPipeEarly: true });
  if (result.success) return { ok: true, value: result.output, place };
  return { ok: false, problems: result.issues.map((issue) => problemOf(issue, schema, place)) };
}

type Issue = v.BaseIssue<unknown>;

const kinds: Readonly<Record<string, string>> = {
  Array: 'a list',
  Object: 'a mapping of keys to values',
  string: 'a text',
  boolean: 'true or false',
};

function problemOf(
  issue: Issue,
  schema: v.GenericSchema,
  place: (path: Path, part?: 'key' | 'value') => Span,
): FileProblem {
  const path = (issue.path ?? []).map(({ key }) => key as string | number);
  const key = String(path.at(-1) ?? '');
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const known = keysAt(schema, path.slice(0, -1));
    const meant = didYouMean(key, known);
    return {
      message: `there is no key "${key}" here`,
      hint: meant === undefined ? `known are ${known.join(', ')}` : `did you mean "${meant}"?`,
      span: place(path, 'key'),
    };
  }
  const span = place(path);
  const given = typeof issue.input === 'string' ? `"${issue.input}"` : undefined;
  if (issue.type === 'picklist') {
    const choices = (issue.expected ?? '').replace(/[()"]/g, '').split(' | ');
    const meant = typeof issue.input === 'string' ? didYouMean(issue.input, choices) : undefined;
    return {
      message: `${given ?? 'this'} is no value of "${nameOf(path)}"`,
      hint: meant === undefined ? `one of ${choices.join(', ')}` : `did you mean "${meant}"?`,
      span,
    };
  }
  if (issue.kind === 'validation') return { message: `${given ?? 'this'} ${issue.message}`, span };
  const wanted = (issue.expected ?? '').split(' | ').map((word) => kinds[word.replace(/[()]/g, '')] ?? word);
  return { message: `"${nameOf(path)}" must be ${[...new Set(wanted)].join(' or ')}`, span };
}

/** Where a list stands in place of a mapping: to JavaScript both are objects. */
function listsForMappings(value: unknown, schema: unknown, path: Path): readonly Path[] {
  const { entries, value: each, item } = bare(schema);
  if (Array.isArray(value)) {
    if (entries !== undefined || each !== undefined) return [path];
    return value.flatMap((one, index) => listsForMappings(one, item, [...path, index]));
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) => {
    const inner = (entries as Readonly<Record<string, unknown>> | undefined)?.[key] ?? each;
    return inner === undefined ? [] : listsForMappings(one, inner, [...path, key]);
  });
}

/** The last key of a path that is a name. */
function nameOf(path: Path): string {
  return String(path.findLast((part) => typeof part === 'string') ?? 'the file');
}

/** A schema behind its `optional` and its `pipe`. */
function bare(schema: unknown = {}): {
  readonly entries?: object;
  readonly value?: unknown;
  readonly item?: unknown;
} {
  const s = schema as { readonly wrapped?: unknown; readonly pipe?: readonly unknown[] };
  if (s.wrapped !== undefined) return bare(s.wrapped);
  if (s.pipe !== undefined && s.pipe[0] !== schema && s.pipe[0] !== undefined) return bare(s.pipe[0]);
  return schema as ReturnType<typeof bare>;
}

/** The keys that an object at this path may have. */
function keysAt(schema: unknown, path: Path): readonly string[] {
  const { entries, value, item } = bare(schema);
  const [first, ...rest] = path;
  if (first === undefined) return Object.keys(entries ?? {});
  const inner = (entries as Readonly<Record<string, unknown>> | undefined)?.[String(first)] ?? value ?? item;
  return inner === undefined ? [] : keysAt(inner, rest);
}
