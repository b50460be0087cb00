/** What is fuzzed: each target makes one input out of a case's chance, and runs one part of fwsim on it. */

import { readCapture } from '../../src/capture/capture-file.ts';
import { dissectFrame } from '../../src/capture/dissect.ts';
import { CommandFailure } from '../../src/cli/command-failure.ts';
import { decodeText } from '../../src/cli/decode.ts';
import { readConfig, readSuppressions } from '../../src/cli/lint/read-config.ts';
import { readPolicy } from '../../src/cli/policy/read-policy.ts';
import { runCommandLine } from '../../src/cli/run-command-line.ts';
import { createSources } from '../../src/diagnostics/sources.ts';
import { packetFromExpression } from '../../src/expression/packet-expression.ts';
import { formatText } from '../../src/formatting.ts';
import { parse } from '../../src/grammar/parse.ts';
import { readMachine } from '../../src/link/read-machine.ts';
import { defaultRegistry } from '../../src/registry.ts';
import { printDiagnostics } from '../../src/report/diagnostics.ts';
import { createTheme } from '../../src/report/theme.ts';
import { readLog } from '../../src/trace/log-line.ts';
import { fakeIo } from '../support/fake-io.ts';
import { type Chance, hostileTexts, mutateBytes, mutateText } from './draw.ts';
import { dictionary, drawMatchWords, drawRuleset } from './draw-rules.ts';
import type { Seeds } from './seeds.ts';

/** What a command line is given. */
export interface CommandCase {
  readonly args: readonly string[];
  readonly files: Readonly<Record<string, Uint8Array>>;
  readonly stdin: Uint8Array | undefined;
}

/** A part of fwsim that reads what strangers write. */
export interface Target {
  readonly name: string;
  /** How often it is tried, relative to the others: what is dear is tried less often, and seen by the others, too. */
  readonly weight: number;
  readonly draw: (chance: Chance, seeds: Seeds) => Uint8Array;
  /** Throws what is wrong: any exception that is no message for the user, or a control character in one. */
  readonly run: (input: Uint8Array) => void | Promise<void>;
}

const registry = defaultRegistry();
const style = { theme: createTheme(false), columns: 80 };
const { machine } = readMachine([{ name: 'none', text: '*filter\nCOMMIT\n' }], { registry });
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textsOf = (bytes: Uint8Array): string => new TextDecoder('utf-8').decode(bytes);

/** What a terminal obeys, or what hides from its reader; line ends and tabs of our own layout are none. */
const obeyed = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u;

/** Throws where a text for the terminal holds what a terminal obeys. */
export function checkVisible(text: string, where: string): void {
  const at = obeyed.exec(text.replace(/[\n\t]/g, ' '));
  if (at !== null) {
    const around = JSON.stringify(text.slice(Math.max(0, at.index - 30), at.index + 30));
    throw new Error(`control character ${JSON.stringify(at[0])} in ${where}: ${around}`);
  }
}

/** Throws where something is wrong with the exit code of a command, or with what it printed. */
export function checkSaid(args: readonly string[], code: number | null, out: string, err: string): void {
  if (![0, 1, 2, 3].includes(code ?? -1)) throw new Error(`exit code ${code}: ${err.slice(0, 400)}`);
  checkVisible(err, 'stderr');
  if (/^\(node:\d+\) /m.test(err)) throw new Error(`a warning of the runtime: ${err.slice(0, 400)}`);
  // What fmt prints is loaded again and must be the input's own bytes; a patch keeps the line ends that it is for.
  if (args[0] !== 'fmt') checkVisible(args.includes('--fix') ? out.replaceAll('\r\n', '\n') : out, 'stdout');
}

/** Runs what may end in a message for the user. */
function allowFailure(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
  }
}

function anyRuleset(chance: Chance, seeds: Seeds): Uint8Array {
  switch (chance.below(4)) {
    case 0:
      return mutateBytes(
        chance,
        bytesOf(chance.pick(seeds.rulesets)),
        seeds.rulesets.slice(0, 20).map(bytesOf),
      );
    case 1:
      return bytesOf(drawRuleset(chance));
    default:
      return bytesOf(
        mutateText(
          chance,
          chance.once(2) ? drawRuleset(chance) : chance.pick(seeds.rulesets),
          seeds.rulesets,
          dictionary,
        ),
      );
  }
}

function anyText(chance: Chance, texts: readonly string[]): Uint8Array {
  const seed = chance.pick(texts);
  return chance.once(3)
    ? mutateBytes(chance, bytesOf(seed), texts.slice(0, 20).map(bytesOf))
    : bytesOf(mutateText(chance, seed, texts, dictionary));
}

function decoded(input: Uint8Array): string {
  let text = '';
  allowFailure(() => {
    text = decodeText(input, 'fuzzed').text;
  });
  return text;
}

const yamlWords =
  'tests: packets: expect: from: only-from: delivered dropped blocked rules: context: networks: zones: lint: select: ignore: severity: sensitive-ports: - {} [] null ~ true && *a &a !!binary !!js/function | > ? @x << "x" 1e999 .inf'.split(
    ' ',
  );

function anyYaml(chance: Chance, texts: readonly string[]): Uint8Array {
  if (chance.once(4)) return mutateBytes(chance, bytesOf(chance.pick(texts)), texts.map(bytesOf));
  return bytesOf(mutateText(chance, chance.pick(texts), texts, yamlWords));
}

const commandWords: readonly (readonly string[])[] = [
  ['lint'],
  ['lint', '--format', 'json'],
  ['lint', '--format', 'sarif'],
  ['lint', '--format', 'concise'],
  ['lint', '--format', 'markdown'],
  ['lint', '--preset', 'all', '--verbose'],
  ['lint', '--fix'],
  ['fmt'],
  ['fmt', '--check'],
  ['trace'],
  ['trace', '--json'],
  ['trace', '--flow'],
  ['trace', '--all', '--pick'],
  ['query', '--fate', 'drop'],
  ['matrix'],
  ['spoof'],
  ['graph'],
  ['graph', '--format', 'dot'],
  ['graph', '--format', 'mermaid'],
  [],
];

/** A command line with its files. */
export function drawCommand(chance: Chance, seeds: Seeds): CommandCase {
  const files: Record<string, Uint8Array> = { 'a.rules': anyRuleset(chance, seeds) };
  const nodes = ['--nodes', '20000'];
  switch (chance.below(12)) {
    case 0:
      files['x.policy.yml'] = anyYaml(chance, seeds.policies);
      return { args: ['test', 'x.policy.yml', '--rules', 'a.rules', ...nodes], files, stdin: undefined };
    case 1:
      files['fwsim.yml'] = anyYaml(chance, seeds.configs);
      return { args: ['lint', 'a.rules', '--select', 'FW2'], files, stdin: undefined };
    case 2:
      files['x.pcap'] = mutateBytes(chance, chance.pick(seeds.captures), seeds.captures);
      return { args: ['replay', 'x.pcap', 'a.rules'], files, stdin: undefined };
    case 3:
      files['b.rules'] = anyRuleset(chance, seeds);
      return { args: ['diff', 'a.rules', 'b.rules', ...nodes], files, stdin: undefined };
    case 4:
      return { args: ['trace', 'a.rules', '--log', '-'], files, stdin: anyText(chance, seeds.logs) };
    case 5: {
      // The words themselves: any command, any option, hostile values.
      const words = Array.from({ length: chance.below(6) }, () =>
        chance.once(3)
          ? chance.pick(hostileTexts)
          : chance.once(2)
            ? chance.pick(dictionary)
            : `--${chance.pick(['json', 'all', 'with', 'assume', 'format', 'fate', 'color', 'nodes', 'select'])}`,
      );
      const name = chance.pick([
        'lint',
        'trace',
        'fmt',
        'query',
        'explain',
        'checks',
        'graph',
        'matrix',
        chance.pick(hostileTexts),
      ]);
      return { args: [name, ...words], files, stdin: chance.once(2) ? files['a.rules'] : undefined };
    }
    default: {
      const words = chance.pick(commandWords);
      const args = [...words];
      if (words[0] === undefined || ['query', 'matrix', 'spoof'].includes(words[0])) args.push(...nodes);
      args.push('a.rules');
      if (chance.once(3)) {
        files['a.context'] = anyText(chance, seeds.contexts);
        args.push('--with', 'a.context');
      }
      if (words[0] === 'trace' || words[0] === 'query' || (words[0] === 'graph' && chance.once(2)))
        args.push('--', ...drawMatchWords(chance));
      return { args, files, stdin: undefined };
    }
  }
}

/** A command line as bytes, so that it can be kept and made smaller. */
export function commandBytes({ args, files, stdin }: CommandCase): Uint8Array {
  const latin = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
  return bytesOf(
    JSON.stringify({
      args,
      files: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, latin(bytes)])),
      stdin: stdin && latin(stdin),
    }),
  );
}

/** The way back; undefined where the bytes are no command line. */
export function commandOf(bytes: Uint8Array): CommandCase | undefined {
  try {
    const { args, files, stdin } = JSON.parse(textsOf(bytes)) as {
      args: string[];
      files: Record<string, string>;
      stdin?: string;
    };
    return {
      args: args.map(String),
      files: Object.fromEntries(
        Object.entries(files).map(([n, t]) => [n, Uint8Array.from(Buffer.from(t, 'latin1'))]),
      ),
      stdin: stdin === undefined ? undefined : Uint8Array.from(Buffer.from(stdin, 'latin1')),
    };
  } catch {
    return undefined;
  }
}

async function runCommand(input: Uint8Array): Promise<void> {
  const given = commandOf(input);
  if (given === undefined) return;
  const io = fakeIo({ ...given.files, a: '' }, given.stdin && Buffer.from(given.stdin).toString('latin1'));
  const code = await runCommandLine(given.args, () => io);
  checkSaid(given.args, code, io.said.out, io.said.err);
}

/** All targets. */
export const targets: readonly Target[] = [
  {
    name: 'grammar',
    weight: 500,
    draw: anyRuleset,
    run: (input) => {
      const text = decoded(input);
      const { diagnostics } = parse(text);
      checkVisible(
        printDiagnostics(diagnostics, createSources([{ name: '', text }]), style, 5),
        'diagnostics',
      );
    },
  },
  {
    name: 'fmt',
    weight: 60,
    draw: anyRuleset,
    run: (input) => {
      const source = { name: 'fuzzed', text: decoded(input) };
      const { text, diagnostics } = formatText(source);
      checkVisible(printDiagnostics(diagnostics, createSources([source]), style, 20), 'diagnostics');
      if (text === '') return;
      // What was printed is read as the same again: nothing of the input breaks out of its place.
      const again = formatText({ name: 'again', text });
      if (again.text !== text && diagnostics.length === 0)
        throw new Error('printed text reads as something else');
    },
  },
  {
    name: 'context',
    weight: 80,
    draw: (chance, seeds) => anyText(chance, seeds.contexts),
    run: (input) => {
      const source = { name: 'fuzzed', text: decoded(input) };
      const read = readMachine(
        [{ name: 'rules', text: '*filter\n-A INPUT -m set --match-set a src -j DROP\nCOMMIT\n' }, source],
        { registry },
      );
      checkVisible(printDiagnostics(read.diagnostics, createSources([source]), style, 20), 'diagnostics');
    },
  },
  {
    name: 'capture',
    weight: 400,
    draw: (chance, seeds) => mutateBytes(chance, chance.pick(seeds.captures), seeds.captures),
    run: (input) => {
      for (const item of readCapture(input)) {
        if (item.kind === 'frame') dissectFrame(item.frame);
        else checkVisible(item.problem.message, 'problem of a capture');
      }
    },
  },
  {
    name: 'log',
    weight: 200,
    draw: (chance, seeds) => anyText(chance, seeds.logs),
    run: (input) => {
      readLog(textsOf(input));
    },
  },
  {
    name: 'expression',
    weight: 300,
    draw: (chance, seeds) =>
      bytesOf(
        chance.once(3)
          ? mutateText(chance, chance.pick(seeds.expressions), seeds.expressions, dictionary)
          : drawMatchWords(chance).join(' '),
      ),
    run: (input) => {
      const words = textsOf(input).split(' ');
      const context = { registry, machine, backend: 'nft', mentionedInterfaces: ['eth0'] } as const;
      for (const family of ['ipv4', 'ipv6'] as const) {
        const read = packetFromExpression(words, {
          ...context,
          family,
          local: input.length % 2 === 0,
          pick: input.length % 3 === 0,
        });
        if (!read.ok)
          checkVisible(
            printDiagnostics(read.diagnostics, createSources([{ name: 'packet', text: read.text }]), style),
            'refusal',
          );
      }
    },
  },
  {
    name: 'yaml',
    weight: 40,
    draw: (chance, seeds) => anyYaml(chance, [...seeds.policies, ...seeds.configs]),
    run: (input) => {
      const source = { name: 'fuzzed.yml', text: decoded(input) };
      for (const read of [
        () => readPolicy(source),
        () => readConfig(source, '/', fakeIo()),
        () => readSuppressions(source, '/'),
      ])
        allowFailure(() => void read());
    },
  },
  {
    name: 'command',
    weight: 8,
    draw: (chance, seeds) => commandBytes(drawCommand(chance, seeds)),
    run: runCommand,
  },
];
