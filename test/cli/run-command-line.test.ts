import { describe, expect, test } from 'vitest';
import type { CommandSpec, Invocation } from '../../src/cli/command.ts';
import { CommandFailure } from '../../src/cli/command-failure.ts';
import * as descriptions from '../../src/cli/command-specs.ts';
import { commands } from '../../src/cli/command-table.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { type ColorChoice, wantsColor } from '../../src/cli/io.ts';
import { runCommandLine } from '../../src/cli/run-command-line.ts';
import { fakeIo } from '../support/fake-io.ts';

/** Runs a line against commands that only note what they were asked. */
async function run(...args: readonly string[]) {
  const io = fakeIo();
  let asked: Invocation | undefined;
  let color: ColorChoice | undefined;
  const table: readonly CommandSpec[] = Object.values(descriptions).map((description) => ({
    ...description,
    load: async () => ({
      run: async (invocation) => {
        asked = invocation;
        if (invocation.operands[0] === 'broken.rules') {
          throw new CommandFailure('broken \x1b[31m', { hint: 'mend it' });
        }
        if (invocation.operands[0] === 'bug.rules') throw new Error('bug');
        return exitCodes.findings;
      },
    }),
  }));
  const exitCode = await runCommandLine(
    args,
    (choice) => {
      color = choice;
      return io;
    },
    table,
  );
  return { exitCode, asked, color, ...io.said };
}

describe('commands', () => {
  test('arguments, options with defaults and repeated options arrive; the exit code comes back', async () => {
    const { exitCode, asked } = await run('lint', 'a', '-', '--with', 'x', '--with', 'y', '--fail-on=error');
    expect(exitCode).toBe(exitCodes.findings);
    expect(asked?.operands).toEqual(['a', '-']);
    expect(asked?.options).toMatchObject({ with: ['x', 'y'], failOn: 'error' });
    const replayed = await run('replay', 'capture', '--direction=in');
    expect(replayed.asked?.options).toMatchObject({ direction: 'in', limit: '10' });
  });

  test('a failure becomes a message with a hint, without control characters', async () => {
    const { exitCode, out, err } = await run('lint', 'broken.rules');
    expect(exitCode).toBe(exitCodes.usage);
    expect(out).toBe('');
    expect(err).toBe('fwsim: broken \\x1b[31m\n  mend it\n');
  });

  test('a bug is not taken for anything else', async () => {
    await expect(run('lint', 'bug.rules')).rejects.toThrow('bug');
  });
});

describe('wrong usage ends with 2, on stderr', () => {
  test.each([
    [['lnit'], /unknown command 'lnit'[\s\S]*Did you mean lint/],
    [['lint', '--selct', 'x'], /unknown option '--selct'[\s\S]*Did you mean --select/],
    [['lint', '--fail-on', 'all'], /argument 'all' is invalid[\s\S]*error, warning/],
    [['lint', '--with'], /argument missing/],
    [['explain'], /missing required argument/],
    [['checks', 'x'], /too many arguments/],
    [['--color', 'red'], /argument 'red' is invalid/],
    [['\x1b]0;x\x07'], /unknown command '\\x1b\]0;x\\x07'/],
    [[], /Usage: fwsim/],
  ])('%j', async (args, message) => {
    const { exitCode, out, err } = await run(...args);
    expect(err).toMatch(message);
    expect(exitCode).toBe(exitCodes.usage);
    expect(out).toBe('');
  });
});

describe('help', () => {
  test.each([['--help'], ['help'], ['help', 'trace'], ['trace', '--help'], ['lint', '-h']])(
    '%j prints to stdout, fits 80 columns, ends with 0',
    async (...args) => {
      const { exitCode, out, err } = await run(...args);
      expect(exitCode).toBe(exitCodes.ok);
      expect(err).toBe('');
      expect(out).toContain('Usage: fwsim');
      const tooLong = out.split('\n').filter((line) => line.length > 80 && !line.startsWith('  fwsim '));
      expect(tooLong).toEqual([]);
    },
  );

  test('every command is listed', async () => {
    const { out } = await run('--help');
    for (const { name, summary } of Object.values(descriptions)) {
      expect(out).toContain(name);
      expect(out.replaceAll(/\s+/g, ' ')).toContain(summary);
    }
  });
});

describe('expressions', () => {
  const packet = ['-i', 'eth0', '-p', 'tcp', '!', '-s', '10.0.0.0/8', '--dport', '80'];

  test('behind -- everything is expression', async () => {
    const { asked } = await run('trace', 'gw', '--all', '--', ...packet, '--all', '--help');
    expect(asked?.operands).toEqual(['gw']);
    expect(asked?.options['all']).toBe(true);
    expect(asked?.expression).toEqual([...packet, '--all', '--help']);
  });

  test('without -- our own options are taken out, the rest is expression', async () => {
    const { asked } = await run('trace', 'gw', ...packet, '--local', '--with', 'addr', '--assume=limit=over');
    expect(asked?.operands).toEqual(['gw']);
    expect(asked?.options).toMatchObject({ local: true, with: ['addr'], assume: ['limit=over'] });
    expect(asked?.expression).toEqual(packet);
  });

  test('stdin as "-" is no option', async () => {
    const { asked } = await run('trace', '-', '-p', 'udp');
    expect(asked).toMatchObject({ operands: ['-'], expression: ['-p', 'udp'] });
  });

  test('an expression may begin with its negation', async () => {
    const { asked } = await run('trace', 'gw', '!', '-i', 'eth0');
    expect(asked?.expression).toEqual(['!', '-i', 'eth0']);
  });
});

describe('colour', () => {
  test.each([
    [['lint', 'x'], 'auto'],
    [['--color', 'never', 'lint', 'x'], 'never'],
    [['lint', 'x', '--color=always'], 'always'],
  ])('%j', async (args, color) => {
    expect((await run(...args)).color).toBe(color);
  });

  test.each([
    ['auto', {}, true, true],
    ['auto', {}, false, false],
    ['auto', { NO_COLOR: '1' }, true, false],
    ['auto', { NO_COLOR: '' }, true, true],
    ['auto', { FORCE_COLOR: '1' }, false, true],
    ['auto', { FORCE_COLOR: '0' }, true, false],
    ['auto', { FORCE_COLOR: '1', NO_COLOR: '1' }, true, false],
    ['auto', { TERM: 'dumb' }, true, false],
    ['always', { NO_COLOR: '1' }, false, true],
    ['never', { FORCE_COLOR: '1' }, true, false],
  ] as const)('%s with %j, terminal: %s', (choice, env, isTerminal, expected) => {
    expect(wantsColor(choice, env, isTerminal)).toBe(expected);
  });
});

test('the real table has each command once, and its code loads', async () => {
  const names = commands.map((command) => command.name);
  expect(new Set(names).size).toBe(names.length);
  for (const command of commands) expect((await command.load()).run).toBeTypeOf('function');
});
