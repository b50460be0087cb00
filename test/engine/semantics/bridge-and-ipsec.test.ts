/**
 * Goal: packets of bridges and of IPsec take the way that the kernel's sources say. No recording exists of either.
 * Method: small machines, each hook with its interfaces.
 */
import { describe, expect, test } from 'vitest';
import { endsOf, filter, gateway, generatedBy, machine, packetOf, shown, table } from './scenario.ts';

const bridgeOn = `${gateway}net.bridge.bridge-nf-call-iptables = 1\n`;
const guest = { src: '10.0.0.5', dst: '10.0.0.6' };

describe('br_netfilter', () => {
  shown(
    '9.16',
    'br_netfilter: FORWARD sees switched packets, the bridge as -i and -o, the ports as physdev',
    () => {
      const m = machine(
        bridgeOn,
        filter(
          '-A FORWARD -i br0 -o br0 -m physdev --physdev-in veth1 --physdev-out veth2 --physdev-is-bridged',
        ),
      );
      const way = m.arrives('veth1', guest);
      expect(way.hooks).toEqual([
        'PREROUTING br0(veth1) -',
        'FORWARD br0(veth1) br0(veth2)',
        'POSTROUTING -(veth1) br0(veth2)',
      ]);
      expect(way.rules).toEqual(['filter/FORWARD#1']);
      expect(way.fate).toBe('forward veth2');
      expect(way.left?.ttl).toBe(64);
      expect(
        way.trace.events.filter((e) => e.kind === 'note' && e.text.includes('not recorded')),
      ).toHaveLength(1);
    },
  );

  test('a DROP policy of FORWARD stops what the bridge switches', () => {
    const rules = filter().replace(':FORWARD ACCEPT', ':FORWARD DROP');
    expect(machine(bridgeOn, rules).arrives('veth1', guest).fate).toBe('drop filter/FORWARD');
    const off = `${gateway}net.bridge.bridge-nf-call-iptables = 0\n`;
    const way = machine(off, rules).arrives('veth1', guest);
    expect([way.hooks, way.fate]).toEqual([[], 'forward veth2']);
  });

  test('where nobody says whether the bridge asks iptables, that is a question', () => {
    expect(machine(gateway, filter()).arrives('veth1', guest).fate).toBe('undecided bridge-netfilter');
    const told = machine(gateway, filter('-A FORWARD -j DROP'), { tape: { 'bridge-netfilter': 'on' } });
    expect(told.arrives('veth1', guest).fate).toBe('drop filter/FORWARD#1');
  });

  test('a frame for this machine is ordinary input with a port', () => {
    const m = machine(bridgeOn, filter('-A INPUT -i br0 -m physdev --physdev-in veth2 -j DROP'));
    const way = m.arrives('veth2', { src: '10.0.0.6', dst: '10.0.0.1' });
    expect(way.hooks).toEqual(['PREROUTING br0(veth2) -', 'INPUT br0(veth2) -']);
    expect(way.fate).toBe('drop filter/INPUT#1');
  });

  test('a routed packet keeps the port that it came by and has none to leave by', () => {
    const m = machine(
      bridgeOn,
      filter('-A FORWARD -m physdev --physdev-in veth1', '-A FORWARD -m physdev --physdev-is-bridged'),
    );
    const way = m.arrives('veth1', { src: '10.0.0.5', dst: '198.51.100.1' });
    expect(way.hooks.at(1)).toBe('FORWARD br0(veth1) eth0');
    expect(way.rules).toEqual(['filter/FORWARD#1']);
    expect(way.left?.ttl).toBe(63);
  });

  test('DNAT pulls a switched packet into INPUT, and to another port of the bridge', () => {
    const nat = table(
      'nat',
      'PREROUTING INPUT OUTPUT POSTROUTING',
      '-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.1:8080',
      '-A PREROUTING -p tcp -m tcp --dport 81 -j DNAT --to-destination 10.0.0.6:80',
    );
    const m = machine(bridgeOn, nat);
    const way = m.arrives('veth1', guest, {});
    expect([way.fate, endsOf(way.left)]).toEqual(['local br0', '10.0.0.5:40000 > 10.0.0.1:8080']);
    const there = m.arrives('veth1', { src: '10.0.0.5', dst: '203.0.113.1', dport: 81 });
    expect(there.fate).toBe('forward veth2');
    expect(there.left?.ttl).toBe(64);
  });

  test('conntrack follows switched packets, and MASQUERADE takes an address of the bridge', () => {
    const nat = table('nat', 'PREROUTING INPUT OUTPUT POSTROUTING', '-A POSTROUTING -o br0 -j MASQUERADE');
    const m = machine(bridgeOn, `${nat}\n${filter('-A FORWARD -m conntrack --ctstate ESTABLISHED')}`);
    expect(endsOf(m.arrives('veth1', guest).left)).toBe('10.0.0.1:40000 > 10.0.0.6:80');
    const reply = m.arrives('veth2', {
      src: '10.0.0.6',
      dst: '10.0.0.1',
      sport: 80,
      dport: 40000,
      tcpFlags: 18,
    });
    expect(reply.rules).toEqual(['filter/FORWARD#1']);
    expect([reply.fate, endsOf(reply.left)]).toEqual(['forward veth1', '10.0.0.6:80 > 10.0.0.5:40000']);
  });

  test('the RST of a rejected switched packet leaves by its port, and OUTPUT does not see it', () => {
    const m = machine(
      bridgeOn,
      filter('-A FORWARD -p tcp -j REJECT --reject-with tcp-reset', '-A OUTPUT -j DROP'),
    );
    const [answer] = generatedBy(m.arrives('veth1', guest).trace);
    expect(answer?.[1].hooks).toEqual([]);
    expect(answer?.[1].fate).toBe('sent veth1');
  });

  test('what the machine itself sends to a bridge has no port', () => {
    const m = machine(
      bridgeOn,
      table(
        'mangle',
        'PREROUTING INPUT FORWARD OUTPUT POSTROUTING',
        '-A POSTROUTING -m physdev --physdev-is-out',
      ),
    );
    const way = m.sends({ src: '10.0.0.1', dst: '10.0.0.6' });
    expect(way.hooks.at(-1)).toBe('POSTROUTING - br0');
    expect(way.rules).toEqual([]);
  });
});

const tunnel = `${gateway}src 10.9.0.0/24 dst 192.168.1.0/24
\tdir in priority 100 ptype main
\ttmpl src 198.51.100.9 dst 203.0.113.1
\t\tproto esp reqid 7 mode tunnel
src 10.9.0.0/24 dst 192.168.1.0/24
\tdir fwd priority 100 ptype main
\ttmpl src 198.51.100.9 dst 203.0.113.1
\t\tproto esp reqid 7 mode tunnel
src 192.168.1.0/24 dst 10.9.0.0/24
\tdir out priority 100 ptype main
\ttmpl src 203.0.113.1 dst 198.51.100.9
\t\tproto esp reqid 7 mode tunnel
`;
const states = `src 203.0.113.1 dst 198.51.100.9
\tproto esp spi 0xc1 reqid 7 mode tunnel
src 198.51.100.9 dst 203.0.113.1
\tproto esp spi 0xc2 reqid 7 mode tunnel
`;
const inner = { src: '10.9.0.4', dst: '192.168.1.7' };

describe('IPsec', () => {
  shown(
    '9.18',
    'IPsec: a packet from a tunnel passes the hooks twice, first as ESP, then with --pol ipsec',
    () => {
      const m = machine(
        tunnel + states,
        filter(
          '-A INPUT -p esp',
          '-A FORWARD -m policy --dir in --pol ipsec --strict --reqid 7 --mode tunnel --tunnel-src 198.51.100.9 --proto esp -j ACCEPT',
          '-A FORWARD -j DROP',
        ),
      );
      expect(m.machine.ipsecPolicies?.value).toHaveLength(3);
      const packet = { src: '198.51.100.9', dst: '203.0.113.1', protocol: 50, spi: 0xc2, lengthBytes: 120 };
      const way = m.arrives('eth0', packet, { decapsulated: { packet: packetOf(inner) } });
      expect(way.hooks).toEqual([
        'PREROUTING eth0 -',
        'INPUT eth0 -',
        'PREROUTING eth0 -',
        'FORWARD eth0 eth1',
        'POSTROUTING eth0 eth1',
      ]);
      expect(way.rules).toEqual(['filter/INPUT#1', 'filter/FORWARD#1']);
      expect(way.fate).toBe('forward eth1');
      expect(
        way.trace.events.filter((e) => e.kind === 'note' && e.text.includes('not recorded')),
      ).toHaveLength(1);
    },
  );

  test('out: the clear packet passes FORWARD and POSTROUTING, then ESP passes OUTPUT and POSTROUTING', () => {
    const m = machine(
      tunnel + states,
      filter(
        '-A FORWARD -m policy --dir out --pol ipsec --strict --spi 0xc1 --mode tunnel --tunnel-dst 198.51.100.9',
        '-A OUTPUT -p esp',
      ),
    );
    const way = m.arrives('eth1', { src: '192.168.1.7', dst: '10.9.0.4' });
    expect(way.hooks).toEqual([
      'PREROUTING eth1 -',
      'FORWARD eth1 eth0',
      'POSTROUTING eth1 eth0',
      'OUTPUT - eth0',
      'POSTROUTING - eth0',
    ]);
    expect(way.rules).toEqual(['filter/FORWARD#1', 'filter/OUTPUT#1']);
    expect([way.fate, endsOf(way.left), way.left?.spi]).toEqual([
      'sent eth0',
      '203.0.113.1 > 198.51.100.9',
      0xc1,
    ]);
  });

  test('a packet that should have been protected and came in clear is dropped before FORWARD, or after INPUT', () => {
    const m = machine(tunnel, filter());
    const clear = m.arrives('eth0', inner);
    expect([clear.hooks.length, clear.fate]).toEqual([1, 'route-drop PREROUTING ipsec-policy']);
    const here = m.arrives('eth0', { ...inner, dst: '192.168.1.1' });
    expect([here.hooks.length, here.fate]).toEqual([2, 'route-drop INPUT ipsec-policy']);
    expect(m.arrives('eth0', inner, { ipsec: true }).fate).toBe('forward eth1');
  });

  test('MASQUERADE before IPsec makes it a packet that no policy speaks of: it leaves in clear', () => {
    const nat = (...rules: readonly string[]) =>
      table('nat', 'PREROUTING INPUT OUTPUT POSTROUTING', ...rules);
    const packet = { src: '192.168.1.7', dst: '10.9.0.4' };
    const wrong = machine(tunnel, nat('-A POSTROUTING -o eth0 -j MASQUERADE')).arrives('eth1', packet);
    expect([wrong.fate, wrong.left?.protocol, endsOf(wrong.left)]).toEqual([
      'forward eth0',
      6,
      '203.0.113.1:40000 > 10.9.0.4:80',
    ]);
    const right = machine(tunnel, nat('-A POSTROUTING -o eth0 -m policy --dir out --pol none -j MASQUERADE'));
    expect(right.arrives('eth1', packet).left?.protocol).toBe(50);
  });

  test('a policy that blocks: a local sender gets EPERM, a forwarded packet is dropped before FORWARD', () => {
    const m = machine(
      `${gateway}src 0.0.0.0/0 dst 198.51.100.0/24\n\tdir out action block priority 1 ptype main\n`,
      filter(),
    );
    expect(m.sends({ src: '203.0.113.1', dst: '198.51.100.1' }).fate).toBe('send-error EPERM');
    expect(m.arrives('eth1', { src: '192.168.1.7', dst: '198.51.100.1' }).fate).toBe(
      'route-drop PREROUTING ipsec-policy',
    );
  });

  test('what this machine sends itself, in transport mode', () => {
    const m = machine(
      `${gateway}src 203.0.113.1/32 dst 203.0.113.9/32\n\tdir out priority 1 ptype main\n\ttmpl src 0.0.0.0 dst 0.0.0.0\n\t\tproto esp reqid 1 mode transport\n`,
      filter('-A OUTPUT -m policy --dir out --pol ipsec --mode transport'),
    );
    const way = m.sends({ src: '203.0.113.1', dst: '203.0.113.9' });
    expect(way.hooks).toEqual(['OUTPUT - eth0', 'POSTROUTING - eth0', 'OUTPUT - eth0', 'POSTROUTING - eth0']);
    expect([way.rules, way.left?.protocol]).toEqual([['filter/OUTPUT#1'], 50]);
    expect(
      m.sends({ src: '203.0.113.1', dst: '203.0.113.9', protocol: 17, sport: 500, dport: 500 }).left
        ?.protocol,
    ).toBe(17);
  });
});

describe('copies and sockets', () => {
  test('TEE sends an untracked copy to its gateway, which is not copied again', () => {
    const rules = table(
      'mangle',
      'PREROUTING INPUT FORWARD OUTPUT POSTROUTING',
      '-A PREROUTING -j TEE --gateway 192.168.1.9',
      '-A POSTROUTING -j TEE --gateway 192.168.1.9',
    );
    const way = machine(gateway, `${rules}\n${filter('-A OUTPUT -m conntrack --ctstate UNTRACKED')}`).arrives(
      'eth0',
      {
        src: '198.51.100.1',
        dst: '203.0.113.1',
      },
    );
    const copies = generatedBy(way.trace);
    expect(copies.map(([cause]) => cause)).toEqual(['duplicate']);
    const [, copy] = copies[0] ?? [];
    expect(copy?.hooks).toEqual(['OUTPUT - eth1', 'POSTROUTING - eth1']);
    expect(copy?.rules).toContain('filter/OUTPUT#1');
    expect([copy?.fate, copy?.left?.ttl, endsOf(copy?.left)]).toEqual([
      'sent eth1',
      63,
      '198.51.100.1:40000 > 203.0.113.1:80',
    ]);
    expect(way.fate).toBe('local eth0');
  });

  test('TPROXY gives packets to a listener; without a route for the mark they are dropped', () => {
    const listener =
      'Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\ntcp LISTEN 0 128 0.0.0.0:3129 0.0.0.0:* users:(("squid",pid=1,fd=3))\n';
    const rules = table(
      'mangle',
      'PREROUTING INPUT FORWARD OUTPUT POSTROUTING',
      '-A PREROUTING -p tcp -m tcp --dport 80 -j TPROXY --on-port 3129 --on-ip 0.0.0.0 --tproxy-mark 0x1/0x1',
    );
    const packet = { src: '192.168.1.7', dst: '198.51.100.1' };
    expect(machine(gateway + listener, rules).arrives('eth1', packet).fate).toBe(
      'route-drop PREROUTING socket-assigned',
    );
    const routed = `${gateway}${listener}0: from all lookup local\n100: from all fwmark 0x1 lookup 100\n32766: from all lookup main\n32767: from all lookup default\nlocal default dev lo table 100 scope host\n`;
    expect(machine(routed, rules).arrives('eth1', packet).fate).toBe('local eth1');
    expect(machine(gateway, rules).arrives('eth1', packet).fate).toBe('undecided target:mangle/PREROUTING/1');
  });
});

describe('sets that forget', () => {
  const context = `${gateway}create guests hash:ip family inet timeout 60\nadd guests 198.51.100.7 timeout 10\n`;
  const packet = (src: string) => ({ src, dst: '203.0.113.1' });

  test('a member that was read is there until its time is over', () => {
    const m = machine(context, filter('-A INPUT -m set --match-set guests src'));
    expect(m.arrives('eth0', packet('198.51.100.7'), {}, 1000).rules).toHaveLength(1);
    expect(m.arrives('eth0', packet('198.51.100.7'), {}, 10_900).rules).toHaveLength(1);
    expect(m.arrives('eth0', packet('198.51.100.7'), {}, 11_100).rules).toHaveLength(0);
  });

  test('SET starts the time, and only with --exist once more', () => {
    const add = (options: string) =>
      machine(
        context,
        filter(
          '-A INPUT -m set --match-set guests src',
          `-A INPUT -j SET --add-set guests src --timeout 5${options}`,
        ),
      );
    const matched = (m: ReturnType<typeof add>, seconds: number): boolean =>
      m.arrives('eth0', packet('198.51.100.9'), {}, seconds * 1000).rules.includes('filter/INPUT#1');
    const once = add('');
    expect([0, 3, 6].map((t) => matched(once, t))).toEqual([false, true, false]);
    const again = add(' --exist');
    expect([0, 3, 6].map((t) => matched(again, t))).toEqual([false, true, true]);
  });
});

test('a hashlimit table is made by the rule that was loaded first', () => {
  const rule = (rate: string, burst: number) =>
    `-A INPUT -m hashlimit --hashlimit-upto ${rate} --hashlimit-burst ${burst} --hashlimit-mode srcip --hashlimit-name t`;
  const m = machine(gateway, filter(`${rule('1/hour', 3)} -s 192.0.2.1/32`, rule('1/hour', 1)));
  const rules = [0, 1, 2, 3].map((t) =>
    m.arrives('eth0', { src: '198.51.100.7', dst: '203.0.113.1' }, {}, t),
  );
  expect(rules.map((w) => w.rules.length)).toEqual([1, 1, 1, 0]);
});

test('ESP in UDP is unwrapped like ESP, and what is inside keeps its mark', () => {
  const m = machine(
    tunnel,
    [
      table(
        'mangle',
        'PREROUTING INPUT FORWARD OUTPUT POSTROUTING',
        '-A INPUT -p udp -m udp --dport 4500 -j MARK --set-xmark 0x5/0xffffffff',
      ),
      filter('-A FORWARD -m mark --mark 0x5 -m policy --dir in --pol ipsec --proto esp'),
    ].join('\n'),
  );
  const udp = { src: '198.51.100.9', dst: '203.0.113.1', protocol: 17, sport: 4500, dport: 4500 };
  const way = m.arrives('eth0', udp, { decapsulated: { packet: packetOf(inner) } });
  expect([way.rules, way.fate]).toEqual([['mangle/INPUT#1', 'filter/FORWARD#1'], 'forward eth1']);
});

test('a packet out of a tunnel that no policy wants is refused', () => {
  const m = machine(tunnel, filter());
  const packet = { src: '198.51.100.9', dst: '203.0.113.1', protocol: 50, spi: 0xc2 };
  const stray = { src: '10.8.0.4', dst: '192.168.1.7' };
  expect(m.arrives('eth0', packet, { decapsulated: { packet: packetOf(stray) } }).fate).toBe(
    'route-drop PREROUTING ipsec-policy',
  );
});

test('what a member of a bond receives comes in by the bond', () => {
  const context = gateway.replace('4: br0', '4: bond0').replaceAll('br0', 'bond0');
  const way = machine(context, filter()).arrives('veth1', { src: '10.0.0.5', dst: '10.0.0.1' });
  expect(way.hooks).toEqual(['PREROUTING bond0 -', 'INPUT bond0 -']);
});
