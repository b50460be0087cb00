/**
 * Goal: every real dump gets its exposure table, its queries and its matrix, and what they show is true. Method: each is
 * asked of the examples and of a sample of the corpus (all of it with FWSIM_ALL_CORPUS); packets are walked again.
 */
import { describe, expect, test } from 'vitest';
import { exposureOf } from '../../src/analysis/exposure.ts';
import { matrixOf } from '../../src/analysis/matrix.ts';
import { queryMachine } from '../../src/analysis/query.ts';
import { spoofOf } from '../../src/analysis/spoof.ts';
import { corpusNames, readCorpusFile } from '../../src/dev/corpus-files.ts';
import { defaultRegistry } from '../../src/registry.ts';
import { printExposure } from '../../src/report/exposure.ts';
import { printExposureJson } from '../../src/report/exposure-json.ts';
import { printMatrix } from '../../src/report/matrix.ts';
import { printMatrixDot, printMatrixJson } from '../../src/report/matrix-json.ts';
import { printQuery } from '../../src/report/query.ts';
import { printQueryJson } from '../../src/report/query-json.ts';
import { printSpoof, printSpoofJson } from '../../src/report/spoof.ts';
import { createTheme } from '../../src/report/theme.ts';
import { readExamples } from '../support/examples.ts';
import { describeWithShared } from '../support/shared.ts';

const registry = defaultRegistry();
const style = { theme: createTheme(false), columns: 80 };
/** Enough for every dump of the sample; more would only make the test slow. */
const nodesMax = 2 ** 21;
// biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is what is looked for.
const control = /[\u0000-\u0009\u000b-\u001f\u007f]/;

/** Asks everything of one machine, and looks at what every answer must be like. */
function askAll(name: string, texts: readonly { readonly name: string; readonly text: string }[]): void {
  const common = { registry, nodesMax };
  const exposure = exposureOf(texts, common);
  const query = { expression: ['-p', 'tcp', '--dport', '22'], openersOnly: true, rowsMax: 6 };
  const answer = queryMachine(texts, { ...query, ...common });
  const service = { protocol: 6, port: 22 };
  const matrix = matrixOf(texts, { ...service, ...common });
  const spoof = spoofOf(texts, common);
  const printed = [
    printExposure(exposure, undefined, style, { all: false, verbose: true }),
    printQuery(answer, query, style, { all: true, verbose: false }),
    printMatrix(matrix, service, style, { all: false, verbose: false }),
    printSpoof(spoof, style, { verbose: false }),
    printMatrixDot(matrix, service),
  ];
  for (const text of printed) expect(control.test(text), name).toBe(false);
  for (const json of [
    printExposureJson(exposure, undefined, '1.2.3'),
    printQueryJson(answer, query, '1.2.3'),
    printMatrixJson(matrix, service, '1.2.3'),
    printSpoofJson(spoof, '1.2.3'),
  ])
    expect(JSON.parse(json), name).toMatchObject({ schemaVersion: 1 });
  for (const result of [exposure, answer, matrix])
    if (result.couldNotLook === undefined) expect(result.families.length, name).toBeGreaterThan(0);
  for (const row of answer.families.flatMap((f) => f.rows))
    if (row.witness) expect(row.witness.trace.fate.kind.replace('hook-', ''), name).toBe(row.fate);
  for (const family of matrix.families)
    expect(
      family.through.every((row) => row.length === family.classes.length),
      name,
    ).toBe(true);
}

describe('every example', () => {
  test.each(readExamples().map((e) => [e.name, e] as const))('%s', (name, example) => {
    const context = example.context === undefined ? [] : [{ name: `${name}.context`, text: example.context }];
    askAll(name, [{ name, text: example.text }, ...context]);
  });
});

describeWithShared('dumps of the corpus', 'corpus', (path) => {
  const all = corpusNames(path);
  const wanted = process.env['FWSIM_ALL_CORPUS'] ? all : all.filter((_, index) => index % 16 === 5);
  test.each(wanted)(
    '%s',
    (name) => {
      const { text } = readCorpusFile(path, name);
      if (!process.env['FWSIM_ALL_CORPUS'] && text.length > 60_000) return;
      askAll(name, [{ name, text }]);
    },
    120_000,
  );
});
