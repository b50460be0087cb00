/** Incidents of the path family from end to end: a dump goes in, the finding comes out, the mended dump is silent. */

import { describe, expect, test } from 'vitest';
import { lintText } from './lint-text.ts';

const gatewayNat = `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
`;

const filter = (policies: string, rules: string): string =>
  `*filter
${['INPUT', 'FORWARD', 'OUTPUT'].map((chain, i) => `:${chain} ${policies.split(' ')[i]} [0:0]`).join('\n')}
${rules.trim()}
COMMIT
`;

/** A NodePort as kube-proxy writes it: the translation stands behind a lot and names no port. */
const nodePort = `*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-SEP-AAA - [0:0]
:KUBE-SEP-BBB - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-WEB - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-NODEPORTS -p tcp -m comment --comment "shop/web" -m tcp --dport 30080 -j KUBE-SVC-WEB
-A KUBE-SEP-AAA -p tcp -m comment --comment "shop/web" -m tcp -j DNAT --to-destination 10.244.1.5:8080
-A KUBE-SEP-BBB -p tcp -m comment --comment "shop/web" -m tcp -j DNAT --to-destination 10.244.2.7:8080
-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
-A KUBE-SVC-WEB -m comment --comment "shop/web -> 10.244.1.5:8080" -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-AAA
-A KUBE-SVC-WEB -m comment --comment "shop/web -> 10.244.2.7:8080" -j KUBE-SEP-BBB
COMMIT
`;

const redirected = gatewayNat.replace(
  '-A POSTROUTING',
  '-A PREROUTING -i eth0 -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080\n-A POSTROUTING',
);

interface Incident {
  readonly name: string;
  readonly code: string;
  /** Words of its message and its story that an administrator would look for. */
  readonly says: readonly RegExp[];
  readonly broken: string;
  readonly mended: string;
  /** What the witness comes to; absent: there is none. */
  readonly fate?: string;
}

const incidents: readonly Incident[] = [
  {
    name: 'the web application of the NAT box is guarded in FORWARD',
    code: 'FW101',
    says: [/tcp\/80/, /FORWARD/, /INPUT/],
    fate: 'local',
    broken: `${filter(
      'ACCEPT ACCEPT ACCEPT',
      `-A FORWARD -s 198.51.100.0/28 -i eth0 -p tcp -m tcp --dport 80 -j ACCEPT
-A FORWARD -i eth0 -p tcp -m tcp --dport 80 -j DROP`,
    )}${gatewayNat}`,
    mended: `${filter(
      'DROP DROP ACCEPT',
      `-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -s 198.51.100.0/28 -i eth0 -p tcp -m tcp --dport 80 -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -o eth0 -j ACCEPT`,
    )}${gatewayNat}`,
  },
  {
    name: 'the refusals stand in a chain below the accept of everything',
    code: 'FW124',
    says: [/never asked/, /takes? every packet/],
    fate: 'local',
    broken: `${filter(
      'ACCEPT DROP ACCEPT',
      `-A INPUT -j ACCEPT
-A INPUT -j hardening
-A hardening -i eth0 -p tcp -m tcp --dport 3306 -j DROP`,
    ).replace(':OUTPUT', ':hardening - [0:0]\n:OUTPUT')}${gatewayNat}`,
    mended: `${filter(
      'ACCEPT DROP ACCEPT',
      `-A INPUT -j hardening
-A INPUT -j ACCEPT
-A hardening -i eth0 -p tcp -m tcp --dport 3306 -j DROP`,
    ).replace(':OUTPUT', ':hardening - [0:0]\n:OUTPUT')}${gatewayNat}`,
  },
  {
    name: 'everything to the firewall is blocked, nothing through it',
    code: 'FW102',
    says: [/FORWARD/],
    fate: 'forward',
    broken: `${filter(
      'DROP ACCEPT ACCEPT',
      `-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth1 -j ACCEPT`,
    )}${gatewayNat}`,
    mended: `${filter(
      'DROP DROP ACCEPT',
      `-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i eth1 -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i eth1 -o eth0 -j ACCEPT`,
    )}${gatewayNat}`,
  },
  {
    name: 'IRC of the broken-into server itself is forbidden in FORWARD',
    code: 'FW107',
    says: [/OUTPUT/],
    fate: 'sent',
    broken: `${filter(
      'DROP DROP ACCEPT',
      '-A FORWARD -s 203.0.113.5/32 -p tcp -m multiport --dports 6660:6669,6697 -j DROP',
    )}${gatewayNat.replace('MASQUERADE', 'SNAT --to-source 203.0.113.5')}`,
    mended: `${filter(
      'DROP DROP ACCEPT',
      '-A OUTPUT -s 203.0.113.5/32 -p tcp -m multiport --dports 6660:6669,6697 -j DROP',
    )}${gatewayNat.replace('MASQUERADE', 'SNAT --to-source 203.0.113.5')}`,
  },
  {
    name: 'mail of the hosts behind is forbidden in OUTPUT',
    code: 'FW106',
    says: [/FORWARD/],
    fate: 'forward',
    broken: `${filter(
      'DROP ACCEPT ACCEPT',
      '-A OUTPUT -s 192.168.1.0/24 -o eth0 -p tcp -m tcp --dport 25 -j DROP',
    )}${gatewayNat}`,
    mended: `${filter(
      'DROP DROP ACCEPT',
      `-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 192.168.1.0/24 -o eth0 -p tcp -m tcp --dport 25 -j DROP
-A FORWARD -i eth1 -o eth0 -j ACCEPT`,
    )}${gatewayNat}`,
  },
  {
    name: 'one offender is banned where his packets do not pass',
    code: 'FW118',
    says: [/translated/, /FORWARD/],
    fate: 'forward',
    broken: `${filter(
      'ACCEPT DROP ACCEPT',
      `-A INPUT -p tcp -m tcp --dport 443 -j f2b-web
-A FORWARD -d 192.168.1.10/32 -p tcp -m tcp --dport 443 -j ACCEPT
-A f2b-web -s 203.0.113.66/32 -j DROP`,
    ).replace(':OUTPUT', ':f2b-web - [0:0]\n:OUTPUT')}${gatewayNat.replace(
      '-A POSTROUTING',
      '-A PREROUTING -i eth0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.10\n-A POSTROUTING',
    )}`,
    mended: `${filter(
      'ACCEPT DROP ACCEPT',
      `-A FORWARD -p tcp -m tcp --dport 443 -j f2b-web
-A FORWARD -d 192.168.1.10/32 -p tcp -m tcp --dport 443 -j ACCEPT
-A f2b-web -s 203.0.113.66/32 -j DROP`,
    ).replace(':OUTPUT', ':f2b-web - [0:0]\n:OUTPUT')}${gatewayNat.replace(
      '-A POSTROUTING',
      '-A PREROUTING -i eth0 -p tcp -m tcp --dport 443 -j DNAT --to-destination 192.168.1.10\n-A POSTROUTING',
    )}`,
  },
  {
    name: 'a NodePort is closed in INPUT, among others',
    code: 'FW103',
    says: [/tcp\/30080/, /Kubernetes for the service shop\/web/, /Service or NetworkPolicy/],
    fate: 'forward',
    broken: `${nodePort}${filter('ACCEPT ACCEPT ACCEPT', '-A INPUT -i eth0 -p tcp -m tcp --dport 30000:32767 -j DROP')}`,
    mended: `${nodePort}${filter(
      'ACCEPT ACCEPT ACCEPT',
      '-A FORWARD -i eth0 -p tcp -m conntrack --ctorigdstport 30080 --ctdir ORIGINAL -j DROP',
    )}`,
  },
  {
    name: 'a NodePort is opened in INPUT to one network',
    code: 'FW103',
    says: [/tcp\/30080/, /shop\/web/],
    fate: 'forward',
    broken: `${nodePort}${filter(
      'DROP ACCEPT ACCEPT',
      '-A INPUT -s 203.0.113.0/24 -i eth0 -p tcp -m tcp --dport 30080 -j ACCEPT',
    )}`,
    mended: `${nodePort}${filter('DROP ACCEPT ACCEPT', '-A INPUT -s 203.0.113.0/24 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT')}`,
  },
  {
    name: 'the network behind is translated and never let out',
    code: 'FW125',
    says: [/192\.168\.1\.0\/24/, /FORWARD/, /RELATED,ESTABLISHED/],
    fate: 'drop',
    broken: `${filter(
      'DROP DROP ACCEPT',
      '-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    )}${gatewayNat.replace('-A POSTROUTING', '-A POSTROUTING -s 192.168.1.0/24')}`,
    mended: `${filter(
      'DROP DROP ACCEPT',
      `-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 192.168.1.0/24 -i eth1 -o eth0 -j ACCEPT`,
    )}${gatewayNat.replace('-A POSTROUTING', '-A POSTROUTING -s 192.168.1.0/24')}`,
  },
  {
    name: 'a redirected port is refused by its old number',
    code: 'FW105',
    says: [/refuse tcp\/80/, /port 8080/, /INPUT/],
    fate: 'local',
    broken: `${filter('ACCEPT DROP ACCEPT', '-A INPUT -s 198.51.100.0/24 -i eth0 -p tcp -m tcp --dport 80 -j DROP')}${redirected}`,
    mended: `${filter('ACCEPT DROP ACCEPT', '-A INPUT -s 198.51.100.0/24 -i eth0 -p tcp -m tcp --dport 8080 -j DROP')}${redirected}`,
  },
  {
    name: 'the tunnel’s addresses are believed in clear',
    code: 'FW115',
    says: [/IPsec/, /-m policy/],
    fate: 'forward',
    broken: `${filter(
      'DROP DROP ACCEPT',
      `-A INPUT -i eth0 -p esp -j ACCEPT
-A FORWARD -s 10.20.0.0/16 -d 192.168.1.0/24 -i eth0 -j ACCEPT`,
    )}${gatewayNat}`,
    mended: `${filter(
      'DROP DROP ACCEPT',
      `-A INPUT -i eth0 -p esp -j ACCEPT
-A FORWARD -s 10.20.0.0/16 -d 192.168.1.0/24 -i eth0 -m policy --dir in --pol ipsec -j ACCEPT`,
    )}${gatewayNat}`,
  },
  {
    name: 'VPN clients are looked for on the interface that carries the VPN',
    code: 'FW114',
    says: [/wg0/, /eth0/],
    broken: `${filter(
      'DROP DROP ACCEPT',
      `-A INPUT -s 10.8.0.0/24 -i eth0 -p tcp -m tcp --dport 22 -j ACCEPT
-A FORWARD -s 10.8.0.0/24 -i wg0 -o eth0 -j ACCEPT`,
    )}${gatewayNat}`,
    mended: `${filter(
      'DROP DROP ACCEPT',
      `-A INPUT -s 10.8.0.0/24 -i wg0 -p tcp -m tcp --dport 22 -j ACCEPT
-A FORWARD -s 10.8.0.0/24 -i wg0 -o eth0 -j ACCEPT`,
    )}${gatewayNat}`,
  },
];

describe.each(incidents)('$name', ({ code, says, broken, mended, fate }) => {
  test('is found, and said in words', () => {
    const found = lintText(broken, { preview: true }).findings.filter((f) => f.code === code);
    expect(found.map((f) => f.code)).toContain(code);
    const [finding] = found;
    const words = [finding?.message, finding?.story.what, finding?.story.why, ...(finding?.story.help ?? [])];
    for (const said of says) expect(words.join('\n')).toMatch(said);
    expect(finding?.witness?.fate.kind).toBe(fate);
  });

  test('is silent once it is mended', () => {
    const { findings } = lintText(mended, { preview: true });
    const path = findings.filter((f) => /^FW1/.test(f.code));
    expect(path.map((f) => `${f.code} ${f.message}`)).toEqual([]);
  });
});
