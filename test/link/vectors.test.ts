import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { scoreVectors, type Vector } from '../../src/dev/vector-score.ts';
import { describeWithShared } from '../support/shared.ts';
import { registry } from './read.ts';

/** Recorded with iptables 1.8.9, in the form of the larger files; our own lines. */
const own: readonly Vector[] = [
  {
    rule: '-s 10.0.0.1 -p TCP --dport ssh -j ACCEPT',
    actual: ['-s 10.0.0.1/32 -p tcp -m tcp --dport 22 -j ACCEPT'],
  },
  { rule: '-d 10.0.0.0/255.255.0.0 ! -i eth0', actual: ['-d 10.0.0.0/16 ! -i eth0'] },
  { rule: '-s 10.0.0.1,10.0.0.2 -j DROP', actual: ['-s 10.0.0.1/32 -j DROP', '-s 10.0.0.2/32 -j DROP'] },
  { rule: '-m state --state new,ESTABLISHED', actual: ['-m state --state NEW,ESTABLISHED'] },
  { rule: '-j LOG --log-prefix drop:', actual: ['-j LOG --log-prefix "drop:"'] },
  { rule: '-p tcp --syn -j DROP', actual: ['-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j DROP'] },
  { rule: '-p tcp --dport 65536', error: "invalid port/service `65536' specified" },
  { rule: '-s 1.2.3.4/33', error: "invalid mask `33' specified" },
  { rule: '-m nosuch --x', error: "Couldn't load match `nosuch':No such file or directory" },
  { rule: '-j NOSUCH', error: "Chain 'NOSUCH' does not exist" },
  { rule: '--dport 80', error: 'unknown option "--dport"' },
].map((v) => ({ ...v, family: 'ip', table: 'filter', chain: 'INPUT', accepted: !('error' in v) }));

test('own vectors: printed exactly, refused on the right word', () => {
  expect(scoreVectors(own, registry).failures).toEqual([]);
});

describeWithShared('recorded vectors', 'vectors', (folder) => {
  describe.each(['iptables-extensions.jsonl', 'dialects.jsonl'])('%s', (file) => {
    const { total, failures } = scoreVectors(
      readFileSync(join(folder, file), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Vector),
      registry,
    );
    test('99 in 100 accepted lines are printed exactly', () => {
      expect(total.printed / total.accepted, failures.join('\n')).toBeGreaterThanOrEqual(0.99);
    });
    test('97 in 100 refused lines are refused on the right word', () => {
      expect(total.refusedRight / total.refused, failures.join('\n')).toBeGreaterThanOrEqual(0.97);
    });
  });
});
