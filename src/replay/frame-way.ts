/** Which way a frame goes, as seen from the machine that the rules run on. */

import type { CapturedFrame } from '../capture/frame.ts';
import type { LinkHeader } from '../capture/link-layer.ts';
import type { Interface, Machine } from '../model/machine.ts';
import type { Packet } from '../model/packet.ts';
import { type Address, networkContains, prefix } from '../net/address.ts';
import { addressText } from '../net/address-text.ts';
import type { MacText } from '../net/mac.ts';

/** What the asker says of the capture. */
export interface WayOptions {
  /** The interface that was recorded, where the capture does not name it; of several named ones, the only one. */
  readonly interfaceName: string | undefined;
  /** Ethernet addresses of the machine, next to those that are known. */
  readonly macs: readonly MacText[];
  readonly direction: 'in' | 'out' | 'auto';
}

/** Why a frame is none of the machine's. */
type ForeignReason =
  /** Its frame was for another machine. */
  | 'other-host'
  /** Of another interface than the one asked for. */
  | 'other-interface'
  /** The second sight of a packet on its way: it comes back from lo, or it is seen again behind a bridge or VLAN. */
  | 'seen-twice';

/** The way of a frame. `ask` names what would tell it. */
export type FrameWay =
  | { readonly kind: 'arrives'; readonly inInterface: string }
  | { readonly kind: 'leaves' }
  | { readonly kind: 'foreign'; readonly reason: ForeignReason }
  | { readonly kind: 'ask'; readonly what: 'direction' | 'interface' };

/** What all frames together tell; filled by a first look at the capture. */
export interface CaptureSurvey {
  /** Ethernet addresses that own packets came from or went to, where the machine's own are not known. */
  readonly macs: ReadonlySet<MacText>;
  /** The one interface that all frames with an Ethernet address of the machine belong to. */
  readonly interfaceName: string | undefined;
}

/** What is known of the machine, made ready for questions about frames. */
export interface MachineView {
  readonly interfaces: readonly Interface[];
  readonly addressesKnown: boolean;
  /** Ethernet addresses of its interfaces, those of ports last. */
  readonly interfaceOfMac: ReadonlyMap<MacText, string>;
  /** Whether an address is the machine's; undefined: nobody said. */
  isOwn(address: Address): boolean | undefined;
  /** Where the address is a neighbour. */
  connected(address: Address): string | undefined;
}

const nullMac = '00:00:00:00:00:00';

/** Makes the view. */
export function viewMachine(machine: Machine): MachineView {
  const interfaces = machine.interfaces.value ?? [];
  const own = new Set<string>();
  const foreign = new Set(machine.remoteAddresses.map((f) => addressText(f.value)));
  for (const { addresses } of interfaces) for (const a of addresses) own.add(addressText(a.address));
  for (const { value } of machine.localAddresses) own.add(addressText(value));
  const interfaceOfMac = new Map<MacText, string>();
  const ports = interfaces.filter((i) => i.master !== undefined);
  for (const i of [...interfaces.filter((x) => x.master === undefined), ...ports])
    if (i.mac !== undefined && i.mac !== nullMac && !interfaceOfMac.has(i.mac))
      interfaceOfMac.set(i.mac, i.name);
  const addressesKnown = machine.interfaces.value !== undefined;
  const nets = interfaces.flatMap((i) =>
    i.addresses
      .filter((a) => a.prefixLength > 0 && i.name !== 'lo')
      .map((a) => ({ name: i.name, net: prefix(a.peer ?? a.address, a.prefixLength) })),
  );
  return {
    interfaces,
    addressesKnown,
    interfaceOfMac,
    isOwn: (address) => {
      if (isLoopback(address)) return true;
      const text = addressText(address);
      if (own.has(text)) return true;
      return foreign.has(text) || addressesKnown ? false : undefined;
    },
    connected: (address) => nets.find(({ net }) => networkContains(net, address))?.name,
  };
}

function isLoopback(a: Address): boolean {
  return a.family === 'ipv4' ? a.w3 >>> 24 === 127 : a.w0 === 0 && a.w1 === 0 && a.w2 === 0 && a.w3 === 1;
}

/** Whether the destination is one of many: such packets are for this machine, too. */
function isForMany(a: Address): boolean {
  return a.family === 'ipv4' ? a.w3 >>> 28 === 14 || a.w3 === 0xffffffff : a.w0 >>> 24 === 0xff;
}

/** Name of the interface as the capture has it, VLAN tags aside; undefined where it has none. */
export function namedInterface(
  view: MachineView,
  { interfaceName }: CapturedFrame,
  { interfaceIndex, loopback }: LinkHeader,
): string | undefined {
  if (interfaceName !== undefined && interfaceName !== 'any') return interfaceName;
  if (loopback) return 'lo';
  return interfaceIndex === undefined
    ? undefined
    : view.interfaces.find((i) => i.index === interfaceIndex)?.name;
}

/** The interface on which tagged frames come in: as the machine names it, else `eth0.10`. */
function vlanInterface(view: MachineView, below: string, vlans: readonly number[]): string {
  let name = below;
  for (const id of vlans) {
    const usual = `${name}.${id}`;
    const other = [`vlan${id}`, `vlan${String(id).padStart(4, '0')}`];
    name = view.interfaces.some((i) => i.name === usual)
      ? usual
      : (view.interfaces.find((i) => other.includes(i.name))?.name ?? usual);
  }
  return name;
}

/** Says the way of frames. */
export function createFrameWays(
  view: MachineView,
  options: WayOptions,
  survey: CaptureSurvey,
): (frame: CapturedFrame, link: LinkHeader, packet: Packet) => FrameWay {
  const macs = new Set<MacText>([...view.interfaceOfMac.keys(), ...options.macs, ...survey.macs]);

  const byMac = (link: LinkHeader): 'in' | 'out' | 'other' | undefined => {
    const { ethSrc, ethDst } = link;
    if (macs.size === 0 || ethDst === undefined || ethSrc === undefined) return undefined;
    if (macs.has(ethSrc)) return 'out';
    if (macs.has(ethDst)) return 'in';
    return (Number.parseInt(ethDst.slice(0, 2), 16) & 1) === 1 ? 'in' : 'other';
  };

  const byAddress = ({ src, dst }: Packet, name: string | undefined): 'in' | 'out' | undefined => {
    if (view.isOwn(src) === true) return 'out';
    if (view.isOwn(dst) === true || isForMany(dst)) return 'in';
    if (name === undefined) return undefined;
    const from = view.connected(src);
    if (from !== undefined) return from === name ? 'in' : 'out';
    const to = view.connected(dst);
    return to === undefined ? undefined : to === name ? 'out' : 'in';
  };

  const directionOf = (
    frame: CapturedFrame,
    link: LinkHeader,
    packet: Packet,
    name: string | undefined,
  ): 'in' | 'out' | 'other' | undefined => {
    const { cooked } = link;
    if (cooked === 'otherhost') return 'other';
    if (cooked !== undefined) return cooked === 'outgoing' ? 'out' : 'in';
    if (options.direction !== 'auto') return options.direction;
    const mac = byMac(link);
    if (frame.direction === 'out') return 'out';
    if (frame.direction === 'in') return mac === 'other' ? 'other' : 'in';
    return mac ?? byAddress(packet, name);
  };

  const onlyInterface = ((): string | undefined => {
    const real = view.interfaces.filter((i) => i.linkType !== 'loopback' && i.master === undefined);
    return real.length === 1 ? real[0]?.name : undefined;
  })();

  return (frame, link, packet) => {
    const named = namedInterface(view, frame, link);
    if (named !== undefined && options.interfaceName !== undefined) {
      const asked =
        named === options.interfaceName || vlanInterface(view, named, link.vlans) === options.interfaceName;
      if (!asked) return { kind: 'foreign', reason: 'other-interface' };
    }
    const name = named ?? options.interfaceName;
    if (name === 'lo') {
      // Sent by lo and received by lo: the engine walks both at once. libpcap records only the second sight.
      const first = link.cooked === undefined ? frame.direction === 'out' : link.cooked === 'outgoing';
      return first ? { kind: 'foreign', reason: 'seen-twice' } : { kind: 'leaves' };
    }
    const port = view.interfaces.find((i) => i.name === name)?.master !== undefined;
    const everywhere = link.cooked !== undefined;
    if (everywhere && (port || link.vlans.length > 0)) return { kind: 'foreign', reason: 'seen-twice' };
    const direction = directionOf(frame, link, packet, name);
    if (direction === undefined) return { kind: 'ask', what: 'direction' };
    if (direction === 'other') return { kind: 'foreign', reason: 'other-host' };
    if (direction === 'out') return { kind: 'leaves' };
    const below =
      name ??
      (link.ethDst === undefined ? undefined : view.interfaceOfMac.get(link.ethDst)) ??
      survey.interfaceName ??
      onlyInterface ??
      view.connected(packet.src);
    if (below === undefined) return { kind: 'ask', what: 'interface' };
    // Of a port's frames the rules see the bridge.
    const master = view.interfaces.find((i) => i.name === below)?.master;
    return { kind: 'arrives', inInterface: vlanInterface(view, master ?? below, link.vlans) };
  };
}
