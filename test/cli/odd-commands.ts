/** Commands that do what no real one should, run as a process of its own by process.test.ts. */
import type { CommandSpec, Invocation } from '../../src/cli/command.ts';
import { type ExitCode, exitCodes } from '../../src/cli/exit-codes.ts';
import type { Io } from '../../src/cli/io.ts';
import { readMachines } from '../../src/cli/read-machines.ts';
import { runProcess } from '../../src/cli/run-process.ts';

function command(name: string, run: (invocation: Invocation, io: Io) => Promise<ExitCode>): CommandSpec {
  return {
    name,
    summary: name,
    arguments: [{ name: 'FILE', description: 'a file', variadic: true }],
    options: [],
    examples: [],
    load: async () => ({ run }),
  };
}

const table: readonly CommandSpec[] = [
  command('flood', async (_, io) => {
    for (let line = 0; line < 20_000; line++) io.out(`${'x'.repeat(100)} ${line}\n`);
    return exitCodes.findings;
  }),
  command('count', async ({ operands }, io) => {
    const machines = await readMachines(operands, [], io);
    const sizes = machines.flatMap(({ texts }) => texts.map(({ name, text }) => `${name} ${text.length}`));
    io.out(`${sizes.join('\n')}\n`);
    return exitCodes.ok;
  }),
  command('colour', async (_, io) => {
    io.out(`${io.outStyle.theme.error('red')} ${io.outStyle.columns}\n`);
    return exitCodes.ok;
  }),
  command('bug', async () => {
    throw new TypeError('something \x1b[2J broke');
  }),
  command('spin', async (_, io) => {
    io.out('spinning\n');
    for (;;);
  }),
];

await runProcess(process.argv.slice(2), { table });
