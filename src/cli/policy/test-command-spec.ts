import type { CommandDescription } from '../command-specs.ts';
import { jsonOptionSpec, readingOptionSpecs, withOptionSpec } from '../commands/reading-options.ts';

/** How `fwsim test` may print. */
export const policyFormats = ['pretty', 'tap', 'junit', 'json', 'github'] as const;

/** Proves that a ruleset satisfies a policy. */
export const testDescription: CommandDescription = {
  name: 'test',
  summary: 'prove that a ruleset satisfies a policy, or show a packet that refutes it',
  description:
    'Exit code 0: every test is proved; 1: one is refuted, or depends on something unknown; 3: one could not be decided.',
  arguments: [
    { name: 'POLICY', description: 'policy files, or patterns such as "**/*.policy.yml"', variadic: true },
  ],
  options: [
    {
      flags: '--rules <file>',
      description: 'the ruleset, in place of those that the policies name; "-" is stdin (repeatable)',
      repeatable: true,
    },
    withOptionSpec,
    {
      flags: '--assume <key=value>',
      description: 'take for granted what nobody told: forwarding=on, local=ADDR … (repeatable)',
      repeatable: true,
    },
    ...readingOptionSpecs,
    { flags: '--format <name>', description: 'how to print', choices: policyFormats, default: 'pretty' },
    jsonOptionSpec,
    { flags: '--coverage', description: 'also the rules that no test speaks about' },
    { flags: '--watch', description: 'try again whenever one of the files is changed' },
    { flags: '--init <rules>', description: 'print a first policy: what this ruleset does today, as tests' },
    { flags: '--all', description: 'every rule of a long coverage' },
    { flags: '--quiet', description: 'only tests that did not pass' },
    {
      flags: '--nodes <count>',
      description: 'give up when sets need more nodes than this; a million take about 32 MB',
    },
  ],
  examples: [
    ['fwsim test gw.policy.yml', 'on the rules that the policy names'],
    ['sudo iptables-save | fwsim test gw.policy.yml --rules -', 'on the rules in force'],
    ['fwsim test --init gw.rules > gw.policy.yml', 'begin with what the rules do today'],
    ['fwsim test "**/*.policy.yml" --format junit', 'in a CI job'],
  ],
};
