import { collectedNames } from './collect-script.ts';
import type { ArgumentSpec, CommandSpec, OptionSpec } from './command.ts';
import { nodesOptionSpec } from './commands/budget-option.ts';
import {
  configOptionSpecs,
  jsonOptionSpec,
  readingOptionSpecs,
  withOptionSpec,
} from './commands/reading-options.ts';
import { fixOptionSpecs } from './lint/fix-option-specs.ts';

/** A row of the table before its code is attached. */
export type CommandDescription = Omit<CommandSpec, 'load'>;

const oneFile: ArgumentSpec = {
  name: 'FILE',
  description: 'what iptables-save printed; stdin if missing or "-"',
};

const everyFinding: OptionSpec = { flags: '--all', description: 'also repeats of the same finding' };
const everyRule: OptionSpec = {
  flags: '--all',
  description: 'also the rules that did not match, with the condition that refused',
};
const verbose: OptionSpec = { flags: '--verbose', description: 'also what was inferred, and from what' };

/** Where what an administrator says of the machine and of the linter comes from. */
/** Finds the rules that do not do what they seem to. */
export const lintDescription: CommandDescription = {
  name: 'lint',
  summary: 'find the rules that do not do what they seem to',
  description: 'Each FILE is one machine. Without FILE, or for "-", stdin is read.',
  arguments: [{ ...oneFile, variadic: true }],
  options: [
    {
      flags: '--format <name[=file]>',
      description:
        'how to print, and where: pretty, concise, json, jsonl, sarif, github, gitlab, checkstyle, junit, markdown (repeatable; default: pretty)',
      repeatable: true,
    },
    jsonOptionSpec,
    { flags: '--output-file <file>', description: 'where the format goes that names no file of its own' },
    {
      flags: '--preset <names>',
      description: 'which checks run: recommended, strict, cis, perf, all (repeatable; default: recommended)',
      repeatable: true,
    },
    {
      flags: '--select <checks>',
      description: 'only these checks: codes, names, beginnings of codes',
      repeatable: true,
    },
    { flags: '--ignore <checks>', description: 'not these checks', repeatable: true },
    { flags: '--preview', description: 'also checks on probation' },
    {
      flags: '--profile <kind>',
      description: 'what kind of machine it is, in place of what is seen',
      choices: ['host', 'router', 'container-host'],
    },
    {
      flags: '--min-confidence <level>',
      description: 'leave out what is less sure',
      choices: ['inferred', 'context', 'proved'],
    },
    {
      flags: '--fail-on <severity>',
      description: 'exit with 1 from this severity on (default: warning)',
      choices: ['error', 'warning', 'info', 'never'],
    },
    { flags: '--exit-zero', description: 'exit with 0 whatever was found' },
    ...configOptionSpecs,
    { flags: '--baseline <file>', description: 'tell only what is not in this baseline' },
    { flags: '--write-baseline <file>', description: 'write a baseline of what is found, and tell nothing' },
    { flags: '--prune-baseline', description: 'take out of the baseline what is gone' },
    {
      flags: '--as-remote <address>',
      description: 'would my own connection from ADDRESS[:PORT] live with these rules?',
    },
    { flags: '--explain-silence <check>', description: 'say why this check told nothing, and nothing else' },
    ...fixOptionSpecs,
    { flags: '--jobs <count>', description: 'how many machines are looked at at a time (default: 1)' },
    nodesOptionSpec,
    withOptionSpec,
    ...readingOptionSpecs,
    everyFinding,
    verbose,
  ],
  examples: [
    ['sudo iptables-save | fwsim lint', 'the rules of this machine'],
    ['fwsim lint gw.rules --with gw.addr', 'a saved ruleset, with the output of "ip addr" of that machine'],
    ['fwsim lint *.rules --select FW1 --fail-on error', 'several machines, only checks FW100 to FW199'],
    ['fwsim lint rules.v4 --format sarif=out.sarif --format pretty', 'for code scanning, and to be read'],
    ['fwsim lint rules.v4 --fix | patch rules.v4', 'take out what does nothing'],
    ['fwsim lint rules.v4 --write-baseline old.json', 'begin with a ruleset that has findings already'],
  ],
};

/** Shows the path of one packet. */
export const traceDescription: CommandDescription = {
  name: 'trace',
  summary: 'show the path of one packet, hook by hook and rule by rule',
  arguments: [oneFile],
  options: [
    { flags: '--local', description: 'the packet is sent by this machine itself' },
    { flags: '--pick', description: 'take one packet where PACKET means several' },
    { flags: '--flow', description: 'play the whole connection: handshake, data both ways, close' },
    {
      flags: '--kernel',
      description:
        'also send it through the running kernel, in a network namespace of its own, and compare (root)',
    },
    { flags: '--no-reply', description: 'leave out whether the answer would come back' },
    everyRule,
    {
      flags: '--assume <key=value>',
      description: 'decide what the input does not tell, for example limit=over (repeatable)',
      repeatable: true,
    },
    {
      flags: '--log <line>',
      description: 'instead of PACKET: a line that a LOG rule wrote, or "-" for a whole log from stdin',
    },
    withOptionSpec,
    ...readingOptionSpecs,
    jsonOptionSpec,
    verbose,
  ],
  expression: {
    name: 'PACKET',
    description:
      'the packet in the match options of iptables; what is not said takes an ordinary value. ' +
      'Besides: --seq N, --ack N, --window N, --id N, --icmp-id N, --df, --bad-checksum, ' +
      "--payload HEX|text:…, --quote 'PACKET' (what an ICMP error is about)",
  },
  examples: [
    ['fwsim trace gw.rules -- -i eth0 -p tcp -s 198.51.100.7 -d 203.0.113.1 --dport 80', 'a web request'],
    ['journalctl -k | fwsim trace gw.rules --log -', 'what was logged: by which rules, and why'],
    [
      'sudo iptables-save | fwsim trace --local -- -p udp -d 192.0.2.53 --dport 53',
      'a question of this machine',
    ],
  ],
};

/** Sends a recorded capture through the rules. */
export const replayDescription: CommandDescription = {
  name: 'replay',
  summary: 'send the packets of a capture through the rules, in order and with their connections',
  description:
    'CAPTURE is a pcap or pcapng file (tcpdump -w, dumpcap), or "-" for stdin. Only packets that arrive at the machine ' +
    'or that it sends itself are walked; what it forwards is walked once, when it arrives.',
  arguments: [
    { name: 'CAPTURE', description: 'a pcap or pcapng file, or "-"', required: true },
    { ...oneFile, name: 'RULES' },
  ],
  options: [
    { flags: '--diff <file>', description: 'compare with another ruleset: which packets fare differently' },
    { flags: '--limit <count>', description: 'dropped and undecided packets to show, each', default: '10' },
    {
      flags: '--iface <name>',
      description: 'the interface that was recorded; of several, look at this one only',
    },
    {
      flags: '--mac <address>',
      description: 'an Ethernet address of the machine (repeatable)',
      repeatable: true,
    },
    {
      flags: '--direction <way>',
      description: 'whether all frames arrive or leave, where the capture does not tell',
      choices: ['in', 'out', 'auto'],
      default: 'auto',
    },
    { flags: '--ignore-checksums', description: 'take every checksum for right' },
    {
      flags: '--assume <key=value>',
      description: 'decide what the input does not tell, for example limit=over (repeatable)',
      repeatable: true,
    },
    withOptionSpec,
    ...readingOptionSpecs,
    jsonOptionSpec,
  ],
  examples: [
    ['fwsim replay any.pcap gw.rules --with gw.addr', 'what tcpdump -i any -w any.pcap has recorded'],
    ['fwsim replay eth0.pcap gw.rules --iface eth0 --diff new.rules', 'what new rules would change for it'],
    ['zcat old.pcap.gz | fwsim replay - gw.rules', 'a compressed capture'],
  ],
};

/** Shows the road of a packet as a picture. */
export const tuiDescription: CommandDescription = {
  name: 'tui',
  summary: 'walk packets and try changes of the rules on the screen',
  description:
    'Shows the road of a packet, step by step, and what a change of the packet or of a rule does to it. Changes are made ' +
    'in memory and written to a new file on demand, never to the firewall. "?" lists the keys.',
  arguments: [oneFile],
  options: [
    { flags: '--local', description: 'the first packet is sent by this machine itself' },
    {
      flags: '--assume <key=value>',
      description: 'decide what the input does not tell, for example limit=over (repeatable)',
      repeatable: true,
    },
    ...configOptionSpecs,
    withOptionSpec,
    ...readingOptionSpecs,
  ],
  expression: {
    name: 'PACKET',
    description: 'the first packet, in the match options of iptables; without one, an ordinary packet',
  },
  examples: [
    ['sudo iptables-save | fwsim tui', 'the rules of this machine'],
    ['fwsim tui gw.rules -- -i eth0 -p tcp --dport 443', 'a saved ruleset, beginning with a web request'],
  ],
};

/** Prints a ruleset in the spelling of iptables-save. */
export const fmtDescription: CommandDescription = {
  name: 'fmt',
  summary: 'print a ruleset as iptables-save would after loading it',
  description: 'Insertions, deletions and flushes are carried out. Comments and dates are left out.',
  arguments: [oneFile],
  options: [
    { flags: '--keep-comments', description: 'keep the comment lines' },
    {
      flags: '--check',
      description: 'print nothing but the name of a FILE that would change; exit with 1 then',
    },
    { flags: '--write', description: 'write the result back into FILE' },
    ...readingOptionSpecs,
  ],
  examples: [
    ['fwsim fmt rules.v4', 'the ruleset in the form to compare others with'],
    ['fwsim fmt --check rules.v4', 'for a commit hook'],
  ],
};

/** Explains one check. */
export const explainDescription: CommandDescription = {
  name: 'explain',
  summary: 'explain a check: what it reports, why it matters, when to ignore it',
  arguments: [{ name: 'CHECK', description: 'a code or a name, such as FW101', required: true }],
  options: [],
  examples: [['fwsim explain FW101', 'the page of one check']],
};

/** Lists the checks. */
export const checksDescription: CommandDescription = {
  name: 'checks',
  summary: 'list the checks',
  arguments: [],
  options: [jsonOptionSpec],
  examples: [],
};

/** Gathers what the other commands want to know of this machine. */
export const collectDescription: CommandDescription = {
  name: 'collect',
  summary: 'print the rules of this machine and what surrounds them, for all other commands to read',
  description:
    'Runs iptables-save, ip, ipset, ss, conntrack and the like, one after the other; it only reads. --script prints what would ' +
    'run, to be reviewed, or to be run on a machine without Node.js.',
  arguments: [],
  options: [
    { flags: '--script', description: 'print the POSIX sh script instead of running it' },
    {
      flags: '--without <parts>',
      description: `what to leave out: ${collectedNames.join(', ')} (repeatable)`,
      repeatable: true,
    },
  ],
  examples: [
    ['sudo fwsim collect > gw.dump', 'everything about this machine'],
    [
      "fwsim collect --script | ssh gw 'sudo sh' | fwsim lint",
      'lint another machine, where nothing is installed',
    ],
    ['fwsim collect --script --without connections,sockets > collect.sh', 'a script to review'],
  ],
};
