import { join, resolve } from 'node:path';
import type { Span } from '../../diagnostics/diagnostic.ts';
import type { SourceText } from '../../diagnostics/sources.ts';
import { checks, isFingerprint, type SeverityChoice, unknownWords } from '../../linting.ts';
import type { Io } from '../io.ts';
import { configSchema, suppressionsSchema } from './config-schema.ts';
import { fileFailure } from './file-failure.ts';
import { type LoadedConfig, type LoadedSuppressions, shownPath } from './loaded-config.ts';
import { type FileProblem, type Path, readYaml } from './read-yaml.ts';

/**
 * Reads `fwsim.yml`; `folder`: where it lies, for the paths in it.
 * @throws CommandFailure with line and column of what is wrong.
 */
export function readConfig(source: SourceText, folder: string, io: Io): LoadedConfig {
  const read = readYaml(source, configSchema);
  if (!read.ok) throw fileFailure(source, read.problems);
  const { lint = {}, context } = read.value;
  const problems: FileProblem[] = [];
  const checkWords = (words: readonly string[], placeOf: (word: string) => Span) => {
    for (const { name, meant } of unknownWords(words, checks))
      problems.push({
        message: `"${name}" is no check, and no check's code begins with it`,
        hint: meant === undefined ? 'fwsim checks lists them' : `did you mean "${meant}"?`,
        span: placeOf(name),
      });
  };
  for (const key of ['select', 'ignore'] as const) {
    const words = lint[key] ?? [];
    checkWords(words, (word) => read.place(['lint', key, words.indexOf(word)]));
  }
  checkWords(Object.keys(lint.severity ?? {}), (word) =>
    read.place(['lint', 'severity', word] as Path, 'key'),
  );
  if (problems.length > 0) throw fileFailure(source, problems);

  const { captures = {} } = context ?? {};
  const files = Object.values(captures).flatMap((file) => file ?? []);
  const here = (path: string): string => shownPath(io, resolve(io.cwd, folder, path));
  const ports = lint['sensitive-ports'];
  return {
    lint: {
      ...(lint.extends ? { presets: lint.extends } : {}),
      ...(lint.select ? { also: lint.select } : {}),
      ...(lint.ignore ? { ignore: lint.ignore } : {}),
      ...(lint.preview === undefined ? {} : { preview: lint.preview }),
      ...(lint.severity ? { severities: lint.severity as Readonly<Record<string, SeverityChoice>> } : {}),
      ...(lint.profile ? { profile: lint.profile } : {}),
      ...(lint['min-confidence'] ? { minConfidence: lint['min-confidence'] } : {}),
      ...(lint.generators ? { generators: lint.generators } : {}),
      ...(ports
        ? {
            sensitivePorts: {
              ...(ports.add ? { add: ports.add } : {}),
              ...(ports.remove ? { remove: ports.remove } : {}),
            },
          }
        : {}),
    },
    failOn: lint['fail-on'],
    declared: context && {
      source: source.name,
      ...(context.outside ? { outside: context.outside } : {}),
      ...(context.inside ? { inside: context.inside } : {}),
      ...(context['expected-interfaces'] ? { expectedInterfaces: context['expected-interfaces'] } : {}),
      ...(context.roles ? { roles: context.roles } : {}),
      ...(context['input-filtered-elsewhere'] === undefined
        ? {}
        : { inputFilteredElsewhere: context['input-filtered-elsewhere'] }),
    },
    captures: files.map(here),
    baseline: lint.baseline === undefined ? undefined : here(lint.baseline),
  };
}

/**
 * Reads `.fwsim/suppressions.yml`; `folder`: the one that holds `.fwsim`.
 * @throws CommandFailure with line and column of what is wrong.
 */
export function readSuppressions(source: SourceText, folder: string): LoadedSuppressions {
  const read = readYaml(source, suppressionsSchema);
  if (!read.ok) throw fileFailure(source, read.problems);
  const entries = Object.entries(read.value.suppressions ?? {});
  const problems = entries
    .filter(([fingerprint]) => !isFingerprint(fingerprint))
    .map(([fingerprint]) => ({
      message: `"${fingerprint}" is no fingerprint of a finding`,
      hint: 'fwsim lint --verbose prints them: FW204- and 20 digits',
      span: read.place(['suppressions', fingerprint], 'key'),
    }));
  if (problems.length > 0) throw fileFailure(source, problems);
  return {
    source,
    entries: entries.map(([fingerprint, { reason = '', until, file }]) => ({
      file: file === undefined ? undefined : join(folder, file),
      suppression: {
        words: [fingerprint.slice(0, 5)],
        reason: reason.trim(),
        until,
        scope: { kind: 'fingerprint', fingerprint, owned: false },
        at: read.place(['suppressions', fingerprint], 'key'),
      },
    })),
  };
}
