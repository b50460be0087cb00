import type { CommandDescription } from './command-specs.ts';
import { nodesOptionSpec } from './commands/budget-option.ts';
import { configOptionSpecs, readingOptionSpecs, withOptionSpec } from './commands/reading-options.ts';
import { boxesOptionSpec } from './graph-command-spec.ts';

/** Writes all that is known of a machine's rules on one page. */
export const reportDescription: CommandDescription = {
  name: 'report',
  summary:
    'write one page for the browser: findings, what is open, all chains, and a simulator that works there',
  description:
    'The page is one HTML file that needs no network: it holds the rules, all other input and the simulator itself, so ' +
    'give it only to those who may read the rules. The address of a packet that was walked can be sent to others who ' +
    'have the page.',
  arguments: [{ name: 'FILE', description: 'what iptables-save printed; stdin if missing or "-"' }],
  options: [
    { flags: '-o, --output <file>', description: 'where to write; default: stdout' },
    boxesOptionSpec,
    ...configOptionSpecs,
    withOptionSpec,
    ...readingOptionSpecs,
    nodesOptionSpec,
  ],
  examples: [
    [
      'sudo iptables-save -c | fwsim report -o gw.html',
      'the rules of this machine, with what they have counted',
    ],
    [
      'fwsim report gw.rules --with gw.context -o gw.html',
      'with addresses, routes and sockets of the machine',
    ],
  ],
};
