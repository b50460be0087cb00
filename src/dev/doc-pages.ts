import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Pages whose commands are run, relative to the repository; those of checks are made from data and show no commands. */
export function docPages(repository: string): readonly string[] {
  const folder = join(repository, 'docs');
  const inDocs = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(
      (name) =>
        name.endsWith('.md') && !name.startsWith('checks') && !name.startsWith(join('reference', 'api')),
    )
    .map((name) => join('docs', name));
  return ['README.md', 'rules-examples/README.md', ...inDocs.sort()].filter((page) =>
    existsSync(join(repository, page)),
  );
}
