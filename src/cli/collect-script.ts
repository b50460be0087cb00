/**
 * What `fwsim collect` gathers, as a POSIX sh script. It is the only form: fwsim itself runs this text, so that what an
 * administrator has read is what runs.
 */

/** One part of what is gathered. */
export interface CollectedPart {
  /** The word of `--without`. */
  readonly name: string;
  /** What fwsim learns from it: a comment in the script. */
  readonly why: string;
  /** Lines of POSIX sh. They print what the command of this name prints, and nothing where it is not there. */
  readonly lines: readonly string[];
}

/**
 * Sysctls by the last word of their name. Not `sysctl -a`: that would also print secrets (`stable_secret`) and some
 * hundred lines for each interface.
 */
const sysctlNames: readonly (readonly string[])[] = [
  [
    'ip_forward',
    'forwarding',
    'disable_ipv6',
    'rp_filter',
    'accept_local',
    'route_localnet',
    'bc_forwarding',
  ],
  ['src_valid_mark', 'accept_source_route', 'log_martians', 'send_redirects', 'ip_nonlocal_bind'],
  ['ip_default_ttl', 'hop_limit', 'fwmark_reflect', 'tcp_fwmark_accept', 'tcp_l3mdev_accept'],
  ['icmp_echo_ignore_all', 'echo_ignore_all', 'icmp_echo_ignore_broadcasts'],
  ['icmp_errors_use_inbound_ifaddr', 'icmp_ratelimit', 'icmp_ratemask', 'ratelimit', 'ratemask'],
  ['nf_conntrack_[a-z_]+', 'bridge-nf-[a-z-]+'],
];

/** All parts in the order of the script. The rules that iptables-save prints come last: of two back ends the later counts. */
const collectedParts: readonly CollectedPart[] = [
  { name: 'host', why: 'whose rules these are, and its kernel', lines: ['say uname -nr'] },
  {
    name: 'addresses',
    why: 'which addresses are its own; which interfaces are bridges and their ports',
    lines: ['say ip -d -j addr || say ip addr || say ifconfig -a'],
  },
  {
    name: 'routes',
    why: 'by which interface a packet leaves, and whether a source belongs where it comes from',
    lines: [
      'say ip -j route show table all || say ip route show table all',
      'say ip -6 -j route show table all || say ip -6 route show table all',
      'say ip -j rule || say ip rule',
      'say ip -6 -j rule || say ip -6 rule',
    ],
  },
  {
    name: 'sysctls',
    why: 'whether it forwards, checks sources, sends bridged packets through iptables',
    lines: [
      'find /proc/sys/net -type f 2>/dev/null | grep -E \\',
      ...sysctlNames.map((line) => `  -e '/(${line.join('|')})$' \\`),
      '  | xargs grep -H . 2>/dev/null',
    ],
  },
  { name: 'sets', why: 'what is in the sets that rules ask', lines: ['say ipset save'] },
  {
    name: 'nft',
    why: 'whether rules of nftables stand beside those of iptables',
    lines: ['say nft list tables'],
  },
  {
    name: 'ipsec',
    why: 'which packets IPsec takes; policies alone, never keys',
    lines: ['say ip xfrm policy'],
  },
  {
    name: 'sockets',
    why: 'which program answers on an open port',
    lines: ['say ss -tulnp || say netstat -tulnp'],
  },
  {
    name: 'connections',
    why: 'which live connections a change would cut off',
    lines: ['say conntrack -L || { [ -r /proc/net/nf_conntrack ] && cat /proc/net/nf_conntrack; }'],
  },
  {
    name: 'other-backend',
    why: 'rules of the other iptables (legacy beside nft, or nft beside legacy): packets pass both',
    lines: [
      'case $(iptables-save --version 2>/dev/null) in *legacy*) other=nft ;; *) other=legacy ;; esac',
      'say iptables-$other-save -c',
      'say ip6tables-$other-save -c',
    ],
  },
];

/** The names of parts that can be left out; the rules themselves cannot. */
export const collectedNames: readonly string[] = collectedParts.map(({ name }) => name);

/**
 * The script. It changes nothing on the machine, writes no file, and leaves out what it cannot run.
 * Its exit code is 0 if rules were read, else 1, with a sentence on stderr.
 *
 * @param without names of parts to leave out
 */
export function collectScript(without: ReadonlySet<string> = new Set()): string {
  const parts = collectedParts
    .filter(({ name }) => !without.has(name))
    .map(({ name, why, lines }) => `# ${name}: ${why}\n${lines.join('\n')}\n`);
  return `#!/bin/sh
# Prints what fwsim wants to know of this machine: its iptables rules and what surrounds them. It only reads.
#   sudo sh collect.sh > gw.dump        then, anywhere: fwsim lint gw.dump
# What you do not want to give away, delete; each part stands for itself.
PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin
LC_ALL=C
export PATH LC_ALL
umask 077

# Runs a command with its name above what it prints. Nothing where the command is not there or fails at once.
say() {
  command -v "$1" >/dev/null 2>&1 || return 1
  printed=$("$@" 2>/dev/null) || return 1
  [ -z "$printed" ] || printf '\\n# %s\\n%s\\n' "$*" "$printed"
}

[ "$(id -u)" -eq 0 ] || echo 'collect: not root: rules, sets and programs will be missing' >&2

${parts.join('\n')}
# rules: what is analysed
read=no
say iptables-save -c && read=yes
say ip6tables-save -c && read=yes
if [ $read = no ]; then
  echo 'collect: neither iptables-save nor ip6tables-save could be run' >&2
  exit 1
fi
`;
}
