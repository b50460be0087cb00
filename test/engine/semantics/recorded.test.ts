/**
 * Goal: each numbered behaviour of the kernel that a recording shows is done by the engine. Method: the packets of the
 * named recordings are replayed, and everything that the kernel told is compared.
 *
 * Numbers: 1 tables and chains, 2 NAT, 3 connection tracking, 4 routing, 5 fragments, 6 matches, 7 targets,
 * 8 the two back ends, 9 conditions and exceptions.
 */
import { describe } from 'vitest';
import { recorded } from './scenario.ts';

describe('1 which tables and chains a packet visits', () => {
  recorded('1.1', 'the order of tables at each hook', 'n-input-nat-order');
  recorded(
    '1.2',
    'ACCEPT ends the current table only, and policies work in every table',
    'n-accept-per-table',
    'n-p-policy-every-table',
  );
  recorded('1.3', 'RETURN in a built-in chain applies the policy', 'n-return-builtin');
  recorded('1.4', 'goto leaves no return address', 'n-goto-return', 'n-p-nested');
  recorded(
    '1.5',
    'nat chains see first packets only',
    'n-masq-reply',
    'n-nat-first-packet-only',
    'n-syn-retransmit',
  );
  recorded(
    '1.6',
    'a dropped first packet leaves no entry, and the next visits nat afresh',
    'n-nat-syn-dropped',
  );
  recorded('1.7', 'INVALID and UNTRACKED packets do not visit nat', 'n-invalid', 'n-untracked');
  recorded(
    '1.8',
    'conntrack runs only where something asks for it',
    'n-nat-table-inert',
    'n-notrack-only',
    'n-no-conntrack',
  );
  recorded(
    '1.9',
    'loopback: out and in again, with connection and mark, and nat is not visited twice',
    'n-loopback',
  );
  recorded('1.10', 'in raw every packet is INVALID', 'n-raw-ctstate');
  recorded('1.11', 'nat INPUT comes after filter INPUT, for first packets', 'n-dnat-to-self');
  recorded(
    '1.12',
    'any own address is INPUT, whatever the interface',
    'n-gateway-input-vs-forward',
    'n-ip-forward-0',
  );
});

describe('2 NAT', () => {
  recorded(
    '2.1',
    'DNAT comes before routing, and FORWARD sees the new destination',
    'n-published-port',
    'n-docker-full',
    'n-p-ct-addr',
  );
  recorded('2.2', 'source NAT comes last, and replies are translated at the place of nat', 'n-address-views');
  recorded('2.3', 'a NAT rule ends the nat chain, out of user chains too', 'n-two-dnat-rules');
  recorded('2.4', 'replies of masqueraded connections are FORWARD, by the inside address', 'n-masq-reply');
  recorded(
    '2.5',
    'MASQUERADE takes the address in the subnet of the next hop',
    'n-p-masquerade-select',
    'n-snat-vs-masquerade',
  );
  recorded(
    '2.6',
    'REDIRECT takes the first address of the incoming interface, or drops',
    'n-redirect-proxy',
    'n-p-masquerade-select',
    'n-v6-redirect',
    'n-redirect-inactive-iface',
  );
  recorded('2.7', 'NETMAP keeps the host bits', 'n-netmap');
  recorded(
    '2.8',
    'source ports are kept where the reply is unique',
    'n-p-udp-clash',
    'n-p-snat-local-port',
    'n-masquerade-clash',
  );
  recorded('2.9', 'ICMP echo is tracked by its identifier', 'n-p-icmp-nat-id');
  recorded('2.10', 'ICMP errors are RELATED and translated, the quoted packet too', 'n-icmp-related');
  recorded('2.11', 'DNAT in OUTPUT routes again and leaves the source', 'n-output-dnat-reroute');
  recorded(
    '2.12',
    '127.0.0.1 DNATed away dies without route_localnet',
    'n-local-127-dnat-out',
    'n-local-127-dnat-out-localnet',
  );
  recorded(
    '2.13',
    'DNAT of outside traffic to 127.0.0.1 is a martian',
    'n-dnat-loopback',
    'n-dnat-loopback-localnet',
  );
  recorded('2.14', 'hairpin: only source NAT brings the answer here', 'n-hairpin-nat');
  recorded('2.15', 'DNAT bound to the outside interface does nothing for the LAN', 'n-external-from-lan');
  recorded('2.16', 'marks of nat rules are on first packets only, connmarks stay', 'n-nat-policy-mark');
});

describe('3 connection tracking', () => {
  recorded(
    '3.1',
    'what a connection may begin with',
    'n-invalid',
    'n-midstream-accept',
    'n-midstream-strict',
  );
  recorded('3.2', 'only delivered or sent packets make an entry', 'n-midstream-loose', 'n-nat-syn-dropped');
  recorded('3.3', 'NEW until a reply was seen', 'n-udp-assured');
  recorded('3.4', 'segments outside of the window are INVALID', 'n-tcp-window');
  recorded('3.5', 'closing, late ACKs, reopening', 'n-tcp-close');
  recorded('3.6', 'ICMP requests make entries, other types do not', 'n-invalid', 'n-v6-p-icmp');
  recorded('3.7', 'DNAT and SNAT are flags of the connection', 'n-ct-status-dnat');
  recorded('3.8', 'without an entry only ctstate matches', 'n-p-ct-invalid-fields', 'n-p-untracked-fields');
  recorded('3.9', 'CONFIRMED comes late, NONE matches nothing', 'n-p-ct-addr', 'n-ct-status-dnat');
  recorded('3.10', 'ctdir is relative to who began', 'n-p-ct-addr');
  recorded('3.11', 'UNTRACKED for state too; replies are tracked unless exempted', 'n-untracked');
});

describe('4 routing, martians, forwarding', () => {
  recorded(
    '4.1',
    'routing drops come after PREROUTING',
    'n-rp-filter-strict',
    'n-martians',
    'n-ip-forward-0',
  );
  recorded(
    '4.2',
    'rp_filter: strict, loose, the larger of two',
    'n-rp-filter-strict',
    'n-rp-filter-loose',
    'n-rp-filter-max',
  );
  recorded('4.3', 'martian sources and destinations', 'n-martians');
  recorded('4.4', 'broadcasts of any own subnet are delivered', 'n-broadcast', 'n-p-addrtype');
  recorded(
    '4.5',
    'frames to the broadcast MAC are not forwarded, those for others not seen',
    'n-p-pkttype-mac',
  );
  recorded('4.6', 'multicast: joined groups only', 'n-multicast', 'n-v6-hoplimit-scope');
  recorded('4.7', 'TTL is lowered before FORWARD', 'n-ttl', 'n-v6-hoplimit-scope');
  recorded('4.8', 'out by the same interface passes FORWARD', 'n-same-interface-forward');
  recorded('4.9', 'no route, and routes that refuse', 'n-dead-end-route', 'n-addrtype');
  recorded('4.10', 'too big: ICMP error with DF, else cut after POSTROUTING', 'n-p-mtu', 'n-p-mtu-ct');
  recorded(
    '4.11',
    "the kernel's own packets begin in OUTPUT",
    'n-reject-kinds',
    'n-v6-reject',
    'n-icmp-related',
  );
  recorded(
    '4.12',
    'IPv6: loopback, link-local, anycast, no rp_filter',
    'n-v6-hoplimit-scope',
    'n-v6-addrtype',
  );
  recorded(
    '4.13',
    'marks in time for routing, and those too late',
    'n-prerouting-mark-route',
    'n-output-mark-reroute',
    'n-output-mark-filter-no-reroute',
    'n-tos-reroute',
    'n-v6-output-mark-reroute',
  );
  recorded('4.14', "a socket's mark counts from the first decision", 'n-output-mark-reroute');
  recorded('4.15', 'answers follow routing, or a restored connmark', 'n-policy-routing-reply');
});

describe('5 fragments', () => {
  recorded('5.1', 'with conntrack rules see whole packets', 'n-fragments-ct', 'n-v6-fragments');
  recorded('5.2', 'without it each fragment is filtered alone', 'n-fragments-noct', 'n-v6-fragments-noct');
});

describe('6 matches', () => {
  recorded('6.1', 'interfaces: wildcards, and hooks without one', 'n-iface-wildcard', 'n-p-iface-userchain');
  recorded('6.2', 'icmp: types, codes, any', 'n-p-icmp-type');
  recorded('6.3', 'tcp: flags, options, mss', 'n-p-tcp');
  recorded('6.5', 'mark arithmetic', 'n-p-mark');
  recorded('6.6', 'connmark arithmetic', 'n-p-connmark', 'n-connmark');
  recorded('6.7', 'length of the whole packet', 'n-p-length', 'n-v6-p-length');
  recorded('6.8', 'string: from and to', 'n-p-string');
  recorded('6.9', 'u32', 'n-p-u32');
  recorded('6.10', 'statistic nth', 'n-p-statistic');
  recorded('6.11', 'limit and hashlimit: the burst, then none', 'n-p-limit', 'n-limit');
  recorded('6.12', 'quota', 'n-p-quota');
  recorded('6.13', 'recent', 'n-p-recent', 'n-recent-ssh');
  recorded('6.14', 'connlimit counts this connection too', 'n-p-connlimit');
  recorded('6.15', 'connbytes counts this packet too', 'n-p-connbytes');
  recorded('6.16', 'owner: no socket, no owner', 'n-owner', 'n-p-owner-range');
  recorded('6.17', 'addrtype', 'n-addrtype', 'n-p-addrtype', 'n-v6-addrtype');
  recorded('6.18', 'mac and pkttype', 'n-p-pkttype-mac');
  recorded('6.19', 'rpfilter', 'n-p-rpfilter');
  recorded('6.20', 'sets', 'n-p-set', 'n-ipset');
  recorded('6.21', 'tos and dscp', 'n-p-tos');
  recorded('6.22', 'TCPMSS lowers only', 'n-tcpmss');
  recorded('6.23', 'time windows', 'n-p-time');
});

describe('7 targets', () => {
  recorded('7.1', 'REJECT, and what it does not answer', 'n-reject-kinds', 'n-v6-reject');
  recorded(
    '7.2',
    'targets that go on with the next rule',
    'n-p-mark',
    'n-p-tos',
    'n-tcpmss',
    'n-ttl',
    'n-set-target',
  );
  recorded('7.3', 'notrack, TPROXY without a socket, SET', 'n-untracked', 'n-tproxy-none', 'n-set-target');
  recorded('7.4', 'a drop on the way out is EPERM for the sender', 'n-owner', 'n-p-policy-every-table');
});
