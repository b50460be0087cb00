/**
 * Goal: fwsim agrees with the kernel about every packet that an example's header speaks of. Method: each line goes
 * through the packet reader and the engine, once with the header's machine around it and once with the rules alone.
 */
import { describe, expect, test } from 'vitest';
import { isAssumptionError, parseAssumption } from '../../src/context/assume.ts';
import type { SourceText } from '../../src/diagnostics/sources.ts';
import { explore } from '../../src/engine/explore.ts';
import { compile, emptyState } from '../../src/engine/simulate.ts';
import { tapeOf } from '../../src/engine/tape.ts';
import { packetFromExpression } from '../../src/expression/packet-expression.ts';
import { defaultRegistry } from '../../src/index.ts';
import { readMachine } from '../../src/link/read-machine.ts';
import type { Trace } from '../../src/model/trace.ts';
import { type Example, type ExamplePacket, placeText, readExamples } from '../support/examples.ts';
import { exampleContext } from './example-context.ts';

const fateWords: Readonly<Record<string, string>> = { local: 'accept-local' };

/** The outcome in the words of the examples: what happened, and which rule or policy of `filter` decided. */
function outcome(trace: Trace): string {
  const { fate, events } = trace;
  let by = '';
  for (const event of events) {
    if (event.kind === 'rule' && event.rule.table === 'filter' && event.outcome !== 'jump')
      by = `filter/${event.rule.chain}#${event.rule.number}`;
    if (event.kind === 'policy' && event.table === 'filter') by = `filter/${event.chain} policy`;
  }
  return `${fateWords[fate.kind] ?? fate.kind} by ${by}`;
}

function outcomes(example: Example, packet: ExamplePacket, more: readonly SourceText[]): readonly string[] {
  const registry = defaultRegistry();
  const assume = packet.assumptions.flatMap((text) => {
    const read = parseAssumption(text);
    return isAssumptionError(read) ? [] : [read];
  });
  const { rulesets, machine } = readMachine([{ name: example.path, text: example.text }, ...more], {
    registry,
    assume,
  });
  const linked = rulesets.map((r) => r.linked.ruleset);
  const words = packet.text
    .split(/\s+/)
    .filter((word, index, all) => word !== '--assume' && all[index - 1] !== '--assume');
  const made = packetFromExpression(
    words.filter((word) => word !== '--local'),
    {
      registry,
      machine,
      family: 'ipv4',
      backend: linked[0]?.backend ?? 'nft',
      local: packet.local,
      pick: false,
      mentionedInterfaces: [],
    },
  );
  if (!made.ok) return made.diagnostics.map((d) => d.message);
  const program = compile(linked, machine, registry);
  const { branches } = explore(
    program,
    emptyState(),
    made.request.packet,
    made.request.entry,
    undefined,
    tapeOf(packet.assumptions),
  );
  return [...new Set(branches.map((branch) => outcome(branch.trace)))];
}

const expected = (packet: ExamplePacket): string => `${packet.fate} by ${placeText(packet.by)}`;

for (const example of readExamples()) {
  const context =
    example.context === undefined ? exampleContext(example) : { name: 'context', text: example.context };
  describe(example.name, () => {
    test.each(example.packets.map((packet) => [packet.text, packet] as const))('%s', (_text, packet) => {
      expect(outcomes(example, packet, [context])).toEqual([expected(packet)]);
      // With less to go by there may be more ways, but the true one is among them.
      expect(outcomes(example, packet, [])).toContain(expected(packet));
    });
  });
}
