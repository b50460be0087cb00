/** A first look at all frames: what they tell about the machine that recorded them. */

import { readCapture } from '../capture/capture-file.ts';
import { dissectFrame } from '../capture/dissect.ts';
import type { MacText } from '../net/mac.ts';
import { type CaptureSurvey, type MachineView, namedInterface, type WayOptions } from './frame-way.ts';

const macsMax = 64;

const isGroup = (mac: MacText): boolean => (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;

/**
 * Learns Ethernet addresses from packets with an IP address of the machine, where none was given, and the interface
 * from Ethernet addresses.
 */
export function surveyCapture(bytes: Uint8Array, view: MachineView, options: WayOptions): CaptureSurvey {
  const given = new Set<MacText>([...view.interfaceOfMac.keys(), ...options.macs]);
  const learn = given.size === 0;
  const macs = new Set<MacText>();
  const names = new Set<string>();
  for (const item of readCapture(bytes)) {
    if (item.kind !== 'frame' || item.frame.linkType !== 1) continue;
    const read = dissectFrame(item.frame);
    if (read.kind !== 'packet') continue;
    const { packet, link } = read;
    const { ethSrc, ethDst } = link;
    if (ethSrc === undefined || ethDst === undefined) continue;
    if (learn && macs.size < macsMax) {
      if (view.isOwn(packet.src) === true && !isGroup(ethSrc)) macs.add(ethSrc);
      if (view.isOwn(packet.dst) === true && !isGroup(ethDst)) macs.add(ethDst);
    }
    if (namedInterface(view, item.frame, link) !== undefined) continue;
    const name = view.interfaceOfMac.get(ethDst) ?? view.interfaceOfMac.get(ethSrc);
    if (name !== undefined) names.add(name);
  }
  return { macs, interfaceName: names.size === 1 ? [...names][0] : undefined };
}
