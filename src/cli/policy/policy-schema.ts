/** The shape of a policy file; schemas/ holds the same as JSON Schema, made from here. */

import * as v from 'valibot';
import { expectations, isNetwork, servicePattern } from '../../proving.ts';

function strict<const E extends v.ObjectEntries>(entries: E) {
  return v.strictObject(Object.assign(Object.create(null) as object, entries) as E);
}

const text = v.pipe(v.string(), v.nonEmpty('must not be empty'));
const textOrTexts = v.union([text, v.array(text)]);
const described = <S extends v.GenericSchema>(schema: S, description: string) =>
  v.optional(v.pipe(schema, v.description(description)));

const network = v.pipe(
  v.string(),
  v.check(isNetwork, 'must be an address or a network: 192.0.2.7, 192.0.2.0/24, 2001:db8::/32'),
);
const networks = v.union([network, v.array(network)]);
const service = v.pipe(
  v.string(),
  v.regex(servicePattern, 'must be written tcp/443, udp/5060-5070, icmp/echo-request or gre'),
);
const interfaceName = v.pipe(
  v.string(),
  v.regex(/^[^\s/:]{1,15}$/, 'must be the name of an interface: eth1, or veth+ for all that begin so'),
);

const zone = strict({
  interfaces: described(v.array(interfaceName), 'Interfaces of the zone, for "-i @zone" and "-o @zone".'),
  networks: described(networks, 'Networks behind them, for "-s @zone" and "-d @zone".'),
});

const test = strict({
  name: described(text, 'What is meant, for people. Default: the packets and what must hold.'),
  packets: described(
    textOrTexts,
    'The packets, in match options of iptables; of a list, those of any line. What is not said is any. Names stand behind "@". Default: all.',
  ),
  except: described(textOrTexts, 'Packets that are not meant.'),
  local: described(v.boolean(), 'The packets are sent by this machine itself.'),
  'any-state': described(
    v.boolean(),
    'All packets, not only those that open a connection from a source that belongs behind their interface.',
  ),
  'holds-for': described(
    v.picklist(['every', 'some']),
    'Whether every packet must fare so (the default), or one is enough.',
  ),
  unknown: described(
    v.picklist(['fail', 'allow']),
    'What becomes of the test where the answer depends on something that is not known. Default: fail.',
  ),
  family: described(v.picklist([4, 6]), 'IPv4 or IPv6 alone. Default: both, as far as the packets allow.'),
  expect: described(
    v.picklist(expectations),
    'How the packets end. accept: delivered, forwarded or sent; drop: without an answer; blocked: drop or reject.',
  ),
  out: described(textOrTexts, 'Interfaces by which the packets leave: names, or "@zone".'),
  'translated-to': described(
    textOrTexts,
    'Destinations that the packets have in the end: ADDRESS, ADDRESS:PORT, "@name".',
  ),
  'source-translated-to': described(
    textOrTexts,
    'Sources that the packets have in the end, after SNAT or MASQUERADE: ADDRESS, NETWORK, "@name".',
  ),
  logged: described(v.picklist(['never']), 'That no rule writes a log line about the packets.'),
  reply: described(v.picklist(['passes']), 'That the answers to the packets come back.'),
  'only-from': described(
    textOrTexts,
    'Sources that alone may pass: ADDRESS, NETWORK, "@name". The other claims are about packets from there.',
  ),
  'same-as': described(
    text,
    'A ruleset, relative to this file, under which none of the packets fares differently.',
  ),
});

/** `*.policy.yml`. */
export const policySchema = strict({
  rules: described(
    textOrTexts,
    'Rulesets that must satisfy the policy, relative to this file; each is a machine.',
  ),
  context: described(
    textOrTexts,
    'More about the machine, relative to this file: output of ip addr, ip route, sysctl, ipset save …',
  ),
  assume: described(
    v.array(text),
    'What is taken for granted of the machine: forwarding=on, local=192.0.2.1 …',
  ),
  networks: described(v.record(v.string(), networks), 'Hosts and networks by name, of both families.'),
  zones: described(v.record(v.string(), zone), 'Interfaces and networks by name.'),
  services: described(
    v.record(v.string(), v.union([service, v.array(service)])),
    'Services by name: tcp/443, udp/5060-5070, icmp/echo-request.',
  ),
  tests: v.pipe(
    v.array(test),
    v.minLength(1, 'must hold at least one test'),
    v.description('What must hold.'),
  ),
});
