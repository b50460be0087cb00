import type { CommandDescription } from './command-specs.ts';
import { nodesOptionSpec } from './commands/budget-option.ts';
import {
  assumeOptionSpec,
  jsonOptionSpec,
  readingOptionSpecs,
  withOptionSpec,
} from './commands/reading-options.ts';

/** Formats of `--format`. */
export const diffFormats = ['pretty', 'json', 'markdown'] as const;

/** Compares two rulesets by what becomes of packets. */
export const diffDescription: CommandDescription = {
  name: 'diff',
  summary: 'compare two rulesets: which packets fare differently, or a proof that none do',
  description:
    'Texts may differ and packets fare alike: that is equal. Both files are taken for rules of one machine, unless ' +
    'what they or --with-old and --with-new say of it differs. "-" is stdin.',
  arguments: [
    { name: 'OLD', description: 'what iptables-save printed', required: true },
    { name: 'NEW', description: 'the rules that are to take its place', required: true },
  ],
  options: [
    { flags: '--format <name>', description: 'how to print', choices: diffFormats, default: 'pretty' },
    jsonOptionSpec,
    { flags: '--logging', description: 'log lines count as well' },
    {
      flags: '--as-remote <address>',
      description:
        'would my own connection from ADDRESS[:PORT] live on? (conntrack -L in --with lists the others)',
    },
    withOptionSpec,
    {
      flags: '--with-old <file>',
      description: 'more about the machine of OLD, where it is another than that of NEW (repeatable)',
      repeatable: true,
    },
    {
      flags: '--with-new <file>',
      description: 'more about the machine of NEW (repeatable)',
      repeatable: true,
    },
    assumeOptionSpec,
    ...readingOptionSpecs,
    nodesOptionSpec,
    { flags: '--all', description: 'also the differences and rules beyond the first' },
  ],
  expression: {
    name: 'PACKETS',
    description: 'compare these packets only, in the match options of iptables; what is not said is any',
  },
  examples: [
    ['fwsim diff gw.rules gw.new', 'what a change opens and closes'],
    ['git show HEAD:gw.rules | fwsim diff - gw.rules --format markdown', 'for a comment in a review'],
    ['fwsim diff gw.rules gw.new -- -i eth0 -p tcp --dport 22', 'only SSH from outside'],
    [
      'fwsim diff office.rules home.rules --with-old office.addr --with-new home.addr',
      'the same rules on two machines',
    ],
  ],
};
