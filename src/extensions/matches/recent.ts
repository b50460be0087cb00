import { type Address, addressBits, maskAddress, prefixMask } from '../../net/address.ts';
import { addressText, parseAddress, parseInetAton } from '../../net/address-text.ts';
import { complementIf } from '../../packetset/space.ts';
import { defineMatch, type OptionType, type Refusal, refuse, tri } from '../define.ts';
import { cutUtf8, flag, integer } from '../option-types.ts';
import { option, saveString } from '../printed-words.ts';

/** What is done with a list of addresses, and what is asked of it. */
export interface RecentData {
  readonly action: 'set' | 'rcheck' | 'update' | 'remove';
  readonly negated: boolean;
  /** Only stamps of the last so many seconds count; 0: all. */
  readonly seconds: number;
  /** Stamps needed; 0: one. */
  readonly hitCount: number;
  /** With `seconds`: throw away an entry that is too old when passing. */
  readonly reap: boolean;
  /** The entry counts only if its TTL is the packet's. */
  readonly sameTtl: boolean;
  readonly name: string;
  readonly side: 'source' | 'destination';
  readonly mask: Address;
}

const nameMax = 199;

const nameOption: OptionType<string> = {
  arity: 1,
  placeholder: 'name',
  shape: { kind: 'name', maxBytes: nameMax },
  parse(words, context) {
    const name = cutUtf8(words[0] ?? '', nameMax);
    return name === '' || name === '.' || name === '..' || name.includes('/')
      ? refuse('bad-name', 'recent: the kernel cannot make a list of this name (Invalid argument)', {
          word: name === '' ? context.option : name,
          option: context.option,
        })
      : name;
  },
};

const maskOption: OptionType<Address> = {
  arity: 1,
  placeholder: 'netmask',
  shape: { kind: 'address' },
  parse(words, context) {
    const text = words[0] ?? '';
    return (
      (context.family === 'ipv4' ? parseInetAton(text) : parseAddress('ipv6', text)) ??
      refuse(
        'bad-address',
        `recent: "${text}" is no ${context.family === 'ipv4' ? 'IPv4' : 'IPv6'} netmask`,
        {
          word: text,
          option: context.option,
          hint: context.family === 'ipv4' ? 'like 255.255.255.0' : 'like ffff:ffff:ffff:ffff::',
        },
      )
    );
  },
};

/** An address in a list: its TTL when it was last seen, and when it was seen, oldest first. */
interface Entry {
  readonly address: string;
  readonly ttl: number;
  readonly stampsMs: readonly number[];
}

/** Entries of a list, the longest unseen first. */
type List = readonly Entry[];

/** The kernel's defaults: entries a list (ip_list_tot), and more stamps of an entry than any rule may count. */
const entriesMax = 100;
const stampsMax = 65536;

const actions = ['set', 'rcheck', 'update', 'remove'] as const;
const other = (action: (typeof actions)[number]): readonly string[] => actions.filter((a) => a !== action);

/** A list of addresses that rules fill and look into. */
export const recent = defineMatch({
  name: 'recent',
  families: ['ipv4', 'ipv6'],
  options: {
    seconds: { type: integer(1, 0xffffffff) },
    reap: { type: flag, requires: ['seconds'] },
    hitcount: { type: integer(0, 0xffffffff) },
    rttl: { type: flag, excludes: ['set', 'remove'] },
    set: { type: flag, invertible: true, excludes: other('set') },
    rcheck: { type: flag, invertible: true, excludes: other('rcheck') },
    update: { type: flag, invertible: true, excludes: other('update') },
    remove: { type: flag, invertible: true, excludes: other('remove') },
    name: { type: nameOption },
    rsource: { type: flag },
    rdest: { type: flag },
    mask: { type: maskOption },
  },
  constraints: {},
  needs: ['clock'],
  bind: (o, context): RecentData | Refusal => {
    const action = actions.find((a) => o[a] !== undefined);
    const given = action && o[action];
    if (!action || !given) {
      return refuse(
        'missing-option',
        "recent: you must specify one of `--set', `--rcheck' `--update' or `--remove'",
      );
    }
    const invalid = (name: 'seconds' | 'hitcount', why: string): Refusal =>
      refuse('bad-combination', `recent: --${name} ${why}; the kernel refuses it (Invalid argument)`, {
        option: `--${name}`,
      });
    const hitCount = o.hitcount?.value ?? 0;
    if (action === 'set' || action === 'remove') {
      if (o.seconds) return invalid('seconds', `goes with --rcheck and --update, not with --${action}`);
      if (hitCount > 0) return invalid('hitcount', `goes with --rcheck and --update, not with --${action}`);
    }
    if (hitCount >= stampsMax) return invalid('hitcount', `may be ${stampsMax - 1} at most`);
    return {
      action,
      negated: given.negated,
      seconds: o.seconds?.value ?? 0,
      hitCount,
      reap: o.reap !== undefined,
      sameTtl: o.rttl !== undefined,
      name: o.name?.value ?? 'DEFAULT',
      side: (o.rdest?.position ?? -1) > (o.rsource?.position ?? -1) ? 'destination' : 'source',
      mask: o.mask?.value ?? prefixMask(context.family, addressBits(context.family)),
    };
  },
  print: (d, { keepMeaning }) => [
    option(d.action, '', d.negated),
    // 1.8.9 prints seconds as a signed number.
    ...(d.seconds === 0 ? [] : [option('seconds', String(keepMeaning ? d.seconds : d.seconds | 0))]),
    ...(d.reap ? [option('reap')] : []),
    ...(d.hitCount === 0 ? [] : [option('hitcount', String(d.hitCount))]),
    ...(d.sameTtl ? [option('rttl')] : []),
    option('name', keepMeaning && /[\s"'\\]/.test(d.name) ? saveString(d.name) : d.name),
    option('mask', addressText(d.mask)),
    option(d.side === 'source' ? 'rsource' : 'rdest'),
  ],
  compile: (d) => {
    const slot = `recent:${d.name}`;
    const topicAnswers = d.negated ? (['listed', 'absent'] as const) : (['absent', 'listed'] as const);
    return (packet, env) => {
      const now = env.timeMs;
      if (now === undefined) return d.action === 'set' ? tri(true, d.negated) : env.ask(slot, topicAnswers);
      const address = addressText(maskAddress(d.side === 'source' ? packet.src : packet.dst, d.mask));
      // The TTL is taken as it was before forwarding lowered it.
      const ttl = packet.ttl + (env.outInterface !== undefined && !env.hasSocket ? 1 : 0);
      const list = (env.readState(slot) as List | undefined) ?? [];
      const entry = list.find((e) => e.address === address && (!d.sameTtl || e.ttl === ttl));
      const rest = entry ? list.filter((e) => e !== entry) : list;
      if (!entry) {
        if (d.action !== 'set') return tri(false, d.negated);
        const kept = list.length >= entriesMax ? list.slice(list.length - entriesMax + 1) : list;
        env.writeState(slot, [...kept, { address, ttl, stampsMs: [now] }]);
        return tri(true, d.negated);
      }
      if (d.action === 'remove') {
        env.writeState(slot, rest);
        return tri(true, d.negated);
      }
      const since = now - d.seconds * 1000;
      const answer =
        d.action === 'set'
          ? !d.negated
          : enough(entry.stampsMs, d.seconds === 0 ? undefined : since, d.hitCount) !== d.negated;
      let after = list;
      if (d.reap) {
        // The oldest entry alone is looked at, and spared if it is about to be renewed.
        const oldest = list[0];
        const spared = oldest === entry && d.action === 'update' && answer;
        if (oldest && !spared && (oldest.stampsMs.at(-1) ?? 0) < since) after = list.slice(1);
      }
      if (d.action === 'set' || (d.action === 'update' && answer)) {
        const stampsMs = [...entry.stampsMs.slice(-(stampsMax - 1)), now];
        after = [...after.filter((e) => e !== entry), { address, ttl, stampsMs }];
      }
      if (after !== list) env.writeState(slot, after);
      return tri(answer);
    };
  },
  packets: (d, space) => {
    if (d.action === 'set') return complementIf(d.negated, space, space.all);
    const key = `${d.side} ${addressText(d.mask)} ${d.seconds} ${d.hitCount} ${d.sameTtl}`;
    return complementIf(d.negated, space, space.choice({ kind: 'shared', list: `recent:${d.name}`, key }));
  },
  docs: {
    summary: 'Whether the address was seen lately, by a list that rules keep.',
    man: 'iptables-extensions(8) recent',
    kernel: 'net/netfilter/xt_recent.c recent_mt()',
  },
});

function enough(stampsMs: readonly number[], since: number | undefined, hitCount: number): boolean {
  const wanted = Math.max(1, hitCount);
  let hits = 0;
  for (let i = stampsMs.length - 1; i >= 0 && hits < wanted; i--)
    if (since === undefined || (stampsMs[i] ?? 0) >= since) hits++;
  return hits >= wanted;
}
