import {
  type Check,
  type CheckExample,
  type CheckMetadata,
  checks,
  defaultRegistry,
  lintMachine,
} from '../../index.ts';
import { printCheckList, printCheckListJson, printCheckPage } from '../../report/check-page.ts';
import { printLintPretty } from '../../report/lint-findings.ts';
import { createTheme } from '../../report/theme.ts';
import type { ChecksCore } from '../core.ts';

/** How examples are shown on pages: as a terminal of 80 columns without colour prints them. */
const pageStyle = { columns: 78, theme: createTheme(false) };

/** What `fwsim lint` says about an example, this check alone. */
export function exampleOutput(check: CheckMetadata, example: CheckExample): string | undefined {
  const texts = [
    { name: 'gw.rules', text: example.rules },
    ...(example.context === undefined ? [] : [{ name: 'gw.context', text: example.context }]),
  ];
  const select = [check.code];
  const result = lintMachine(texts, { registry: defaultRegistry(), checks, select });
  const findings = result.findings.filter((finding) => finding.code === check.code);
  if (findings.length === 0) return undefined;
  const printed = printLintPretty([{ ...result, findings }], pageStyle, { all: false, verbose: false });
  // The counts below the findings are of no interest here.
  const blocks = printed.split('\n\n');
  return blocks.length > 1 ? `${blocks.slice(0, -1).join('\n\n')}\n` : printed;
}

function findCheck(nameOrCode: string): Check | undefined {
  const wanted = nameOrCode.toLowerCase();
  return checks.find((check) => check.code.toLowerCase() === wanted || check.name === wanted);
}

/** What `explain` and `checks` are made of. */
export const checksCore: ChecksCore = {
  explain: (nameOrCode, style) => {
    const check = findCheck(nameOrCode);
    return check && printCheckPage(check, style, exampleOutput);
  },
  names: () => checks.flatMap((check) => [check.code, check.name]),
  printChecks: (style) => printCheckList(checks, style),
  printChecksJson: () => printCheckListJson(checks),
};
