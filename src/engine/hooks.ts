/**
 * What happens at a hook, in the order of priorities: reassembly −400, raw −300, conntrack −200, mangle −150,
 * nat (destination) −100, filter 0, security 50 or 150, nat (source) 100, confirmation last.
 *
 * Source: include/uapi/linux/netfilter_ipv4.h enum nf_ip_hook_priorities; iptables/nft.c (security at 150).
 */

import { type Backend, type Hook, type TableName, tableNames } from '../model/netfilter.ts';
import type { Fate, PolicyRef, RuleRef } from '../model/trace.ts';
import { type ChainResult, walkChain } from './chains.ts';
import { confirm, trackPacket } from './conntrack/track.ts';
import { emitRoute } from './destination.ts';
import { collect, isCollected, lacksHeaders } from './fragments.ts';
import { lookupOut } from './ipsec.ts';
import { natHook } from './nat.ts';
import { errnoOf, reroute } from './routing.ts';
import type { Walk } from './walk.ts';

type Step = 'defragment' | 'raw' | 'conntrack' | 'mangle' | 'nat' | 'filter' | 'security' | 'confirm';

const steps: Readonly<Record<Hook, readonly Step[]>> = {
  PREROUTING: ['defragment', 'raw', 'conntrack', 'mangle', 'nat'],
  INPUT: ['mangle', 'filter', 'nat', 'security', 'confirm'],
  FORWARD: ['mangle', 'filter', 'security'],
  OUTPUT: ['defragment', 'raw', 'conntrack', 'mangle', 'nat', 'filter', 'security'],
  POSTROUTING: ['mangle', 'nat', 'confirm'],
};
/** iptables-legacy registers security in front of nat in INPUT. */
const legacyInput: readonly Step[] = ['mangle', 'filter', 'security', 'nat', 'confirm'];

/** The tables that see a packet at a hook, in this order. */
export function tablesAt(hook: Hook, backend: Backend): readonly TableName[] {
  const order = hook === 'INPUT' && backend === 'legacy' ? legacyInput : steps[hook];
  return tableNames.filter((t) => order.includes(t)).sort((a, b) => order.indexOf(a) - order.indexOf(b));
}

/** Whether a process waits for the result: its packet, not the kernel's own, and still on the way out. */
function sending(w: Walk): boolean {
  return w.depth === 0 && w.entry.kind === 'local' && !w.viaLoopback;
}

/** The end of the walk that a table's verdict means; undefined: go on. */
function endOf(w: Walk, hook: Hook, result: ChainResult): Fate | undefined {
  const { shared } = w;
  switch (result.verdict) {
    case 'accept':
      return undefined;
    case 'undecided':
      return shared.question
        ? { kind: 'undecided', question: shared.question }
        : { kind: 'hook-drop', hook, reason: 'undecided', at: undefined };
    case 'exhausted':
      return {
        kind: 'exhausted',
        resource: shared.stepsLeft < 0 ? 'steps' : 'depth',
        limit: shared.stepsMax,
      };
    case 'queue':
    case 'stolen':
      return { kind: result.verdict, at: result.at as RuleRef | PolicyRef };
    case 'drop': {
      if (sending(w) && (hook === 'OUTPUT' || hook === 'POSTROUTING')) w.errno ??= 'EPERM';
      if (!result.at) return { kind: 'hook-drop', hook, reason: w.natDropReason ?? 'nat', at: undefined };
      if (w.rejectedWith !== undefined && 'number' in result.at)
        return { kind: 'reject', at: result.at, with: w.rejectedWith };
      return { kind: 'drop', at: result.at };
    }
  }
}

/** Routes again in OUTPUT. A failure drops the packet inside the hook. */
function routeAgain(w: Walk, hook: Hook, at: RuleRef | undefined): Fate | undefined {
  const answer = reroute(w);
  emitRoute(w, 'reroute', answer);
  if (answer.kind === 'undecided') return undecidedFate(w);
  if (answer.kind === 'drop') {
    if (sending(w)) w.errno ??= errnoOf(answer.error);
    return { kind: 'hook-drop', hook, reason: `reroute: ${answer.reason}`, at };
  }
  // `-o` in the rest of OUTPUT still means the first interface: the hook's state is not renewed.
  w.destination = answer.destination;
  w.ipsecOut = lookupOut(w).transforms;
  return undefined;
}

/** The end of a walk that asked what the tape does not answer. */
export function undecidedFate(w: Walk): Fate {
  const question = w.shared.question;
  return question
    ? { kind: 'undecided', question }
    : { kind: 'hook-drop', hook: w.hook, reason: 'undecided', at: undefined };
}

/** nf_nat_ipv4_local_fn(): a packet whose destination NAT changed in OUTPUT is routed again. */
function natOutputReroute(w: Walk, hook: Hook, at: RuleRef | undefined): Fate | undefined {
  const { ct } = w;
  if (!ct) return undefined;
  const here = w.connection.direction === 'original' ? ct.original : ct.reply;
  const there = w.connection.direction === 'original' ? ct.reply : ct.original;
  const a = here.dst;
  const b = there.src;
  const changed = a.w3 !== b.w3 || a.w2 !== b.w2 || a.w1 !== b.w1 || a.w0 !== b.w0;
  return changed ? routeAgain(w, hook, at) : undefined;
}

function defragment(w: Walk): Fate | undefined {
  if (!isCollected(w.packet) || lacksHeaders(w.packet)) return undefined;
  const collected = collect(w.shared, w.packet, `ct ${w.hook}`);
  switch (collected.kind) {
    case 'waiting':
      w.emit({ kind: 'fragment', complete: false, packet: undefined });
      return { kind: 'queued' };
    case 'duplicate':
      return { kind: 'ingress-drop', reason: 'duplicate-fragment' };
    case 'discarded':
      return { kind: 'ingress-drop', reason: 'overlapping-fragment' };
    case 'complete':
      w.packet = { ...collected.packet };
      w.largestFragmentBytes = collected.largestBytes;
      w.pieceBytes = collected.pieceBytes;
      w.emit({ kind: 'fragment', complete: true, packet: collected.packet });
      return undefined;
  }
}

/** Runs one hook. The fate if the walk ends here; undefined: the packet goes on. */
export function runHook(w: Walk, hook: Hook): Fate | undefined {
  const { program } = w;
  w.hook = hook;
  w.rule = undefined;
  if (program.defragment && (hook === 'PREROUTING' || hook === 'OUTPUT')) {
    const end = defragment(w);
    if (end) return end;
  }
  w.emit({
    kind: 'hook',
    hook,
    inInterface: w.inInterface,
    outInterface: w.outInterface,
    ...(w.physIn === undefined ? {} : { physIn: w.physIn }),
    ...(w.physOut === undefined ? {} : { physOut: w.physOut }),
  });
  const order = hook === 'INPUT' && program.backend === 'legacy' ? legacyInput : steps[hook];
  for (const step of order) {
    switch (step) {
      case 'defragment':
        break;
      case 'conntrack':
        if (program.conntrack) {
          trackPacket(w);
          // nf_conntrack_in() takes the template off, whatever comes of it.
          w.ctTemplate = undefined;
        }
        break;
      case 'nat': {
        if (!program.nat || !program.conntrack) break;
        const { dst } = w.packet;
        const result = natHook(w, hook, program.chain('nat', hook));
        const end = endOf(w, hook, result);
        if (end) {
          w.noteConnection();
          return end;
        }
        if (hook === 'OUTPUT') {
          const at = result.at && 'number' in result.at ? result.at : undefined;
          const failed = natOutputReroute(w, hook, at);
          if (failed) {
            w.noteConnection();
            return failed;
          }
        } else if (hook === 'PREROUTING' && w.viaLoopback && dst !== w.packet.dst) w.destination = undefined;
        break;
      }
      case 'confirm':
        w.noteConnection();
        if (program.conntrack && !confirm(w)) {
          if (sending(w)) w.errno ??= 'EPERM';
          return { kind: 'lost', reason: 'connection not unique', outInterface: w.outInterface };
        }
        if (hook === 'INPUT') w.noteConnection();
        return undefined;
      default: {
        const chain = program.chain(step, hook);
        if (!chain) break;
        w.table = step;
        w.emit({ kind: 'table', hook, table: step, skipped: undefined });
        const before =
          step === 'mangle' && hook === 'OUTPUT'
            ? {
                src: w.packet.src,
                dst: w.packet.dst,
                mark: w.packet.mark,
                tos: w.packet.tos,
                ttl: w.packet.ttl,
              }
            : undefined;
        const result = walkChain(w, chain);
        w.rule = undefined;
        const end = endOf(w, hook, result);
        if (end) {
          w.noteConnection();
          return end;
        }
        const p = w.packet;
        if (
          before &&
          (before.mark !== p.mark ||
            before.tos !== p.tos ||
            before.src !== p.src ||
            before.dst !== p.dst ||
            (w.family === 'ipv6' && before.ttl !== p.ttl))
        ) {
          const failed = routeAgain(w, hook, undefined);
          if (failed) {
            w.noteConnection();
            return failed;
          }
        }
        break;
      }
    }
  }
  w.noteConnection();
  return undefined;
}
