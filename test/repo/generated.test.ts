import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  checkPagesFolder,
  generatedFiles,
  generatedParts,
  withGeneratedParts,
} from '../../src/dev/generated-parts.ts';
import { repositoryRoot } from '../support/source-tree.ts';

test.each(generatedParts)('"$name" in $file is what the code says', (part) => {
  const text = readFileSync(join(repositoryRoot, part.file), 'utf8');
  expect(withGeneratedParts(text, [part]), 'run npm run generate').toBe(text);
});

test.each(generatedFiles)('$file is what the code says', ({ file, make }) => {
  const text = readFileSync(join(repositoryRoot, file), 'utf8');
  expect(text, 'run npm run generate').toBe(make());
});

test('every page of a check belongs to one', () => {
  const files = readdirSync(join(repositoryRoot, checkPagesFolder)).map(
    (name) => `${checkPagesFolder}/${name}`,
  );
  const pages = generatedFiles.map(({ file }) => file).filter((file) => file.startsWith(checkPagesFolder));
  expect(files.sort()).toEqual(pages.sort());
});

test('a missing marker is said, not guessed', () => {
  const part = { file: 'X.md', name: 'list', make: () => 'new' };
  expect(() => withGeneratedParts('nothing here', [part])).toThrow(/X\.md needs the markers/);
  const marked = '<!-- generated: list -->\nold\n<!-- end: list -->\n';
  expect(withGeneratedParts(marked, [part])).toBe('<!-- generated: list -->\n\nnew\n\n<!-- end: list -->\n');
});
