/** Goal: the packets of the examples fare as their headers say. Method: send each on a real kernel and count. */
import { describe, expect, test } from 'vitest';
import { type ExamplePacket, placeText, readExamples } from '../support/examples.ts';
import { type KernelPacket, kernelTakesPackets, sendPackets } from '../support/kernel-packets.ts';

/** Enough to use up the burst of every limit in the examples. */
const overLimit = 300;

function kernelPacket({ assumptions, ...packet }: ExamplePacket): KernelPacket {
  return { ...packet, repeat: assumptions.includes('limit=over') ? overLimit : 1 };
}

function describeExamples(): void {
  const cases = readExamples().map((example) => ({
    name: example.name,
    // Packets out of an IPsec tunnel would need a tunnel.
    packets: example.packets.filter((packet) => packet.policy !== 'ipsec'),
    ruleset: example.dump,
    machine: { addresses: example.addresses, routes: example.routes, sysctls: example.sysctls },
  }));
  const fates = sendPackets(cases.map((one) => ({ ...one, packets: one.packets.map(kernelPacket) })));
  for (const [caseIndex, { name, packets }] of cases.entries()) {
    describe(name, () => {
      const rows = packets.map((packet, index) => [packet.text, packet, fates[caseIndex]?.[index]] as const);
      test.each(rows)('%s', (_text, packet, fate) => {
        expect(`${fate?.fate} by ${fate?.by}`).toBe(`${packet.fate} by ${placeText(packet.by)}`);
      });
    });
  }
}

const availability = kernelTakesPackets();
if (availability.ok) describeExamples();
else test.skip(`packets of the examples on the kernel (${availability.reason})`, () => undefined);
