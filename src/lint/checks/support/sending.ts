/** Packets that checks put together by hand, and what is written down of the choices that they rest on. */

import { type Address, sameAddress } from '../../../net/address.ts';
import { addressText } from '../../../net/address-text.ts';
import type {
  CheckContext,
  ChosenAddress,
  PacketSketch,
  SendOptions,
  SidedInterface,
  Walk,
} from '../../check.ts';
import type { Inference } from '../../finding.ts';

/** Puts together what several choices rest on. */
export function sendOptions(
  ...parts: readonly { readonly assume: readonly string[]; readonly inferences: readonly Inference[] }[]
): SendOptions {
  return {
    assume: [...new Set(parts.flatMap((p) => p.assume))],
    inferences: [...new Map(parts.flatMap((p) => p.inferences).map((i) => [i.text, i])).values()],
  };
}

/** An interface's inferences in the shape of {@link sendOptions}. */
export function sideOf(i: SidedInterface): {
  readonly assume: readonly string[];
  readonly inferences: readonly Inference[];
} {
  return { assume: [], inferences: i.inferences };
}

/** An address whose choice rests on the rule's own words. */
export function ofRule(address: Address): ChosenAddress {
  return { address, provenance: 'given', assume: [], inferences: [] };
}

/** The host beside this one, where both ends of a packet would be the same. */
export function apartFrom(chosen: ChosenAddress, other: ChosenAddress): ChosenAddress {
  if (!sameAddress(chosen.address, other.address)) return chosen;
  const address = { ...chosen.address, w3: (chosen.address.w3 ^ 1) >>> 0 };
  return {
    ...chosen,
    address,
    assume: chosen.assume.map((word) =>
      word === `remote=${addressText(other.address)}` ? `remote=${addressText(address)}` : word,
    ),
  };
}

const forwards: Inference = { text: 'this machine forwards packets', settledBy: 'sysctl -a' };

/**
 * Sends a packet; where it depends on whether the machine forwards, it does, and where nothing says by which interface
 * the packet leaves, each one that the rules name is tried in turn. Guesses are written down with the walks.
 */
export function sendByAnyWay(
  context: CheckContext,
  sketch: PacketSketch,
  options: SendOptions,
): readonly Walk[] {
  const plain = context.send(sketch, options);
  if (plain.fate !== 'undecided' || sketch.outInterface !== undefined) return [plain];
  const forwarding = (packet: PacketSketch, guessed: readonly Inference[]): Walk => {
    const inferences = [...(options.inferences ?? []), ...guessed];
    const walk = context.send(packet, { ...options, inferences });
    if (walk.fate !== 'undecided') return walk;
    return context.send(packet, {
      assume: [...(options.assume ?? []), 'forwarding=on'],
      inferences: [...inferences, forwards],
    });
  };
  const onward = forwarding(sketch, []);
  if (onward.fate !== 'undecided') return [onward];
  const ways = context
    .interfaces(sketch.dst.family)
    .filter((to) => to.side !== 'loopback' && to.name !== sketch.inInterface);
  return ways.map((to) =>
    forwarding({ ...sketch, outInterface: to.name }, [
      {
        text: `the packet leaves by ${to.name} (an interface that the rules name)`,
        settledBy: 'ip -j route show table all',
      },
    ]),
  );
}
