import { describe, expect, test } from 'vitest';
import { lintText } from './lint-text.ts';

/** Findings of these families, as people would see them with previews switched on. */
function told(rules: string, select: readonly string[]) {
  return lintText(rules, { select }).findings.filter((f) => select.includes(f.code));
}

describe('a mail server that bots hammer', () => {
  const rules = `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -d 203.0.113.1/32 -i eth0 -p tcp -m tcp --dport 25 -j DNAT --to-destination 192.168.1.10
-A POSTROUTING -d 192.168.1.10/32 -p tcp -m tcp --dport 25 -j SNAT --to-source 192.168.1.1
-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:f2b-sshd - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j f2b-sshd
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -d 192.168.1.10/32 -i eth0 -o eth1 -p tcp -m tcp --dport 25 -j ACCEPT
-A FORWARD -s 192.168.1.0/24 -i eth1 -o eth0 -j ACCEPT
-A f2b-sshd -s 198.51.100.66/32 -j DROP
COMMIT
`;

  test('a ban cuts off nobody who is connected', () => {
    const [finding] = told(rules, ['FW510']);
    expect(finding?.place).toMatchObject({ chain: 'INPUT', ruleNumber: 2 });
    expect(finding?.witness?.packet.join(' ')).toContain('-s 198.51.100.66');
    expect(finding?.witness?.packet.join(' ')).toContain('--ctstate ESTABLISHED');
    expect(finding?.witness?.fate.kind).toBe('local');
  });

  test('the server cannot tell its visitors apart', () => {
    const [finding, ...others] = told(rules, ['FW403', 'FW404']);
    expect(others).toEqual([]);
    expect(finding?.code).toBe('FW404');
    expect(finding?.place).toMatchObject({ chain: 'POSTROUTING', ruleNumber: 1 });
    expect(finding?.witness?.steps.map((s) => s.text).join('\n')).toContain('192.168.1.1');
  });

  test('both are mended by order and by a source', () => {
    const mended = rules
      .replace('-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n', '')
      .replace(
        '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n',
        '-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n',
      )
      .replace('-A POSTROUTING -d 192.168.1.10/32', '-A POSTROUTING -s 192.168.1.0/24 -d 192.168.1.10/32');
    expect(told(mended, ['FW403', 'FW404', 'FW510'])).toEqual([]);
  });
});

describe('a tunnel that stands and carries nothing', () => {
  const rules = (spared: string) => `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
${spared}-A POSTROUTING -s 192.168.1.0/24 -o eth0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth0 -p esp -j ACCEPT
-A INPUT -i eth0 -p udp -m multiport --dports 500,4500 -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 192.168.1.0/24 -i eth1 -o eth0 -j ACCEPT
COMMIT
`;

  test('source NAT takes what IPsec is to encrypt', () => {
    const [finding] = told(rules(''), ['FW410']);
    expect(finding).toMatchObject({ severity: 'warning', confidence: 'inferred' });
    expect(finding?.inferences.map((i) => i.settledBy)).toContain('ip xfrm policy');
    expect(finding?.witness?.fate.kind).toBe('forward');
  });

  test('an exception by policy mends it', () => {
    const spared = '-A POSTROUTING -o eth0 -m policy --dir out --pol ipsec -j ACCEPT\n';
    expect(told(rules(spared), ['FW410'])).toEqual([]);
  });
});

test('one cause, one finding: a shadowed forward is told by table nat alone', () => {
  const rules = `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -i eth0 -p tcp -j DNAT --to-destination 10.0.0.2
-A PREROUTING -i eth0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 10.0.0.3
COMMIT
`;
  expect(told(rules, ['FW201', 'FW202', 'FW204', 'FW411']).map((f) => f.code)).toEqual(['FW411']);
});
