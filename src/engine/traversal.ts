/**
 * Verdicts of single tables: one built-in chain, with the chains that it calls, asked about many packets. For callers
 * that want the answer of the rules alone and not the way there: no hooks before or after, no routing, no trace.
 *
 * One walk is used again for every packet, and nothing is allocated per rule.
 */

import type { Connection, PacketConnection } from '../model/connection.ts';
import type { Hook, TableName } from '../model/netfilter.ts';
import type { Packet } from '../model/packet.ts';
import type { PolicyRef, Question, RuleRef } from '../model/trace.ts';
import type { Family } from '../net/address.ts';
import { type ChainVerdict, walkChain } from './chains.ts';
import { action, type CompiledChain } from './compile-chain.ts';
import type { Program } from './program.ts';
import { changeSet, readSet } from './sets.ts';
import type { Entry, SimulationState } from './state.ts';
import type { Tape } from './tape.ts';
import { noConnection, Walk } from './walk.ts';
import { createShared, restore, type WalkActions } from './working-state.ts';

/** What a chain's rules may look at besides the packet. */
export interface Surroundings {
  /** Undefined where the hook has none. */
  readonly inInterface: string | undefined;
  readonly outInterface: string | undefined;
  /** Default: INVALID, as before conntrack has looked. */
  readonly connection?: PacketConnection;
}

/** What the packets do not tell, and how long to walk. */
export interface TraversalOptions {
  /** Default: no clock and no history. */
  readonly timeMs?: number;
  readonly tape?: Tape;
  /** Rules tried for one packet before the walk gives up; default 1,000,000. */
  readonly steps?: number;
}

/** See the head of this file. Of one state: what one packet changes in it, the next does not see. */
export interface Traversal {
  /** What the table does with the packet; `packet` is not changed. NAT targets accept, REJECT drops. */
  verdict(packet: Packet, surroundings: Surroundings): ChainVerdict;
  /** The rule or policy that spoke in the last call; undefined where it ended undecided or out of steps. */
  readonly decidedBy: RuleRef | PolicyRef | undefined;
  /** What the last call wanted to know, where it ended `undecided`. */
  readonly question: Question | undefined;
}

/** Targets that reach beyond their table say what they would do, and do no more. */
const actions: WalkActions = {
  setupNat: () => 'accept',
  sendReject: () => undefined,
  readSet,
  changeSet,
  sendGenerated: () => undefined,
};

/** Whether a target extension stands in these chains: only those change packets. */
function runsTargets(base: CompiledChain): boolean {
  const seen = new Set([base]);
  for (const chain of seen) {
    if (chain.actions.includes(action.RUN)) return true;
    for (const to of chain.targets) if (to) seen.add(to);
  }
  return false;
}

/** An entry that no table holds. */
function looseEntry(connection: Connection): Entry {
  return {
    ...connection,
    id: 0,
    protocolState: { kind: 'plain' },
    zoneOriginal: connection.zone,
    zoneReply: connection.zone,
    masqueradeInterface: undefined,
    createdMs: 0,
  };
}

/** Opens a table's chain at a hook; undefined where the ruleset of that family has none. */
export function openTraversal(
  program: Program,
  state: SimulationState,
  place: { readonly family: Family; readonly table: TableName; readonly hook: Hook },
  options: TraversalOptions = {},
): Traversal | undefined {
  const familyProgram = program.families[place.family];
  const chain = familyProgram.chain(place.table, place.hook);
  if (!chain) return undefined;
  const shared = createShared(actions, program, state, { ...options, detail: 'none' });
  const copies = runsTargets(chain);
  let w: Walk | undefined;
  let decidedBy: RuleRef | PolicyRef | undefined;
  return {
    verdict(packet, { inInterface, outInterface, connection = noConnection }) {
      restore(shared, state);
      if (w) w.packet = copies ? { ...packet } : packet;
      else w = new Walk(shared, familyProgram, packet, { kind: 'local' });
      const { entry } = connection;
      w.detach();
      w.connection = connection;
      if (copies && entry) w.ct = looseEntry(entry);
      w.table = place.table;
      w.hook = place.hook;
      w.inInterface = inInterface;
      w.outInterface = outInterface;
      const result = walkChain(w, chain);
      decidedBy = result.at;
      return result.verdict;
    },
    get decidedBy() {
      return decidedBy;
    },
    get question() {
      return shared.question;
    },
  };
}
