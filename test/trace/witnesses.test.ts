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

test('what a stranger of a finding is answered can be said again', () => {
  const rules = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m recent --update --seconds 60 --name bad --rsource -j DROP
-A INPUT -m policy --dir in --pol ipsec -j ACCEPT
-A INPUT -m string --string bot --algo bm -j DROP
-A INPUT -p tcp -m tcp --dport 6379 -j ACCEPT
COMMIT
`;
  const texts = [{ name: 'host.rules', text: rules }];
  const { findings } = lintMachine(texts, { registry, checks, select: ['FW302'] });
  const witness = findings.find(({ code }) => code === 'FW302')?.witness;
  expect(witness?.assume).toEqual(expect.arrayContaining(['recent:bad=absent']));
  const result = tracePacket(texts, {
    registry,
    expression: witness?.packet ?? [],
    assume: witness?.assume ?? [],
  });
  expect(result.refused?.diagnostics).toBeUndefined();
  const fates = result.traced?.exploration.branches.map(({ trace }) => trace.fate.kind);
  expect(fates).toEqual(['local']);
});
