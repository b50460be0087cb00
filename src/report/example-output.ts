/** What the linter says about an example of a check, as pages show it. */

import type { Registry } from '../extensions/registry.ts';
import type { Check } from '../lint/check.ts';
import { lintMachine } from '../lint/lint.ts';
import type { ExampleOutput } from './check-page.ts';
import { printLintPretty } from './lint-findings.ts';
import { reportOf } from './machine-report.ts';
import { createTheme } from './theme.ts';

/** As a terminal without colour prints it; two columns are kept for the indent of a page. */
const pageStyle = { columns: 78, theme: createTheme(false) };

/** The output for examples, the findings of the check at hand alone. */
export function createExampleOutput(registry: Registry, checks: readonly Check[]): ExampleOutput {
  return (check, example) => {
    const texts = [
      { name: 'gw.rules', text: example.rules },
      ...(example.context === undefined ? [] : [{ name: 'gw.context', text: example.context }]),
    ];
    // Remarks on the answer need the other checks.
    const select = check.code.startsWith('FW9') ? [] : [check.code];
    const result = lintMachine(texts, { registry, checks, select });
    const findings = result.findings.filter((finding) => finding.code === check.code);
    if (findings.length === 0) return undefined;
    const printed = printLintPretty([{ ...reportOf(result), findings }], pageStyle, {
      all: false,
      verbose: false,
    });
    // The counts below the findings are of no interest here.
    const blocks = printed.split('\n\n');
    return blocks.length > 1 ? `${blocks.slice(0, -1).join('\n\n')}\n` : printed;
  };
}
