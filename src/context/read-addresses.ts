/** Interfaces and addresses: `ip addr`, `ip link` (plain, `-o`, `-br`, `-j`) and `ifconfig`. */

import type { InterfaceAddress } from '../model/machine.ts';
import { type Address, prefixLength } from '../net/address.ts';
import { addressText, parseIpv4, parseIpv6 } from '../net/address-text.ts';
import { type FactsDraft, noteSource, type ReadInterface } from './facts.ts';
import { asObject, type JsonObject, numberOf, objectsOf, stringOf, stringsOf } from './json.ts';
import { lineAt, type Reader, valueAfter, wordsOf } from './lines.ts';

/** An address of either family, without a zone (`%eth0`). */
export function parseAnyAddress(text: string): Address | undefined {
  const percent = text.indexOf('%');
  const bare = percent < 0 ? text : text.slice(0, percent);
  return bare.includes(':') ? parseIpv6(bare) : parseIpv4(bare);
}

type Scope = InterfaceAddress['scope'];

/** Scope names, and numbers as `ip -N` prints them. */
export function scopeOf(text: string | undefined): Scope | 'nowhere' | undefined {
  switch (text) {
    case 'global':
    case 'universe':
    case '0':
      return 'global';
    case 'site':
    case '200':
      return 'site';
    case 'link':
    case '253':
      return 'link';
    case 'host':
    case '254':
      return 'host';
    case 'nowhere':
    case '255':
      return 'nowhere';
    default:
      return undefined;
  }
}

function addressScope(text: string | undefined): Scope {
  const scope = scopeOf(text);
  return scope === undefined || scope === 'nowhere' ? 'global' : scope;
}

/** Group numbers: `default` is 0; other names stand in a file that is not here. */
function groupOf(text: string | undefined): number {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : 0;
}

const emptyInterface: Omit<ReadInterface, 'name' | 'addresses'> = {
  index: undefined,
  mac: undefined,
  mtuBytes: undefined,
  up: false,
  linkType: 'ether',
  master: undefined,
  group: 0,
  addressesKnown: false,
};

/** Adds what one output said of an interface to what others said; later words win, addresses add up. */
function mergeInterface(
  draft: FactsDraft,
  name: string,
  news: Partial<Omit<ReadInterface, 'name' | 'addresses'>>,
  addresses: readonly InterfaceAddress[] | undefined,
): void {
  const known = draft.interfaces.get(name);
  const all = known?.addresses ?? new Map<string, InterfaceAddress>();
  for (const a of addresses ?? []) {
    const key = `${addressText(a.address)}/${a.prefixLength}`;
    if (!all.has(key)) all.set(key, a);
  }
  const addressesKnown = known?.about.addressesKnown === true || addresses !== undefined;
  draft.interfaces.set(name, {
    about: { ...(known?.about ?? emptyInterface), ...news, name, addressesKnown },
    addresses: all,
  });
}

// ---------------------------------------------------------------------------------------------- JSON

function jsonAddress(o: JsonObject): InterfaceAddress | undefined {
  const address = parseAnyAddress(stringOf(o, 'local') ?? stringOf(o, 'address') ?? '');
  const length = numberOf(o, 'prefixlen');
  if (!address || length === undefined) return undefined;
  const broadcast = stringOf(o, 'broadcast');
  const peer = stringOf(o, 'local') === undefined ? undefined : stringOf(o, 'address');
  return {
    address,
    prefixLength: length,
    broadcast: broadcast === undefined ? undefined : parseAnyAddress(broadcast),
    peer: peer === undefined ? undefined : parseAnyAddress(peer),
    scope: addressScope(stringOf(o, 'scope')),
    secondary: o['secondary'] === true,
  };
}

/** `ip -j addr` and `ip -j link`: an array of objects with `ifname`. */
export function readInterfacesJson(draft: FactsDraft, items: readonly JsonObject[]): void {
  let withAddresses = false;
  for (const o of items) {
    const name = stringOf(o, 'ifname');
    if (name === undefined) continue;
    const flags = stringsOf(o, 'flags');
    const info = Object.hasOwn(o, 'addr_info') ? objectsOf(o['addr_info']) : undefined;
    if (info) withAddresses = true;
    const linkType = stringOf(o, 'link_type');
    const mac = stringOf(o, 'address');
    const mtu = numberOf(o, 'mtu');
    const index = numberOf(o, 'ifindex');
    const master = stringOf(o, 'master');
    const slaveKind = stringOf(asObject(o['linkinfo']) ?? {}, 'info_slave_kind');
    const group = stringOf(o, 'group');
    const brief = !Object.hasOwn(o, 'mtu');
    mergeInterface(
      draft,
      name,
      {
        ...(index === undefined ? {} : { index }),
        ...(mac === undefined || linkType === 'none' ? {} : { mac: mac.toLowerCase() }),
        ...(mtu === undefined ? {} : { mtuBytes: mtu }),
        ...(flags.length > 0
          ? { up: flags.includes('UP') }
          : brief && stringOf(o, 'operstate') !== undefined
            ? { up: stringOf(o, 'operstate') !== 'DOWN' }
            : {}),
        ...(linkType !== undefined
          ? { linkType }
          : flags.includes('LOOPBACK')
            ? { linkType: 'loopback' }
            : {}),
        ...(master === undefined ? {} : { master }),
        ...(slaveKind === undefined ? {} : { masterKind: slaveKind }),
        ...(group === undefined ? {} : { group: groupOf(group) }),
      },
      info?.flatMap((a) => jsonAddress(a) ?? []),
    );
  }
  noteSource(draft, 'interfaces', withAddresses ? 'ip -j addr' : 'ip -j link');
}

// ---------------------------------------------------------------------------------------------- plain text

/** `2: eth0@if5: <BROADCAST,UP> mtu 1500 …` */
const linkHead = /^(\d{1,10}): ([^\s:@]{1,32})(?:@[^\s:]{1,32})?: <([A-Z0-9_,-]*)>(.*)$/;
/** `2: eth0    inet 10.0.0.1/24 …` of `ip -o addr` */
const oneLineHead = /^(\d{1,10}): (\S{1,32})\s+(inet6?) (.*)$/;
/** `eth0@if5  UP  10.0.0.1/24 …` of `ip -br addr` and `ip -br link` */
const briefHead =
  /^([^\s@:]{1,32})(?:@\S{1,32})?\s+(UP|DOWN|UNKNOWN|LOWERLAYERDOWN|NOTPRESENT|DORMANT|TESTING)(?:\s+(\S.*)?)?$/;
const macWord = /^[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}$/;

/** `10.0.0.1/24 brd 10.0.0.255 scope global secondary eth0`, `10.8.0.1 peer 10.8.0.2/32 …` */
function textAddress(words: readonly string[]): InterfaceAddress | undefined {
  const [first = '', second] = words;
  const peerText = second === 'peer' ? words[2] : undefined;
  const slashed = peerText ?? first;
  const slash = slashed.indexOf('/');
  const address = parseAnyAddress(
    peerText === undefined && slash >= 0 ? first.slice(0, slash) : (first.split('/')[0] ?? ''),
  );
  if (!address) return undefined;
  const length =
    slash >= 0 && /^\d{1,3}$/.test(slashed.slice(slash + 1)) ? Number(slashed.slice(slash + 1)) : undefined;
  const peer = peerText === undefined ? undefined : parseAnyAddress(peerText.split('/')[0] ?? '');
  const broadcast = valueAfter(words, 'brd');
  return {
    address,
    prefixLength: length ?? (address.family === 'ipv4' ? 32 : 128),
    broadcast: broadcast === undefined ? undefined : parseAnyAddress(broadcast),
    peer,
    scope: addressScope(valueAfter(words, 'scope')),
    secondary: words.includes('secondary'),
  };
}

function readLinkWords(words: readonly string[]): Partial<ReadInterface> {
  const mtu = valueAfter(words, 'mtu');
  const master = valueAfter(words, 'master');
  const group = valueAfter(words, 'group');
  return {
    ...(mtu !== undefined && /^\d{1,9}$/.test(mtu) ? { mtuBytes: Number(mtu) } : {}),
    ...(master === undefined ? {} : { master }),
    ...(group === undefined ? {} : { group: groupOf(group) }),
  };
}

/** `link/ether 00:11:… brd …` */
function readLinkLine(words: readonly string[]): Partial<ReadInterface> {
  const type = words[0]?.startsWith('link/') ? words[0].slice(5) : undefined;
  const mac = words[1];
  return {
    ...(type === undefined ? {} : { linkType: type }),
    ...(mac !== undefined && macWord.test(mac) ? { mac: mac.toLowerCase() } : {}),
  };
}

/** `ip addr` and `ip link`, also with `-s`, `-d`; one block per interface. */
const linkBlockReader: Reader = {
  read(context, at) {
    const m = linkHead.exec(lineAt(context, at));
    if (!m) return 0;
    const [, index, name = '', flags = '', rest = ''] = m;
    const flagList = flags.split(',');
    let news: Partial<ReadInterface> = {
      index: Number(index),
      up: flagList.includes('UP'),
      linkType: flagList.includes('LOOPBACK') ? 'loopback' : 'ether',
    };
    // `-o` puts the second line behind a backslash.
    const [head = '', ...folded] = rest.split('\\');
    const headWords = wordsOf(head);
    news = { ...news, ...readLinkWords(headWords) };
    const addresses: InterfaceAddress[] = [];
    const take = (line: string): void => {
      const words = wordsOf(line);
      if (words[0]?.startsWith('link/')) news = { ...news, ...readLinkLine(words) };
      else if (words[0] === 'inet' || words[0] === 'inet6') {
        const a = textAddress(words.slice(1));
        if (a) addresses.push(a);
      }
    };
    for (const line of folded) take(line);
    let count = 1;
    for (; /^[ \t]+\S/.test(lineAt(context, at + count)); count++) take(lineAt(context, at + count));
    // `ip link` prints a mode, `ip addr` does not.
    const isLink = addresses.length === 0 && headWords.includes('mode');
    mergeInterface(context.draft, name, news, isLink ? undefined : addresses);
    noteSource(context.draft, 'interfaces', isLink ? 'ip link' : 'ip addr');
    return count;
  },
};

/** `ip -o addr`: a line per address. */
const oneLineAddressReader: Reader = {
  read(context, at) {
    const m = oneLineHead.exec(lineAt(context, at));
    if (!m) return 0;
    const [, index, name = '', , rest = ''] = m;
    const a = textAddress(wordsOf((rest.split('\\')[0] ?? '').trim()));
    if (!a) return 0;
    mergeInterface(
      context.draft,
      name,
      { index: Number(index), up: true, ...(name === 'lo' ? { linkType: 'loopback' } : {}) },
      [a],
    );
    noteSource(context.draft, 'interfaces', 'ip -o addr');
    return 1;
  },
};

/** `ip -br addr` and `ip -br link`: a line per interface. */
const briefReader: Reader = {
  read(context, at) {
    const m = briefHead.exec(lineAt(context, at));
    if (!m) return 0;
    const [, name = '', state = '', rest = ''] = m;
    const words = wordsOf(rest);
    const loopback = name === 'lo' ? { linkType: 'loopback' } : {};
    const flags = words.find((w) => w.startsWith('<'));
    if (flags !== undefined) {
      const mac = words.find((w) => macWord.test(w));
      const list = flags.slice(1, -1).split(',');
      mergeInterface(
        context.draft,
        name,
        {
          up: list.includes('UP'),
          ...loopback,
          ...(mac === undefined ? { linkType: 'none' } : { mac: mac.toLowerCase() }),
        },
        undefined,
      );
      noteSource(context.draft, 'interfaces', 'ip -br link');
      return 1;
    }
    const addresses: InterfaceAddress[] = [];
    for (let i = 0; i < words.length; i++) {
      const word = words[i] ?? '';
      const withPeer = words[i + 1] === 'peer';
      const a = textAddress(withPeer ? words.slice(i, i + 3) : [word]);
      if (withPeer) i += 2;
      else if (word === 'metric') i++;
      if (a) addresses.push(a);
    }
    if (words.length > 0 && addresses.length === 0) return 0;
    mergeInterface(context.draft, name, { up: state !== 'DOWN', ...loopback }, addresses);
    noteSource(context.draft, 'interfaces', 'ip -br addr');
    return 1;
  },
};

// ---------------------------------------------------------------------------------------------- ifconfig

/** `eth0: flags=4163<UP,…>  mtu 1500`, and of old versions `eth0      Link encap:Ethernet  HWaddr 00:…` */
const ifconfigHead = /^([^\s:]{1,32})(:\S{1,16})?: flags=\d+<([A-Z,]*)>\s+mtu (\d{1,9})/;
const ifconfigOldHead = /^([^\s:]{1,32})(:\S{1,16})?\s+Link encap:(.*)$/;

function ifconfigAddress(words: readonly string[], alias: boolean): InterfaceAddress | undefined {
  const value = (...keys: readonly string[]): string | undefined => {
    for (const key of keys) {
      const joined = words.find((w) => w.startsWith(`${key}:`) && w.length > key.length + 1);
      if (joined !== undefined) return joined.slice(key.length + 1);
      const next = valueAfter(words, key.endsWith(':') ? key : key);
      if (next !== undefined) return next;
    }
    return undefined;
  };
  if (words[0] === 'inet6') {
    const text = value('addr:') ?? words[1] ?? '';
    const [bare = '', slashed] = text.split('/');
    const address = parseAnyAddress(bare);
    const length = slashed ?? value('prefixlen');
    if (!address || length === undefined || !/^\d{1,3}$/.test(length)) return undefined;
    const scope = /<(\w+)>/.exec(value('scopeid') ?? '')?.[1] ?? value('Scope')?.toLowerCase();
    return {
      address,
      prefixLength: Number(length),
      broadcast: undefined,
      peer: undefined,
      scope: addressScope(scope),
      secondary: false,
    };
  }
  const address = parseAnyAddress(value('addr') ?? words[1] ?? '');
  const mask = parseAnyAddress(value('netmask', 'Mask') ?? '');
  const length = mask && prefixLength(mask);
  if (!address || length === undefined) return undefined;
  const broadcast = parseAnyAddress(value('broadcast', 'Bcast') ?? '');
  return {
    address,
    prefixLength: length,
    broadcast: broadcast && broadcast.w3 !== 0 ? broadcast : undefined,
    peer: parseAnyAddress(value('destination', 'P-t-P') ?? ''),
    scope: address.w3 >>> 24 === 127 ? 'host' : 'global',
    secondary: alias,
  };
}

/** `ifconfig -a` of net-tools 1.60 and 2. Aliases (`eth0:1`) count for their interface. */
const ifconfigReader: Reader = {
  read(context, at) {
    const first = lineAt(context, at);
    const modern = ifconfigHead.exec(first);
    const old = modern ? null : ifconfigOldHead.exec(first);
    const name = modern?.[1] ?? old?.[1];
    if (name === undefined) return 0;
    const alias = (modern?.[2] ?? old?.[2]) !== undefined;
    const flags = new Set((modern?.[3] ?? '').split(','));
    let mac = /HWaddr ([0-9a-fA-F:]{17})\b/.exec(old?.[3] ?? '')?.[1];
    let linkType: string | undefined = old?.[3]?.startsWith('Local Loopback') ? 'loopback' : undefined;
    let mtu = modern?.[4];
    const addresses: InterfaceAddress[] = [];
    let count = 1;
    for (; /^[ \t]+\S/.test(lineAt(context, at + count)); count++) {
      const words = wordsOf(lineAt(context, at + count));
      if (words[0] === 'inet' || words[0] === 'inet6') {
        const a = ifconfigAddress(words, alias);
        if (a) addresses.push(a);
      } else if (words[0] === 'ether') mac = words[1];
      else if (words[0] === 'loop') linkType = 'loopback';
      else if (words[0] === 'unspec') linkType = 'none';
      else if (old) {
        for (const word of words) if (/^[A-Z]+$/.test(word)) flags.add(word);
        mtu = words.find((w) => w.startsWith('MTU:'))?.slice(4) ?? mtu;
      }
    }
    mergeInterface(
      context.draft,
      name,
      {
        up: flags.has('UP'),
        ...(mac !== undefined && macWord.test(mac) ? { mac: mac.toLowerCase() } : {}),
        ...(linkType === undefined ? {} : { linkType }),
        ...(mtu !== undefined && /^\d{1,9}$/.test(mtu) ? { mtuBytes: Number(mtu) } : {}),
      },
      addresses,
    );
    noteSource(context.draft, 'interfaces', 'ifconfig');
    return count;
  },
};

/** In the order in which they are tried. */
export const addressReaders: readonly Reader[] = [
  linkBlockReader,
  oneLineAddressReader,
  briefReader,
  ifconfigReader,
];
