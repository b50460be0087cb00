import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  createIpsets,
  describeOnKernel,
  kernelAvailable,
  loadRules,
  loadRuleset,
  loadRulesets,
} from '../support/kernel.ts';

const ordinary = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
`;

/** `INPUT` jumps to c1, c1 to c2 and so on, down to a chain that accepts: `depth` chains below INPUT. */
function nestedChains(depth: number): string {
  const names = Array.from({ length: depth }, (_, index) => `c${index + 1}`);
  const rules = names.map((name, index) => `-A ${name} -j ${names[index + 1] ?? 'ACCEPT'}`);
  const declared = names.map((name) => `:${name} - [0:0]`);
  return ['*filter', ...declared, '-A INPUT -j c1', ...rules, 'COMMIT', ''].join('\n');
}

describeOnKernel('a ruleset in a namespace of its own', () => {
  test('an ordinary ruleset loads and is printed back', () => {
    const result = loadRuleset(ordinary, { family: 4 });
    expect(result).toMatchObject({ loaded: true, message: '', saved: ordinary });
    expect(result.savedWithCounters).toContain('\n[0:0] -A INPUT -i lo -j ACCEPT\n');
  });

  test('the kernel prints its own spelling', () => {
    const text =
      '*filter\n-A INPUT -s 10.0.0.1 -p 6 --syn --dport 80:80 -m state --state NEW -j REJECT\nCOMMIT\n';
    const { saved } = loadRuleset(text, { family: 4 });
    expect(saved).toContain(
      '-A INPUT -s 10.0.0.1/32 -p tcp -m tcp --dport 80 --tcp-flags FIN,SYN,RST,ACK SYN -m state --state NEW ' +
        '-j REJECT --reject-with icmp-port-unreachable\n',
    );
  });

  test('a rule that cannot be read is refused with the message of iptables', () => {
    const result = loadRuleset('*filter\n-A INPUT -p tcp --dportt 80 -j DROP\nCOMMIT\n', { family: 4 });
    expect(result.loaded).toBe(false);
    expect(result.message).toContain('unknown option "--dportt"');
    expect(result.saved).toBe('');
  });

  test('a rule that only the kernel refuses is refused with its message', () => {
    const result = loadRuleset('*filter\n-A INPUT -j SNAT --to-source 192.0.2.1\nCOMMIT\n', { family: 4 });
    expect(result.loaded).toBe(false);
    expect(result.message).toContain('line 2: RULE_APPEND failed (Invalid argument): rule in chain INPUT');
  });

  test('chains nested 15 deep load, 16 deep are refused', () => {
    expect(loadRuleset(nestedChains(15), { family: 4 }).loaded).toBe(true);
    const result = loadRuleset(nestedChains(16), { family: 4 });
    expect(result.loaded).toBe(false);
    expect(result.message).toContain('Too many links');
  });

  test('two loads do not see each other', () => {
    const nat = '*nat\n-A POSTROUTING -o eth0 -j MASQUERADE\nCOMMIT\n';
    const [first, second, third] = loadRulesets([
      { text: ordinary, family: 4 },
      { text: nat, family: 4 },
      { text: '', family: 4 },
    ]);
    expect(first?.saved).not.toContain('*nat');
    expect(second?.saved).not.toContain('*filter');
    expect(third).toMatchObject({ loaded: true, saved: '' });
  });

  test('the machine itself is left alone', () => {
    const before = execFileSync('iptables-nft-save', { encoding: 'utf8' }).replace(/^#.*\n/gm, '');
    loadRuleset(`${ordinary}*raw\n-A PREROUTING -s 203.0.113.77 -j DROP\nCOMMIT\n`, { family: 4 });
    const after = execFileSync('iptables-nft-save', { encoding: 'utf8' }).replace(/^#.*\n/gm, '');
    expect(after).toBe(before);
    expect(after).not.toContain('203.0.113.77');
  });

  test('IPv6 rulesets go to ip6tables', () => {
    const text = '*filter\n-A INPUT -s 2001:db8::1 -p icmpv6 --icmpv6-type echo-request -j ACCEPT\nCOMMIT\n';
    expect(loadRuleset(text, { family: 4 }).loaded).toBe(false);
    const { loaded, saved } = loadRuleset(text, { family: 6 });
    expect(loaded).toBe(true);
    expect(saved).toContain(
      '-A INPUT -s 2001:db8::1/128 -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT\n',
    );
  });

  test('counters are kept on request', () => {
    const text = ordinary.replace('[0:0]', '[7:420]').replace('-A INPUT -i lo', '[3:180] -A INPUT -i lo');
    const { savedWithCounters } = loadRuleset(text, { family: 4, counters: true });
    expect(savedWithCounters).toContain(':INPUT DROP [7:420]\n');
    expect(savedWithCounters).toContain('\n[3:180] -A INPUT -i lo -j ACCEPT\n');
    expect(loadRuleset(ordinary.replace('[0:0]', '[7:420]'), { family: 4 }).saved).toBe(ordinary);
  });

  test('interfaces are made where a rule needs them', () => {
    expect(loadRuleset(ordinary, { family: 4, interfaces: ['eth0', 'br-1'] }).message).toBe('');
    expect(() => loadRuleset(ordinary, { family: 4, interfaces: ['$(reboot)'] })).toThrow('interface name');
  });

  test('loading ends after its time', () => {
    const result = loadRuleset(ordinary, { family: 4, timeoutSeconds: 0.001 });
    expect(result.loaded).toBe(false);
    expect(result.message).toContain('not loaded within 0.001 s');
  });

  test('text is never run by a shell', () => {
    const result = loadRuleset('$(touch /tmp/fwsim-harness); `id`\n', { family: 4 });
    expect(result.loaded).toBe(false);
    expect(readdirSync('/tmp')).not.toContain('fwsim-harness');
  });
});

describeOnKernel('rules with sets', () => {
  const text = `*filter
-A INPUT -m set --match-set allowed src -j ACCEPT
-A INPUT -m set ! --match-set web dst,dst -j DROP
-A INPUT -j SET --add-set seen src --exist
COMMIT
`;

  test('are refused without their sets', () => {
    const result = loadRuleset(text, { family: 4 });
    expect(result.loaded).toBe(false);
    expect(result.message).toContain("Set allowed doesn't exist");
  });

  test('load with sets made to fit', () => {
    const ipsets = createIpsets(text, 4);
    expect(ipsets).toBe(
      'create allowed hash:net family inet\ncreate web hash:ip,port family inet\ncreate seen hash:net family inet\n',
    );
    expect(loadRuleset(text, { family: 4, ipsets })).toMatchObject({ loaded: true, message: '' });
    expect(loadRuleset(text, { family: 4, ipsets, backend: 'legacy' }).loaded).toBe(true);
  });

  test('say when the sets themselves are wrong', () => {
    const result = loadRuleset(text, { family: 4, ipsets: 'create allowed hash:nonsense\n' });
    expect(result.loaded).toBe(false);
    expect(result.message).toContain('hash:nonsense');
  });
});

describeOnKernel('many rules in one process', () => {
  test('each is judged alone', () => {
    const results = loadRules([
      { rule: '-A INPUT -s 192.0.2.1,192.0.2.2 -j DROP', table: 'filter', family: 4 },
      { rule: '-A INPUT -o eth0 -j DROP', table: 'filter', family: 4 },
      { rule: '-A INPUT -j other', table: 'filter', chains: ['other'], family: 4 },
    ]);
    expect(results.map((result) => result.loaded)).toEqual([true, false, true]);
    expect(results[0]?.savedRules).toEqual([
      '-A INPUT -s 192.0.2.1/32 -j DROP',
      '-A INPUT -s 192.0.2.2/32 -j DROP',
    ]);
    expect(results[1]?.message).toContain("Can't use -o with INPUT");
    expect(results[2]?.savedRules).toEqual(['-A INPUT -j other']);
  });
});

describeOnKernel(
  'the legacy back end',
  () => {
    test('loads and prints back the same', () => {
      const result = loadRuleset(ordinary, { family: 4, backend: 'legacy' });
      expect(result).toMatchObject({ loaded: true, message: '', saved: ordinary });
    });

    test('takes deeper nesting', () => {
      expect(loadRuleset(nestedChains(16), { family: 4, backend: 'legacy' }).loaded).toBe(true);
    });
  },
  'legacy',
);

test('availability is a plain answer', () => {
  const answer = kernelAvailable();
  expect(answer.ok || answer.reason).toBeTruthy();
});
