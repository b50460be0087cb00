import type { OptionSpec } from './command.ts';
import type { CommandDescription } from './command-specs.ts';
import { nodesOptionSpec } from './commands/budget-option.ts';
import { jsonOptionSpec, readingOptionSpecs, withOptionSpec } from './commands/reading-options.ts';

/** How `fwsim graph` may print. */
export const graphFormats = ['svg', 'dot', 'mermaid', 'json'] as const;

/** What arrows may be labelled with. */
export const graphWeights = ['counters', 'packets', 'none'] as const;

/** How many boxes a picture may have. */
export const boxesOptionSpec: OptionSpec = {
  flags: '--boxes <count>',
  description: 'boxes of one table at one hook before chains share them',
  default: '16',
};

/** Draws the chains of a ruleset. */
export const graphDescription: CommandDescription = {
  name: 'graph',
  summary: 'draw the chains of a ruleset as packets meet them, and the road of one packet',
  description:
    'SVG unless --format or the ending of the output file (.dot, .gv, .mmd, .json) says otherwise. Where a table has many ' +
    'chains, those of one program and of like names share a box.',
  arguments: [{ name: 'FILE', description: 'what iptables-save printed; stdin if missing or "-"' }],
  options: [
    {
      flags: '-o, --output <file>',
      description: 'where to write; default: stdout. The -o of a packet stands behind "--"',
    },
    {
      flags: '--format <name>',
      description: 'how to print; dot is for Graphviz, mermaid for Markdown',
      choices: graphFormats,
    },
    boxesOptionSpec,
    {
      flags: '--weights <name>',
      description:
        'what arrows are labelled with: what the rules have counted; the share of all packets that may go there; or nothing',
      choices: graphWeights,
      default: 'counters',
    },
    { flags: '--local', description: 'the packet is sent by this machine itself' },
    { flags: '--pick', description: 'take one packet where PACKET means several' },
    {
      flags: '--assume <key=value>',
      description: 'decide what the input does not tell, as for trace (repeatable)',
      repeatable: true,
    },
    withOptionSpec,
    ...readingOptionSpecs,
    nodesOptionSpec,
    jsonOptionSpec,
  ],
  expression: {
    name: 'PACKET',
    description:
      'the packet whose road is lit, in the match options of iptables, as for trace; default: none',
  },
  examples: [
    ['sudo iptables-save -c | fwsim graph -o gw.svg', 'the ruleset as a picture, with its counters'],
    ['fwsim graph gw.rules -o web.svg -- -i eth0 -p tcp --dport 80', 'with the road of a web request'],
    [
      'fwsim graph gw.rules --weights packets -o gw.svg',
      'with the share of all packets that comes to each chain',
    ],
    ['fwsim graph gw.rules --format dot | dot -Tpdf > gw.pdf', 'drawn by Graphviz'],
  ],
};
