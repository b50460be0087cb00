/** What must hold of our gateways, packet by packet. */

import fc from 'fast-check';
import { flows, packet, packets, type Rules } from 'fwsim/testing';
import { expect } from 'vitest';

const server = '192.168.1.10';

/** Where a packet ends, on each of its ways. */
const ends = (rules: Rules, match: string) =>
  rules.trace(match, { noReply: true }).exploration.branches.map(({ trace }) => trace.fate);

/** By name; each takes the rules and throws where they break it. */
export const properties: Readonly<Record<string, (rules: Rules) => void>> = {
  'a stranger reaches the web server, and nothing else'(rules) {
    const strangers = {
      in: '-i eth0 ! -s 198.51.100.0/28 -m conntrack --ctstate NEW',
      except: ['-p icmp --icmp-type 8'],
    };
    fc.assert(
      fc.property(packets(rules, strangers), (drawn) => {
        for (const { kind } of ends(rules, drawn.match)) {
          expect(kind).not.toBe('local');
          if (kind === 'forward') expect(rules).toTranslateTo(drawn, `${server}:8443`);
        }
      }),
    );
    const elsewhere = [...strangers.except, '-d 203.0.113.1', `-d ${server} -p tcp --dport 8443`];
    fc.assert(
      fc.property(packets(rules, { ...strangers, except: elsewhere }), (drawn) => {
        expect(rules).toBlock(drawn);
      }),
    );
    expect(rules).toTranslateTo('-i eth0 -d 203.0.113.1 -p tcp --dport 443', `${server}:8443`);
  },

  'the LAN speaks to the world under the address of the gateway'(rules) {
    const outwards = {
      in: '-i eth1 -s 192.168.1.0/24 ! -d 192.168.1.0/24',
      except: ['-p tcp --dport 25', '-d 203.0.113.1'],
    };
    fc.assert(
      fc.property(packets(rules, { ...outwards, openers: true }), (drawn) => {
        expect(rules).toTranslateSourceTo(drawn, '203.0.113.1');
      }),
    );
  },

  'whole conversations pass'(rules) {
    const allowed = [
      '-i eth0 -d 203.0.113.1 -p tcp --dport 443',
      '-i eth0 -s 198.51.100.0/28 -d 203.0.113.1 -p tcp --dport 22',
      '-i eth1 -s 192.168.1.0/24 -d 192.168.1.1 -p tcp -m multiport --dports 22,53',
      '-i eth1 -s 192.168.1.0/24 -d 192.168.1.1 -p udp --dport 53',
      '-i eth1 -s 192.168.1.0/24 -d 198.51.100.0/24 -p udp --dport 123',
    ];
    for (const one of allowed)
      fc.assert(
        fc.property(flows(rules, { in: one }), (drawn) => {
          expect(rules).toCarry(drawn);
        }),
        { numRuns: 20 },
      );
    expect(rules).toDeliver('-i eth1 -d 192.168.1.1 -p udp --sport 68 --dport 67');
    expect(rules).toAnswer([
      '-i eth0 -d 203.0.113.1 -p icmp --icmp-type 8',
      '-i eth1 -d 192.168.1.1 -p icmp --icmp-type 8',
    ]);
    expect(rules).toAnswer('-d 198.51.100.7 -p tcp --dport 443', { local: true });
    expect(rules).toDeliver(packet('-s 127.0.0.1 -d 127.0.0.1 -p tcp --dport 53', { local: true }));
  },

  'no mail leaves the LAN, and who tries is told'(rules) {
    expect(rules).toReject('-i eth1 -s 192.168.1.0/24 -d 198.51.100.0/24 -p tcp --dport 25');
  },

  'the LAN may do nothing else to the gateway'(rules) {
    const others = {
      in: ['-i eth1 -d 192.168.1.1', '-i eth1 -d 203.0.113.1'],
      except: [
        '-s 192.168.1.0/24 -p tcp -m multiport --dports 22,53',
        '-s 192.168.1.0/24 -p udp --dport 53',
        '-p udp --sport 68 --dport 67',
        '-p icmp --icmp-type 8',
        '-m conntrack --ctstate RELATED,ESTABLISHED',
      ],
    };
    fc.assert(
      fc.property(packets(rules, others), (drawn) => {
        expect(rules).toBlock(drawn);
      }),
    );
  },

  'nobody in the LAN sends under a false address'(rules) {
    const strange = {
      in: '-i eth1 ! -s 192.168.1.0/24 -m conntrack --ctstate NEW',
      except: ['-p icmp --icmp-type 8', '-p udp --sport 68 --dport 67'],
    };
    fc.assert(
      fc.property(packets(rules, strange), (drawn) => {
        expect(rules).toDrop(drawn);
      }),
    );
  },
};
