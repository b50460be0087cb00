/** Who reaches whom, on the page: the same as `fwsim matrix` says, for the services that rules speak of. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { exposureOf } from '../../src/analysis/exposure.ts';
import { matrixOf } from '../../src/analysis/matrix.ts';
import { reachOf } from '../../src/page/reach.ts';
import { defaultRegistry } from '../../src/registry.ts';
import { repositoryRoot } from '../support/source-tree.ts';
import { pageOf } from './report-page.ts';

const name = 'gateway-web-in-forward.rules';
const text = readFileSync(join(repositoryRoot, 'rules-examples', name), 'utf8');
const texts = [{ name, text }];
const registry = defaultRegistry();

function reach(nodesMax?: number) {
  const { families, read } = exposureOf(texts, { registry, rowsMax: 100 });
  const [family] = families;
  if (!family || !read) throw new Error('no exposure');
  return reachOf(texts, family, read.machine, { registry, ...(nodesMax === undefined ? {} : { nodesMax }) });
}

describe('who reaches whom', () => {
  test('asks for any TCP port, and for services that rules name', () => {
    const { matrices, couldNotLook } = reach();
    expect(couldNotLook).toBeUndefined();
    expect(matrices.map((m) => m.question)[0]).toEqual({ protocol: 6 });
    expect(matrices.map((m) => m.question)).toContainEqual({ protocol: 6, port: 22 });
    expect(matrices).toHaveLength(4);
  });

  test('stands on the page as the matrix says it', () => {
    const { page = '' } = pageOf(text);
    const section = /<section id="reach".*?<\/section>/s.exec(page)?.[0] ?? '';
    const ssh = /<summary>tcp 22 \(ssh\)<\/summary>.*?<\/details>/s.exec(section)?.[0] ?? '';
    const [matrix] = matrixOf(texts, { registry, protocol: 6, port: 22, family: 'ipv4' }).families;
    const words = { open: 'open', some: 'some', closed: 'no' };
    const rows = [...ssh.matchAll(/<tr>(.*?)<\/tr>/g)].slice(1).map(([, row = '']) => ({
      who: /<\/span> (.*?)<\/th>/.exec(row)?.[1],
      cells: [...row.matchAll(/<td>(?:<span[^>]*>(.*?)<\/span>)?<\/td>/g)].map((m) => m[1]),
    }));
    expect(rows.map((r) => r.cells)).toEqual([
      ...(matrix?.through ?? []).map((row, i) => [...row, matrix?.to[i] ?? 'closed'].map((o) => words[o])),
      [...(matrix?.from ?? []).map((o) => words[o]), undefined],
    ]);
    // The story of this ruleset: only the office may ask for ssh.
    expect(rows.find((r) => r.who?.startsWith('198.51.100.0/28'))?.cells.at(-1)).toMatch(/open|some/);
  });

  test('says where the sets are too large', () => {
    const { matrices, couldNotLook } = reach(1000);
    expect(matrices).toEqual([]);
    expect(couldNotLook).toBe('tcp: the sets of this ruleset need more than 1000 nodes');
  });
});
