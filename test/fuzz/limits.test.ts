/**
 * Goal: input that is larger, deeper or stranger than any firewall ends with a result or a diagnostic. Method: the inputs
 * whose full size `npm run fuzz:limits` measures, through every command, at a hundredth of it; what grows by depth or by
 * ways through chains, and not by size, as deep as it comes. Nothing is timed: what is not linear would not end here.
 */
import { describe, expect, test, vi } from 'vitest';
import { runCommandLine } from '../../src/cli/run-command-line.ts';
import { fakeIo } from '../support/fake-io.ts';
import { besideInputs, largeInputs } from './large-inputs.ts';
import { checkSaid } from './targets.ts';

// A busy machine may take its time.
vi.setConfig({ testTimeout: 120_000 });

const scales: Readonly<Record<string, number>> = { depth: 0.05, chains: 0.002, set: 0.002, rules: 0.001 };

async function run(text: string, command: readonly string[]) {
  const beside = Object.values(besideInputs).map(({ name, content }) => [name, content] as const);
  const io = fakeIo({
    'x.rules': text,
    'y.rules': text.replace(':INPUT DROP', ':INPUT ACCEPT'),
    ...Object.fromEntries(beside),
  });
  const names: Readonly<Record<string, string>> = { '@': 'x.rules', '@changed': 'y.rules' };
  const args = command.map((word) => besideInputs[word]?.name ?? names[word] ?? word);
  const code = await runCommandLine(args, () => io);
  return { args, code, ...io.said };
}

const whole = (name: string, scale: number): string => {
  const input = largeInputs.find((one) => one.name === name);
  return [...(input?.text(scale) ?? [])].join('');
};

// Of doubling chains there is no hundredth: see below.
const scaled = largeInputs.filter(({ name }) => name !== 'doubling');
describe.each(scaled.map((input) => [input.name, input] as const))('%s', (name, { commands }) => {
  const text = whole(name, scales[name] ?? 0.01);

  test.each(commands.map((command) => [command.join(' '), command] as const))('%s', async (_, command) => {
    const { args, code, out, err } = await run(text, command);
    // The page holds the program of the browser, and fmt the bytes of the input.
    checkSaid(args, code, args[0] === 'report' ? '' : out, err);
    if (code === 3) expect(err).toMatch(/^fwsim: .{20,}/);
    else expect(out.length + err.length).toBeGreaterThan(0);
  });
});

describe('as deep as it comes', () => {
  test('jumps 10,000 deep', async () => {
    const text = whole('depth', 1);
    const fmt = await run(text, ['fmt', '@']);
    expect(fmt.out.split('\n').length).toBeGreaterThan(20_000);
    const trace = await run(text, largeInputs[0]?.commands.find(([word]) => word === 'trace') ?? []);
    expect([trace.code, trace.err]).toEqual([3, expect.stringMatching(/^fwsim: .*deep/)]);
    expect((await run(text, ['query', '@', '--fate', 'drop'])).code).toBe(0);
  });

  test('2^40 ways through chains are counted, not walked', async () => {
    const text = whole('doubling', 1);
    const { code, out } = await run(text, ['query', '@', '--fate', 'drop']);
    expect(code).toBe(0);
    expect(out).toMatch(/by rule 1 of D40|by D40 1/);
  });
});

test('a budget that is used up is named', async () => {
  for (const command of [['query', '@'], ['@'], ['diff', '@', '@changed']]) {
    const { code, err } = await run(whole('rules', 0.001), [...command, '--nodes', '1000']);
    expect([command, code, err]).toEqual([command, 3, expect.stringMatching(/more than 1000 nodes/)]);
  }
});
