import { resolve } from 'node:path';
import { createSources } from '../../diagnostics/sources.ts';
import { defaultRegistry, graphOf, type RulesetGraph } from '../../graphing.ts';
import { printDiagnostics } from '../../report/diagnostics.ts';
import { escapeTerminal } from '../../report/escape-terminal.ts';
import { type CommandModule, choice, flag, type Invocation, value, values } from '../command.ts';
import { CommandFailure } from '../command-failure.ts';
import { exitCodes } from '../exit-codes.ts';
import { graphFormats, graphWeights } from '../graph-command-spec.ts';
import { readMachines } from '../read-machines.ts';
import { version } from '../version.ts';
import { boxesOption } from './boxes-option.ts';
import { nodesOption } from './budget-option.ts';
import { readingOptions } from './reading-options.ts';

type Format = (typeof graphFormats)[number];

const endings: Readonly<Record<string, Format>> = {
  svg: 'svg',
  dot: 'dot',
  gv: 'dot',
  mmd: 'mermaid',
  mermaid: 'mermaid',
  json: 'json',
};

/**
 * What was said, else what the file's name says; undefined: nothing says it.
 *
 * @throws CommandFailure for the ending of another format
 */
function formatOf(invocation: Invocation, output: string | undefined): Format | undefined {
  const said = flag(invocation, 'json') ? 'json' : choice(invocation, 'format', graphFormats);
  const ending = /\.(\w+)$/.exec(output ?? '')?.[1]?.toLowerCase();
  if (said !== undefined || ending === undefined) return said;
  const format = endings[ending];
  if (format === undefined)
    throw new CommandFailure(`"${output}" names no format that is known here`, {
      hint: `end it in .svg, .dot, .mmd or .json, or say --format`,
    });
  return format;
}

/** Each printer is loaded when it is asked for: the layout library is of no use to the others. */
async function print(drawn: RulesetGraph, format: Format): Promise<string> {
  switch (format) {
    case 'svg':
      return (await import('../../report/graph-svg.ts')).printGraphSvg(drawn);
    case 'dot':
      return (await import('../../report/graph-dot.ts')).printGraphDot(drawn);
    case 'mermaid':
      return (await import('../../report/graph-mermaid.ts')).printGraphMermaid(drawn);
    case 'json':
      return (await import('../../report/graph-json.ts')).printGraphJson(drawn, version);
  }
}

/** `fwsim graph`: a ruleset as a picture. */
export const run: CommandModule['run'] = async (invocation, io) => {
  const [file] = invocation.operands;
  const output = value(invocation, 'output');
  const format = formatOf(invocation, output);
  if (format === undefined && output === undefined && io.outIsTerminal)
    throw new CommandFailure('the picture is an SVG file, which a terminal does not show', {
      hint: 'name a file (-o gw.svg), or print text with --format mermaid, dot or json',
    });
  const boxesMax = boxesOption(invocation);
  const [machine] = await readMachines(file === undefined ? [] : [file], values(invocation, 'with'), io);
  if (machine === undefined) return exitCodes.couldNotLook;
  const result = graphOf(machine.texts, {
    ...readingOptions(invocation),
    registry: defaultRegistry(),
    diagnostics: machine.diagnostics,
    boxesMax,
    weights: choice(invocation, 'weights', graphWeights) ?? 'counters',
    ...nodesOption(invocation),
    expression: invocation.expression,
    local: flag(invocation, 'local'),
    pick: flag(invocation, 'pick'),
    assume: values(invocation, 'assume'),
  });
  if (result.refused) {
    const { expressionText, diagnostics } = result.refused;
    io.err(printDiagnostics(diagnostics, createSources([expressionText]), io.errStyle));
    return exitCodes.usage;
  }
  if (result.drawn) {
    const text = await print(result.drawn, format ?? 'svg');
    if (output === undefined) io.out(text);
    else io.writeFile(resolve(io.cwd, output), text);
  }
  if (result.couldNotLook === undefined) return exitCodes.ok;
  io.err(`fwsim: ${escapeTerminal(result.couldNotLook)}\n`);
  return exitCodes.couldNotLook;
};
