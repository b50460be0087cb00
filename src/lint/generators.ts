/** Programs that write rules by themselves, recognised by the names of their chains. */

import { builtinHook } from '../model/netfilter.ts';
import { matchesWildcard } from '../support/wildcard.ts';
import type { Generator } from './check.ts';

interface KnownGenerator extends Generator {
  /** How the configuration names it. */
  readonly id: string;
  readonly chains: readonly RegExp[];
}

const known: readonly KnownGenerator[] = [
  {
    id: 'docker',
    name: 'Docker',
    knob: 'the published port (docker run -p, ports: in compose) or the chain DOCKER-USER',
    chains: [/^DOCKER$/, /^DOCKER-(?!USER$)/],
  },
  {
    id: 'kubernetes',
    name: 'Kubernetes',
    knob: 'the Service or NetworkPolicy',
    chains: [/^KUBE-(?!ROUTER-)/, /^MULTI-(\d+-)?(INGRESS|EGRESS)/],
  },
  {
    id: 'cni',
    name: 'the container network (Calico, Cilium, CNI …)',
    knob: 'the network policy',
    chains: [
      /^(cali|felix)-/,
      /^CILIUM_/,
      /^CNI[-_]/,
      /^FLANNEL-/,
      /^WEAVE-/,
      /^KUBE-ROUTER-/,
      /^ANTREA-/,
      /^AZURE-NPM/,
      /^AWS-(SNAT|CONNMARK)-CHAIN-/,
      /^CATTLE_/,
    ],
  },
  {
    id: 'service-mesh',
    name: 'the service mesh (Istio, Kuma, Linkerd)',
    knob: 'the annotations of the pod or the settings of its init container',
    chains: [/^ISTIO_/, /^(KUMA|MESH)_/, /^PROXY_INIT_/],
  },
  { id: 'podman', name: 'podman', knob: 'the published port (podman run -p)', chains: [/^NETAVARK[-_]/] },
  { id: 'ufw', name: 'ufw', knob: 'the rule of ufw (ufw status numbered)', chains: [/^ufw6?-/] },
  {
    id: 'firewalld',
    name: 'firewalld',
    knob: 'the zone (firewall-cmd --list-all-zones)',
    chains: [
      /^(IN|FWDI|FWDO|FWD|PRE|POST|OUTPUT|INPUT|FORWARD|PREROUTING|POSTROUTING|FWD[IO]?)_(ZONES|POLICIES|direct|public|external|internal|trusted|work|home|dmz|block|drop|IN_ZONES|OUT_ZONES)/,
      /^(IN|FWDI|FWDO|FWD|PRE|POST)_\w+?(_(pre|log|deny|allow|post))?$/,
      /_direct$/,
    ],
  },
  {
    id: 'fail2ban',
    name: 'fail2ban',
    knob: 'the jail (chain and banaction in jail.local)',
    chains: [/^f2b-/, /^fail2ban(-|$)/],
  },
  {
    id: 'ban-daemons',
    name: 'a ban daemon (sshguard, CrowdSec, CSF)',
    knob: "the daemon's configuration",
    chains: [
      /^sshguard$/,
      /^crowdsec/i,
      /^(LOCALINPUT|LOCALOUTPUT|DENYIN|DENYOUT|ALLOWIN|ALLOWOUT|BLOCKDYN)$/,
    ],
  },
  { id: 'libvirt', name: 'libvirt', knob: 'the virtual network (virsh net-edit)', chains: [/^LIBVIRT_/] },
  {
    id: 'openwrt',
    name: 'OpenWrt',
    knob: '/etc/config/firewall',
    // Before Shorewall, which names chains like zone_lan_input, too.
    chains: [
      /^zone_/,
      /^(delegate|mssfix)_\w+$/,
      /^(input|output|forwarding|prerouting|postrouting)_(\w+_)?rule$/,
    ],
  },
  {
    id: 'shorewall',
    name: 'Shorewall',
    knob: 'the file rules or policy of Shorewall',
    chains: [
      /^(net|loc|fw|dmz|all|vpn|wifi|lan|wan)(2|-)(net|loc|fw|dmz|all|vpn|wifi|lan|wan)$/,
      // Its standard actions.
      /^((allow|drop)?(Broadcast|Multicast|Bcast|Mcast|NotSyn|Invalid|ICMPs|UPnP|DNSrep)|AllowICMPs|SMB|@\w+)$/,
      /^~(log|excl|blacklist|comb)\d*/,
      /^(logflags|smurfs|tcpflags|dynamic|sfilter\d*|logdrop|logreject|norfc1918|shorewall|tc(pre|in|for|out|post))$/,
      /^\w+_(in|fwd|out|input|forward|output|frwd|masq|dnat|dynf|dyni)$/,
    ],
  },
  {
    id: 'firewall-generators',
    name: 'a firewall generator (FireHOL, ferm, fwbuilder)',
    knob: 'the configuration that the chains are generated from',
    chains: [
      /^(in|out)_\w+/,
      /^(In_|Out_)?RULE_\d+/,
      /^(syn_flood|handle_reject|reject)$/,
      /^forward_(\w+_)?rule$/,
      /^(nat|raw)_\w+$/,
    ],
  },
  { id: 'lxc', name: 'LXC', knob: 'the managed network (lxc network)', chains: [/^LXC-/, /^lxd/] },
  { id: 'tailscale', name: 'Tailscale', knob: 'tailscale --netfilter-mode and the ACL', chains: [/^ts-/] },
  { id: 'netbird', name: 'NetBird', knob: 'the network policy of NetBird', chains: [/^NETBIRD-/] },
  {
    id: 'openvpn-as',
    name: 'OpenVPN Access Server',
    knob: 'the settings of Access Server',
    chains: [/^AS0_/],
  },
  {
    id: 'oracle-cloud',
    name: 'Oracle Cloud',
    knob: 'the rules of the image (leave them: they protect the boot volume)',
    chains: [/^InstanceServices$/],
  },
  { id: 'miniupnpd', name: 'miniupnpd', knob: 'the configuration of miniupnpd', chains: [/^MINIUPNPD/] },
  {
    id: 'synology',
    name: 'Synology',
    knob: 'the control panel',
    chains: [/^SYNO/, /^(INPUT|FORWARD|DEFAULT)_FIREWALL$/, /^DOS_PROTECT$/],
  },
  { id: 'openstack', name: 'OpenStack', knob: 'the security group', chains: [/^(neutron|nova)-/] },
  { id: 'cape', name: 'CAPE', knob: 'the routing configuration of CAPE', chains: [/^CAPE_/] },
];

/** Who owns chains. */
export interface OwnerOf {
  /** Of a chain of this name; undefined where only the administrator can. DOCKER-USER is the administrator's. */
  (chain: string): Generator | undefined;
  /** The program of this id, if the configuration leaves its rules to it. */
  byId(id: string): Generator | undefined;
}

/**
 * What the configuration says of chains: `managed` by a program, or the `user`'s own. Keys are ids of generators
 * (`docker`) or names of chains, with `*` for any characters.
 */
export type GeneratorChoices = Readonly<Record<string, 'managed' | 'user'>>;

/** How the configuration names the programs that are known. */
const generatorIds: readonly string[] = known.map(({ id }) => id);

const declared: Generator = { name: 'a program (by the configuration)', knob: "the program's configuration" };

/** The owner of chains by their names, as the programs name them and as the configuration has it. */
export function createOwnerOf(choices: GeneratorChoices = {}): OwnerOf {
  const byId = new Map(Object.entries(choices).filter(([key]) => generatorIds.includes(key.toLowerCase())));
  const byChain = Object.entries(choices)
    .filter(([key]) => !byId.has(key))
    .map(([pattern, choice]) => ({ pattern, choice }));
  const usersOwn = new Set([...byId].filter(([, c]) => c === 'user').map(([key]) => key.toLowerCase()));
  const answers = new Map<string, Generator | undefined>();
  const find = (chain: string): Generator | undefined => {
    // Nobody made the kernel's own chains, and mangle has them all: a short ruleset need not pay for the patterns.
    const found = builtinHook('mangle', chain)
      ? undefined
      : known.find((g) => g.chains.some((p) => p.test(chain)));
    const said = byChain.find(({ pattern }) => matchesWildcard(pattern, chain))?.choice;
    if (said === 'user') return undefined;
    if (found && !usersOwn.has(found.id)) return found;
    return said === 'managed' ? declared : undefined;
  };
  const ownerOf = (chain: string): Generator | undefined => {
    if (!answers.has(chain)) answers.set(chain, find(chain));
    return answers.get(chain);
  };
  return Object.assign(ownerOf, {
    byId: (id: string) => (usersOwn.has(id) ? undefined : known.find((g) => g.id === id)),
  });
}
