import { defineCheck } from '../check.ts';

/** What is wrong with suppressions; src/lint/suppress.ts reports it. */
export const suppressionProblem = defineCheck({
  code: 'FW910',
  name: 'suppression-problem',
  title: 'A suppression that hides nothing, or should not any more',
  severity: 'warning',
  confidences: ['proved'],
  groups: ['recommended'],
  state: 'stable',
  since: '0.1.0',
  reports:
    'A suppression that names no check or one that does not exist, gives no reason, is past its date, or hides nothing any more. Such a suppression has no effect, and what it was meant to hide is told.',
  rationale:
    'A suppression is a decision that somebody will ask about later. Without a reason nobody can tell whether it still holds; one that hides nothing today hides tomorrow what nobody has looked at.',
  decision:
    'In the comment of a rule: `fwsim-ignore CODE: reason`. On a comment line of the file: `fwsim-ignore-next CODE: reason` for the line below, `fwsim-ignore-file CODE: reason` for the whole file. Beside it, in `.fwsim/suppressions.yml`, by the fingerprint of the finding. `until=2027-06` at the end sets a date. One that hides nothing is told only where its checks ran, and, for checks that ask about the machine, where addresses, routes, sysctls, sets and listeners were given.',
  exceptions: 'A suppression kept for a ruleset that other machines share, where the finding is real.',
  references: ['fwsim lint --help'],
  examples: {
    bad: [
      {
        title: 'a check that does not exist, and no reason',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -p tcp -m tcp --dport 22 -m comment --comment "fwsim-ignore FW999" -j ACCEPT
COMMIT
`,
      },
      {
        title: 'no reason',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
# fwsim-ignore-next FW210
-A INPUT -i lo -j ACCEPT
COMMIT
`,
      },
      {
        title: 'nothing to hide',
        rules: `*filter
:INPUT DROP [0:0]
# fwsim-ignore-next FW210: both are meant
-A INPUT -i lo -j ACCEPT
COMMIT
`,
      },
    ],
    good: [
      {
        title: 'the reason stands in the rule itself',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -j DROP
-A INPUT -p tcp -m tcp --dport 22 -m comment --comment "fwsim-ignore FW204: moved up by hand for repairs until=2099-12" -j ACCEPT
COMMIT
`,
      },
      {
        title: 'or on a line of its own',
        rules: `*filter
:INPUT DROP [0:0]
-A INPUT -i lo -j ACCEPT
# fwsim-ignore-next duplicate-rule: the generator writes it twice
-A INPUT -i lo -j ACCEPT
COMMIT
`,
      },
      {
        title: 'for the whole file',
        rules: `# fwsim-ignore-file FW205: chains that fail2ban fills
*filter
:INPUT DROP [0:0]
:bans - [0:0]
-A INPUT -i lo -j ACCEPT
COMMIT
`,
      },
    ],
  },
  run: () => [],
});
