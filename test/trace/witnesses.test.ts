/** Goal: `fwsim trace` shows what a finding claims. Method: trace each witness of the examples from its words alone. */
import { describe, expect, test } from 'vitest';
import { checks, defaultRegistry, lintMachine, tracePacket } from '../../src/index.ts';
import { readExamples } from '../support/examples.ts';

const registry = defaultRegistry();

const cases = readExamples().flatMap((example) => {
  const texts = [
    { name: `${example.name}.rules`, text: example.text },
    ...(example.context === undefined ? [] : [{ name: 'context', text: example.context }]),
  ];
  return lintMachine(texts, { registry, checks }).findings.flatMap(({ code, witness }) =>
    witness ? [{ name: example.name, code, texts, witness }] : [],
  );
});

describe('witnesses', () => {
  test('there are some', () => {
    expect(cases.length).toBeGreaterThan(5);
  });

  test.each(cases.map((c) => [`${c.name} ${c.code}: ${c.witness.packet.join(' ')}`, c] as const))(
    '%s',
    (_name, { texts, witness }) => {
      const result = tracePacket(texts, {
        registry,
        expression: witness.packet,
        local: witness.local,
        assume: witness.assume,
      });
      expect(result.refused?.diagnostics).toBeUndefined();
      expect(result.couldNotLook).toBeUndefined();
      const fates = result.traced?.exploration.branches.map(({ trace }) => trace.fate.kind);
      expect(new Set(fates)).toEqual(new Set([witness.fate.kind]));
    },
  );
});
