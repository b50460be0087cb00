/** Goal: the answer is told as the asker would see it. Method: small rulesets, each with one way for an answer to end. */
import { describe, expect, test } from 'vitest';
import { defaultRegistry, tracePacket } from '../../src/index.ts';
import { tcpFlag } from '../../src/model/packet.ts';
import { addressText } from '../../src/net/address-text.ts';
import { waysOf } from '../../src/trace/outcome.ts';
import { type Reply, replyEnd } from '../../src/trace/reply.ts';

const context = `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
2: eth0: <UP,LOWER_UP> mtu 1500
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
    inet 203.0.113.1/24 scope global eth0
3: eth1: <UP,LOWER_UP> mtu 1500
    link/ether 02:00:00:00:00:02 brd ff:ff:ff:ff:ff:ff
    inet 192.168.1.1/24 scope global eth1
default via 203.0.113.254 dev eth0
203.0.113.0/24 dev eth0 proto kernel scope link
192.168.1.0/24 dev eth1 proto kernel scope link
net.ipv4.ip_forward = 1
`;
const sockets = `Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process
tcp   LISTEN 0      128    0.0.0.0:80         0.0.0.0:*         users:(("apache2",pid=7,fd=4))
`;

interface Told {
  readonly end: string | undefined;
  readonly ends: readonly string[];
  readonly reply: Reply | undefined;
}

function ask(
  rules: readonly string[],
  words: string,
  more: { local?: boolean; context?: string; reply?: boolean } = {},
): Told {
  const tables = new Map<string, string[]>();
  for (const rule of rules) {
    const [table = 'filter', text = ''] = rule.split(/: (.*)/s);
    tables.set(table, [...(tables.get(table) ?? []), text]);
  }
  const dump = [...tables].map(([name, lines]) => `*${name}\n${lines.join('\n')}\nCOMMIT\n`).join('');
  const { traced } = tracePacket(
    [
      { name: 'a.rules', text: dump },
      { name: 'a.context', text: more.context ?? context },
    ],
    {
      registry: defaultRegistry(),
      expression: words.split(' '),
      local: more.local ?? false,
      reply: more.reply ?? true,
    },
  );
  const branch = traced && waysOf(traced.ways)[0]?.branch;
  const reply = branch && traced.replies.get(branch);
  const ends =
    branch && reply?.kind === 'walked'
      ? waysOf(reply.ways).map((w) => replyEnd(branch.trace, w.branch.trace))
      : [];
  return { end: ends[0], ends, reply };
}

const established = 'filter: -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT';
const forwardsWeb = ['filter: :FORWARD DROP [0:0]', 'filter: -A FORWARD -p tcp --dport 80 -j ACCEPT'];
const dnat =
  'nat: :PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -d 203.0.113.1 --dport 8080 -j DNAT --to 192.168.1.9:80';

describe('the way back', () => {
  test('a rule for known connections lets it pass', () => {
    const words = '-i eth0 -p tcp -s 198.51.100.7 -d 192.168.1.9 --dport 80';
    expect(ask([...forwardsWeb, established], words).end).toBe('comes-back');
    expect(ask(forwardsWeb, words).end).toBe('stopped');
  });

  test('a translated service answers from the address that was asked', () => {
    const { end, reply } = ask(
      [dnat, ...forwardsWeb, established],
      '-i eth0 -p tcp -s 198.51.100.7 -d 203.0.113.1 --dport 8080',
    );
    expect(end).toBe('comes-back');
    if (reply?.kind !== 'walked') throw new Error('no reply');
    expect(addressText(reply.packet.src)).toBe('192.168.1.9');
    const { fate } = waysOf(reply.ways)[0]?.branch.trace ?? {};
    expect(fate).toMatchObject({ kind: 'forward', outInterface: 'eth0', packet: { sport: 8080 } });
  });

  test('an answer that is not tracked is not translated back', () => {
    const rules = [
      dnat,
      'raw: :PREROUTING ACCEPT [0:0]\n-A PREROUTING -i eth1 -j CT --notrack',
      'filter: :FORWARD ACCEPT [0:0]',
    ];
    expect(ask(rules, '-i eth0 -p tcp -s 198.51.100.7 -d 203.0.113.1 --dport 8080').end).toBe(
      'not-translated',
    );
  });

  test('and ends on this machine where it should go on', () => {
    const rules = [
      'nat: :POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -o eth0 -j MASQUERADE',
      'raw: :PREROUTING ACCEPT [0:0]\n-A PREROUTING -i eth0 -j CT --notrack',
    ];
    expect(ask(rules, '-i eth1 -p tcp -s 192.168.1.9 -d 198.51.100.7 --dport 80').end).toBe('elsewhere');
  });

  test('the asker of this machine itself gets it', () => {
    const words = '-p udp -d 198.51.100.53 --dport 53';
    const accept = 'filter: -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT';
    expect(ask(['filter: :INPUT DROP [0:0]', accept], words, { local: true }).end).toBe('comes-back');
    expect(ask(['filter: :INPUT DROP [0:0]'], words, { local: true }).end).toBe('stopped');
  });

  test('through lo', () => {
    const rules = ['filter: :INPUT DROP [0:0]', 'filter: -A INPUT -i lo -j ACCEPT'];
    expect(ask(rules, '-p tcp -d 203.0.113.1 --dport 80', { local: true }).end).toBe('comes-back');
  });

  test('a back way of the same link is named', () => {
    const { reply } = ask(
      [dnat, 'filter: :FORWARD ACCEPT [0:0]'],
      '-i eth1 -p tcp -s 192.168.1.7 -d 203.0.113.1 --dport 8080',
    );
    expect(reply).toMatchObject({ kind: 'walked', shortcut: true });
  });

  test('a limit on it leaves it open, in few branches', () => {
    const rules = ['filter: :OUTPUT DROP [0:0]', 'filter: -A OUTPUT -m limit --limit 1/s -j ACCEPT'];
    const { ends } = ask(rules, '-i eth0 -p icmp -s 198.51.100.7 -d 203.0.113.1');
    expect([...ends].sort()).toEqual(['comes-back', 'stopped']);
  });

  test('without routes it goes where the packet came from', () => {
    const { end, reply } = ask(
      ['filter: :INPUT ACCEPT [0:0]', 'filter: -A OUTPUT ! -o eth7 -j DROP'],
      '-i eth7 -p tcp -s 198.51.100.7 -d 203.0.113.1',
      { context: '2: eth0: <UP> mtu 1500\n    inet 203.0.113.1/24 scope global eth0\n' },
    );
    expect(end).toBe('comes-back');
    expect(reply).toMatchObject({ entry: { kind: 'local', hints: { outInterface: 'eth7' } } });
  });
});

describe('which packet it is', () => {
  const open = ['filter: :INPUT ACCEPT [0:0]'];

  test.each([
    ['-p tcp -s 198.51.100.7 --dport 80', { tcpFlags: tcpFlag.SYN | tcpFlag.ACK, sport: 80, ack: 1001 }],
    ['-p tcp -s 198.51.100.7 --dport 80 --tcp-flags ALL ACK', { tcpFlags: tcpFlag.ACK, ack: 1000 }],
    ['-p udp -s 198.51.100.7 --sport 999 --dport 53', { protocol: 17, sport: 53, dport: 999 }],
    ['-p icmp -s 198.51.100.7', { icmpType: 0, icmpId: 1, icmpSeq: 1 }],
    ['-p sctp -s 198.51.100.7 --dport 80', { sctpTag: 1, sport: 80 }],
    ['-p gre -s 198.51.100.7', { protocol: 47 }],
  ])('%s', (words, packet) => {
    expect(ask(open, `-i eth0 ${words}`).reply).toMatchObject({ kind: 'walked', sort: 'answer', packet });
  });

  test.each([
    ['-p tcp -s 198.51.100.7 --dport 80 --tcp-flags ALL RST', 'reset'],
    ['-p icmp -s 198.51.100.7 --icmp-type echo-reply', 'is-an-answer'],
    ['-p udp -s 203.0.113.7 -d 255.255.255.255 --dport 67', 'to-many'],
  ])('none to %s', (words, because) => {
    expect(ask(open, `-i eth0 ${words}`).reply).toEqual({ kind: 'none', because });
  });

  test('where no program listens the kernel refuses', () => {
    const known = { context: context + sockets };
    const tcp = ask(open, '-i eth0 -p tcp -s 198.51.100.7 --dport 81', known).reply;
    expect(tcp).toMatchObject({
      sort: 'refusal',
      packet: { tcpFlags: tcpFlag.RST | tcpFlag.ACK, ack: 1001 },
    });
    const udp = ask(open, '-i eth0 -p udp -s 198.51.100.7 --dport 81', known).reply;
    expect(udp).toMatchObject({ sort: 'refusal', packet: { icmpType: 3, icmpCode: 3 } });
    const web = ask(open, '-i eth0 -p tcp -s 198.51.100.7 --dport 80', known).reply;
    expect(web).toMatchObject({ sort: 'answer' });
  });

  test('its hop limit is that of the interface by which it leaves', () => {
    const two = `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536
2: eth0: <UP,LOWER_UP> mtu 1500
    inet6 2001:db8:1::1/64 scope global
3: eth1: <UP,LOWER_UP> mtu 1500
    inet6 2001:db8:2::1/64 scope global
2001:db8:1::/64 dev eth0 proto kernel metric 256
2001:db8:2::/64 dev eth1 proto kernel metric 256
default via 2001:db8:2::fe dev eth1 metric 1024
net.ipv6.conf.all.hop_limit = 11
net.ipv6.conf.eth0.hop_limit = 22
net.ipv6.conf.eth1.hop_limit = 33
`;
    const limit = (src: string): unknown => {
      const { reply } = ask(open, `-6 -i eth0 -p tcp -s ${src} -d 2001:db8:1::1 --dport 80`, {
        context: two,
      });
      return reply?.kind === 'walked' ? reply.packet.ttl : reply;
    };
    expect(limit('2001:db8:1::7')).toBe(22);
    // Back to strangers it goes by the default route, whichever way they came.
    expect(limit('2001:db8:9::9')).toBe(33);
  });

  test('none is walked for a packet that did not arrive, or unasked', () => {
    expect(ask(['filter: :INPUT DROP [0:0]'], '-i eth0 -p tcp -s 198.51.100.7').reply).toBeUndefined();
    expect(ask(open, '-i eth0 -p tcp -s 198.51.100.7', { reply: false }).reply).toBeUndefined();
  });
});
