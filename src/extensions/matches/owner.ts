import { parseUnsigned } from '../../net/integer-text.ts';
import { complementIf, type PacketSet } from '../../packetset/space.ts';
import { meetsRange, type RangeCondition, rangeCondition, rangePackets } from '../conditions.ts';
import { defineMatch, NO, type OptionType, type Refusal, refuse, tri, YES } from '../define.ts';
import { flag, type NumberRange, numberRangeText } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** Conditions on the socket that sent the packet; all must hold. */
export interface OwnerData {
  readonly uid: RangeCondition | undefined;
  readonly gid: RangeCondition | undefined;
  readonly socket: { readonly negated: boolean } | undefined;
  /** The socket's supplementary groups count for `gid` too. */
  readonly supplementaryGroups: boolean;
}

const idMax = 0xfffffffe;

/** Users and groups that every Debian system has under these numbers (base-passwd). */
const userNumbers: Readonly<Record<string, number>> = {
  root: 0,
  daemon: 1,
  bin: 2,
  sys: 3,
  sync: 4,
  games: 5,
  man: 6,
  lp: 7,
  mail: 8,
  news: 9,
  uucp: 10,
  proxy: 13,
  'www-data': 33,
  backup: 34,
  list: 38,
  irc: 39,
  _apt: 42,
  nobody: 65534,
};
const groupNumbers: Readonly<Record<string, number>> = {
  root: 0,
  daemon: 1,
  bin: 2,
  sys: 3,
  adm: 4,
  tty: 5,
  disk: 6,
  lp: 7,
  mail: 8,
  news: 9,
  uucp: 10,
  man: 12,
  proxy: 13,
  kmem: 15,
  dialout: 20,
  fax: 21,
  voice: 22,
  cdrom: 24,
  floppy: 25,
  tape: 26,
  sudo: 27,
  audio: 29,
  dip: 30,
  'www-data': 33,
  backup: 34,
  operator: 37,
  list: 38,
  irc: 39,
  src: 40,
  shadow: 42,
  utmp: 43,
  video: 44,
  sasl: 45,
  plugdev: 46,
  staff: 50,
  games: 60,
  users: 100,
  nogroup: 65534,
};

/** `1000`, `1000-1999` (a colon will do), or a name that is on every machine. */
function ownerRange(
  names: Readonly<Record<string, number>>,
  kind: 'user' | 'group',
): OptionType<NumberRange> {
  return {
    arity: 1,
    placeholder: `${kind}[-${kind}]`,
    shape: { kind: 'range', min: 0, max: idMax, separator: '-' },
    parse(words, context) {
      const text = words[0] ?? '';
      const bad = (hint?: string): Refusal =>
        refuse('bad-value', `owner: Bad value for "${context.option}" option: "${text}"`, {
          word: text,
          option: context.option,
          ...(hint === undefined ? {} : { hint }),
        });
      const named = Object.hasOwn(names, text) ? names[text] : undefined;
      if (named !== undefined) return { low: named, high: named };
      const ends = /^([^-:]+)(?:[-:]([^-:]+))?$/.exec(text);
      const low = parseUnsigned(ends?.[1] ?? '', idMax);
      if (low === undefined)
        return bad(
          /^[a-z_][\w-]*\$?$/i.test(text)
            ? `names are looked up on the machine that loads the rule: write the number of this ${kind}`
            : undefined,
        );
      if (ends?.[2] === undefined) return { low, high: low };
      const high = parseUnsigned(ends[2], idMax);
      if (high === undefined) return bad();
      return low > high
        ? refuse('reversed-range', 'owner: the kernel refuses a reversed range (Invalid argument)', {
            word: text,
            option: context.option,
          })
        : { low, high };
    },
  };
}

/** Owner of the socket that sent the packet. */
export const owner = defineMatch({
  name: 'owner',
  families: ['ipv4', 'ipv6'],
  options: {
    'uid-owner': { type: ownerRange(userNumbers, 'user'), invertible: true },
    'gid-owner': { type: ownerRange(groupNumbers, 'group'), invertible: true },
    'socket-exists': { type: flag, invertible: true },
    'suppl-groups': { type: flag },
  },
  constraints: { hooks: ['OUTPUT', 'POSTROUTING'] },
  needs: ['owner'],
  bind: (o): OwnerData | Refusal => {
    const groups = o['suppl-groups'];
    const gid = o['gid-owner'];
    if (groups && (!gid || gid.position > groups.position)) {
      return refuse(
        'bad-order',
        'owner: Bad value for "--suppl-groups" option: "you need to use --gid-owner first"',
        { word: '--suppl-groups', option: '--suppl-groups' },
      );
    }
    if (!o['uid-owner'] && !gid && !o['socket-exists']) {
      return refuse(
        'missing-option',
        'owner: At least one of --uid-owner, --gid-owner or --socket-exists is required',
      );
    }
    return {
      uid: rangeCondition(o['uid-owner']),
      gid: rangeCondition(gid),
      socket: o['socket-exists'] && { negated: o['socket-exists'].negated },
      supplementaryGroups: groups !== undefined,
    };
  },
  print: (d) => [
    ...(d.socket ? [option('socket-exists', '', d.socket.negated)] : []),
    ...(d.uid ? [option('uid-owner', numberRangeText(d.uid, '-'), d.uid.negated)] : []),
    ...(d.gid ? [option('gid-owner', numberRangeText(d.gid, '-'), d.gid.negated)] : []),
    ...(d.supplementaryGroups ? [option('suppl-groups')] : []),
  ],
  compile: (d) => {
    const { uid, gid, socket, supplementaryGroups } = d;
    const withoutSocket = tri(matchesWithoutSocket(d));
    // owner_mt(): a socket without a file belongs to nobody.
    const withoutOwner = tri(
      socket?.negated !== true && (!uid || uid.negated === true) && (!gid || gid.negated === true),
    );
    return (packet, env) => {
      if (env.hasKernelSocket) return withoutOwner;
      // Forwarded packets and resets have none.
      if (!env.hasSocket) return withoutSocket;
      if (socket?.negated) return NO;
      if (uid) {
        if (packet.uid === undefined) return env.ask('owner', ['other', 'matching']);
        if (!meetsRange(uid, packet.uid)) return NO;
      }
      if (!gid) return YES;
      if (packet.gid === undefined) return env.ask('owner', ['other', 'matching']);
      const inside = packet.gid >= gid.low && packet.gid <= gid.high;
      if (inside || !supplementaryGroups) return tri(inside, gid.negated);
      return gid.negated
        ? env.ask('supplementary-groups', ['matching', 'other'])
        : env.ask('supplementary-groups', ['other', 'matching']);
    };
  },
  packets: (d, space) => {
    const hasSocket = space.has('uid');
    let set: PacketSet = d.socket?.negated ? space.none : hasSocket;
    if (d.uid) set = space.and(set, rangePackets(space, 'uid', d.uid));
    if (d.gid) {
      let inside = rangePackets(space, 'gid', { ...d.gid, negated: false });
      if (d.supplementaryGroups) {
        const key = `supplementary groups ${numberRangeText(d.gid)}`;
        inside = space.or(inside, space.choice({ kind: 'pure', key, reads: ['uid', 'gid'] }));
      }
      set = space.and(set, complementIf(d.gid.negated, space, inside));
    }
    return matchesWithoutSocket(d) ? space.or(space.not(hasSocket), set) : set;
  },
  docs: {
    summary: 'User and group of the process whose socket sent the packet.',
    man: 'iptables-extensions(8) owner',
    kernel: 'net/netfilter/xt_owner.c owner_mt()',
  },
});

/** A packet without a socket meets negated conditions only; supplementary groups have no negation. */
function matchesWithoutSocket(d: OwnerData): boolean {
  return [d.uid, d.gid, d.socket].every((c) => c === undefined || c.negated) && !d.supplementaryGroups;
}
