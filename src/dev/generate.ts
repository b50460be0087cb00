/**
 * `npm run generate`: rewrites every generated part. A test compares them, so a forgotten run does not last.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkPagesFolder, generatedFiles, generatedParts, withGeneratedParts } from './generated-parts.ts';

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

for (const { file, make } of generatedFiles) {
  const text = make();
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(`written: ${file}`);
}
const wanted = new Set(generatedFiles.map(({ file }) => file));
for (const name of readdirSync(checkPagesFolder)) {
  const file = join(checkPagesFolder, name);
  if (wanted.has(file)) continue;
  rmSync(file);
  console.log(`removed: ${file}`);
}
