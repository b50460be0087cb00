/**
 * The machine that a packet is sent through: what the context tells of it, in the words of `ip`, `ipset` and the
 * kernel's settings, and what must be invented so that the packet can take the ways that the simulator knows.
 */

import type { Branch } from '../engine/explore.ts';
import { printRuleset } from '../link/rule-text.ts';
import type { Interface, IpSet, Machine } from '../model/machine.ts';
import type { Packet } from '../model/packet.ts';
import type { RouteDecision, Trace } from '../model/trace.ts';
import { type Address, addressBits, type Family, prefix, sameAddress, zeroAddress } from '../net/address.ts';
import { addressText, networkText, parseAddress } from '../net/address-text.ts';
import { generatedBy } from '../trace/kernel-run.ts';
import type { PacketTrace } from '../trace/trace-packet.ts';
import { routeWords, ruleWords } from './host-routes.ts';

/** An interface with an end in our hands. */
export interface HostInterface {
  readonly name: string;
  readonly mac: string;
}

/** A namespace in the words of those programs that make it so. */
export interface HostPlan {
  readonly interfaces: readonly HostInterface[];
  /** Settings in order, before interfaces are made, by path below /proc/sys. */
  readonly firstSettings: readonly (readonly [path: string, value: string])[];
  /** Settings that were given or follow from the walk, at the end. */
  readonly settings: readonly (readonly [path: string, value: string])[];
  /** Lines of `ip -batch`: links, addresses, routes and policy rules, in this order. */
  readonly links: readonly string[];
  readonly addresses: readonly string[];
  readonly routes: readonly string[];
  readonly policyRules: readonly string[];
  /** Commands of `ipset restore`. */
  readonly sets: string;
  /** What iptables-restore gets. */
  readonly ruleset: string;
  /** Addresses of interfaces that nobody told. */
  readonly inventedAddresses: readonly Address[];
  /** What nobody told, in words. */
  readonly invented: readonly string[];
  /** What the context told and a namespace cannot have, in words. */
  readonly leftOut: readonly string[];
}

/** Interfaces beyond this number are left out unless the packet uses them. */
const interfaceCountMax = 250;

/** A network that no packet on the Internet comes from. Source: RFC 2544 appendix C.2.2, RFC 3849. */
const inventedAddress = (family: Family, index: number): string =>
  family === 'ipv4' ? `198.18.0.${index + 1}` : `2001:db8:ffff:${index + 1}::1`;

/** A route of the walk that no given route explains. */
interface OpenRoute {
  readonly dst: Address;
  readonly decision: RouteDecision;
}

/** Plans the machine for ways that answer the questions about it alike. */
export function planHost(traced: PacketTrace, branches: readonly Branch[]): HostPlan {
  const { family, request } = traced;
  const { machine } = traced.read;
  const invented: string[] = [];
  const leftOut: string[] = [];
  const open = branches.flatMap(openRoutes);
  const { entry } = request;
  const arriving = entry.kind === 'arrives' ? entry.inInterface : undefined;
  const used = new Set([arriving, ...branches.flatMap((b) => waysOut(b))].filter((n) => n !== undefined));
  const known = machine.interfaces.provenance === 'given' ? (machine.interfaces.value ?? []) : [];
  const interfaces = chooseInterfaces(known, machine, used, leftOut);
  const links: string[] = [];
  const inventedAddresses: Address[] = [];
  const addresses: string[] = [];
  const planned: HostInterface[] = [];
  for (const [index, { name, facts }] of interfaces.entries()) {
    if (facts === undefined) invented.push(`interface ${name}, MTU 1500`);
    const mac = isUnicastMac(facts?.mac)
      ? facts.mac
      : `02:00:00:00:00:${(index + 1).toString(16).padStart(2, '0')}`;
    planned.push({ name, mac });
    links.push(`link set dev ${name} address ${mac} mtu ${Math.min(facts?.mtuBytes ?? 1500, 65521)} arp off`);
    if (facts !== undefined && facts.group !== 0) links.push(`link set dev ${name} group ${facts.group}`);
    if (facts?.master !== undefined)
      leftOut.push(`${name} is an interface of its own here, not a port of ${facts.master}`);
    if (facts === undefined || facts.up) links.push(`link set dev ${name} up`);
    const own = facts?.addresses.filter((a) => a.address.family === family) ?? [];
    // The kernel lists the newest IPv6 address first.
    for (const a of family === 'ipv6' ? own.toReversed() : own) {
      const place = a.peer ? `${addressText(a.address)} peer ${addressText(a.peer)}` : addressText(a.address);
      const broadcast = a.broadcast ? ` brd ${addressText(a.broadcast)}` : '';
      addresses.push(`address add ${place}/${a.prefixLength}${broadcast} scope ${a.scope} dev ${name}`);
    }
    if (own.length === 0 && facts === undefined) {
      const address = inventedAddress(family, index);
      addresses.push(`address add ${address}/${addressBits(family)} dev ${name}`);
      invented.push(`${address} on ${name}`);
      inventedAddresses.push(parseAddress(family, address) ?? zeroAddress(family));
    }
  }
  addLocalAddresses(traced, open, answeredLocal(branches, family), addresses, invented);
  const routes = givenRoutes(machine, family, new Set(interfaces.map((i) => i.name)), leftOut);
  const openOut = inventRoutes(traced, open, arriving, routes.length > 0);
  routes.push(...openOut);
  invented.push(...openOut.map((line) => line.replace('route replace', 'route')));
  if (arriving !== undefined && branches.some((b) => turnsBack(b, arriving))) leftOut.push('ICMP redirects');
  const text = printRuleset(traced.ruleset.linked.ruleset);
  return {
    interfaces: planned,
    firstSettings: firstSettings(family),
    settings: settingsOf(traced, branches, invented),
    links,
    addresses,
    routes,
    policyRules:
      machine.policyRules.provenance === 'given' ? ruleWords(machine.policyRules.value ?? [], family) : [],
    sets: setCommands(machine, text, family, invented),
    ruleset: text,
    inventedAddresses,
    invented,
    leftOut,
  };
}

const isUnicastMac = (mac: string | undefined): mac is string =>
  mac !== undefined && /^[0-9a-f][02468ace](?::[0-9a-f]{2}){5}$/.test(mac) && mac !== '00:00:00:00:00:00';

/** Whether the kernel takes a name for an interface. Source: net/core/dev.c dev_valid_name(). */
export function isInterfaceName(name: string): boolean {
  return /^[^/\s:]{1,15}$/.test(name) && name !== '.' && name !== '..';
}

function chooseInterfaces(
  known: readonly Interface[],
  machine: Machine,
  used: ReadonlySet<string>,
  leftOut: string[],
): readonly { readonly name: string; readonly facts: Interface | undefined }[] {
  const given = known.filter((i) => i.name !== 'lo' && isInterfaceName(i.name));
  const devices = new Set<string>();
  if (known.length === 0)
    for (const route of machine.routes.provenance === 'given' ? (machine.routes.value ?? []) : [])
      for (const { device } of route.nextHops) if (device !== undefined) devices.add(device);
  const names = new Set<string>([...used, ...given.map((i) => i.name), ...devices]);
  names.delete('lo');
  const kept = [...names].filter(isInterfaceName).slice(0, interfaceCountMax);
  if (kept.length < names.size) leftOut.push(`${names.size - kept.length} interfaces`);
  return kept.map((name) => ({ name, facts: given.find((i) => i.name === name) }));
}

/** Whether a way leaves by the interface that it came by. */
function turnsBack({ trace }: Branch, arriving: string): boolean {
  return trace.fate.kind === 'forward' && trace.fate.outInterface === arriving;
}

/** A packet's trace, and those of the packets that the kernel made because of it. */
function withGenerated(trace: Trace): readonly Trace[] {
  return [trace, ...generatedBy(trace)];
}

/** Interfaces by which a way leaves. */
function waysOut({ trace }: Branch): readonly string[] {
  return withGenerated(trace).flatMap(({ events }) =>
    events.flatMap((e) =>
      e.kind === 'route' && e.decision.outInterface !== undefined ? [e.decision.outInterface] : [],
    ),
  );
}

/** Decisions of the walk that rest on no route, each with the destination that the packet had. */
function openRoutes({ trace }: Branch): readonly OpenRoute[] {
  return withGenerated(trace).flatMap(({ packet, events }) => {
    const open: OpenRoute[] = [];
    let dst = packet.dst;
    for (const event of events) {
      if (event.kind === 'nat') dst = event.after.dst;
      else if (event.kind === 'route' && event.decision.route === undefined)
        open.push({ dst, decision: event.decision });
    }
    return open;
  });
}

/** Addresses that the ways take for this machine's because it was answered or assumed so. */
function answeredLocal(branches: readonly Branch[], family: Family): readonly Address[] {
  const answers = branches.flatMap((b) => [...b.assumptions, ...b.trace.assumptions]);
  return answers.flatMap(({ key, answer }) => {
    const address =
      answer === 'yes' && key.startsWith('local:') ? parseAddress(family, key.slice(6)) : undefined;
    return address ? [address] : [];
  });
}

/** Addresses that are this machine's without being on a known interface: inferred, assumed, or asked of the walk. */
function addLocalAddresses(
  traced: PacketTrace,
  open: readonly OpenRoute[],
  answered: readonly Address[],
  lines: string[],
  invented: string[],
): void {
  const { family, request } = traced;
  const { machine } = traced.read;
  const own = machine.localAddresses.map((f) => f.value).filter((a) => a.family === family);
  const asked = open.flatMap(({ dst, decision }) =>
    decision.kind === 'local' || (decision.kind === 'output' && decision.outInterface === 'lo') ? [dst] : [],
  );
  const isForeign = machine.remoteAddresses.map((f) => f.value);
  const from = request.entry.kind === 'local' ? [request.packet.src] : [];
  const done = new Set(lines.map((line) => line.split(/[ /]/)[2]));
  for (const address of [...own, ...answered, ...asked, ...from]) {
    const text = addressText(address);
    if (done.has(text) || isForeign.some((a) => sameAddress(a, address)) || isOwnAlready(machine, address))
      continue;
    done.add(text);
    lines.push(`address add ${text}/${addressBits(family)} dev lo`);
    invented.push(`${text} on lo`);
  }
}

function isOwnAlready(machine: Machine, address: Address): boolean {
  if (address.family === 'ipv4' && address.w3 >>> 24 === 127) return true;
  const isLoopback6 = address.family === 'ipv6' && addressText(address) === '::1';
  const zero = address.w0 === 0 && address.w1 === 0 && address.w2 === 0 && address.w3 === 0;
  const onInterface = (
    machine.interfaces.provenance === 'given' ? (machine.interfaces.value ?? []) : []
  ).some((i) => i.addresses.some((a) => sameAddress(a.address, address)));
  return isLoopback6 || zero || onInterface;
}

function givenRoutes(
  machine: Machine,
  family: Family,
  interfaces: ReadonlySet<string>,
  leftOut: string[],
): string[] {
  if (machine.routes.provenance !== 'given') return [];
  const all = (machine.routes.value ?? []).filter((r) => r.destination.address.family === family && !r.down);
  const lines: string[] = [];
  let lost = 0;
  // A route by way of a gateway wants the gateway's own route to be there.
  for (const route of all.toSorted(
    (a, b) => Number(a.nextHops[0]?.via !== undefined) - Number(b.nextHops[0]?.via !== undefined),
  )) {
    const words = routeWords(route, machine, interfaces);
    if (words === 'missing-interface') lost++;
    else if (words !== undefined) lines.push(words);
  }
  if (lost > 0) leftOut.push(`${lost} ${lost === 1 ? 'route' : 'routes'} by interfaces that are not there`);
  return lines;
}

/** Routes for the ways out that no given route explains, and the way back to the sender. */
function inventRoutes(
  { family, request }: PacketTrace,
  open: readonly OpenRoute[],
  arriving: string | undefined,
  hasRoutes: boolean,
): readonly string[] {
  const lines = new Set<string>();
  const add = (address: Address, device: string): void => {
    lines.add(`route replace ${networkText(prefix(address, addressBits(family)))} dev ${device}`);
  };
  for (const { dst, decision } of open)
    if ((decision.kind === 'forward' || decision.kind === 'output') && decision.outInterface !== undefined)
      if (decision.outInterface !== 'lo' && !isToMany(dst)) add(dst, decision.outInterface);
  if (arriving !== undefined && arriving !== 'lo' && !hasRoutes) {
    const { src } = request.packet;
    const isKnown = open.some(({ dst }) => sameAddress(dst, src));
    if (!isKnown && !isToMany(src) && addressText(src) !== '0.0.0.0' && addressText(src) !== '::')
      add(src, arriving);
  }
  return [...lines];
}

function isToMany(a: Address): boolean {
  return a.family === 'ipv4' ? a.w3 >>> 28 >= 14 : a.w0 >>> 24 === 0xff;
}

/**
 * A new namespace takes some settings from the running machine; these are what the kernel begins with, but for
 * redirects: they tell senders of better routes, and the simulator does not make them.
 */
function firstSettings(family: Family): readonly (readonly [string, string])[] {
  const settings: [string, string][] = [['net/ipv4/ip_forward', '0']];
  for (const scope of ['all', 'default']) {
    const ipv4 = `net/ipv4/conf/${scope}`;
    settings.push(
      [`${ipv4}/rp_filter`, '0'],
      [`${ipv4}/accept_local`, '0'],
      [`${ipv4}/route_localnet`, '0'],
      [`${ipv4}/src_valid_mark`, '0'],
      [`${ipv4}/send_redirects`, '0'],
    );
    const ipv6 = `net/ipv6/conf/${scope}`;
    if (family === 'ipv4') settings.push([`${ipv6}/disable_ipv6`, '1']);
    else
      settings.push(
        [`${ipv6}/accept_dad`, '0'],
        [`${ipv6}/autoconf`, '0'],
        [`${ipv6}/accept_ra`, '0'],
        [`${ipv6}/router_solicitations`, '0'],
        [`${ipv6}/addr_gen_mode`, '1'],
      );
  }
  return settings;
}

/** Settings that bear on a packet's way; others of `sysctl -a` are no business of a namespace. */
const relevant =
  /^net\.(?:ipv[46]\.conf\.[^.]+\.(?:\w*forwarding|rp_filter|accept_local|route_localnet|src_valid_mark|accept_source_route|accept_redirects|shared_media|secure_redirects|disable_policy|disable_xfrm|bc_forwarding|drop_\w+|hop_limit|seg6_enabled|disable_ipv6)|ipv[46]\.(?:ip_forward\w*|ip_nonlocal_bind|ip_no_pmtu_disc|ip_default_ttl|fwmark_reflect|icmp_\w+|bindv6only|conf\.all\.\w*forwarding)|netfilter\.nf_conntrack_(?:tcp_loose|tcp_be_liberal|tcp_ignore_invalid_rst|checksum|acct|helper|log_invalid))$/;

/** `net.ipv4.conf.eth0/1.rp_filter` as a path: dots part, a slash stands for a dot within a name. */
function settingPath(name: string): string {
  return name.replace(/[./]/g, (c) => (c === '.' ? '/' : '.'));
}

function settingsOf(
  traced: PacketTrace,
  branches: readonly Branch[],
  invented: string[],
): readonly (readonly [string, string])[] {
  const { machine } = traced.read;
  const given = Object.entries(machine.sysctls.value)
    .filter(([name]) => relevant.test(name))
    // Switching forwarding on or off resets other settings.
    .sort((a, b) => Number(b[0].endsWith('forward')) - Number(a[0].endsWith('forward')))
    .map(([name, value]) => [settingPath(name), value] as const);
  const [name, path] =
    traced.family === 'ipv4'
      ? ['net.ipv4.ip_forward', 'net/ipv4/ip_forward']
      : ['net.ipv6.conf.all.forwarding', 'net/ipv6/conf/all/forwarding'];
  if (machine.sysctls.value[name] !== undefined) {
    if (machine.sysctls.provenance !== 'given') invented.push(`${name}=${machine.sysctls.value[name]}`);
    return given;
  }
  const forwards = branches.some((b) =>
    b.trace.events.some((e) => e.kind === 'route' && e.decision.kind === 'forward'),
  );
  invented.push(`${name}=${forwards ? 1 : 0}`);
  return [[path, forwards ? '1' : '0'], ...given];
}

/** Options of `create` that older programs do not know, and that change no answer. */
const setOptionsLeftOut = new Set(['initval', 'bucketsize', 'hashsize', 'family']);

function setCommands(machine: Machine, ruleset: string, family: Family, invented: string[]): string {
  const sets = machine.sets.value ?? [];
  const lines: string[] = [];
  const names = new Set(sets.map((s) => s.name));
  const dimensions = new Map<string, number>();
  for (const [, name = '', sides = ''] of ruleset.matchAll(/--(?:match|add|del|map)-set (\S+) ([a-z,]+)/g))
    if (!names.has(name)) dimensions.set(name, Math.max(dimensions.get(name) ?? 1, sides.split(',').length));
  const types = ['hash:net', 'hash:ip,port', 'hash:ip,port,ip'];
  for (const [name, count] of dimensions) {
    lines.push(
      `create ${name} ${types[count - 1] ?? 'hash:net'} family ${family === 'ipv4' ? 'inet' : 'inet6'}`,
    );
    invented.push(`set ${name}, empty`);
  }
  const inOrder = sets.toSorted((a, b) => Number(a.type === 'list:set') - Number(b.type === 'list:set'));
  for (const set of inOrder) lines.push(createSet(set));
  for (const set of inOrder)
    for (const { text, nomatch, timeoutSeconds, skbmark, wildcard } of set.members) {
      const timeout = timeoutSeconds === undefined ? '' : ` timeout ${timeoutSeconds}`;
      const mark = skbmark === undefined ? '' : ` skbmark ${skbmark}`;
      lines.push(
        `add ${set.name} ${text}${timeout}${mark}${nomatch ? ' nomatch' : ''}${wildcard ? ' wildcard' : ''}`,
      );
    }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function createSet({ name, type, family, options }: IpSet): string {
  const kind =
    type.startsWith('hash:') && type !== 'hash:mac' ? ` family ${family === 'ipv4' ? 'inet' : 'inet6'}` : '';
  const words = Object.entries(options)
    .filter(([key]) => !setOptionsLeftOut.has(key))
    .map(([key, value]) => (value === '' ? key : `${key} ${value}`));
  return [`create ${name} ${type}${kind}`, ...words].join(' ');
}

/** The number that a packet to a link-local address or to many needs besides: that of the interface it leaves by. */
export function scopeInterface(packet: Packet, branches: readonly Branch[]): string | undefined {
  const { dst } = packet;
  if (dst.family !== 'ipv6' || (dst.w0 >>> 22 !== 0x3fa && !isToMany(dst))) return undefined;
  return branches.flatMap(waysOut)[0];
}
