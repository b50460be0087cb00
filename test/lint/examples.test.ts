import { describe, expect, test } from 'vitest';
import { compile, emptyState, simulate } from '../../src/engine/simulate.ts';
import { tapeOf } from '../../src/engine/tape.ts';
import { packetFromExpression } from '../../src/expression/packet-expression.ts';
import { defaultRegistry } from '../../src/index.ts';
import { checks } from '../../src/lint/checks/index.ts';
import type { Finding } from '../../src/lint/finding.ts';
import type { LintResult } from '../../src/lint/lint.ts';
import { interfaceNames } from '../../src/lint/sides.ts';
import { decidedByOf } from '../../src/lint/walks.ts';
import { lintExample } from './lint-text.ts';

/** The fate of a witness, walked again from its words alone, as `fwsim trace` would. */
function replay(result: LintResult, finding: Finding) {
  const { witness } = finding;
  if (!witness) throw new Error('no witness');
  const { read } = result;
  // A finding of both readings of a text is told without a family.
  const ofFamily = read.rulesets.findLast(
    ({ linked }) => finding.family === undefined || linked.ruleset.family === finding.family,
  );
  if (!ofFamily) throw new Error('no ruleset of that family');
  const request = packetFromExpression(witness.packet, {
    registry: defaultRegistry(),
    machine: read.machine,
    family: ofFamily.linked.ruleset.family,
    backend: ofFamily.linked.ruleset.backend,
    local: witness.local,
    pick: false,
    mentionedInterfaces: [],
  });
  if (!request.ok)
    throw new Error(request.diagnostics.map((d) => `${d.message} in "${request.text}"`).join());
  const program = compile(
    read.rulesets.map(({ linked }) => linked.ruleset),
    read.machine,
    defaultRegistry(),
  );
  const { packet, entry } = request.request;
  return simulate(program, emptyState(), packet, entry, undefined, tapeOf(witness.assume)).trace;
}

describe.each(checks)('$code $name', (check) => {
  test('has at least three examples of each kind', () => {
    expect(check.examples.bad.length).toBeGreaterThanOrEqual(3);
    expect(check.examples.good.length).toBeGreaterThanOrEqual(3);
  });

  test.each(check.examples.bad)('reports: $title', (example) => {
    const result = lintExample(check, example);
    const codes = result.findings.map((finding) => finding.code);
    expect(codes).toContain(check.code);
  });

  test.each(check.examples.good)('is silent: $title', (example) => {
    const { findings, couldNotLook } = lintExample(check, example);
    expect(couldNotLook).toBeUndefined();
    expect(findings.filter((f) => f.code === check.code).map((f) => f.message)).toEqual([]);
  });

  test('every example loads, except for what FW9xx is about', () => {
    const broken = check.code.startsWith('FW9')
      ? check.examples.good
      : [...check.examples.bad, ...check.examples.good];
    for (const example of broken) {
      const { findings } = lintExample(check, example);
      expect(findings.filter((f) => f.code === 'FW901').map((f) => `${example.title}: ${f.message}`)).toEqual(
        [],
      );
    }
  });

  test('every witness walks to its fate again, from its words', () => {
    for (const example of [...check.examples.bad, ...check.examples.good]) {
      const result = lintExample(check, example);
      for (const finding of result.findings) {
        if (!finding.witness) continue;
        const trace = replay(result, finding);
        const words = finding.witness.packet.join(' ');
        expect({ words, fate: trace.fate.kind }).toEqual({ words, fate: finding.witness.fate.kind });
        if ('at' in trace.fate && trace.fate.at) {
          expect(decidedByOf(trace.fate.at)).toEqual(finding.witness.fate.by);
        }
      }
    }
  });

  test('findings keep the laws of severity and confidence', () => {
    for (const example of check.examples.bad) {
      for (const finding of lintExample(check, example).findings) {
        if (finding.code !== check.code) continue;
        expect(finding.confidence === 'inferred').toBe(finding.inferences.length > 0);
        if (finding.confidence === 'inferred') expect(finding.severity).not.toBe('error');
        if (!check.code.startsWith('FW9')) expect(check.confidences).toContain(finding.confidence);
        if (check.severity !== 'error') expect(finding.severity).not.toBe('error');
        expect(finding.message).not.toMatch(/\.$/);
      }
    }
  });
});

test('names of interfaces are collected once, in order', () => {
  const [check] = checks;
  const [example] = check?.examples.bad ?? [];
  if (!check || !example) throw new Error('no example');
  const { read } = lintExample(check, example);
  expect(interfaceNames(read.machine, [])).toEqual([]);
});
