/** What an expression takes for granted, as answers about the packet as it comes. */

import { addressText } from '../net/address-text.ts';
import type { PacketRequest } from './packet-expression.ts';

/** Answers by key, as a walk's tape holds them. */
type Answers = Readonly<Record<string, string>>;

/**
 * A hint says where the packet is for as routing sees it, after DNAT. What is taken for granted of its destination is
 * about the address that it has when it comes, so it becomes an answer about that address; unless the way out is said.
 * Of its source the way that it comes tells as much: it is this machine's, or it is not and is reached the same way.
 */
export function asFirstSeen(
  request: PacketRequest,
  tape: Answers,
): { readonly request: PacketRequest; readonly tape: Answers } {
  const { entry, packet } = request;
  const { destination, ...hints } = entry.hints ?? {};
  const from = addressText(packet.src);
  const source: Answers = {
    [`local:${from}`]: entry.kind === 'local' ? 'yes' : 'no',
    ...(entry.kind === 'arrives' && entry.inInterface !== 'lo' ? { [`out:${from}`]: entry.inInterface } : {}),
  };
  if (destination === undefined || hints.outInterface !== undefined)
    return { request, tape: { ...source, ...tape } };
  const key = `local:${addressText(packet.dst)}`;
  return {
    request: { ...request, entry: { ...entry, hints } },
    tape: { ...source, [key]: destination === 'local' ? 'yes' : 'no', ...tape },
  };
}
