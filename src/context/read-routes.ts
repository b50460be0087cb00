/** Routes: `ip route`, plain and `-j`. */

import type { NextHop, RouteType } from '../model/machine.ts';
import { routeTable } from '../model/machine.ts';
import { type Address, addressBits, type Family, type Network, prefix, zeroAddress } from '../net/address.ts';
import { type FactsDraft, noteSource, type ReadRoute } from './facts.ts';
import { type JsonObject, numberOf, objectsOf, stringOf, stringsOf } from './json.ts';
import { lineAt, type Reader, wordsOf } from './lines.ts';
import { parseAnyAddress, scopeOf } from './read-addresses.ts';

/** Numbers above this one stand for tables of which only the name is known. */
const namedTableBase = 2 ** 32;

/**
 * The number of a routing table. A name that /etc/iproute2/rt_tables would have to explain gets a number above
 * 2³², the same for the same name, so that rules and routes still meet.
 */
export function tableNumber(text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  if (text === 'main' || text === 'local' || text === 'default') return routeTable[text];
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return namedTableBase + hash;
}

/** The table that is named, as a number; `fallback` where none is. */
export function readTable(draft: FactsDraft, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const number = tableNumber(text);
  if (number >= namedTableBase) draft.routeTableNames.set(number, text);
  return number;
}

const routeTypes: readonly RouteType[] = [
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
];

/** Route types by name, or by number as `ip -N` prints them. */
function routeTypeOf(text: string): RouteType | undefined {
  if (/^[1-9]$/.test(text)) return routeTypes[Number(text) - 1];
  return routeTypes.find((t) => t === text);
}

function isDeadEnd(type: RouteType): boolean {
  return type === 'blackhole' || type === 'unreachable' || type === 'prohibit' || type === 'throw';
}

/** `default`, `10.0.0.0/8`, `10/8` (old spelling), `192.0.2.1`. */
export function parsePrefix(text: string, family: Family): Network | undefined {
  if (text === 'default' || text === 'all' || text === 'any') return prefix(zeroAddress(family), 0);
  const slash = text.indexOf('/');
  const address = parseAnyAddress(slash < 0 ? text : text.slice(0, slash));
  const length = slash < 0 ? undefined : text.slice(slash + 1);
  if (!address || (length !== undefined && !/^\d{1,3}$/.test(length))) return undefined;
  const bits = addressBits(address.family);
  const n = length === undefined ? bits : Number(length);
  return n > bits ? undefined : prefix(address, n);
}

/** The family of the first text that tells it. */
export function familyOf(...texts: readonly (string | undefined)[]): Family | undefined {
  for (const text of texts) {
    if (text === undefined) continue;
    if (text.includes(':')) return 'ipv6';
    if (/^\d{1,3}\./.test(text)) return 'ipv4';
  }
  return undefined;
}

interface HopText {
  readonly via: string | undefined;
  readonly device: string | undefined;
  readonly weight: number;
  readonly dead: boolean;
  readonly linkDown: boolean;
}

/** What both spellings of a route say, as text. */
interface RouteText {
  readonly type: string | undefined;
  readonly destination: string;
  readonly from: string | undefined;
  readonly table: string | undefined;
  readonly hops: readonly HopText[];
  readonly source: string | undefined;
  readonly metric: number | undefined;
  readonly scope: string | undefined;
  readonly tos: number | undefined;
  readonly mtu: number | undefined;
  readonly realm: string | undefined;
  readonly preference: string | undefined;
}

function hopAddress(text: string | undefined): Address | undefined {
  return text === undefined ? undefined : parseAnyAddress(text);
}

function addRoute(draft: FactsDraft, t: RouteText, hint: Family | undefined): boolean {
  const family =
    familyOf(t.destination, t.from, t.source) ??
    (t.preference !== undefined ? 'ipv6' : undefined) ??
    hint ??
    familyOf(t.hops[0]?.via) ??
    'ipv4';
  const destination = parsePrefix(t.destination, family);
  const type = t.type === undefined ? 'unicast' : routeTypeOf(t.type);
  if (!destination || !type) return false;
  const alive = t.hops.filter((h) => !h.dead);
  const nextHops: readonly NextHop[] = isDeadEnd(type)
    ? []
    : (alive.length > 0 ? alive : t.hops).map((h) => ({
        via: hopAddress(h.via),
        device: h.device,
        weight: h.weight,
      }));
  const scope = scopeOf(t.scope);
  const route: ReadRoute = {
    family,
    type,
    destination,
    source: t.from === undefined || t.from === 'default' ? undefined : parsePrefix(t.from, family),
    table: readTable(draft, t.table, routeTable.main),
    nextHops,
    preferredSource: hopAddress(t.source),
    metric: t.metric ?? 0,
    scope: scope ?? 'global',
    tos: t.tos ?? 0,
    mtuBytes: t.mtu,
    // `FROM/TO` or `TO`; the realm that `-m realm` reads is the destination's.
    realm: Number(/(\d{1,5})$/.exec(t.realm ?? '')?.[1] ?? 0),
    down: t.hops.length > 0 && alive.length === 0,
    linkDown: t.hops.length > 0 && t.hops.every((h) => h.linkDown || h.dead),
  };
  draft.routes.set(JSON.stringify(route), route);
  return true;
}

// ---------------------------------------------------------------------------------------------- JSON

function jsonHop(o: JsonObject): HopText {
  const via = o['via'];
  const flags = stringsOf(o, 'flags');
  return {
    via:
      stringOf(o, 'gateway') ??
      (typeof via === 'object' && via !== null ? stringOf(via as JsonObject, 'host') : undefined),
    device: stringOf(o, 'dev'),
    weight: numberOf(o, 'weight') ?? 1,
    dead: flags.includes('dead'),
    linkDown: flags.includes('linkdown'),
  };
}

/** `ip -j route`: an array of objects with `dst`. Cached routes are left out. Returns how many could not be read. */
export function readRoutesJson(
  draft: FactsDraft,
  items: readonly JsonObject[],
  hint: Family | undefined,
): number {
  // A default route without gateway says nothing of its family; its neighbours in the same output do.
  let sawV4 = false;
  let sawV6 = false;
  for (const o of items) {
    const f = familyOf(stringOf(o, 'dst'), stringOf(o, 'gateway'));
    if (f === 'ipv4') sawV4 = true;
    if (f === 'ipv6') sawV6 = true;
  }
  const only: Family | undefined = sawV4 === sawV6 ? undefined : sawV4 ? 'ipv4' : 'ipv6';
  let unread = 0;
  for (const o of items) {
    const destination = stringOf(o, 'dst');
    if (destination === undefined || stringsOf(o, 'flags').includes('cloned')) continue;
    if (Object.hasOwn(o, 'cache')) continue;
    const hops = objectsOf(o['nexthops']);
    const own = jsonHop(o);
    const metrics = objectsOf(o['metrics'])[0];
    const flow = o['flow'];
    const ok = addRoute(
      draft,
      {
        type: stringOf(o, 'type'),
        destination,
        from: stringOf(o, 'from'),
        table: stringOf(o, 'table') ?? numberOf(o, 'table')?.toString(),
        hops:
          hops.length > 0
            ? hops.map(jsonHop)
            : own.device !== undefined || own.via !== undefined
              ? [own]
              : [],
        source: stringOf(o, 'prefsrc'),
        metric: numberOf(o, 'metric'),
        scope: stringOf(o, 'scope'),
        tos: numberOf(o, 'tos'),
        mtu: metrics && numberOf(metrics, 'mtu'),
        realm: typeof flow === 'object' && flow !== null ? stringOf(flow as JsonObject, 'to') : undefined,
        preference: stringOf(o, 'pref'),
      },
      hint ?? only,
    );
    if (!ok) unread++;
  }
  noteSource(draft, 'routes', 'ip -j route');
  return unread;
}

// ---------------------------------------------------------------------------------------------- plain routes

const routeStart =
  /^(?:unicast |local |broadcast |anycast |multicast |blackhole |unreachable |prohibit |throw |[1-9] )?(?:default|(?:\d{1,3}\.){0,3}\d{1,3}(?:\/\d{1,2})?|[0-9a-fA-F:]{2,39}(?:[0-9.]{7,15})?(?:\/\d{1,3})?)(?= |$)/;
const routeWord =
  /(?:^| )(?:dev|via|nhid|nexthop|proto|scope|table|metric|src)(?: |$)|^(?:blackhole|unreachable|prohibit|throw|[1-9]) /;

/** `ip neigh` begins as a route does. */
const neighbour = / lladdr | (?:REACHABLE|STALE|DELAY|PROBE|FAILED|INCOMPLETE|PERMANENT|NOARP|NONE)\s*$/;

function textHop(words: readonly string[]): HopText {
  let via: string | undefined;
  let device: string | undefined;
  let weight = 1;
  for (let i = 0; i < words.length; i++) {
    const next = words[i + 1];
    if (words[i] === 'via') via = next === 'inet' || next === 'inet6' ? words[i + 2] : next;
    else if (words[i] === 'dev') device = next;
    else if (words[i] === 'weight' && next !== undefined && /^\d{1,5}$/.test(next)) weight = Number(next);
  }
  return { via, device, weight, dead: words.includes('dead'), linkDown: words.includes('linkdown') };
}

/** A number in the words of `ip`, if it is one. */
export function numberWord(text: string | undefined): number | undefined {
  return text !== undefined && /^(?:0x[0-9a-fA-F]{1,8}|\d{1,10})$/.test(text) ? Number(text) : undefined;
}

/** `ip route` in any of its plain forms; hops of a multipath route stand indented below it or behind it. */
export const routeReader: Reader = {
  read(context, at) {
    const text = lineAt(context, at);
    if (!routeStart.test(text) || neighbour.test(text)) return 0;
    const words = [...wordsOf(text.replaceAll('\\', ' '))];
    let count = 1;
    for (; /^\s+nexthop /.test(lineAt(context, at + count)); count++)
      words.push(...wordsOf(lineAt(context, at + count)));
    // `ip -d route` explains the next hop object on a line of its own.
    while (/^\s+nh_info /.test(lineAt(context, at + count))) count++;
    if (count === 1 && !routeWord.test(text)) return 0;
    let type: string | undefined;
    let i = 0;
    if (routeTypeOf(words[0] ?? '') && words[1] !== undefined && !isParameter(words[1])) {
      type = words[0];
      i = 1;
    }
    const destination = words[i] ?? '';
    const firstHop = words.indexOf('nexthop');
    const head = words.slice(i + 1, firstHop < 0 ? undefined : firstHop);
    const value = (key: string): string | undefined => {
      const k = head.indexOf(key);
      return k < 0 ? undefined : head[k + 1] === 'lock' ? head[k + 2] : head[k + 1];
    };
    const hops: HopText[] = [];
    if (firstHop >= 0) {
      let from = firstHop;
      while (from >= 0) {
        const next = words.indexOf('nexthop', from + 1);
        hops.push(textHop(words.slice(from + 1, next < 0 ? undefined : next)));
        from = next;
      }
    } else {
      const own = textHop(head);
      if (own.device !== undefined || own.via !== undefined) hops.push(own);
    }
    const ok = addRoute(
      context.draft,
      {
        type,
        destination,
        from: value('from'),
        table: value('table'),
        hops,
        source: value('src'),
        metric: numberWord(value('metric')),
        scope: value('scope'),
        tos: numberWord(value('tos')),
        mtu: numberWord(value('mtu')),
        realm: value('realm') ?? value('realms'),
        preference: value('pref'),
      },
      promptFamily(context.draft),
    );
    if (!ok) return 0;
    noteSource(context.draft, 'routes', 'ip route');
    return count;
  },
};

function isParameter(word: string): boolean {
  return /^(?:dev|via|proto|scope|table|metric|src|nhid|nexthop)$/.test(word);
}

/** The family that the command on the last prompt asked for. */
export function promptFamily(draft: FactsDraft): Family | undefined {
  const command = draft.promptCommand;
  if (command === undefined) return undefined;
  return /\s-[a-z]*6\b/.test(command) ? 'ipv6' : /\s-[a-z]*4\b/.test(command) ? 'ipv4' : undefined;
}
