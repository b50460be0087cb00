/** Goal: a conversation goes on as long as its packets arrive as themselves. Method: rulesets that stop one of them. */
import { describe, expect, test } from 'vitest';
import { defaultRegistry, tracePacket } from '../../src/index.ts';
import type { Flow } from '../../src/trace/flow.ts';

const context = `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536
    inet 127.0.0.1/8 scope host lo
2: eth0: <UP,LOWER_UP> mtu 1500
    inet 203.0.113.1/24 scope global eth0
3: eth1: <UP,LOWER_UP> mtu 1500
    inet 192.168.1.1/24 scope global eth1
default via 203.0.113.254 dev eth0
203.0.113.0/24 dev eth0 proto kernel scope link
192.168.1.0/24 dev eth1 proto kernel scope link
net.ipv4.ip_forward = 1
`;

function play(dump: string, words: string, local = false): Flow {
  const { traced } = tracePacket(
    [
      { name: 'a.rules', text: dump },
      { name: 'a.context', text: context },
    ],
    { registry: defaultRegistry(), expression: words.split(' '), local, flow: true },
  );
  if (!traced?.flow) throw new Error('no flow');
  return traced.flow;
}

const labels = (flow: Flow): readonly string[] => flow.steps.map((s) => `${s.from} ${s.label} ${s.end}`);
const states = (flow: Flow): readonly unknown[] => flow.steps.map((s) => s.branch.trace.connection?.state);
const open = '*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\nCOMMIT\n';

describe('whole conversations', () => {
  test('TCP: no segment is INVALID, and the connection is closed in the end', () => {
    const flow = play(open, '-i eth0 -p tcp -s 198.51.100.7 --dport 80');
    expect(flow).toMatchObject({ complete: true, wholeCount: 8 });
    expect(states(flow)).toEqual(['NEW', ...Array.from({ length: 7 }, () => 'ESTABLISHED')]);
    expect(flow.connection?.protocolState).toMatchObject({ state: 'TIME_WAIT' });
    expect(flow.connection?.packets).toEqual({ original: 5, reply: 3 });
  });

  test('TCP data is what was given', () => {
    const flow = play(open, '-i eth0 -p tcp -s 198.51.100.7 --dport 80 --payload text:hello');
    expect(flow.complete).toBe(true);
    expect(flow.steps.map((s) => s.packet.payload === '68656c6c6f')).toEqual(
      [0, 0, 0, 1, 0, 0, 0, 0].map((x) => x === 1),
    );
  });

  test.each([
    ['-i eth0 -p udp -s 198.51.100.7 --dport 53', 3],
    ['-i eth0 -p icmp -s 198.51.100.7', 3],
    ['-i eth0 -p gre -s 198.51.100.7', 3],
    ['-i eth0 -p sctp -s 198.51.100.7 --dport 99', 4],
    ['-i eth1 -p tcp -s 192.168.1.7 -d 198.51.100.7 --dport 80', 8],
  ])('%s', (words, count) => {
    const flow = play(open, words);
    expect(flow.steps).toHaveLength(count);
    expect(flow.complete).toBe(true);
    expect(states(flow)).not.toContain('INVALID');
  });
});

describe('stopped', () => {
  test('the second question, by a rule about new connections', () => {
    const dump = `*filter\n:INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT\n`;
    const flow = play(dump, '-i eth0 -p udp -s 198.51.100.7 --dport 53');
    expect(labels(flow)).toEqual([
      'client request arrives',
      'server answer comes-back',
      'client request again stopped',
    ]);
    expect(flow.complete).toBe(false);
  });

  test('data, by a rule about what it carries', () => {
    const dump = `*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m string --string hello --algo bm -j DROP\nCOMMIT\n`;
    const words = '-i eth0 -p tcp -s 198.51.100.7 --dport 80';
    expect(labels(play(dump, `${words} --payload text:hello`)).at(-1)).toBe('client request stopped');
    const unknown = play(dump, words);
    expect(unknown.complete).toBe(true);
    expect(unknown.steps.filter((s) => s.mayStop).map((s) => s.label)).toEqual(['request']);
  });

  test('the answer that is not translated back', () => {
    const dump = `*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -i eth1 -j CT --notrack
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.168.1.9:80
COMMIT
`;
    const flow = play(dump, '-i eth0 -p tcp -s 198.51.100.7 -d 203.0.113.1 --dport 8080');
    expect(labels(flow)).toEqual(['client handshake arrives', 'server handshake not-translated']);
  });

  test('the first packet: there is no connection then', () => {
    const flow = play(
      '*filter\n:INPUT DROP [0:0]\nCOMMIT\n',
      '-i eth0 -p tcp -s 198.51.100.7 -d 203.0.113.1',
    );
    expect(labels(flow)).toEqual(['client handshake stopped']);
    expect(flow.connection).toBeUndefined();
  });
});
