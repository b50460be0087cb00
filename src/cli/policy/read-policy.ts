import type { Span } from '../../diagnostics/diagnostic.ts';
import type { SourceText } from '../../diagnostics/sources.ts';
import type { PlacedText, Policy, PolicyTest, Zone } from '../../proving.ts';
import { plainTest } from '../../proving.ts';
import { fileFailure } from '../lint/file-failure.ts';
import { type FileProblem, type Path, readYaml } from '../lint/read-yaml.ts';
import { policySchema } from './policy-schema.ts';

/** A policy file as it stands: the files that it names are as they are written in it. */
export interface PolicyFile {
  readonly source: SourceText;
  readonly rules: readonly string[];
  readonly context: readonly string[];
  readonly assume: readonly string[];
  readonly policy: Policy;
}

const list = <T>(value: T | readonly T[] | undefined): readonly T[] =>
  value === undefined ? [] : Array.isArray(value) ? (value as readonly T[]) : [value as T];

/**
 * Reads a policy file.
 * @throws CommandFailure with line and column of what is wrong.
 */
export function readPolicy(source: SourceText): PolicyFile {
  const read = readYaml(source, policySchema);
  if (!read.ok) throw fileFailure(source, read.problems);
  const { value, place } = read;
  const problems: FileProblem[] = [];
  const placed = (text: string, path: Path): PlacedText => ({
    text,
    place: placesIn(source, text, place(path)),
  });
  const texts = (given: string | string[] | undefined, path: Path): readonly PlacedText[] =>
    typeof given === 'string'
      ? [placed(given, path)]
      : (given ?? []).map((text, index) => placed(text, [...path, index]));

  const names = new Set<string>();
  for (const kind of ['networks', 'zones', 'services'] as const)
    for (const name of Object.keys(value[kind] ?? {})) {
      const span = place([kind, name], 'key');
      if (names.has(name))
        problems.push({ message: `"${name}" is named twice`, hint: 'a name stands for one thing', span });
      else if (!/^[\w.-]+$/.test(name))
        problems.push({
          message: `"${name}" is no name`,
          hint: 'letters, digits, "_", "-" and "."',
          span,
        });
      names.add(name);
    }

  const tests = value.tests.map((t, index): PolicyTest => {
    const path: Path = ['tests', index];
    const claims = [
      'expect',
      'out',
      'translated-to',
      'source-translated-to',
      'logged',
      'reply',
      'only-from',
      'same-as',
    ] as const;
    if (claims.every((key) => t[key] === undefined))
      problems.push({
        message: 'this test claims nothing',
        hint: `say what must hold: ${claims.join(', ')}`,
        span: place(path),
      });
    const optional = (
      key: 'out' | 'translated-to' | 'source-translated-to' | 'only-from',
    ): readonly PlacedText[] | undefined =>
      t[key] === undefined ? undefined : texts(t[key], [...path, key]);
    const some = t['holds-for'] === 'some';
    const beyondSome = (['reply', 'only-from', 'same-as'] as const).find((key) => t[key] !== undefined);
    if (some && beyondSome !== undefined)
      problems.push({
        message: `"${beyondSome}" is about every packet`,
        hint: 'make it a test of its own, without "holds-for: some"',
        span: place([...path, 'holds-for']),
      });
    return {
      ...plainTest,
      name: t.name ?? nameOf(t),
      span: place(t.name === undefined ? path : [...path, 'name']),
      packets: t.packets === undefined ? [placed('', path)] : texts(t.packets, [...path, 'packets']),
      except: texts(t.except, [...path, 'except']),
      local: t.local ?? false,
      anyState: t['any-state'] ?? false,
      some,
      allowUnknown: t.unknown === 'allow',
      family: t.family === undefined ? undefined : t.family === 4 ? 'ipv4' : 'ipv6',
      expect: t.expect,
      out: optional('out'),
      translatedTo: optional('translated-to'),
      sourceTranslatedTo: optional('source-translated-to'),
      neverLogged: t.logged !== undefined,
      replyPasses: t.reply !== undefined,
      onlyFrom: optional('only-from'),
      sameAs: t['same-as'] === undefined ? undefined : placed(t['same-as'], [...path, 'same-as']),
    };
  });
  if (problems.length > 0) throw fileFailure(source, problems);

  const zones = Object.entries(value.zones ?? {}).map(([name, zone]): [string, Zone] => [
    name,
    { interfaces: zone.interfaces ?? [], networks: list(zone.networks) },
  ]);
  const lists = (given: Readonly<Record<string, string | string[]>> | undefined) =>
    new Map(Object.entries(given ?? {}).map(([name, one]) => [name, list(one)]));
  return {
    source,
    rules: list(value.rules),
    context: list(value.context),
    assume: value.assume ?? [],
    policy: {
      names: { networks: lists(value.networks), zones: new Map(zones), services: lists(value.services) },
      tests,
    },
  };
}

/** A test without a name is called by its packets and its claims. */
function nameOf(t: {
  readonly packets?: string | readonly string[] | undefined;
  readonly expect?: string | undefined;
  readonly out?: string | readonly string[] | undefined;
  readonly reply?: string | undefined;
}): string {
  const packets = t.packets === undefined ? 'all packets' : list(t.packets).join(' or ');
  const claims = [
    ...(t.expect === undefined ? [] : [t.expect]),
    ...(t.out === undefined ? [] : [`out of ${list(t.out).join(' or ')}`]),
    ...(t.reply === undefined ? [] : ['answered']),
  ];
  return claims.length === 0 ? packets : `${claims.join(', ')}: ${packets}`;
}

/** Where pieces of a text stand: exact where the file holds the text as it is, else all of its value. */
function placesIn(source: SourceText, text: string, span: Span): PlacedText['place'] {
  const at = source.text.slice(span.start, span.end).indexOf(text);
  return (start, end) =>
    at < 0 || start === undefined
      ? span
      : { ...span, start: span.start + at + start, end: span.start + at + (end ?? text.length) };
}
