import { describe, expect, test } from 'vitest';
import type { Invocation } from '../../src/cli/command.ts';
import { checksCommand } from '../../src/cli/commands/checks.ts';
import { explainCommand } from '../../src/cli/commands/explain.ts';
import { fmtCommand } from '../../src/cli/commands/fmt.ts';
import { traceCommand } from '../../src/cli/commands/trace.ts';
import type { ChecksCore, FmtCore, TraceAnswer, TraceCore } from '../../src/cli/core.ts';
import { exitCodes } from '../../src/cli/exit-codes.ts';
import { type Diagnostic, diagnostic, type Severity } from '../../src/diagnostics/diagnostic.ts';
import { fakeIo } from '../support/fake-io.ts';

const finding = (severity: Severity): Diagnostic =>
  diagnostic({
    code: 'FW901',
    id: 'example',
    severity,
    message: `an ${severity}`,
    span: { start: 0, end: 1 },
  });

const asked = (parts: Partial<Invocation>): Invocation => ({
  operands: [],
  options: {},
  expression: [],
  ...parts,
});

describe('trace', () => {
  const core = (answer: TraceAnswer): TraceCore => ({
    trace: () => answer,
    askKernel: async () => answer,
    printPretty: () => 'path\n',
    printJson: () => '{}\n',
  });
  const line = asked({ operands: ['a'], expression: ['-p', 'tpc'] });

  test('a trace ends with 0, whatever became of the packet', async () => {
    const io = fakeIo({ a: '*filter' });
    expect(await traceCommand(core({}))(line, io)).toBe(exitCodes.ok);
    expect(io.said.out).toBe('path\n');
  });

  test('a refused expression is shown with a caret under the wrong word', async () => {
    const io = fakeIo({ a: '*filter' });
    const refused = {
      expressionText: { name: 'packet', text: '-p tpc' },
      diagnostics: [{ ...finding('error'), span: { start: 3, end: 6 } }],
    };
    expect(await traceCommand(core({ refused }))(line, io)).toBe(exitCodes.usage);
    expect(io.said.err).toContain('    -p tpc\n       ^^^\n');
    expect(io.said.out).toBe('');
  });

  test.each(['limit', '=over', 'limit='])('--assume %s is refused', async (given) => {
    const run = traceCommand(core({}));
    await expect(run(asked({ options: { assume: [given] } }), fakeIo())).rejects.toThrow(/KEY=VALUE/);
  });
});

describe('fmt', () => {
  const core = (diagnostics: readonly Diagnostic[] = [], couldNotLook?: string): FmtCore => ({
    format: (source) => ({
      text: source.text.trim().concat('\n'),
      diagnostics,
      ...(couldNotLook === undefined ? {} : { couldNotLook }),
    }),
  });
  const run = (options: Invocation['options'], text: string, diagnostics?: readonly Diagnostic[]) => {
    const io = fakeIo({ a: text });
    return { io, exitCode: fmtCommand(core(diagnostics))(asked({ operands: ['a'], options }), io) };
  };

  test('the ruleset is data, everything else is not', async () => {
    const { io, exitCode } = run({}, '*filter ', [finding('warning')]);
    expect(await exitCode).toBe(exitCodes.ok);
    expect(io.said.out).toBe('*filter\n');
    expect(io.said.err).toContain('an warning');
  });

  test('unreadable lines count as findings', async () => {
    expect(await run({}, '*filter', [finding('error')]).exitCode).toBe(exitCodes.findings);
  });

  test('--check names a file that would change', async () => {
    const changed = run({ check: true }, '*filter ');
    expect(await changed.exitCode).toBe(exitCodes.findings);
    expect(changed.io.said.out).toBe('a\n');
    const same = run({ check: true }, '*filter\n');
    expect(await same.exitCode).toBe(exitCodes.ok);
    expect(same.io.said.out).toBe('');
  });

  test('--write leaves a file alone that has unreadable lines', async () => {
    await expect(run({ write: true }, '*filter ', [finding('error')]).exitCode).rejects.toThrow(
      /"a" is left as it is: 1/,
    );
  });

  test('no table: could not look', async () => {
    const io = fakeIo({ a: 'x' });
    expect(await fmtCommand(core([], 'no table'))(asked({ operands: ['a'] }), io)).toBe(
      exitCodes.couldNotLook,
    );
    expect(io.said.out).toBe('');
  });
});

describe('explain and checks', () => {
  const core: ChecksCore = {
    explain: (name) => (name === 'FW101' ? 'page\n' : undefined),
    names: () => ['FW101', 'shadowed-rule'],
    printChecks: () => 'list\n',
    printChecksJson: () => '[]\n',
  };

  test('a page and the list go to stdout', async () => {
    const io = fakeIo();
    await explainCommand(core)(asked({ operands: ['FW101'] }), io);
    await checksCommand(core)(asked({ options: { json: true } }), io);
    expect(io.said.out).toBe('page\n[]\n');
  });

  test('an unknown check is refused with a suggestion', async () => {
    await expect(explainCommand(core)(asked({ operands: ['shadowd-rule'] }), fakeIo())).rejects.toMatchObject(
      {
        hint: expect.stringContaining('did you mean "shadowed-rule"?'),
      },
    );
  });
});
