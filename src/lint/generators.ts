/** Programs that write rules by themselves, recognised by the names of their chains. */

import type { Generator } from './check.ts';

interface KnownGenerator extends Generator {
  readonly chains: readonly RegExp[];
}

const known: readonly KnownGenerator[] = [
  {
    name: 'Docker',
    knob: 'the published port (docker run -p, ports: in compose) or the chain DOCKER-USER',
    chains: [/^DOCKER$/, /^DOCKER-(?!USER$)/],
  },
  {
    name: 'Kubernetes',
    knob: 'the Service or NetworkPolicy',
    chains: [/^KUBE-(?!ROUTER-)/],
  },
  {
    name: 'the container network (Calico, Cilium, CNI …)',
    knob: 'the network policy',
    chains: [/^(cali|felix)-/, /^CILIUM_/, /^CNI[-_]/, /^FLANNEL-/, /^WEAVE-/, /^KUBE-ROUTER-/, /^ANTREA-/],
  },
  { name: 'podman', knob: 'the published port (podman run -p)', chains: [/^NETAVARK[-_]/] },
  { name: 'ufw', knob: 'the rule of ufw (ufw status numbered)', chains: [/^ufw6?-/] },
  {
    name: 'firewalld',
    knob: 'the zone (firewall-cmd --list-all-zones)',
    chains: [
      /^(IN|FWDI|FWDO|FWD|PRE|POST|OUTPUT|INPUT|FORWARD|PREROUTING|POSTROUTING|FWD[IO]?)_(ZONES|POLICIES|direct|public|external|internal|trusted|work|home|dmz|block|drop|IN_ZONES|OUT_ZONES)/,
      /^(IN|FWDI|FWDO|FWD|PRE|POST)_\w+?(_(pre|log|deny|allow|post))?$/,
      /_direct$/,
    ],
  },
  {
    name: 'fail2ban',
    knob: 'the jail (chain and banaction in jail.local)',
    chains: [/^f2b-/, /^fail2ban(-|$)/],
  },
  {
    name: 'a ban daemon (sshguard, CrowdSec, CSF)',
    knob: "the daemon's configuration",
    chains: [
      /^sshguard$/,
      /^crowdsec/i,
      /^(LOCALINPUT|LOCALOUTPUT|DENYIN|DENYOUT|ALLOWIN|ALLOWOUT|BLOCKDYN)$/,
    ],
  },
  { name: 'libvirt', knob: 'the virtual network (virsh net-edit)', chains: [/^LIBVIRT_/] },
  {
    name: 'Shorewall',
    knob: 'the file rules or policy of Shorewall',
    chains: [
      /^(net|loc|fw|dmz|all|vpn|wifi|lan|wan)(2|-)(net|loc|fw|dmz|all|vpn|wifi|lan|wan)$/,
      /^~(log|excl|blacklist|comb)\d*/,
      /^(logflags|smurfs|tcpflags|dynamic|sfilter\d*|logdrop|logreject|norfc1918|shorewall)$/,
      /^\w+_(in|fwd|out|input|forward|output|frwd|masq|dnat|dynf|dyni)$/,
    ],
  },
  {
    name: 'a firewall generator (FireHOL, ferm, fwbuilder, OpenWrt)',
    knob: 'the configuration that the chains are generated from',
    chains: [
      /^(in|out)_\w+/,
      /^zone_/,
      /^(In_|Out_)?RULE_\d+/,
      /^(syn_flood|handle_reject|reject)$/,
      /^(input|output|forwarding|forward|prerouting|postrouting)_(\w+_)?rule$/,
      /^(delegate|nat|raw|mssfix)_\w+$/,
    ],
  },
  { name: 'LXC', knob: 'the managed network (lxc network)', chains: [/^LXC-/, /^lxd/] },
  { name: 'Tailscale', knob: 'tailscale --netfilter-mode and the ACL', chains: [/^ts-/] },
  { name: 'NetBird', knob: 'the network policy of NetBird', chains: [/^NETBIRD-/] },
  { name: 'OpenVPN Access Server', knob: 'the settings of Access Server', chains: [/^AS0_/] },
  {
    name: 'Oracle Cloud',
    knob: 'the rules of the image (leave them: they protect the boot volume)',
    chains: [/^InstanceServices$/],
  },
  { name: 'miniupnpd', knob: 'the configuration of miniupnpd', chains: [/^MINIUPNPD/] },
  {
    name: 'Synology',
    knob: 'the control panel',
    chains: [/^SYNO/, /^(INPUT|FORWARD|DEFAULT)_FIREWALL$/, /^DOS_PROTECT$/],
  },
  { name: 'OpenStack', knob: 'the security group', chains: [/^(neutron|nova)-/] },
  { name: 'CAPE', knob: 'the routing configuration of CAPE', chains: [/^CAPE_/] },
];

const answers = new Map<string, Generator | undefined>();

/** Who owns a chain of this name; undefined where only the administrator can. DOCKER-USER is the administrator's. */
export function generatorOf(chain: string): Generator | undefined {
  if (!answers.has(chain)) {
    if (answers.size > 10_000) answers.clear();
    answers.set(
      chain,
      known.find((g) => g.chains.some((pattern) => pattern.test(chain))),
    );
  }
  return answers.get(chain);
}
