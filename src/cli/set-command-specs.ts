import type { ArgumentSpec, OptionSpec } from './command.ts';
import type { CommandDescription } from './command-specs.ts';
import { nodesOptionSpec } from './commands/budget-option.ts';
import {
  assumeOptionSpec,
  jsonOptionSpec,
  readingOptionSpecs,
  withOptionSpec,
} from './commands/reading-options.ts';

const rulesFile: ArgumentSpec = {
  name: 'FILE',
  description: 'what iptables-save printed; stdin if missing or "-"',
};
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
    assumeOptionSpec,
    ...readingOptionSpecs,
    nodesOptionSpec,
    { flags: '--all', description: 'every row, also of long lists' },
    { flags: '--no-lint', description: 'do not count the findings of lint' },
    jsonOptionSpec,
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
    assumeOptionSpec,
    ...readingOptionSpecs,
    nodesOptionSpec,
    { flags: '--all', description: 'also packets of odd addresses, and every row' },
    jsonOptionSpec,
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

const ranges: OptionSpec = {
  flags: '--ranges <file>',
  description:
    'lines of INTERFACE NETWORK…: which addresses are behind which interface; default: what ip addr says',
};

/** How `fwsim matrix` may print. */
export const matrixFormats = ['pretty', 'json', 'dot'] as const;

/** Shows who may open a connection to whom. */
export const matrixDescription: CommandDescription = {
  name: 'matrix',
  summary: 'show who may open a connection to whom: addresses in classes that the rules treat alike',
  arguments: [rulesFile],
  options: [
    {
      flags: '--port <port>',
      description: 'the destination port (a number or a name), or the type of ICMP; default: any',
    },
    { flags: '--protocol <name>', description: 'tcp, udp, icmp …', default: 'tcp' },
    ranges,
    {
      flags: '--format <name>',
      description: 'how to print; dot is for Graphviz',
      choices: matrixFormats,
      default: 'pretty',
    },
    withOptionSpec,
    assumeOptionSpec,
    ...readingOptionSpecs,
    nodesOptionSpec,
    { flags: '--all', description: 'every class' },
    jsonOptionSpec,
    verbose,
  ],
  examples: [
    ['fwsim matrix gw.rules --with gw.addr --port 22', 'who may reach which addresses by SSH'],
    ['fwsim matrix gw.rules --port 443 --format dot | dot -Tsvg > matrix.svg', 'the same as a picture'],
  ],
};

/** Proves that false sources are not let in, or shows one. */
export const spoofDescription: CommandDescription = {
  name: 'spoof',
  summary: 'prove that no packet with a false source is let in, or show one',
  description:
    'Exit code 0: proved for every interface; 1: a packet was found; 3: it is not known what belongs behind which interface.',
  arguments: [rulesFile],
  options: [
    ranges,
    withOptionSpec,
    assumeOptionSpec,
    ...readingOptionSpecs,
    nodesOptionSpec,
    jsonOptionSpec,
    verbose,
  ],
  examples: [['fwsim spoof gw.rules --with gw.addr', 'with the output of "ip -j addr" of the machine']],
};
