import { describe, expect, test } from 'vitest';
import { readInterfaceRanges } from '../../src/analysis/interface-ranges.ts';
import { matrixOf } from '../../src/analysis/matrix.ts';
import { spoofOf } from '../../src/analysis/spoof.ts';
import { defaultRegistry } from '../../src/registry.ts';
import { printMatrixDot } from '../../src/report/matrix-json.ts';

const registry = defaultRegistry();

const router = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 10.0.0.0/24 -p tcp -m tcp --dport 22 -j ACCEPT
-A FORWARD -s 10.0.0.0/24 -d 10.0.1.0/24 -p tcp -m tcp --dport 22 -j ACCEPT
-A FORWARD -s 10.0.2.0/24 -p tcp -m tcp --dport 22 -m limit --limit 1/sec -j ACCEPT
COMMIT
`;
const texts = [{ name: 'router.rules', text: router }];

describe('a matrix', () => {
  const result = matrixOf(texts, { registry, protocol: 6, port: 22 });
  const [family] = result.families;
  const classes =
    family?.classes.map(({ negated, texts: t }) => `${negated ? 'all but ' : ''}${t.join(' ')}`) ?? [];

  test('has a class for all addresses that rules treat alike', () => {
    expect(classes).toEqual(['all but 10.0.0.0/23 10.0.2.0/24', '10.0.0.0/24', '10.0.1.0/24', '10.0.2.0/24']);
  });
  test('says who may open a connection to whom, and what a limit leaves open', () => {
    expect(family?.through).toEqual([
      ['closed', 'closed', 'closed', 'closed'],
      ['closed', 'closed', 'open', 'closed'],
      ['closed', 'closed', 'closed', 'closed'],
      ['some', 'some', 'some', 'some'],
    ]);
    expect(family?.to).toEqual(['closed', 'open', 'closed', 'closed']);
    expect(family?.from).toEqual(['open', 'open', 'open', 'open']);
  });
  test('is of one service', () => {
    const other = matrixOf(texts, { registry, protocol: 6, port: 80 });
    expect(other.families[0]?.classes).toHaveLength(1);
    expect(other.families[0]?.through).toEqual([['closed']]);
  });
  test('knows where sources belong', () => {
    const { ranges } = readInterfaceRanges('eth0 10.0.0.0/24\neth1 10.0.1.0/24 # servers\n');
    const byInterface = `${router.replace('-A FORWARD -s 10.0.0.0/24', '-A FORWARD -i eth1 -s 10.0.0.0/24')}`;
    const placed = matrixOf([{ name: 'x', text: byInterface }], { registry, protocol: 6, port: 22, ranges });
    expect(placed.families[0]?.through.flat()).not.toContain('open');
  });
  test('is a graph without control characters or broken quotes', () => {
    const dot = printMatrixDot(result, { protocol: 6, port: 22 });
    expect(dot).toContain('v4_2 -> v4_3;');
    expect(dot).toContain('v4_4 -> v4_1 [style=dashed];');
    expect(dot).toContain('v4_2 -> v4_machine;');
  });
  test('names the budget that was reached', () => {
    expect(matrixOf(texts, { registry, protocol: 6, nodesMax: 100 }).couldNotLook).toContain('100 nodes');
  });
});

describe('lines of interfaces and networks', () => {
  test('that are none are told', () => {
    expect(readInterfaceRanges('eth0\neth1 10.0.0.0/33\neth2 10.0.0.0/8 x\n').problems).toEqual([
      { line: 1, text: 'eth0' },
      { line: 2, text: '10.0.0.0/33' },
      { line: 3, text: 'x' },
    ]);
  });
});

describe('false sources', () => {
  const rules = (guards: string): string => `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
${guards}-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`;
  const { ranges } = readInterfaceRanges('eth1 192.168.1.0/24\neth2 192.168.2.0/24\n');
  const ask = (guards: string) => spoofOf([{ name: 'x', text: rules(guards) }], { registry, ranges });

  test('are shown with a packet that comes through', () => {
    const [eth1] = ask('').families[0]?.interfaces ?? [];
    expect(eth1?.interface).toBe('eth1');
    const [row] = eth1?.spoofed ?? [];
    expect(row?.by).toMatchObject({ kind: 'rule', rule: { chain: 'INPUT', index: 0 } });
    expect(row?.packets.lines).toEqual(['-p tcp --dport 22']);
    expect(row?.witness?.trace.fate.kind).toBe('local');
    expect(row?.witness?.packet.join(' ')).toMatch(/-i eth1 .*-s 198\.51\.100\.7/);
  });
  test('are proved away by rules that drop them', () => {
    const guarded = ask(
      '-A INPUT ! -s 192.168.1.0/24 -i eth1 -j DROP\n-A INPUT ! -s 192.168.2.0/24 -i eth2 -j DROP\n',
    );
    expect(guarded.families[0]?.interfaces.map((i) => [i.interface, i.spoofed.length])).toEqual([
      ['eth1', 0],
      ['eth2', 0],
    ]);
  });
  test('of one unguarded interface are found', () => {
    const half = ask('-A INPUT ! -s 192.168.1.0/24 -i eth1 -j DROP\n');
    expect(half.families[0]?.interfaces.map((i) => i.spoofed.length > 0)).toEqual([false, true]);
  });
  test('of very many rules are counted, not described', () => {
    const accepts = Array.from({ length: 250 }, (_, i) => `-A INPUT -s 10.0.0.${i}/32 -j ACCEPT\n`);
    const [eth1] = ask(accepts.join('')).families[0]?.interfaces ?? [];
    expect(eth1?.spoofed).toHaveLength(200);
    // Those that are left, and the rule for everybody.
    expect(eth1?.leftOut).toBe(51);
  });
  test('cannot be looked for where nobody knows what belongs where', () => {
    expect(spoofOf([{ name: 'x', text: rules('') }], { registry }).couldNotLook).toContain('--ranges');
  });
});
