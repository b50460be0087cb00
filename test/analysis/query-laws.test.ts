/**
 * Goal: engine and queries agree. Method: packets are walked by the engine in every way that they may take; each end, with
 * who decided, must be a row of the query that asks about just that packet, and no other row may be called certain.
 */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deciderKey } from '../../src/analysis/deciders.ts';
import { type QueryRow, queryMachine } from '../../src/analysis/query.ts';
import { decidedBy } from '../../src/engine/decided-by.ts';
import type { Trace } from '../../src/model/trace.ts';
import { defaultRegistry } from '../../src/registry.ts';
import { tracePacket } from '../../src/trace/trace-packet.ts';
import { type Example, readExamples } from '../support/examples.ts';

const registry = defaultRegistry();
const examples = readExamples();

function textsOf(e: Example) {
  const own = { name: `${e.name}.rules`, text: e.text };
  return e.context === undefined ? [own] : [own, { name: `${e.name}.context`, text: e.context }];
}

function rowsOf(e: Example, words: readonly string[], local: boolean): readonly QueryRow[] {
  const result = queryMachine(textsOf(e), {
    registry,
    expression: words,
    road: local ? 'local' : 'arrive',
    witnesses: false,
    rowsMax: 1000,
  });
  return result.families.flatMap((f) => f.rows);
}

function endOf(trace: Trace): string | undefined {
  const { kind } = trace.fate;
  if (!['local', 'forward', 'sent', 'drop', 'reject', 'queue', 'stolen'].includes(kind)) return undefined;
  const by = decidedBy(trace);
  const key =
    by === undefined
      ? ''
      : 'policy' in by
        ? `${by.table} ${by.chain} policy`
        : `${by.table} ${by.chain} ${by.number - 1}`;
  return `${kind} ${key}`;
}

/** What the query says wrongly of one packet. */
function breaches(e: Example, words: readonly string[], local: boolean): readonly string[] {
  const { traced } = tracePacket(textsOf(e), { registry, expression: words, local, reply: false });
  if (!traced) return [];
  const rows = rowsOf(e, words, local);
  const said = new Set(rows.map((r) => `${r.fate} ${deciderKey(r.by)}`));
  const found: string[] = [];
  const ends = new Set<string>();
  for (const { trace } of traced.exploration.branches) {
    const end = endOf(trace);
    if (end === undefined) continue;
    ends.add(end);
    if (!said.has(end)) found.push(`${e.name}: ${words.join(' ')}: ${end} is no row`);
  }
  return found;
}

describe('packets of the examples', () => {
  test.each(examples.map((e) => [e.name, e] as const))('%s', (_, e) => {
    const found = e.packets.flatMap((p) => {
      const words = p.text.split(' ').filter((word) => word !== '' && word !== '--local');
      while (words.includes('--assume')) words.splice(words.indexOf('--assume'), 2);
      return breaches(e, words, p.local);
    });
    expect(found).toEqual([]);
  });
});

/** Addresses and ports that a ruleset speaks of, and some that it does not. */
function wordsOfRules(text: string): {
  readonly addresses: readonly string[];
  readonly ports: readonly string[];
} {
  const addresses = [...text.matchAll(/\b(\d{1,3}(?:\.\d{1,3}){3})\b/g)].map((m) => m[1] ?? '');
  const ports = [...text.matchAll(/--[ds]ports? ([\d,]+)/g)].flatMap((m) => (m[1] ?? '').split(','));
  const usual = ['198.51.100.77', '203.0.113.9', '10.9.8.7'];
  return {
    addresses: [...new Set([...addresses, ...usual])].filter((a) => !/^(0|127|2[2-5]\d)\./.test(a)),
    ports: [...new Set([...ports, '80', '12345'])].filter((p) => p !== ''),
  };
}

test('any packet ends in a row', () => {
  const draw = fc.nat();
  fc.assert(
    fc.property(fc.tuple(draw, draw, draw, draw, draw, draw, fc.boolean()), ([a, b, c, d, i, f, local]) => {
      const pick = <T>(list: readonly T[], n: number): T => list[n % list.length] as T;
      const e = pick(examples, a);
      const { addresses, ports } = wordsOfRules(e.dump);
      const protocol = pick(['tcp', 'udp', 'icmp'], c);
      const interfaces = [
        ...new Set([...e.dump.matchAll(/ -[io] ([a-z]\w*)\b/g)].map((m) => m[1] ?? 'eth0')),
      ];
      const name = pick(interfaces.filter((n) => n !== 'lo').concat('eth7'), i);
      // Where a sender's address is, is taken for granted, even against what the rules suggest of the receiver's.
      const [src, dst] = [pick(addresses, b), pick(addresses, d)];
      fc.pre(src !== dst);
      const words = [
        ...(local ? [] : ['-i', name]),
        ...['-p', protocol, '-s', src, '-d', dst],
        ...(protocol === 'icmp' ? ['--icmp-type', '8'] : ['--dport', pick(ports, f)]),
      ];
      expect(breaches(e, words, local)).toEqual([]);
    }),
    { numRuns: 60 },
  );
});
