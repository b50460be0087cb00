import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checks } from '../../src/lint/checks/index.ts';
import { repositoryRoot } from '../support/source-tree.ts';

const files = readdirSync(join(repositoryRoot, 'src/lint/checks')).filter((file) => /^FW\d/.test(file));

test('the list of checks and the files are the same', () => {
  expect(checks.map((check) => `${check.code}-${check.name}.ts`)).toEqual(files.sort());
});

test('codes and names are unique', () => {
  for (const key of ['code', 'name', 'title'] as const) {
    const values = checks.map((check) => check[key]);
    expect(new Set(values).size).toBe(values.length);
  }
});

test('names tell what is wrong, in kebab case', () => {
  for (const { name } of checks) {
    expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(name).not.toMatch(/^(no-(?!op-)|use-)/);
  }
});

test('checks yield only to codes', () => {
  for (const { yieldsTo = [] } of checks) for (const code of yieldsTo) expect(code).toMatch(/^FW\d{3}$/);
});
