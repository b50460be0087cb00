import type { OptionSpec } from '../command.ts';

/** Options of `fwsim lint` that are about mending. */
export const fixOptionSpecs: readonly OptionSpec[] = [
  { flags: '--show-fix', description: 'also how to mend each finding: the change, and the commands' },
  {
    flags: '--fix',
    description: 'print a patch instead: changes that are proved to treat every packet alike',
  },
  {
    flags: '--unsafe-fixes',
    description: 'as --fix, also changes that mend behaviour; what they open and close is told first',
  },
  { flags: '--in-place', description: 'with --fix or --unsafe-fixes: change FILE as well' },
];
