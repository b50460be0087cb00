/** What of a translation is chance or guess: a trace shows one answer, and says that it stands for others. */
import { describe, expect, test } from 'vitest';
import type { Trace } from '../../src/model/trace.ts';
import { defaultRegistry } from '../../src/registry.ts';
import { portWords } from '../../src/report/trace-words.ts';
import { waysOf } from '../../src/trace/outcome.ts';
import { tracePacket } from '../../src/trace/trace-packet.ts';

const addresses = `[{"ifname":"eth0","flags":["UP"],"addr_info":[{"family":"inet","local":"203.0.113.1","prefixlen":24,"scope":"global"}]}]
[{"dst":"default","gateway":"203.0.113.254","dev":"eth0"},{"dst":"203.0.113.0/24","dev":"eth0","scope":"link"}]`;

function sent(rule: string, context = addresses, packet = '-p tcp -d 198.51.100.7 --dport 80'): Trace {
  const text = `*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING ${rule}\nCOMMIT\n${context}\n`;
  const { traced } = tracePacket([{ name: 'gw.rules', text }], {
    registry: defaultRegistry(),
    expression: packet.split(' '),
    assume: context === '' ? ['local=203.0.113.1'] : [],
    local: true,
    reply: false,
  });
  const way = traced && waysOf(traced.ways)[0];
  if (!way) throw new Error('no way');
  return way.branch.trace;
}

const setUp = (trace: Trace) =>
  trace.events.flatMap((e) => (e.kind === 'nat-setup' && e.manip === 'source' ? [e] : []))[0];

describe('the port of a translation', () => {
  test.each([
    ['-p tcp -j SNAT --to-source 203.0.113.9', false],
    ['-p tcp -j SNAT --to-source 203.0.113.9 --random', true],
    ['-p tcp -j SNAT --to-source 203.0.113.9 --random-fully', true],
    ['-p tcp -j MASQUERADE --random', true],
    ['-p tcp -j SNAT --to-source 203.0.113.9:2000-3000', true],
    ['-p tcp -j SNAT --to-source 203.0.113.9:2000', false],
  ])('%s: any of many is %s', (rule, anyPort) => {
    const event = setUp(sent(rule));
    expect(event).toMatchObject({ anyPort, portChanged: false });
    if (event && anyPort)
      expect(portWords(event)).toMatch(/^the kernel rolls for the port: \d+ stands for it$/);
  });

  test('is the id of ICMP', () => {
    const event = setUp(
      sent(
        '-j SNAT --to-source 203.0.113.9 --random',
        addresses,
        '-p icmp --icmp-type echo-request -d 198.51.100.7',
      ),
    );
    expect(event && portWords(event)).toMatch(/^the kernel rolls for the ICMP id: \d+ stands for it$/);
  });
});

describe('the address of an interface', () => {
  const notes = (trace: Trace) => trace.events.flatMap((e) => (e.kind === 'note' ? [e.text] : []));
  test('that is not known is said to be a guess, whatever stands for it', () => {
    const [told] = notes(sent('-o ppp0 -j MASQUERADE', '', '-o ppp0 -p tcp -d 198.51.100.7 --dport 80'));
    expect(told).toBe('guessed: 203.0.113.1 stands for the address of ppp0, which is not known');
  });
  test('that is known is no guess', () => {
    expect(notes(sent('-j MASQUERADE'))).toEqual([]);
  });
});
