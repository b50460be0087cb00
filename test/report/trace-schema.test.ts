/** Goal: `fwsim trace --json` keeps to its schema. Method: traces of all kinds, held to schemas/trace.schema.json. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { runCommandLine } from '../../src/cli/run-command-line.ts';
import { fakeIo } from '../support/fake-io.ts';
import { repositoryRoot } from '../support/source-tree.ts';

const read = (...path: string[]): string => readFileSync(join(repositoryRoot, ...path), 'utf8');

const validate = new Ajv2020({ strict: false }).compile(
  JSON.parse(read('schemas', 'trace.schema.json')) as object,
);

const machine = `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536
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

const everything = `*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -p udp -m udp --dport 53 -j CT --notrack
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -j MARK --set-xmark 0x1/0xffffffff
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.168.1.9:80
-A POSTROUTING -o eth1 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:svc - [0:0]
-A INPUT -m set --match-set bad src -j DROP
-A INPUT -p tcp -j SET --add-set seen src
-A INPUT -p tcp -g svc
-A INPUT -p udp -j REJECT --reject-with icmp-port-unreachable
-A FORWARD -p tcp -m mark --mark 0x1 -j NFLOG --nflog-prefix "x y" --nflog-group 3
-A FORWARD -p tcp -m tcp --dport 80 -j ACCEPT
-A svc -p tcp -m tcp --dport 22 -j ACCEPT
-A svc -p tcp -m tcp --dport 23 -j NFQUEUE --queue-num 1
COMMIT
`;

const loop =
  '*filter\n:INPUT ACCEPT [0:0]\n:a - [0:0]\n:b - [0:0]\n-A INPUT -j a\n-A a -j b\n-A b -j a\nCOMMIT\n';

test.each([
  ['one that is forwarded', 'all --with gw --all -- -i eth0 -p tcp --dport 8080'],
  ['one that is translated, and asked twice', 'all --flow --with gw -- -i eth0 -p tcp --dport 8080'],
  ['one that is rejected', 'all --with gw --assume set:bad= -- -i eth0 -p udp --dport 53'],
  ['one that is queued', 'all --with gw --assume set:bad=192.0.2.0/24 -- -i eth0 -p tcp --dport 23'],
  ['one that may fare so or so', 'all --with gw -- -i eth0 -p tcp --dport 22'],
  ['one of this machine', 'all --with gw --local -- -p tcp -d 192.168.1.7 --dport 22'],
  ['one to itself', 'all --with gw --local --all -- -p tcp -d 127.0.0.1 --dport 22'],
  ['a martian', 'all --with gw -- -i eth0 -s 127.0.0.1 -p icmp'],
  ['of an unknown machine', 'example -- -i eth0 -p tcp --dport 80'],
  ['without an end', 'loop --assume local=192.0.2.1 -- -p tcp -d 192.0.2.1'],
])('%s', { timeout: 120_000 }, async (_what, line) => {
  const example = read('rules-examples', 'gateway-web-in-forward.rules');
  const io = fakeIo({ all: everything, gw: machine, example, loop });
  const words = line.split(' ');
  const at = words.indexOf('--');
  await runCommandLine(['trace', ...words.slice(0, at), '--json', ...words.slice(at)], () => io);
  validate(JSON.parse(io.said.out));
  expect(validate.errors ?? []).toEqual([]);
});

test('what is no trace is none by the schema', () => {
  expect(validate({ schemaVersion: 1, tool: { name: 'fwsim', version: '1' } })).toBe(false);
  const branch = { assumptions: [], immaterial: [], events: [{ kind: 'hook' }], fate: { kind: 'queued' } };
  const tool = { name: 'fwsim', version: '1' };
  expect(validate({ schemaVersion: 1, tool, branches: [branch] })).toBe(false);
  expect(validate({ schemaVersion: 1, tool, branches: [{ ...branch, events: [] }] })).toBe(true);
});
