import { parseRemoteEnd } from '../../src/analysis/diff-connections.ts';
import { defaultRegistry } from '../../src/index.ts';
import type { Check, CheckExample } from '../../src/lint/check.ts';
import { checks } from '../../src/lint/checks/index.ts';
import { type LintOptions, type LintResult, lintMachine } from '../../src/lint/lint.ts';
import { type MachineReport, reportOf } from '../../src/report/machine-report.ts';

/** Lints one text as the machine `gw.rules`, with every check. */
export function lintText(
  rules: string,
  options: Partial<LintOptions> & { readonly context?: string | undefined } = {},
): LintResult {
  const { context, ...rest } = options;
  const texts = [
    { name: 'gw.rules', text: rules },
    ...(context === undefined ? [] : [{ name: 'gw.context', text: context }]),
  ];
  return lintMachine(texts, { registry: defaultRegistry(), checks, ...rest });
}

/** The same as printers see it. */
export function reportText(rules: string, options: Parameters<typeof lintText>[1] = {}): MachineReport {
  return reportOf(lintText(rules, options));
}

/** Lints an example of a check; preview checks take part. */
export function lintExample(check: Check, example: CheckExample): LintResult {
  const select = check.code.startsWith('FW9') ? [] : [check.code];
  const asRemote = example.asRemote === undefined ? undefined : parseRemoteEnd(example.asRemote);
  return lintText(example.rules, { context: example.context, select, ...(asRemote ? { asRemote } : {}) });
}
