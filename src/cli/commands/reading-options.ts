import { choice, type Invocation, type OptionSpec } from '../command.ts';
import type { ReadingOptions } from '../core.ts';

/** Options of every command that reads rulesets. */
export const readingOptionSpecs: readonly OptionSpec[] = [
  {
    flags: '--family <4|6>',
    description: 'IPv4 or IPv6, where the ruleset does not tell',
    choices: ['4', '6'],
  },
  {
    flags: '--backend <name>',
    description: 'the iptables that loads the rules; default: the one in the header, else nft',
    choices: ['nft', 'legacy'],
  },
];

/** Which configuration is read. */
export const configOptionSpecs: readonly OptionSpec[] = [
  { flags: '--config <file>', description: 'the configuration; default: fwsim.yml beside FILE, or upward' },
  { flags: '--no-config', description: 'read no configuration and no file of suppressions' },
];

/** JSON, in every command that can print it; beside `--format` the same as `--format json`. */
export const jsonOptionSpec: OptionSpec = { flags: '--json', description: 'print JSON' };

/** Further text about the same machine. */
export const withOptionSpec: OptionSpec = {
  flags: '--with <file>',
  description: 'more about the machine: output of ip addr, ip route, ipset save, sysctl … (repeatable)',
  repeatable: true,
};

/** What is to be taken for known of the machine, for questions about all packets. */
export const assumeOptionSpec: OptionSpec = {
  flags: '--assume <key=value>',
  description:
    'take for known what the input does not tell: local=ADDR, remote=ADDR, set:NAME=ADDR,…, conntrack=on|off (repeatable)',
  repeatable: true,
};

/** What the options say about how to read; nothing said is nothing set. */
export function readingOptions(invocation: Invocation): ReadingOptions {
  const family = choice(invocation, 'family', ['4', '6']);
  const backend = choice(invocation, 'backend', ['nft', 'legacy']);
  return {
    ...(family !== undefined && { family: family === '4' ? 'ipv4' : 'ipv6' }),
    ...(backend !== undefined && { backend }),
  };
}
