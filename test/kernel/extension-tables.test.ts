/** Goal: every line of the extension tables is what the real iptables says. Method: load each one alone. */

import { expect, test } from 'vitest';
import { extensionTables, isUserChain } from '../support/extension-tables.ts';
import { describeOnKernel, loadRules } from '../support/kernel.ts';

describeOnKernel('extension tables', () => {
  for (const table of extensionTables()) {
    test(table.path, { timeout: 120_000 }, () => {
      const cases = table.cases.filter((c) => c.unverified === undefined);
      const answers = loadRules(
        cases.map((c) => ({
          rule: `-A ${c.chain} ${c.rule}`,
          table: c.table,
          family: c.family === 'ipv4' ? 4 : 6,
          chains: isUserChain(c) ? [c.chain] : [],
          ipsets: (c.sets ?? [])
            .map(
              (s) =>
                `create ${s} hash:ip,port family ${c.family === 'ipv4' ? 'inet' : 'inet6'} timeout 0 counters\n`,
            )
            .join(''),
        })),
      );
      const differences = cases.flatMap((c, i) => {
        const answer = answers[i];
        const real = answer?.loaded
          ? answer.savedRules.map((r) => r.slice(`-A ${c.chain} `.length)).join('\n')
          : undefined;
        return real === c.expected
          ? []
          : [
              {
                line: c.line,
                rule: c.rule,
                chain: `${c.family} ${c.table}/${c.chain}`,
                table: c.expected,
                real,
                message: answer?.message,
              },
            ];
      });
      expect(differences).toEqual([]);
    });
  }
});
