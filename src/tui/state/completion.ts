/** Words that fit at the cursor of a line: known of the machine, of the rules, or of the language itself. */

import { ownOptions } from '../../expression/own-options.ts';
import type { Family } from '../../net/address.ts';
import { allChains } from './browsing.ts';
import type { LineEditor } from './line-editor.ts';
import { type PacketField, packetFields } from './packet-fields.ts';
import { presets } from './presets.ts';
import type { Completion, PromptKind, State } from './state.ts';
import type { World } from './world.ts';

const states = ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'UNTRACKED'];
const protocols = ['tcp', 'udp', 'icmp', 'icmpv6', 'sctp', 'gre', 'esp', 'ah', 'igmp', 'udplite', 'dccp'];
const flags = ['SYN', 'SYN,ACK', 'ACK', 'FIN,ACK', 'RST', 'PSH,ACK', 'NONE'];
const icmpTypes: Readonly<Record<Family, readonly string[]>> = {
  ipv4: [
    'echo-request',
    'echo-reply',
    'destination-unreachable',
    'port-unreachable',
    'fragmentation-needed',
    'time-exceeded',
    'redirect',
  ],
  ipv6: [
    'echo-request',
    'echo-reply',
    'destination-unreachable',
    'packet-too-big',
    'time-exceeded',
    'neighbour-solicitation',
    'router-advertisement',
  ],
};

/** Options that both packets and rules have. */
const matchOptions = [
  '-i',
  '-o',
  '-p',
  '-s',
  '-d',
  '--sport',
  '--dport',
  '--tcp-flags',
  '--syn',
  '--icmp-type',
  '-m',
];

const verdicts = ['ACCEPT', 'DROP', 'REJECT', 'RETURN'];

function candidatesAfter(
  world: World,
  state: State,
  kind: PromptKind,
  words: readonly string[],
): readonly string[] {
  const { family, table } = state.cursor.name;
  const known = world.words(family);
  const last = words.at(-1) ?? '';
  switch (last) {
    case '-i':
    case '-o':
    case '--in-interface':
    case '--out-interface':
      return known.interfaces;
    case '-s':
    case '-d':
    case '--source':
    case '--destination':
      return [...known.own, known.insider, ...known.named];
    case '-p':
    case '--protocol':
      return protocols;
    case '--ctstate':
    case '--state':
      return states;
    case '--tcp-flags':
      return flags;
    case '--icmp-type':
    case '--icmpv6-type':
      return icmpTypes[family];
    case '-m':
      return world.opened.registry.matches.filter((m) => m.families.includes(family)).map((m) => m.name);
    case '-j':
    case '-g': {
      const chains = allChains(world).filter((c) => c.family === family && c.table === table);
      const targets = world.opened.registry.targets.filter((t) => t.families.includes(family));
      return [...new Set([...verdicts, ...chains.map((c) => c.chain), ...targets.map((t) => t.name)])];
    }
    case '--assume':
      return [...known.own.map((a) => `local=${a}`), 'limit=under', 'limit=over', 'random=yes', 'random=no'];
  }
  const match = words.at(-2) === '-m' ? words.at(-1) : undefined;
  const ofMatch = match === undefined ? undefined : world.opened.registry.match(match, family);
  const own = ofMatch ? Object.keys(ofMatch.options).map((o) => `--${o}`) : [];
  if (kind === 'packet') return [...own, ...matchOptions, '--local', '--assume', ...ownOptions];
  return [...own, '-j', ...matchOptions];
}

function commandCandidates(
  world: World,
  state: State,
  words: readonly string[],
  commands: readonly string[],
): readonly string[] {
  const [command] = words;
  if (command === undefined) return commands;
  switch (command) {
    case 'chain': {
      const chains = allChains(world).filter((c) => c.family === state.cursor.name.family);
      if (words.length === 1) return [...new Set(chains.flatMap((c) => [c.chain, c.table]))];
      return words.length === 2 ? chains.filter((c) => c.table === words[1]).map((c) => c.chain) : [];
    }
    case 'preset':
      return presets(world, state.cursor.name.family).map((p) => p.name);
    case 'policy':
      return ['ACCEPT', 'DROP'];
    case 'packet':
      return candidatesAfter(world, state, 'packet', words);
    case 'assume':
      return candidatesAfter(world, state, 'packet', ['--assume']);
    default:
      return [];
  }
}

function fieldCandidates(world: World, state: State, field: PacketField | undefined): readonly string[] {
  const { family } = state.cursor.name;
  const known = world.words(family);
  switch (field?.words) {
    case 'interfaces':
      return known.interfaces;
    case 'addresses':
      return [...known.own, known.insider, ...known.named];
    case 'protocols':
      return protocols;
    case 'states':
      return states;
    case 'flags':
      return flags;
    case 'icmp':
      return icmpTypes[family];
    case 'way':
      return ['yes'];
    case undefined:
      return [];
  }
}

/** The words that begin as the one at the cursor does. `commands` are the names for the command line. */
export function completions(
  world: World,
  state: State,
  kind: PromptKind,
  line: LineEditor,
  commands: readonly string[],
): Completion {
  const head = line.text.slice(0, line.cursor);
  const typed = kind === 'field' ? head : (head.split(/\s/).at(-1) ?? '');
  const start = head.length - typed.length;
  const words = head
    .slice(0, start)
    .split(/\s+/)
    .filter((w) => w !== '');
  const all =
    kind === 'field'
      ? fieldCandidates(world, state, packetFields[state.rows.packet])
      : kind === 'command'
        ? commandCandidates(world, state, words, commands)
        : kind === 'packet' || kind === 'edit-rule' || kind === 'insert-rule'
          ? candidatesAfter(world, state, kind, words)
          : [];
  const lower = typed.toLowerCase();
  const candidates = [...new Set(all)].filter((w) => w.toLowerCase().startsWith(lower));
  return { start, candidates, at: -1 };
}
