/** Packets looked up in a finished set: those that a gateway's filter table lets through. */

import type { RuleAnswers } from '../../src/analysis/rule-answers.ts';
import { nowOf } from '../../src/analysis/table-run.ts';
import { ipv4 } from '../../src/net/address.ts';
import type { PacketView } from '../../src/packetset/packet-view.ts';

/** Packets in one go of {@link lookUp}. */
export const packetsAtOnce = 1000;

/** Makes the set that FORWARD accepts; the answer looks up 1,000 scattered packets in it, and says how many are in it. */
export function lookUp({ analysis }: RuleAnswers): () => number {
  const { space, rewritten } = analysis.vocabulary;
  const visit = analysis.visits().find((v) => v.table === 'filter' && v.hook === 'FORWARD');
  const accepted = nowOf(space, visit?.ends.get('accept') ?? space.none, rewritten);
  const views = Array.from({ length: packetsAtOnce }, (_, i) => {
    const n = Math.imul(i + 1, 0x85ebca6b) >>> 0;
    const packet = {
      src: ipv4(n),
      dst: ipv4((0x839f0000 + (n >>> 16)) >>> 0),
      protocol: n & 1 ? 6 : 17,
      sport: 40_000,
      dport: n & 1023,
      fragmentOffsetBytes: 0,
      moreFragments: false,
    };
    const connection = { state: 'NEW', direction: 'original' };
    return { packet, inInterface: 'eth1.110', outInterface: 'eth1.97', connection } as unknown as PacketView;
  });
  return () => views.filter((v) => space.contains(accepted, v)).length;
}
