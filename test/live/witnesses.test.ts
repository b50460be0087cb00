/**
 * Goal: the packets that findings show are treated by the kernel as the finding says. Method: the first witness among the
 * bad examples of a check is sent through the running kernel, beside the walk of the same words. Packets of connections that
 * were there before cannot be sent to a machine that has just begun, and are passed over.
 */
import { expect, test } from 'vitest';
import { checks } from '../../src/lint/checks/index.ts';
import { LiveFailure } from '../../src/live/run.ts';
import { lintExample } from '../lint/lint-text.ts';
import { describeLive, sendAndCompare } from './live.ts';

describeLive('witnesses of findings', () => {
  let sent = 0;
  // One check in three: each packet has a machine built for it.
  const sample = checks.filter(({ code }, index) => !code.startsWith('FW9') && index % 3 === 0);
  test.each(sample)('$code', { timeout: 60_000 }, async (check) => {
    for (const example of check.examples.bad) {
      const { findings } = lintExample(check, example);
      const witness = findings.find(({ code }) => code === check.code)?.witness;
      if (witness === undefined || witness.packet.some((word) => word.includes(' '))) continue;
      // Nor has it seen a flood.
      if (witness.assume.some((text) => /^(?:limit=over|rule:)/.test(text))) continue;
      const asked = {
        text: `${example.rules}${example.context ?? ''}`,
        expression: witness.packet.join(' '),
        local: witness.local,
        assume: witness.assume,
      };
      const compared = await sendAndCompare(asked).catch((problem: unknown) => {
        if (problem instanceof LiveFailure) return undefined;
        throw problem;
      });
      if (compared === undefined) continue;
      const differences = compared.runs.flatMap((run) => run.differences);
      expect({ example: example.title, asked, differences }).toEqual({
        example: example.title,
        asked,
        differences: [],
      });
      sent++;
      return;
    }
  });

  test('most findings have a packet that can be sent', () => {
    expect(sent).toBeGreaterThan(10);
  });
});
