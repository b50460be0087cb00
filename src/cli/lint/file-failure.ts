import { createSources, type SourceText } from '../../diagnostics/sources.ts';
import { CommandFailure } from '../command-failure.ts';
import type { FileProblem } from './read-yaml.ts';

/** Further problems of one file are only counted. */
const problemsMax = 5;

/** The failure that tells what is wrong with a file: each problem with its line, its column and what to do. */
export function fileFailure(source: SourceText, problems: readonly FileProblem[]): CommandFailure {
  const sources = createSources([source]);
  const told = problems.slice(0, problemsMax).map(({ message, span, hint }) => {
    const place = sources.place(span);
    const where = place ? `${source.name}:${place.line}:${place.column}` : source.name;
    return `${where}: ${message}${hint === undefined ? '' : ` (${hint})`}`;
  });
  const rest = problems.length - told.length;
  const [first = `${source.name} cannot be read`, ...others] = told;
  return new CommandFailure(first, {
    ...(others.length + rest > 0
      ? { hint: [...others, ...(rest > 0 ? [`and ${rest} more`] : [])].join('; ') }
      : {}),
  });
}
