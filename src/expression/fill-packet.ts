/** The defaults table: what a packet has that its expression does not say. */

import type { Machine } from '../model/machine.ts';
import { type Packet, tcpFlag } from '../model/packet.ts';
import type { EntryHints, EntryPoint } from '../model/trace.ts';
import { type Address, addressBits, type Family, sameAddress } from '../net/address.ts';
import { addressText, parseAddress } from '../net/address-text.ts';
import { addressKind, strangerAddress, witnessAddresses } from '../net/documentation.ts';
import { interfaceMatches, interfacePatternText } from '../net/interface-pattern.ts';
import { hasPorts, protocolName } from '../net/protocols.ts';
import { chooseAddress, chooseNumber, connectionOf, type Demands, type NumberField } from './demands.ts';
import { makePacket, type PacketInit } from './make-packet.ts';

/** A value that was not given, and why it is what it is. */
export interface DefaultUsed {
  /** As a match option: `-s 198.51.100.7`. */
  readonly option: string;
  readonly because: string;
}

/** What filling in needs to know. */
export interface FillContext {
  readonly machine: Machine;
  readonly local: boolean;
  readonly mentionedInterfaces: readonly string[];
}

/** Why the demands make no packet; `option` is the one at fault. */
export interface FillRefusal {
  readonly id: string;
  readonly refusal: string;
  readonly option?: string;
  readonly hint?: string;
}

/** A packet but for what our own options add. */
interface FilledPacket {
  makePacket(own: Partial<Packet>): Packet;
  readonly entry: EntryPoint;
  readonly defaults: readonly DefaultUsed[];
}

type Filled = { readonly request: FilledPacket };

/** An address that stands for this machine's where none is known. */
function standIn(family: Family): Address {
  return parseAddress(family, family === 'ipv4' ? '203.0.113.1' : '2001:db8:113::1') as Address;
}

/** An address of this machine, of the named interface if possible. */
function ownAddress(machine: Machine, family: Family, device: string | undefined): Address | undefined {
  const all = machine.interfaces.value ?? [];
  const global = (x: (typeof all)[number] | undefined) =>
    x?.addresses.find((a) => a.address.family === family && a.scope === 'global')?.address;
  return (
    global(all.find((x) => x.name === device)) ??
    all.map(global).find((a) => a !== undefined) ??
    machine.localAddresses.find((f) => f.value.family === family && addressKind(f.value) !== 'loopback')
      ?.value
  );
}

function isOwn({ interfaces, localAddresses }: Machine, address: Address): boolean {
  return (
    interfaces.value?.some((x) => x.addresses.some((a) => sameAddress(a.address, address))) === true ||
    localAddresses.some(({ value }) => sameAddress(value, address))
  );
}

/** An address next to the machine's own on an interface that is not an outside one. */
function neighbour(machine: Machine, name: string | undefined, family: Family): Address | undefined {
  if (machine.outside.some((f) => f.value === name)) return undefined;
  const at = machine.interfaces.value
    ?.find((x) => x.name === name)
    ?.addresses.find((x) => x.address.family === family && x.scope === 'global');
  if (!at || at.prefixLength > addressBits(family) - 4) return undefined;
  const low = at.address.w3 & 0xf;
  return { ...at.address, w3: (at.address.w3 - low + (low === 7 ? 8 : 7)) >>> 0 };
}

interface Chosen {
  readonly name: string | undefined;
  readonly impossible: boolean;
}

function chooseInterface(d: Demands, direction: 'in' | 'out', context: FillContext): Chosen {
  const i = d.interfaces.get(direction);
  if (!i) return { name: undefined, impossible: false };
  const good = (name: string): boolean =>
    i.is.every((p) => interfaceMatches(p, name)) && !i.not.some((p) => interfaceMatches(p, name));
  const exact = i.is.find((p) => p.exact);
  if (exact) return { name: exact.name, impossible: !good(exact.name) };
  const letter = direction === 'in' ? '-i' : '-o';
  d.vague.add(i.is.length === 0 ? `! ${letter}` : letter);
  const name = [
    ...(context.machine.interfaces.value ?? []).map((x) => x.name),
    ...context.mentionedInterfaces,
    ...i.is.map((p) => `${interfacePatternText(p).replace(/\+$/, '')}0`),
    'eth0',
    'eth1',
  ].find(good);
  return { name, impossible: name === undefined };
}

/** Gives every field its value, the demanded or the default one. */
export function fillPacket(d: Demands, family: Family, context: FillContext): Filled | FillRefusal {
  const { machine, local } = context;
  const defaults: DefaultUsed[] = [];
  let impossible: string | undefined;
  const number = (field: NumberField, preferred: readonly number[]): number | undefined => {
    const chosen = chooseNumber(d, field, preferred);
    if (chosen !== 'none') return chosen;
    impossible ??= field;
    return undefined;
  };

  const icmp = family === 'ipv4' ? 1 : 58;
  const icmpType = number('icmpType', [family === 'ipv4' ? 8 : 128]);
  const askedProtocol = number('protocol', [6, 17, icmp]);
  const protocol = askedProtocol ?? (d.numbers.has('icmpType') ? icmp : 6);
  if (askedProtocol === undefined)
    defaults.push({ option: `-p ${protocolName(protocol)}`, because: 'no protocol given' });

  const into = chooseInterface(d, 'in', context);
  const out = chooseInterface(d, 'out', context);
  if (into.impossible) impossible ??= 'in';
  if (out.impossible) impossible ??= 'out';
  const misplaced = refuseMisplaced(d, local, into.name);
  if (misplaced) return misplaced;
  let inInterface = into.name;
  if (!local && inInterface === undefined) {
    const chosen = defaultInterface(context);
    inInterface = chosen.name;
    defaults.push({ option: `-i ${chosen.name}`, because: chosen.because });
  }

  const ordinary = witnessAddresses(family);
  const own = ownAddress(machine, family, local ? out.name : inInterface);
  const stranger = strangerAddress(family);
  let destination = d.destination;
  let dst = chooseAddress(d, 'dst', ordinary);
  if (dst === undefined && local) {
    dst = stranger;
    destination = 'remote';
    defaults.push({ option: `-d ${addressText(dst)}`, because: 'an address out there' });
  } else if (dst === undefined && (out.name !== undefined || destination === 'remote')) {
    destination = 'remote';
    dst = neighbour(machine, out.name, family) ?? ordinary[1] ?? stranger;
    defaults.push({
      option: `-d ${addressText(dst)}`,
      because: out.name === undefined ? 'another machine' : `an address behind ${out.name}`,
    });
  } else if (dst === undefined) {
    dst = own ?? standIn(family);
    if (!own) destination = 'local';
    defaults.push({
      option: `-d ${addressText(dst)}`,
      because: own ? "this machine's address" : 'taken for an address of this machine',
    });
  }
  // What arrives was not sent by this machine: its own address as the source would be refused.
  let src = chooseAddress(d, 'src', ordinary, local ? undefined : (address) => isOwn(machine, address));
  if (src === undefined) {
    const behind = local ? own : neighbour(machine, inInterface, family);
    src = behind ?? (local ? standIn(family) : stranger);
    defaults.push({
      option: `-s ${addressText(src)}`,
      because: local
        ? behind
          ? "this machine's address"
          : 'taken for an address of this machine'
        : behind
          ? `an address behind ${inInterface}`
          : 'an ordinary address from outside',
    });
  }
  if (src === 'none') impossible ??= 'src';
  if (dst === 'none') impossible ??= 'dst';

  const init: { -readonly [K in keyof PacketInit]: PacketInit[K] } = {
    family,
    src: src as Address,
    dst: dst as Address,
    protocol,
  };
  const fragment = number('fragmentKind', [0]);
  if (fragment === 2) init.fragmentOffsetBytes = 1480;
  if (fragment === 1) init.moreFragments = true;
  fillTransport(d, init, number, defaults, fragment === 2);

  if (icmpType !== undefined) init.icmpType = icmpType;
  const icmpCode = number('icmpCode', [0]);
  if (icmpCode !== undefined) init.icmpCode = icmpCode;
  if (protocol === icmp && icmpType === undefined && fragment !== 2)
    defaults.push({
      option: family === 'ipv4' ? '--icmp-type echo-request' : '--icmpv6-type echo-request',
      because: 'no type given',
    });
  const ttl = number('ttl', [64]);
  if (ttl !== undefined) init.ttl = ttl;
  const lengthBytes = number('lengthBytes', [60, 40, 1000]);
  if (lengthBytes !== undefined) init.lengthBytes = lengthBytes;
  const spi = number('spi', [256]);
  if (spi !== undefined) init.spi = spi;
  const mss = number('mss', [1460]);
  if (mss !== undefined) init.tcpOptions = [{ kind: 2, data: mss.toString(16).padStart(4, '0') }];
  const mark = d.bits.get('mark');
  if (mark) init.mark = mark.value;
  const tos = d.bits.get('tos');
  if (tos) init.tos = tos.value;
  if (local && d.hasSocket !== false) {
    init.uid = number('uid', [0, 1000]) ?? 0;
    init.gid = number('gid', [0, 1000]) ?? 0;
  }
  if (d.mac.is !== undefined) init.ethSrc = d.mac.is;
  else if (d.mac.not.length > 0)
    init.ethSrc = ['02:00:00:00:00:01', '02:00:00:00:00:02'].find((m) => !d.mac.not.includes(m));
  const type = d.packetType.is;
  if (type === 'unicast' || type === 'broadcast' || type === 'multicast') init.packetType = type;

  if (impossible !== undefined)
    return { id: 'no-single-packet', refusal: 'No packet matches these options together' };

  const connection = connectionOf(d);
  const hints: EntryHints = {
    ...(out.name === undefined ? {} : { outInterface: out.name }),
    ...(destination === undefined ? {} : { destination }),
    ...(connection ? { connection } : {}),
    ...(d.ipsec ? { ipsec: true } : {}),
    ...(d.physOut === undefined ? {} : { physOut: d.physOut }),
  };
  const entry: EntryPoint = local
    ? { kind: 'local', hints }
    : {
        kind: 'arrives',
        inInterface: inInterface ?? 'eth0',
        ...(d.physIn === undefined ? {} : { physIn: d.physIn }),
        hints,
      };
  return { request: { makePacket: (more) => makePacket({ ...init, ...more }), entry, defaults } };
}

/** Options that only a packet from outside, or only one of this machine's own, can have. */
function refuseMisplaced(
  d: Demands,
  local: boolean,
  inInterface: string | undefined,
): FillRefusal | undefined {
  if (local && inInterface !== undefined)
    return {
      id: 'in-interface-of-local',
      refusal: 'A packet that this machine sends has no -i',
      option: '-i',
      hint: 'leave --local out for a packet that arrives',
    };
  if (local && d.mac.is !== undefined)
    return {
      id: 'mac-of-local',
      refusal: 'A packet that this machine sends has no --mac-source when the rules see it',
      option: '--mac-source',
      hint: 'leave --local out for a packet that arrives',
    };
  if (local && d.ipsec)
    return {
      id: 'ipsec-of-local',
      refusal: 'A packet that this machine sends did not come out of IPsec',
      option: '--pol',
      hint: 'leave --local out for a packet that arrives',
    };
  if (!local && (d.hasSocket || d.numbers.has('uid') || d.numbers.has('gid')))
    return {
      id: 'owner-of-arriving',
      refusal: 'Only a packet that this machine sends has an owner',
      option: '--uid-owner --gid-owner --socket-exists',
      hint: 'add --local in front of the --',
    };
  return undefined;
}

function defaultInterface({ machine, mentionedInterfaces }: FillContext): {
  readonly name: string;
  readonly because: string;
} {
  const [outside] = machine.outside;
  if (outside) return { name: outside.value, because: `it leads outside: ${outside.source}` };
  const first = machine.interfaces.value?.find((x) => x.linkType !== 'loopback');
  if (first) return { name: first.name, because: "the machine's first interface" };
  const [mentioned] = mentionedInterfaces;
  return mentioned === undefined
    ? { name: 'eth0', because: 'no interface is known' }
    : { name: mentioned, because: 'the rules name it' };
}

/** Ports and flags. */
function fillTransport(
  d: Demands,
  init: { -readonly [K in keyof PacketInit]: PacketInit[K] },
  number: (field: NumberField, preferred: readonly number[]) => number | undefined,
  defaults: DefaultUsed[],
  laterFragment: boolean,
): void {
  const { protocol } = init;
  const usual = protocol === 17 ? 53 : 80;
  const dport = number('dport', [usual, 80, 443, 22]);
  const sport = number('sport', [40000]);
  const flags = d.bits.get('tcpFlags');
  const state = d.state.is;
  const established = connectionOf(d)?.state === 'ESTABLISHED';
  if (flags) init.tcpFlags = flags.value;
  else if (established && protocol === 6) init.tcpFlags = tcpFlag.ACK;
  if (laterFragment) return;
  if (hasPorts(protocol)) {
    init.dport = dport ?? usual;
    init.sport = sport ?? 40000;
    if (dport === undefined) defaults.push({ option: `--dport ${usual}`, because: 'no port given' });
    if (sport === undefined) defaults.push({ option: '--sport 40000', because: 'an ordinary client port' });
  }
  if (protocol === 6 && !flags)
    defaults.push(
      established
        ? { option: '--tcp-flags ALL ACK', because: 'a segment of a connection' }
        : { option: '--syn', because: state === undefined ? 'it opens a connection' : `state ${state}` },
    );
}
