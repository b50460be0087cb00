/**
 * `npm run generate`: rewrites every generated part. A test compares them, so a forgotten run does not last.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { generatedParts, withGeneratedParts } from './generated-parts.ts';

for (const file of new Set(generatedParts.map((part) => part.file))) {
  const before = readFileSync(file, 'utf8');
  const after = withGeneratedParts(
    before,
    generatedParts.filter((part) => part.file === file),
  );
  if (after === before) continue;
  writeFileSync(file, after);
  console.log(`rewritten: ${file}`);
}
