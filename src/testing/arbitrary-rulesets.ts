/** Rulesets for fast-check: texts as iptables-save prints them, of the kind that people write. */

import fc from 'fast-check';

/** What the rulesets are like. */
export interface RulesetOptions {
  /** Interfaces that rules name; default eth0 and eth1. */
  readonly interfaces?: readonly string[];
  /** Networks and addresses that rules name. */
  readonly networks?: readonly string[];
  /** Also a nat table; default true. */
  readonly nat?: boolean;
  /** Rules of a chain at most; default 6. */
  readonly rulesMax?: number;
}

const states = ['RELATED,ESTABLISHED', 'ESTABLISHED', 'NEW', 'INVALID'] as const;
const services = [
  '-p tcp -m tcp --dport 22',
  '-p tcp -m tcp --dport 443',
  '-p tcp -m multiport --dports 80,443,8000:8080',
  '-p udp -m udp --dport 53',
  '-p icmp -m icmp --icmp-type 8',
  '-p tcp -m tcp --sport 1024:65535 --dport 1:1023',
] as const;

/** Draws rulesets of filter, and nat if wanted; shrinks to fewer and plainer rules. */
export function rulesets(o: RulesetOptions = {}): fc.Arbitrary<string> {
  const interfaces = o.interfaces ?? ['eth0', 'eth1'];
  const networks = o.networks ?? ['192.168.1.0/24', '198.51.100.7/32', '203.0.113.0/24', '10.0.0.0/8'];
  const rulesMax = o.rulesMax ?? 6;
  const chainNames = ['allowed', 'checked'] as const;

  const maybe = (arbitrary: fc.Arbitrary<string>): fc.Arbitrary<string> =>
    fc.oneof({ withCrossShrink: true }, fc.constant(''), arbitrary);
  const option = (flag: string, values: readonly string[]): fc.Arbitrary<string> =>
    maybe(
      fc
        .tuple(fc.constantFrom('', '', '', '! '), fc.constantFrom(...values))
        .map(([bang, value]) => `${bang}${flag} ${value}`),
    );
  const words = (parts: readonly fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
    fc.tuple(...parts).map((list) => list.filter((part) => part !== '').join(' '));
  const matches = (inside: boolean, outside: boolean): fc.Arbitrary<string> =>
    words([
      option('-s', networks),
      option('-d', networks),
      inside ? option('-i', interfaces) : fc.constant(''),
      outside ? option('-o', interfaces) : fc.constant(''),
      maybe(fc.constantFrom(...services)),
      maybe(fc.constantFrom(...states.map((state) => `-m conntrack --ctstate ${state}`))),
      fc.constantFrom('', '', '', '', '-m limit --limit 5/min'),
    ]);
  const rules = (
    chain: string,
    [inside, outside]: readonly [boolean, boolean],
    targets: readonly string[],
  ): fc.Arbitrary<string> =>
    fc
      .array(words([matches(inside, outside), fc.constantFrom(...targets).map((t) => `-j ${t}`)]), {
        maxLength: rulesMax,
      })
      .map((list) => list.map((rule) => `-A ${chain} ${rule}\n`).join(''));

  const verdicts = ['ACCEPT', 'DROP', 'REJECT --reject-with icmp-port-unreachable', 'LOG', 'RETURN'];
  const policy = fc.constantFrom('ACCEPT', 'DROP');
  const filter = fc
    .tuple(
      policy,
      policy,
      policy,
      rules('INPUT', [true, false], [...verdicts, ...chainNames]),
      rules('FORWARD', [true, true], [...verdicts, ...chainNames]),
      rules('OUTPUT', [false, true], verdicts),
      rules(chainNames[0], [false, false], [...verdicts, chainNames[1]]),
      rules(chainNames[1], [false, false], verdicts),
    )
    .map(
      ([input, forward, output, ...chains]) =>
        `*filter\n:INPUT ${input} [0:0]\n:FORWARD ${forward} [0:0]\n:OUTPUT ${output} [0:0]\n:allowed - [0:0]\n:checked - [0:0]\n${chains.join('')}COMMIT\n`,
    );
  if (o.nat === false) return filter;
  const [out = 'eth0', inner = out] = interfaces;
  const port = fc.constantFrom(80, 443, 8443);
  const published = fc
    .tuple(port, port, fc.constantFrom('192.168.1.10', '10.0.0.5'))
    .map(
      ([from, to, host]) =>
        `-A PREROUTING -i ${out} -p tcp -m tcp --dport ${from} -j DNAT --to-destination ${host}:${to}\n`,
    );
  const redirected = fc.constant(
    `-A PREROUTING -i ${inner} -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 3128\n`,
  );
  const hidden = fc.constantFrom(
    `-A POSTROUTING -o ${out} -j MASQUERADE\n`,
    `-A POSTROUTING -s 192.168.1.0/24 -o ${out} -j SNAT --to-source 203.0.113.1\n`,
  );
  const nat = fc
    .tuple(fc.array(fc.oneof(published, redirected), { maxLength: 3 }), fc.array(hidden, { maxLength: 2 }))
    .map(
      ([before, after]) =>
        `*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n${before.join('')}${after.join('')}COMMIT\n`,
    );
  return fc.tuple(nat, filter).map(([first, second]) => first + second);
}
