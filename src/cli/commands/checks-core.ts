import { checks, defaultRegistry } from '../../linting.ts';
import { printCheckList, printCheckListJson, printCheckPage } from '../../report/check-page.ts';
import { createExampleOutput } from '../../report/example-output.ts';
import type { ChecksCore } from '../core.ts';

/** What `explain` and `checks` are made of. */
export const checksCore: ChecksCore = {
  explain: (nameOrCode, style) => {
    const wanted = nameOrCode.toLowerCase();
    const check = checks.find(({ code, name }) => code.toLowerCase() === wanted || name === wanted);
    return check && printCheckPage(check, style, createExampleOutput(defaultRegistry(), checks));
  },
  names: () => checks.flatMap((check) => [check.code, check.name]),
  printChecks: (style) => printCheckList(checks, style),
  printChecksJson: () => printCheckListJson(checks),
};
