import { describe, expect, test } from 'vitest';
import { noNames, type PolicyTest, plainTest, unplaced } from '../../src/policy/policy.ts';
import { runPolicy } from '../../src/policy/run.ts';
import { defaultRegistry } from '../../src/registry.ts';

const registry = defaultRegistry();

interface Rules {
  readonly raw?: readonly string[];
  readonly pre?: readonly string[];
  readonly post?: readonly string[];
  readonly input?: readonly string[];
  readonly forward?: readonly string[];
}

const lines = (chain: string, rules: readonly string[] = []): string =>
  rules.map((rule) => `-A ${chain} ${rule}\n`).join('');

/** A gateway between eth0 (203.0.113.0/24, the way out) and eth1 (192.168.1.0/24), closed but for these rules. */
function gateway(o: Rules) {
  const rules = `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
${lines('PREROUTING', o.raw)}COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
${lines('PREROUTING', o.pre)}${lines('POSTROUTING', o.post)}COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
${lines('INPUT', o.input)}${lines('FORWARD', o.forward)}COMMIT
`;
  return [
    { name: 'gw.rules', text: rules },
    {
      name: 'gw.context',
      text: `[{"ifname":"eth0","addr_info":[{"family":"inet","local":"203.0.113.1","prefixlen":24,"scope":"global"}]},{"ifname":"eth1","addr_info":[{"family":"inet","local":"192.168.1.1","prefixlen":24,"scope":"global"}]}]
default via 203.0.113.254 dev eth0
203.0.113.0/24 dev eth0 proto kernel scope link src 203.0.113.1
192.168.1.0/24 dev eth1 proto kernel scope link src 192.168.1.1
net.ipv4.ip_forward = 1
`,
    },
  ];
}

function tried(rules: Rules, packets: string, more: Partial<PolicyTest>) {
  const one = { ...plainTest, name: packets, packets: [unplaced(packets)], ...more };
  const run = runPolicy(gateway(rules), { names: noNames, tests: [one] }, { registry });
  expect(run.problems).toEqual([]);
  return run.tests[0]?.claims.at(-1);
}

const established = '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT';
const masquerade = ['-o eth0 -j MASQUERADE'];
const published = ['-d 203.0.113.1 -p tcp --dport 443 -j DNAT --to-destination 192.168.1.10:8443'];
const toServer = '-i eth0 -o eth1 -d 192.168.1.10 -p tcp --dport 8443 -j ACCEPT';
const outwards = '-i eth1 -s 192.168.1.0/24 ! -d 192.168.1.0/24 -o eth0';
const fromOutside = '-i eth0 -d 203.0.113.1 -p tcp --dport 443';

describe('answers through NAT', () => {
  test.each<[string, Rules, string, string]>([
    [
      'to the client behind a source NAT',
      {
        post: masquerade,
        forward: [`-i eth0 -o eth1 -d 192.168.1.0/24 ${established}`, '-i eth1 -j ACCEPT'],
      },
      outwards,
      'proved',
    ],
    [
      'to a client that the rule for answers forgets',
      {
        post: masquerade,
        forward: [`-i eth0 -o eth1 -d 192.168.1.0/25 ${established}`, '-i eth1 -j ACCEPT'],
      },
      outwards,
      'refuted',
    ],
    [
      'by their ports alone',
      {
        post: masquerade,
        forward: [
          '-i eth0 -o eth1 -p tcp --sport 80 ! --syn -j ACCEPT',
          '-i eth1 -o eth0 -p tcp --dport 80 -j ACCEPT',
        ],
      },
      `${outwards} -p tcp --dport 80`,
      'proved',
    ],
    [
      'from the address and port behind a DNAT',
      {
        pre: published,
        forward: ['-i eth1 -o eth0 -s 192.168.1.10 -p tcp --sport 8443 -j ACCEPT', toServer],
      },
      fromOutside,
      'proved',
    ],
    [
      'from the port before a DNAT, which no answer has',
      { pre: published, forward: ['-i eth1 -o eth0 -s 192.168.1.10 -p tcp --sport 443 -j ACCEPT', toServer] },
      fromOutside,
      'refuted',
    ],
    [
      'past a rule for another server',
      { pre: published, post: masquerade, forward: ['-s 192.168.1.11 -j DROP', established, toServer] },
      fromOutside,
      'proved',
    ],
    [
      'into a rule for this server',
      { pre: published, post: masquerade, forward: ['-s 192.168.1.10 -j DROP', established, toServer] },
      fromOutside,
      'refuted',
    ],
    [
      'into a rule before translation',
      {
        raw: ['-i eth1 -s 192.168.1.10 -p tcp --sport 8443 -j DROP'],
        pre: published,
        forward: [established, toServer],
      },
      fromOutside,
      'refuted',
    ],
    [
      'into a rule before translation that means the translated address',
      {
        raw: ['-i eth0 -d 192.168.1.0/24 -j DROP'],
        post: masquerade,
        forward: [established, '-i eth1 -j ACCEPT'],
      },
      outwards,
      'proved',
    ],
    [
      'from this machine after REDIRECT',
      {
        pre: ['-i eth1 -p tcp --dport 80 -j REDIRECT --to-ports 3128'],
        input: ['-i eth1 -p tcp --dport 3128 -j ACCEPT'],
      },
      '-i eth1 -s 192.168.1.0/24 ! -d 192.168.1.0/24 -p tcp --dport 80',
      'proved',
    ],
  ])('%s', (_, rules, packets, verdict) => {
    expect(tried(rules, packets, { replyPasses: true })?.verdict).toBe(verdict);
  });

  test('what is refuted has a question whose answer the engine has lost', () => {
    const claim = tried(
      {
        post: masquerade,
        forward: [`-i eth0 -o eth1 -d 192.168.1.0/25 ${established}`, '-i eth1 -j ACCEPT'],
      },
      outwards,
      { replyPasses: true },
    );
    expect(claim?.witness?.packet.join(' ')).toMatch(
      /^-i eth1 -p tcp -s 192\.168\.1\.(?:12[89]|1[3-9]\d|2\d\d) /,
    );
    expect(claim?.reply).toMatchObject({ end: 'stopped', trace: { fate: { kind: 'drop' } } });
  });
});

describe('the source in the end', () => {
  const allowed = { forward: ['-i eth1 -j ACCEPT'] };
  test.each<[string, Rules, string, string]>([
    ["is the interface's own behind MASQUERADE", { ...allowed, post: masquerade }, '203.0.113.1', 'proved'],
    [
      'is what SNAT says',
      { ...allowed, post: ['-o eth0 -j SNAT --to-source 203.0.113.5'] },
      '203.0.113.5',
      'proved',
    ],
    [
      'is not another',
      { ...allowed, post: ['-o eth0 -j SNAT --to-source 203.0.113.5'] },
      '203.0.113.1',
      'refuted',
    ],
    [
      'is one of several',
      { ...allowed, post: ['-o eth0 -j SNAT --to-source 203.0.113.5-203.0.113.6'] },
      '203.0.113.5',
      'depends',
    ],
    [
      'stays where a rule lets some pass untranslated',
      { ...allowed, post: ['-s 192.168.1.200 -j ACCEPT', ...masquerade] },
      '203.0.113.1',
      'refuted',
    ],
    ['stays where no rule translates', allowed, '192.168.1.0/24', 'proved'],
  ])('%s', (_, rules, source, verdict) => {
    const claim = tried(rules, outwards, { sourceTranslatedTo: [unplaced(source)] });
    expect(claim).toMatchObject({ kind: 'source-translated-to', verdict });
    if (verdict === 'refuted') expect(claim?.witness?.trace.fate.kind).toBe('forward');
  });

  test('a packet that refutes leaves as nobody wanted it', () => {
    const claim = tried({ ...allowed, post: ['-s 192.168.1.200 -j ACCEPT', ...masquerade] }, outwards, {
      sourceTranslatedTo: [unplaced('203.0.113.1')],
    });
    expect(claim?.witness?.packet.join(' ')).toContain('-s 192.168.1.200');
  });
});
