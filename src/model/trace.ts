/** What became of one packet, as data: a list of events in the order of the kernel. Survives JSON. */

import type { Address } from '../net/address.ts';
import type { Tuple } from './connection.ts';
import type { IpsecTransform, NextHop, RouteType } from './machine.ts';
import type { CtDirection, CtState, Hook } from './netfilter.ts';
import type { Packet } from './packet.ts';

/** A rule by identity and by position. */
export interface RuleRef {
  readonly table: string;
  readonly chain: string;
  /** 1-based, as in `iptables -L --line-numbers`. */
  readonly number: number;
  /** {@link Rule.id}. */
  readonly id: number;
  /** 1-based line of the rule in its source; 0 for a rule that was made, not read. */
  readonly line: number;
}

/** The end of a built-in chain where its policy speaks. */
export interface PolicyRef {
  readonly table: string;
  readonly chain: string;
  readonly policy: true;
}

/** What a rule that matched did. `accept`, `drop`, `queue` and `stolen` end the table's pass. */
export type RuleOutcome = 'continue' | 'jump' | 'goto' | 'return' | 'accept' | 'drop' | 'queue' | 'stolen';

/** The first condition of a rule that refused the packet: one of the base conditions, or a match by its position. */
export type MissReason =
  | { readonly condition: 'src' | 'dst' | 'protocol' | 'inInterface' | 'outInterface' | 'fragment' }
  | {
      readonly condition: 'match';
      readonly index: number;
      readonly extension: string;
      readonly text: string;
    };

/** The fields of a packet that NAT rewrites. */
export interface Endpoints {
  readonly src: Address;
  readonly dst: Address;
  readonly sport: number | undefined;
  readonly dport: number | undefined;
}

/** Why a lookup in the routing tables was made. */
export type RoutePurpose = 'input' | 'output' | 'reroute';

/** What routing said. `reason` names the kernel's drop reason where there is one. */
export interface RouteDecision {
  /**
   * `local`: to this machine; `forward`: through it; `output`: out of it (also by lo); `broadcast`, `multicast`: to
   * this machine as one of many; `drop`: nowhere.
   */
  readonly kind: 'local' | 'forward' | 'output' | 'broadcast' | 'multicast' | 'drop';
  readonly type: RouteType | undefined;
  readonly outInterface: string | undefined;
  readonly gateway: Address | undefined;
  /** Destination of the route used, `default` or a network; undefined where no route took part. */
  readonly route: string | undefined;
  readonly table: number | undefined;
  readonly nextHop: NextHop | undefined;
  /** Source address that the route prefers. */
  readonly preferredSource: Address | undefined;
  /** Why routing drops. */
  readonly reason: RouteDropReason | undefined;
  /** Where the facts came from: `ip route`, `--assume local=…`, `rule nat/POSTROUTING#1`. */
  readonly source: string | undefined;
}

/** Why a packet ends in the routing code. */
export type RouteDropReason =
  | 'no-route'
  | 'unreachable'
  | 'prohibit'
  | 'blackhole'
  | 'reverse-path'
  | 'martian-source'
  | 'martian-destination'
  | 'local-source'
  | 'local-net'
  | 'not-forwarding'
  | 'broadcast-not-forwarded'
  | 'multicast-not-joined'
  | 'layer2-broadcast'
  | 'ttl-exceeded'
  | 'too-big'
  | 'scope'
  | 'bad-options'
  /** IPsec's policy asks for protection that the packet did not have, or forbids it (XFRM_POLICY). */
  | 'ipsec-policy'
  /** TPROXY gave it to a socket, and routing would forward it. */
  | 'socket-assigned'
  /** A bridge has no port to send it on: the host is behind the one that it came by. */
  | 'no-bridge-port';

/** An assumption that the walk used: a key of the tape and its answer. */
export interface Assumption {
  readonly key: string;
  readonly answer: string;
}

/** One thing that happened to the packet, in the order of the kernel. */
export type TraceEvent =
  /** A hook is entered. */
  | {
      readonly kind: 'hook';
      readonly hook: Hook;
      readonly inInterface: string | undefined;
      readonly outInterface: string | undefined;
      /** Bridge ports, where br_netfilter handed the packet over. */
      readonly physIn?: string;
      readonly physOut?: string;
    }
  /** A table's built-in chain is entered, or passed over although it has rules (`skipped` says why). */
  | {
      readonly kind: 'table';
      readonly hook: Hook;
      readonly table: string;
      readonly skipped: 'known-connection' | 'no-connection' | 'conntrack-off' | undefined;
    }
  /** Conntrack looked at the packet. */
  | {
      readonly kind: 'conntrack';
      readonly state: CtState;
      readonly direction: CtDirection;
      /** Identity of the entry within the state; undefined for INVALID and UNTRACKED. */
      readonly entry: number | undefined;
      readonly original: Tuple | undefined;
      readonly reply: Tuple | undefined;
      /** Bits of `ctStatusBit`. */
      readonly status: number;
      /** The entry was made for this packet. */
      readonly created: boolean;
      /** Why INVALID: `tcp-flags`, `window`, `checksum` … */
      readonly reason: string | undefined;
    }
  /** The entry became permanent (end of INPUT or POSTROUTING). */
  | { readonly kind: 'confirmed'; readonly entry: number }
  /** A rule was tried and refused the packet. Only with `detail: 'all'`. */
  | { readonly kind: 'miss'; readonly rule: RuleRef; readonly because: MissReason }
  /** A rule matched. `mark`, `ctState` and `status` are the packet's and its connection's afterwards. */
  | {
      readonly kind: 'rule';
      readonly rule: RuleRef;
      readonly outcome: RuleOutcome;
      /** Chain of a jump or goto. */
      readonly to: string | undefined;
      readonly mark: number;
      readonly ctState: CtState;
      readonly status: number;
    }
  /** A user chain was left at its end. */
  | { readonly kind: 'chain-end'; readonly table: string; readonly chain: string; readonly mark: number }
  /** A built-in chain was left at its end (or by RETURN). */
  | {
      readonly kind: 'policy';
      readonly table: string;
      readonly chain: string;
      readonly verdict: 'accept' | 'drop' | 'queue';
      readonly mark: number;
      readonly ctState: CtState;
      readonly status: number;
    }
  /** A field of the packet or its connection changed. */
  | {
      readonly kind: 'change';
      readonly field: string;
      readonly before: unknown;
      readonly after: unknown;
      readonly by: RuleRef | 'forwarding' | 'kernel';
    }
  /** NAT was set up by a rule, or not needed (`none`: a null binding). */
  | {
      readonly kind: 'nat-setup';
      readonly manip: 'source' | 'destination';
      readonly by: RuleRef | 'none';
      readonly original: Tuple;
      readonly reply: Tuple;
      /** The port that was free to stay was given up because its mapping was taken. */
      readonly portChanged: boolean;
      /** The port (or ICMP id) of the mapping stands for many: the kernel rolls for it. */
      readonly anyPort: boolean;
    }
  /** NAT rewrote the packet: set up by its own rule just now, or by the connection. */
  | {
      readonly kind: 'nat';
      readonly manip: 'source' | 'destination';
      readonly by: RuleRef | 'connection';
      readonly before: Endpoints;
      readonly after: Endpoints;
    }
  | { readonly kind: 'route'; readonly purpose: RoutePurpose; readonly decision: RouteDecision }
  /** A fragment was put aside, or the last one completed the packet (`packet` is the whole one). */
  | { readonly kind: 'fragment'; readonly complete: boolean; readonly packet: Packet | undefined }
  /** The packet goes out by lo and comes in again. */
  | { readonly kind: 'loopback' }
  | {
      readonly kind: 'log';
      readonly rule: RuleRef;
      readonly via: string;
      readonly prefix: string;
      readonly level: number | undefined;
      readonly group: number | undefined;
    }
  /** A set was changed by the SET target. */
  | { readonly kind: 'set-change'; readonly rule: RuleRef; readonly set: string; readonly text: string }
  /** The kernel made a packet because of this one. `copy`: a local broadcast's own copy that loops back. */
  | {
      readonly kind: 'generated';
      readonly cause: 'reject' | 'icmp-error' | 'broadcast-copy' | 'duplicate';
      readonly trace: Trace;
    }
  /** An answer of the tape was used. */
  | { readonly kind: 'assumed'; readonly assumption: Assumption; readonly rule: RuleRef | undefined }
  /** An effect that is only named: a helper, SYNPROXY … */
  | { readonly kind: 'note'; readonly rule: RuleRef | undefined; readonly text: string };

/** Where a packet came from. */
export type EntryPoint =
  | {
      readonly kind: 'arrives';
      readonly inInterface: string;
      /** Bridge port, for packets that br_netfilter hands over. */
      readonly physIn?: string;
      readonly hints?: EntryHints;
    }
  | {
      readonly kind: 'local';
      /**
       * Sent through a raw socket with a header of its own, bound to its source where an interface other than lo has
       * that address: the first routing lookup sees no TOS, protocol or ports.
       */
      readonly rawSocket?: boolean;
      readonly hints?: EntryHints;
    };

/** What the asker knows where the machine's facts are silent. Given facts win over hints. */
export interface EntryHints {
  /** Interface by which the packet leaves. */
  readonly outInterface?: string;
  /** Whether the destination (as routing sees it) is this machine. */
  readonly destination?: 'local' | 'remote';
  /** The state that conntrack finds, where the state holds no entry of this packet. */
  readonly connection?: { readonly state: CtState; readonly direction?: CtDirection };
  /** The packet came out of an IPsec tunnel or transport; which one is not said. */
  readonly ipsec?: boolean;
  /** What is inside of this ESP, AH or UDP-encapsulated packet, and how it was protected where that is known. */
  readonly decapsulated?: { readonly packet: Packet; readonly transforms?: readonly IpsecTransform[] };
  /** Bridge port by which a bridged packet leaves. */
  readonly physOut?: string;
}

/** How the packet's way ended. */
export type Fate =
  /** Delivered to a local process. */
  | { readonly kind: 'local'; readonly inInterface: string; readonly packet: Packet }
  /** Left by an interface; `fragments`: as several frames. `forward` came from outside, `sent` from this machine. */
  | {
      readonly kind: 'forward' | 'sent';
      readonly outInterface: string;
      readonly packet: Packet;
      readonly fragments: readonly Packet[] | undefined;
    }
  | { readonly kind: 'drop'; readonly at: RuleRef | PolicyRef }
  | { readonly kind: 'reject'; readonly at: RuleRef; readonly with: string }
  /** Handed to user space (NFQUEUE, QUEUE) or swallowed by a target. */
  | { readonly kind: 'queue' | 'stolen'; readonly at: RuleRef | PolicyRef }
  /** Dropped by routing; `after` is the last hook passed. */
  | { readonly kind: 'route-drop'; readonly after: Hook; readonly reason: RouteDropReason }
  /** Dropped before PREROUTING. */
  | { readonly kind: 'ingress-drop'; readonly reason: string }
  /** A fragment that waits for the rest. */
  | { readonly kind: 'queued' }
  /** Dropped within a hook by something that is no rule: conntrack, NAT, a failed re-route. `at`: the rule that led to it. */
  | {
      readonly kind: 'hook-drop';
      readonly hook: Hook;
      readonly reason: string;
      readonly at: RuleRef | undefined;
    }
  /** Passed POSTROUTING (or INPUT) and did not come out: conntrack could not confirm it. */
  | { readonly kind: 'lost'; readonly reason: string; readonly outInterface: string | undefined }
  /** The local send failed before OUTPUT. */
  | { readonly kind: 'send-error'; readonly errno: string; readonly reason: RouteDropReason }
  /** The tape has no answer for `key`. */
  | { readonly kind: 'undecided'; readonly question: Question }
  /** A bound was reached: steps, or nested generated packets. */
  | { readonly kind: 'exhausted'; readonly resource: 'steps' | 'depth'; readonly limit: number };

/** What a walk needs to be told. Answering is extending the tape by one of `answers` under `key`. */
export interface Question {
  readonly key: string;
  readonly answers: readonly string[];
  /** `--assume` topic, `limit`, `random`, `local` …: pins all questions of its kind. */
  readonly topic: string;
  readonly rule: RuleRef | undefined;
}

/** One packet's way. */
export interface Trace {
  readonly entry: EntryPoint;
  /** The packet as it came in or was sent. */
  readonly packet: Packet;
  readonly events: readonly TraceEvent[];
  readonly fate: Fate;
  /** errno that a local sender got. */
  readonly errno: string | undefined;
  /** Interface that PREROUTING saw last. */
  readonly inInterface: string | undefined;
  /** The packet went through lo. */
  readonly viaLoopback: boolean;
  /** The packet's connection at the end. */
  readonly connection: TraceConnection | undefined;
  /** The tape's answers that were used, in order. */
  readonly assumptions: readonly Assumption[];
}

/** What conntrack had to say of a packet in the end. */
export interface TraceConnection {
  readonly state: CtState;
  readonly direction: CtDirection;
  readonly entry: number | undefined;
  readonly status: number;
  readonly mark: number;
}
