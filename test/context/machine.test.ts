import { describe, expect, test } from 'vitest';
import {
  type Assumption,
  assumptionText,
  contradiction,
  isAssumptionError,
  parseAssumption,
} from '../../src/context/assume.ts';
import { claimContext } from '../../src/context/claim.ts';
import { inferFromRules } from '../../src/context/infer.ts';
import { buildMachine, listInferences } from '../../src/context/machine.ts';
import { sysctlFact } from '../../src/context/sysctls.ts';
import { builtinHook } from '../../src/model/netfilter.ts';
import type { BaseMatch, Rule, Ruleset, RuleTarget } from '../../src/model/ruleset.ts';
import { type Address, addressBits, prefix } from '../../src/net/address.ts';
import { addressText, parseIpv4, parseIpv6 } from '../../src/net/address-text.ts';
import { interfacePattern } from '../../src/net/interface-pattern.ts';

function address(text: string): Address {
  const a = parseIpv4(text) ?? parseIpv6(text);
  if (!a) throw new Error(text);
  return a;
}

/** A rule from a few words: `nat POSTROUTING -o ppp0 -j MASQUERADE`. */
function rule(text: string, index: number): Rule {
  const [table = '', chain = '', ...words] = text.split(' ');
  const base: { -readonly [K in keyof BaseMatch]: BaseMatch[K] } = {
    src: undefined,
    dst: undefined,
    protocol: undefined,
    inInterface: undefined,
    outInterface: undefined,
    fragment: undefined,
  };
  let target: RuleTarget = { kind: 'none' };
  let negated = false;
  for (let i = 0; i < words.length; i++) {
    const value = words[i + 1] ?? '';
    switch (words[i]) {
      case '!':
        negated = true;
        continue;
      case '-i':
        base.inInterface = { value: interfacePattern(value), negated };
        break;
      case '-o':
        base.outInterface = { value: interfacePattern(value), negated };
        break;
      case '-d': {
        const [a = '', length] = value.split('/');
        const bits = addressBits(address(a).family);
        base.dst = { value: prefix(address(a), Number(length ?? bits)), negated };
        break;
      }
      case '-j':
        target =
          value === 'ACCEPT' || value === 'DROP'
            ? { kind: 'verdict', verdict: value }
            : { kind: 'extension', extension: value, known: true, data: { range: {} }, text: '' };
        break;
      case '--to': {
        const [low = '', high = low] = value.split('-');
        if (target.kind === 'extension')
          target = {
            kind: 'extension',
            extension: target.extension,
            known: true,
            data: { range: { addresses: { low: address(low), high: address(high) } } },
            text: '',
          };
        break;
      }
    }
    negated = false;
    i++;
  }
  return {
    id: index,
    table,
    chain,
    index,
    base,
    matches: [],
    target,
    counters: undefined,
    offset: -1,
    line: 0,
  };
}

function ruleset(family: Ruleset['family'], ...texts: string[]): Ruleset {
  const tables = new Map<string, Map<string, Rule[]>>();
  for (const text of texts) {
    const [table = '', chain = ''] = text.split(' ');
    const chains = tables.get(table) ?? new Map<string, Rule[]>();
    tables.set(table, chains);
    const rules = chains.get(chain) ?? [];
    chains.set(chain, rules);
    rules.push(rule(text, rules.length));
  }
  return {
    family,
    backend: 'nft',
    version: '1.8.9',
    tables: [...tables].map(([name, chains]) => ({
      name,
      offset: -1,
      line: 0,
      chains: [...chains].map(([chain, rules]) => ({
        name: chain,
        table: name,
        hook: builtinHook(name, chain),
        policy: undefined,
        counters: undefined,
        rules,
        declared: true,
        offset: -1,
        line: 0,
      })),
    })),
  };
}

function assumptions(...texts: string[]): Assumption[] {
  return texts.map((text) => {
    const a = parseAssumption(text);
    if (isAssumptionError(a)) throw new Error(a.message);
    return a;
  });
}

const factsOf = (text: string) => claimContext([{ text, offset: 0 }]).facts;
const nothing = factsOf('');
const local = (m: ReturnType<typeof buildMachine>): string[] =>
  m.localAddresses.map((f) => addressText(f.value));

describe('evidence of rules', () => {
  test('a gateway', () => {
    const rules = ruleset(
      'ipv4',
      'nat POSTROUTING -o ppp0 -j MASQUERADE',
      'nat PREROUTING -i ppp0 -d 203.0.113.5 -j DNAT --to 192.168.1.10',
      'nat POSTROUTING -o ppp0 -j SNAT --to 203.0.113.6-203.0.113.7',
      'filter INPUT -d 203.0.113.9 -j ACCEPT',
      'filter INPUT -d 203.0.113.10 -j DROP',
      'filter INPUT -d 203.0.113.255 -j ACCEPT',
      'filter INPUT -d 224.0.0.18 -j ACCEPT',
    );
    const m = buildMachine({ facts: nothing, rulesets: [rules] });
    expect(m.outside).toEqual([
      { value: 'ppp0', provenance: 'inferred', source: 'rule nat/POSTROUTING#1 (-o ppp0 -j MASQUERADE)' },
    ]);
    expect(local(m)).toEqual(
      ['203.0.113.6', '203.0.113.7', '203.0.113.5', '203.0.113.9', '127.0.0.1', '::1'].sort(
        (a, b) => local(m).indexOf(a) - local(m).indexOf(b),
      ),
    );
    expect(m.localAddresses.find((f) => addressText(f.value) === '203.0.113.5')?.source).toBe(
      'rule nat/PREROUTING#1 (-d 203.0.113.5 -j DNAT)',
    );
    expect(m.router).toEqual({
      value: true,
      provenance: 'inferred',
      source: 'rule nat/POSTROUTING#1 (-j MASQUERADE)',
    });
    expect(sysctlFact(m, 'net.ipv4.ip_forward')).toMatchObject({ value: '1', provenance: 'inferred' });
    expect(sysctlFact(m, 'net.ipv6.conf.all.forwarding')).toMatchObject({
      value: undefined,
      provenance: 'unknown',
    });
    expect(sysctlFact(m, 'net.ipv4.conf.all.rp_filter')).toMatchObject({ value: '0', provenance: 'default' });
    expect(m.containerHost).toMatchObject({ value: false });
    expect(m.interfaces.provenance).toBe('unknown');
    expect(listInferences(m).map((i) => i.what)).toContain('ppp0 leads outside');
  });
  test('two interfaces in FORWARD make a router, a hairpin is no way out', () => {
    const rules = ruleset('ipv6', 'filter FORWARD -i eth1 -o eth0 -j ACCEPT');
    const found = inferFromRules(
      [rules, ruleset('ipv4', 'nat POSTROUTING -o br0 -d 192.168.1.10 -j MASQUERADE')],
      undefined,
    );
    expect(found.router.ipv6?.source).toBe('ip6tables rule filter/FORWARD#1 (-i eth1 -o eth0)');
    expect(found.outside).toEqual([]);
    expect(
      inferFromRules(
        [
          ruleset(
            'ipv4',
            'filter FORWARD -i lo -o eth0 -j ACCEPT',
            'filter FORWARD ! -i eth0 -o eth1 -j DROP',
          ),
        ],
        undefined,
      ).router.ipv4,
    ).toBeUndefined();
  });
  test('a transparent proxy may be for clients inside: it says nothing', () => {
    const proxy = 'nat PREROUTING -i eth1 -j REDIRECT';
    expect(inferFromRules([ruleset('ipv4', proxy)], undefined).outside).toEqual([]);
    expect(
      inferFromRules(
        [ruleset('ipv4', proxy, 'nat POSTROUTING -o eth0 -j MASQUERADE')],
        undefined,
      ).outside.map((e) => e.value),
    ).toEqual(['eth0']);
    expect(inferFromRules([ruleset('ipv4', 'filter INPUT -i ppp+ -j DROP')], undefined).outside).toEqual([
      { value: 'ppp0', source: 'the name ppp+' },
    ]);
    expect(
      inferFromRules([ruleset('ipv4', 'nat POSTROUTING ! -o docker0 -j MASQUERADE')], undefined).outside,
    ).toEqual([]);
  });
  test('the nets of containers are not outside, and a tunnel is less likely than a wire', () => {
    const outside = (...rules: readonly string[]): readonly string[] =>
      inferFromRules([ruleset('ipv4', ...rules)], undefined).outside.map((e) => e.value);
    expect(outside('nat POSTROUTING -o tunl0 -j MASQUERADE')).toEqual([]);
    expect(outside('nat cali-nat -o eth0 -j MASQUERADE')).toEqual([]);
    expect(outside('nat POSTROUTING -o tun0 -j MASQUERADE', 'nat POSTROUTING -o eth0 -j MASQUERADE')).toEqual(
      ['eth0', 'tun0'],
    );
  });
  test('a host that is let out by one interface only is behind it', () => {
    const rules = ruleset(
      'ipv4',
      'filter DOCKER -d 172.18.0.2 -o br0 -j ACCEPT',
      'filter DOCKER -d 172.18.0.3 -o br0 -j DROP',
      'filter FORWARD -d 172.18.0.4 -o eth0 -j ACCEPT',
      'filter FORWARD -d 172.18.0.4 -o eth1 -j ACCEPT',
      'filter FORWARD -d 172.18.0.0/16 -o br0 -j ACCEPT',
      'filter FORWARD -d 172.18.0.5 ! -o br0 -j ACCEPT',
      'filter FORWARD -d 172.18.0.6 -o br+ -j ACCEPT',
    );
    const m = buildMachine({ facts: nothing, rulesets: [rules] });
    const source = 'rule filter/DOCKER#1 (-d 172.18.0.2 -o br0 -j ACCEPT)';
    const value = { address: address('172.18.0.2'), interfaceName: 'br0' };
    expect(m.behind).toEqual([{ value, provenance: 'inferred', source }]);
    expect(m.remoteAddresses).toEqual([{ value: value.address, provenance: 'inferred', source }]);
    expect(listInferences(m)).toContainEqual({ what: '172.18.0.2 is behind br0', source });
    const known = claimContext([
      { text: '2: br0    inet 172.18.0.1/16 scope global br0\n', offset: 0 },
    ]).facts;
    expect(buildMachine({ facts: known, rulesets: [rules] }).behind).toEqual([]);
  });
  test('containers', () => {
    const m = buildMachine({ facts: nothing, rulesets: [ruleset('ipv4', 'filter DOCKER-USER -j ACCEPT')] });
    expect(m.containerHost).toEqual({
      value: true,
      provenance: 'inferred',
      source: 'chain filter/DOCKER-USER',
    });
    const kube = ruleset('ipv4', 'nat KUBE-SEP-X -d 10.96.0.1 -j DNAT --to 10.0.0.1');
    expect(local(buildMachine({ facts: nothing, rulesets: [kube] }))).toEqual(['127.0.0.1', '::1']);
  });
});

describe('given facts', () => {
  const addresses =
    'lo UNKNOWN 127.0.0.1/8 ::1/128\neth0 UP 203.0.113.5/24\neth1 UP 192.168.1.1/24 fe80::1/64\n';
  test('addresses that are known silence what rules suggest', () => {
    const rules = ruleset('ipv4', 'nat POSTROUTING -o eth0 -j SNAT --to 203.0.113.77');
    const m = buildMachine({ facts: factsOf(addresses), rulesets: [rules] });
    expect(local(m)).toEqual(['127.0.0.1', '::1', '203.0.113.5', '192.168.1.1', 'fe80::1']);
    expect(m.localAddresses[2]).toMatchObject({ provenance: 'given', source: 'ip -br addr (eth0)' });
    expect(m.interfaces.provenance).toBe('given');
    expect(m.routes.value).toBeUndefined();
    expect(m.routeCoverage).toEqual({ ipv4: 'connected', ipv6: 'connected' });
  });
  test('a main table and addresses make whole routes', () => {
    const m = buildMachine({
      facts: factsOf(
        `${addresses}default via 203.0.113.254 dev eth0 \n203.0.113.0/24 dev eth0 proto kernel scope link src 203.0.113.5 \n`,
      ),
      rulesets: [],
    });
    expect(m.routeCoverage).toEqual({ ipv4: 'all', ipv6: 'connected' });
    expect(m.routes.source).toBe('ip route, local table from ip -br addr');
    expect(
      m.routes.value?.some((r) => r.type === 'local' && addressText(r.destination.address) === '203.0.113.5'),
    ).toBe(true);
    expect(m.outside).toEqual([
      { value: 'eth0', provenance: 'inferred', source: 'ip route (default dev eth0)' },
    ]);
  });
  test('a main table alone is not taken for all', () => {
    const m = buildMachine({
      facts: factsOf('default via 203.0.113.254 dev eth0 src 203.0.113.5 \n'),
      rulesets: [],
    });
    expect(m.routeCoverage?.ipv4).toBe('main');
    expect(m.routes).toMatchObject({ value: undefined, provenance: 'unknown' });
    expect(local(m)).toContain('203.0.113.5');
  });
  test('sysctls beat evidence', () => {
    const rules = ruleset('ipv4', 'nat POSTROUTING -o ppp0 -j MASQUERADE');
    const m = buildMachine({ facts: factsOf('net.ipv4.ip_forward = 0\n'), rulesets: [rules] });
    expect(m.router).toEqual({ value: false, provenance: 'given', source: 'sysctl -a' });
    expect(m.sysctls.value).toEqual({ 'net.ipv4.ip_forward': '0' });
    expect(m.inferredSysctls).toEqual({});
  });
  test('carrier loss counts where the sysctl says so', () => {
    const text = `${addresses}10.0.0.0/8 dev eth1 scope link linkdown \n`;
    const down = (more: string): boolean | undefined =>
      buildMachine({ facts: factsOf(text + more), rulesets: [] }).routes.value?.[0]?.down;
    expect(down('')).toBe(false);
    expect(down('net.ipv4.conf.eth1.ignore_routes_with_linkdown = 1\n')).toBe(true);
  });
  test('policy rules of the family that was not listed are the kernel’s', () => {
    const m = buildMachine({
      facts: factsOf(
        '0:\tfrom all lookup local\n5:\tfrom all fwmark 0x1 lookup 100\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n',
      ),
      rulesets: [],
    });
    expect(m.policyRules.value?.map((r) => `${r.family} ${r.priority}`)).toEqual([
      'ipv4 0',
      'ipv4 5',
      'ipv4 32766',
      'ipv4 32767',
      'ipv6 0',
      'ipv6 32766',
    ]);
    expect(m.policyRules.source).toBe("ip rule; IPv6: the kernel's own");
  });
  test('native tables leave out what iptables-nft keeps', () => {
    const m = buildMachine({
      facts: factsOf('table ip filter\ntable ip6 nat\ntable inet fw\ntable ip mine\n'),
      rulesets: [],
    });
    expect(m.nativeTables?.value).toEqual(['inet fw', 'ip mine']);
    const legacy = buildMachine({ facts: factsOf('table ip filter\n'), rulesets: [], backend: 'legacy' });
    expect(legacy.nativeTables?.value).toEqual(['ip filter']);
    expect(legacy.backend).toEqual({ value: 'legacy', provenance: 'given', source: '--backend' });
  });
  test('a machine survives JSON', () => {
    const m = buildMachine({ facts: factsOf(addresses), rulesets: [] });
    expect(JSON.parse(JSON.stringify(m)).localAddresses).toEqual(m.localAddresses);
  });
});

describe('assumptions', () => {
  test.each([
    'local=203.0.113.5',
    'remote=2001:db8::1',
    'limit=over',
    'random=no',
    'set:blocked=192.0.2.1,10.0.0.0/8',
    'set:svc=192.0.2.1,tcp:80 192.0.2.2,udp:53',
    'conntrack=auto',
    'rule:filter/INPUT/3=yes',
    'rule:nat/odd=chain/x/12=no',
  ])('%s', (text) => {
    const a = parseAssumption(text);
    expect(isAssumptionError(a) ? a : assumptionText(a)).toBe(text);
  });
  test.each([
    ['local=10.0.0.0/8', '"10.0.0.0/8" is not an address', 'one address at a time: local=10.0.0.0'],
    ['local', '"local" is no assumption: it has no "="', undefined],
    ['limit=yes', '"yes" is no value of "limit"', 'limit=under|over'],
    ['rule:INPUT/3=yes', '"INPUT/3" does not name a rule', undefined],
    ['rule:filter/INPUT/0=yes', '"filter/INPUT/0" does not name a rule', undefined],
    ['limits=over', '"limits" is nothing that can be assumed', 'did you mean limit=under|over?'],
    ['set:=1.2.3.4', 'The name of the set is missing', undefined],
  ])('%s is refused', (text, message, hint) => {
    expect(parseAssumption(text)).toMatchObject({ message, ...(hint ? { hint } : {}) });
  });
  test('contradictions', () => {
    expect(contradiction(assumptions('local=10.0.0.1', 'remote=10.0.0.1'))?.message).toBe(
      '"remote=10.0.0.1" contradicts "local=10.0.0.1"',
    );
    expect(contradiction(assumptions('limit=over', 'limit=under'))).toBeDefined();
    expect(
      contradiction(assumptions('local=10.0.0.1', 'local=10.0.0.2', 'limit=over', 'limit=over')),
    ).toBeUndefined();
  });
  test('they enter the machine', () => {
    const rules = ruleset('ipv4', 'nat PREROUTING -d 203.0.113.5 -j DNAT --to 10.0.0.1');
    const assume = assumptions('remote=203.0.113.5', 'local=203.0.113.8', 'conntrack=on', 'set:x=192.0.2.1');
    const m = buildMachine({ facts: nothing, rulesets: [rules], assume });
    expect(local(m)).toEqual(['203.0.113.8', '127.0.0.1', '::1']);
    expect(m.remoteAddresses.map((f) => f.source)).toEqual(['--assume remote=203.0.113.5']);
    expect(m.conntrack).toMatchObject({ value: 'on', provenance: 'given' });
    // Nobody listed the sets, so others may exist.
    expect(m.sets).toMatchObject({ provenance: 'inferred', value: [{ name: 'x', type: 'hash:net' }] });
    const read = buildMachine({
      facts: factsOf('create x hash:ip\nadd x 1.2.3.4\ncreate y hash:ip\n'),
      rulesets: [],
      assume,
    });
    expect(read.sets.provenance).toBe('given');
    expect(read.sets.value?.map((s) => `${s.name} ${s.type} ${s.members.map((e) => e.text)}`)).toEqual([
      'x hash:ip 192.0.2.1',
      'y hash:ip ',
    ]);
  });
});
