import type { ArgumentSpec, OptionSpec } from './command.ts';
import type { CommandDescription } from './command-specs.ts';
import { readingOptionSpecs, withOptionSpec } from './commands/reading-options.ts';

const rulesFile: ArgumentSpec = {
  name: 'FILE',
  description: 'what iptables-save printed; stdin if missing or "-"',
};
const nodes: OptionSpec = {
  flags: '--nodes <count>',
  description: 'give up when sets need more nodes than this; a million take about 32 MB',
};
const json: OptionSpec = { flags: '--json', description: 'print JSON' };
const verbose: OptionSpec = { flags: '--verbose', description: 'also what was inferred, and from what' };

/** Fates by the words of `--fate`. */
export const fateWords = [
  'accept',
  'local',
  'forward',
  'sent',
  'drop',
  'reject',
  'queue',
  'stolen',
  'route-drop',
] as const;

/** Hooks of `--hook`. */
export const hookWords = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'] as const;

/** Shows what can be reached from where; also without its name. */
export const exposureDescription: CommandDescription = {
  name: 'exposure',
  isDefault: true,
  summary: 'show what can be reached from where: "fwsim FILE" for short',
  arguments: [rulesFile],
  options: [
    withOptionSpec,
    ...readingOptionSpecs,
    nodes,
    { flags: '--all', description: 'every row, also of long lists' },
    { flags: '--no-lint', description: 'do not count the findings of lint' },
    json,
    verbose,
  ],
  examples: [
    ['fwsim gw.rules', 'what is open, from where, by which rules'],
    [
      "ssh gw 'iptables-save; ip -j addr; ip -j route show table all; ss -tulnp' | fwsim",
      'with programs and routes',
    ],
  ],
};

/** Asks which packets of a set end how. */
export const queryDescription: CommandDescription = {
  name: 'query',
  summary: 'say which packets of a set end how, by which rules, each with one that shows it',
  arguments: [rulesFile],
  options: [
    {
      flags: '--fate <fate>',
      description: 'only packets that end so; accept is local, forward or sent',
      choices: fateWords,
    },
    {
      flags: '--hook <hook>',
      description: 'PACKETS are as they are in this hook (after DNAT), not as they came in',
      choices: hookWords,
    },
    { flags: '--end', description: 'PACKETS are as they are at the end of their way' },
    { flags: '--local', description: 'only packets that this machine sends' },
    { flags: '--new', description: 'only packets that may open a connection' },
    {
      flags: '--who-reaches <service>',
      description: 'short for --new --fate accept --end -- -d ADDRESS -p tcp --dport PORT; ADDRESS:PORT/udp',
    },
    { flags: '--reached-from <address>', description: 'short for --new --fate accept -- -s ADDRESS' },
    withOptionSpec,
    ...readingOptionSpecs,
    nodes,
    { flags: '--all', description: 'also packets of odd addresses, and every row' },
    json,
    verbose,
  ],
  expression: {
    name: 'PACKETS',
    description: 'the packets in the match options of iptables; what is not said is any',
  },
  examples: [
    ['fwsim query gw.rules --who-reaches 203.0.113.1:22', 'from where the service can be reached'],
    [
      'fwsim query gw.rules --fate drop -- -i eth1 -p udp --dport 53',
      'which name lookups are dropped, and why',
    ],
    ['sudo iptables-save | fwsim query --new -- -i eth0', 'what becomes of every new connection from eth0'],
  ],
};
