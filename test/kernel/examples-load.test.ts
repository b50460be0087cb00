/** Goal: the examples are what a real machine prints. Method: load each, and compare what the kernel prints back. */
import { expect, test } from 'vitest';
import { readExamples } from '../support/examples.ts';
import { describeOnKernel, loadRulesets } from '../support/kernel.ts';

/** The tables of a dump without their comments, sorted: the back ends print them in different orders. */
function tablesOf(dump: string): readonly string[] {
  const text = dump.replace(/^#.*\n/gm, '');
  return text
    .split(/(?<=^COMMIT\n)/m)
    .filter((table) => table.trim() !== '')
    .sort();
}

const examples = readExamples();

for (const backend of ['nft', 'legacy'] as const) {
  describeOnKernel(
    `examples through iptables-${backend}`,
    () => {
      const results = loadRulesets(
        examples.map(({ dump }) => ({ text: dump, family: 4, backend, counters: true })),
      );

      test.each(examples.map((example, index) => [example.name, example, results[index]] as const))(
        '%s loads and is printed back unchanged',
        (_name, example, result) => {
          expect(result?.message).toBe('');
          expect(result?.loaded).toBe(true);
          expect(tablesOf(result?.saved ?? '')).toEqual(tablesOf(example.dump));
        },
      );
    },
    backend,
  );
}
