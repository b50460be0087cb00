import { describe, expect, test } from 'vitest';
import { checks } from '../../src/lint/checks/index.ts';
import type { Finding } from '../../src/lint/finding.ts';
import { prefix } from '../../src/net/address.ts';
import { networkText, parseIpv4 } from '../../src/net/address-text.ts';
import { type ExampleExpectation, placeText, readExamples } from '../support/examples.ts';
import { lintText } from './lint-text.ts';

/** Codes whose checks exist: what is expected of others is for later. */
const known = new Set<string>(checks.map((check) => check.code));

/** The addresses, routes and sysctls of an example's header, as the commands print them. */
function contextOf(example: ReturnType<typeof readExamples>[number]): string {
  const interfaces = new Map<string, string[]>();
  for (const line of example.addresses) {
    const [address = '', , device = ''] = line.split(' ');
    interfaces.set(device, [...(interfaces.get(device) ?? []), address]);
  }
  const addr = [...interfaces].map(([device, addresses], index) => {
    const head = `${index + 2}: ${device}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP group default qlen 1000`;
    return [
      head,
      `    link/ether 02:00:00:00:00:0${index + 1} brd ff:ff:ff:ff:ff:ff`,
      ...addresses.map(
        (address) =>
          `    inet ${address} scope global ${device}\n       valid_lft forever preferred_lft forever`,
      ),
    ].join('\n');
  });
  const lo = `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever`;
  // `ip route` lists the network of every address, too.
  const connected = [...interfaces].flatMap(([device, addresses]) =>
    addresses.flatMap((text) => {
      const [host = '', length = '32'] = text.split('/');
      const own = parseIpv4(host);
      return own && Number(length) < 32
        ? [`${networkText(prefix(own, Number(length)))} dev ${device} proto kernel scope link src ${host}`]
        : [];
    }),
  );
  const sysctls = Object.entries(example.sysctls).map(([key, value]) => `${key} = ${value}`);
  return `${[lo, ...addr].join('\n')}\n\n${[...example.routes, ...connected].join('\n')}\n\n${sysctls.join('\n')}\n`;
}

function placeOf(finding: Finding): string {
  const { table = '', chain = '', ruleNumber } = finding.place;
  return `${finding.code} @ ${table}/${chain}${ruleNumber === undefined ? '' : `#${ruleNumber}`}`;
}

function wanted({ code, place }: ExampleExpectation): string {
  return `${code} @ ${placeText(place).replace(/ policy$/, '')}`;
}

describe.each(readExamples())('$name', (example) => {
  const expected = example.expectations.filter((e) => !e.later && known.has(e.code));

  test('says what its header says, without any context', () => {
    const findings = lintText(example.text, { context: example.context }).findings;
    const places = findings.map(placeOf);
    for (const expectation of expected) expect(places).toContain(wanted(expectation));
    if (example.clean)
      expect(findings.filter((f) => f.severity !== 'info').map((f) => `${placeOf(f)} ${f.message}`)).toEqual(
        [],
      );
  });

  test('says the same with the addresses and routes of the machine', () => {
    const context = `${contextOf(example)}\n${example.context ?? ''}`;
    const { findings } = lintText(example.text, { context });
    const places = findings.map(placeOf);
    for (const expectation of expected) expect(places).toContain(wanted(expectation));
    if (example.clean)
      expect(findings.filter((f) => f.severity !== 'info').map((f) => `${placeOf(f)} ${f.message}`)).toEqual(
        [],
      );
  });
});
