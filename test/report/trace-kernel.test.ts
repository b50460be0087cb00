/** Goal: two traces are shown side by side, and a difference cannot be overlooked. Method: made-up runs of a kernel. */
import { describe, expect, test } from 'vitest';
import { compareKernel, defaultRegistry, type KernelRun, tracePacket } from '../../src/index.ts';
import { createTheme } from '../../src/report/theme.ts';
import { printTrace } from '../../src/report/trace.ts';
import { printTraceJson } from '../../src/report/trace-json.ts';
import { wayOfTrace } from '../../src/trace/kernel-run.ts';

const rules = `*filter
:INPUT DROP [0:0]
:svc - [0:0]
-A INPUT -m limit --limit 1/sec -j LOG
-A INPUT -p tcp -j svc
-A svc -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`;

const { traced } = tracePacket([{ name: 'a.rules', text: rules }], {
  registry: defaultRegistry(),
  expression: '-i eth0 -p tcp -d 203.0.113.1 --dport 22'.split(' '),
  assume: ['local=203.0.113.1'],
  reply: false,
});
if (!traced) throw new Error('no trace');
const [branch] = traced.exploration.branches;
if (!branch) throw new Error('no way');
const same = wayOfTrace(branch.trace);

/** The comparison of one run of a kernel that differs in `change` from the simulator. */
function shown(change: Partial<KernelRun['main']>, columns = 80, leftOut: readonly string[] = []) {
  const run: KernelRun = {
    assumptions: [],
    inventedAddresses: [],
    invented: ['interface eth0, MTU 1500'],
    leftOut,
    main: { ...same, ...change },
    generated: [],
  };
  const answer = { kernel: 'Linux 6.1', loader: 'iptables-nft 1.8.9', runs: [run], notBuilt: 0 };
  const kernel = compareKernel(answer, traced?.exploration.branches ?? []);
  const result = { traced: { ...traced, kernel } } as Parameters<typeof printTrace>[0];
  const style = { theme: createTheme(false), columns };
  const text = printTrace(result, style, { all: false, verbose: false });
  return {
    kernel,
    text: text.slice(text.indexOf('\nKernel') + 1),
    json: JSON.parse(printTraceJson(result, '1')),
  };
}

const log = { table: 'filter', chain: 'INPUT', number: 1, verdict: 'continue', to: undefined, mark: 0 };
const policy = {
  table: 'filter',
  chain: 'INPUT',
  number: undefined,
  verdict: 'drop',
  to: undefined,
  mark: 0,
};
const withoutLog = same.records.filter((r) => r.number !== 1 || r.chain !== 'INPUT');

describe('the kernel beside the simulator', () => {
  test('they agree', () => {
    expect(shown({}).text).toMatchInlineSnapshot(`
      "Kernel  Linux 6.1, iptables-nft 1.8.9, in a network namespace of its own
        invented interface eth0, MTU 1500
                                   fwsim     kernel
          filter INPUT #1, line 4  continue  continue
          filter INPUT #2, line 5  jump svc  jump svc
          filter svc #1, line 6    accept    accept
          end: delivered to this machine
          packet: 198.51.100.7:40000 -> 203.0.113.1:22, TTL 64
        AGREES: the kernel does the same, by all 3 rules and policies and to the same
          end
      "
    `);
  });

  test('they differ', () => {
    const { text, json } = shown({ records: [log, policy], end: 'drop', packet: undefined });
    expect(text).toMatchInlineSnapshot(`
      "Kernel  Linux 6.1, iptables-nft 1.8.9, in a network namespace of its own
        invented interface eth0, MTU 1500
                                   fwsim     kernel
          filter INPUT #1, line 4  continue  continue
        ! filter INPUT #2, line 5  jump svc  -
        ! filter svc #1, line 6    accept    -
        ! filter INPUT policy      -         drop
        ! end
            fwsim: delivered to this machine
            kernel: dropped by policy of filter INPUT
        ! packet
            fwsim: 198.51.100.7:40000 -> 203.0.113.1:22, TTL 64
            kernel: -
        DIFFERS: the kernel does not do what fwsim says. Trust the kernel; if nothing
          that was invented or left out above explains it, this is a mistake of fwsim
          that is worth a report (with --json)
          rules: fwsim says filter INPUT #2: jump svc, mark 0x0; the kernel policy of
            filter INPUT: drop, mark 0x0
          end: fwsim says delivered to this machine; the kernel dropped by policy of
            filter INPUT
      "
    `);
    expect(json.kernel).toMatchObject({ agrees: false, runs: [{ branch: 0, kernels: { end: 'drop' } }] });
    expect(json.kernel.runs[0].simulated.records).toHaveLength(3);
    expect(json.kernel.runs[0].differences.map((d: { what: string }) => d.what)).toEqual(['rules', 'end']);
  });

  test('where two columns do not fit, one below the other', () => {
    const { text } = shown({ records: [log, policy], end: 'drop', packet: undefined }, 45);
    for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(45);
    expect(text).toContain('  ! filter svc #1, line 6\n      fwsim: accept\n      kernel: -\n');
  });

  test('whether a rule only logs is no difference', () => {
    for (const records of [withoutLog, [log, ...withoutLog]]) {
      const { kernel } = shown({ records });
      expect(kernel.agrees).toBe(true);
    }
    const unlike = shown({
      records: same.records.length === withoutLog.length ? [log, ...withoutLog] : withoutLog,
    });
    expect(unlike.text).toContain('~ filter INPUT #1, line 4');
  });

  test('another address, TTL, state or error is a difference', () => {
    const packet = same.packet && { ...same.packet, ttl: 3, sport: 9 };
    expect(shown({ packet }).kernel.runs[0]?.differences.map((d) => d.what)).toEqual(['source', 'TTL']);
    expect(shown({ errno: 'EPERM' }).kernel.agrees).toBe(false);
    expect(shown({ ctState: 'INVALID' }).kernel.agrees).toBe(same.ctState === undefined);
  });

  test('what was left out is said, without control characters', () => {
    const { text } = shown({}, 80, ['rule -A x\u001b[31m']);
    expect(text).toContain('left out rule -A x\\x1b[31m');
  });
});
