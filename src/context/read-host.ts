/** The rest: `nft list tables`, `ip xfrm policy`, `ip xfrm state`, `uname`, shell prompts. */

import type { IpsecTemplate } from '../model/machine.ts';
import { prefix } from '../net/address.ts';
import { parseProtocol } from '../net/protocols.ts';
import { type FactsDraft, noteSource } from './facts.ts';
import { asObject, type JsonObject, objectsOf, stringOf } from './json.ts';
import { lineAt, type Reader, valueAfter, wordsOf } from './lines.ts';
import { parseAnyAddress } from './read-addresses.ts';

/** `table inet filter` without a brace. */
const nftTableReader: Reader = {
  read(context, at) {
    const m = /^table (ip6?|inet|arp|bridge|netdev) (\S{1,128})\s*$/.exec(lineAt(context, at));
    if (!m) return 0;
    context.draft.nftTables.push({ family: m[1] ?? '', name: m[2] ?? '' });
    noteSource(context.draft, 'nftTables', 'nft list tables');
    return 1;
  },
};

/** `nft -j list tables` and `nft -j list ruleset`: the names of tables alone are of interest. */
export function readNftJson(draft: FactsDraft, root: JsonObject): void {
  for (const entry of objectsOf(root['nftables'])) {
    const table = asObject(entry['table']);
    const family = table && stringOf(table, 'family');
    const name = table && stringOf(table, 'name');
    if (family !== undefined && name !== undefined) draft.nftTables.push({ family, name });
  }
  noteSource(draft, 'nftTables', 'nft -j list tables');
}

const xfrmHead = /^src (\S{1,64}) dst (\S{1,64})(?: (.*))?$/;

function numberAfter(words: readonly string[], key: string): number | undefined {
  const text = valueAfter(words, key);
  return text !== undefined && /^(?:0x[0-9a-fA-F]{1,8}|\d{1,10})\b/.test(text)
    ? Number(text.replace(/\(.*/, ''))
    : undefined;
}

/** A block per policy or state: a head line, then indented lines. */
const xfrmReader: Reader = {
  read(context, at) {
    const m = xfrmHead.exec(lineAt(context, at));
    if (!m) return 0;
    const blocks: (readonly string[])[] = [];
    let count = 1;
    for (; /^\s+\S/.test(lineAt(context, at + count)); count++)
      blocks.push(wordsOf(lineAt(context, at + count)));
    if (blocks.length === 0) return 0;
    const template = (words: readonly string[], more: readonly string[]): IpsecTemplate => ({
      source: valueAfter(words, 'src') ?? '',
      destination: valueAfter(words, 'dst') ?? '',
      protocol: valueAfter(more, 'proto') ?? '',
      mode: valueAfter(more, 'mode') ?? 'transport',
      reqid: numberAfter(more, 'reqid'),
      spi: numberAfter(more, 'spi'),
      ...(valueAfter(more, 'level') === 'use' ? { optional: true } : {}),
    });
    const head = ['src', m[1] ?? '', 'dst', m[2] ?? ''];
    const first = blocks[0] ?? [];
    const { draft } = context;
    if (first[0] === 'proto') {
      draft.ipsecStates.push(template(head, first));
      noteSource(draft, 'ipsecStates', 'ip xfrm state');
      return count;
    }
    const direction = valueAfter(first, 'dir') ?? (first[0] === 'socket' ? 'socket' : undefined);
    if (direction === undefined) return 0;
    const end = (text: string) => {
      const [bare = '', length] = text.split('/');
      const address = parseAnyAddress(bare);
      const bits = address?.family === 'ipv6' ? 128 : 32;
      const n = length !== undefined && /^\d{1,3}$/.test(length) ? Number(length) : bits;
      return address && n <= bits ? prefix(address, n) : undefined;
    };
    const source = end(m[1] ?? '');
    const destination = end(m[2] ?? '');
    if (!source || !destination) return 0;
    const more = (m[3] ?? '').split(/\s+/);
    const protocol = parseProtocol(valueAfter(more, 'proto') ?? '');
    const sport = numberAfter(more, 'sport');
    const dport = numberAfter(more, 'dport');
    const selector = {
      ...(protocol === undefined ? {} : { protocol }),
      ...(sport === undefined ? {} : { sport }),
      ...(dport === undefined ? {} : { dport }),
    };
    const templates: IpsecTemplate[] = [];
    for (const [i, words] of blocks.entries())
      if (words[0] === 'tmpl') templates.push(template(words, blocks[i + 1] ?? []));
    // Policies of sockets (of the key daemon) let its own packets through and decide nothing else.
    if (direction !== 'socket')
      draft.ipsecPolicies.push({
        direction,
        source,
        destination,
        ...selector,
        action: first.includes('block') ? 'block' : 'allow',
        priority: numberAfter(first, 'priority') ?? 0,
        templates,
      });
    noteSource(draft, 'ipsecPolicies', 'ip xfrm policy');
    return count;
  },
};

const release = String.raw`\d{1,3}\.\d{1,3}(?:\.\d{1,4})?[\w.+~-]{0,80}`;
const unameAll = new RegExp(String.raw`^Linux (\S{1,64}) (${release})(?: .*)?$`);
const unameNodeRelease = /^([A-Za-z0-9][A-Za-z0-9._-]{0,63}) (\d{1,3}\.\d{1,3}\.\d[\w.+~-]{0,80})$/;
const unameRelease = /^\d{1,3}\.\d{1,3}\.\d{1,4}(?:-[\w.+~-]{1,80})$/;

/** More names than these are no longer listed: two are wrong already. */
const hostNamesMax = 16;

function noteHost(draft: FactsDraft, value: string, source: string): void {
  if (draft.hostNames.length < hostNamesMax && !draft.hostNames.some((h) => h.value === value))
    draft.hostNames.push({ value, source });
}

/** `uname -nr`, `uname -a`, `uname -r`. */
const unameReader: Reader = {
  read(context, at) {
    const text = lineAt(context, at);
    const m = unameAll.exec(text) ?? unameNodeRelease.exec(text);
    const kernel = m?.[2] ?? (unameRelease.test(text) ? text : undefined);
    if (kernel === undefined) return 0;
    if (m?.[1] !== undefined) noteHost(context.draft, m[1], 'uname -n');
    if (context.draft.kernelReleases.length < hostNamesMax)
      context.draft.kernelReleases.push({ value: kernel, source: 'uname -r' });
    return 1;
  },
};

/** `root@gw:~# ip -j addr`, `[root@gw ~]# ip rule`, `# ip -j addr`, `$ sudo ipset save`. */
const userPrompt = /^\[?[\w.-]{1,32}@([\w.-]{1,64})[:\s][^#$%>\n]{0,200}[#$%>](?:\s+(\S.*)?)?$/;
const barePrompt =
  /^(?:[#$%>]|\+)\s+((?:sudo\s+)?(?:ip|ip6?tables-save|ip6?tables-(?:nft|legacy)-save|ipset|sysctl|ss|nft|conntrack|uname|ifconfig|netstat|route|grep|cat|hostname|exit)\b.*)$/;

/** A prompt says which host this is, and its command helps to read what follows. */
const promptReader: Reader = {
  read(context, at) {
    const text = lineAt(context, at);
    const user = userPrompt.exec(text);
    const bare = user ? null : barePrompt.exec(text);
    if (!user && !bare) return 0;
    context.draft.promptCommand = (user?.[2] ?? bare?.[1] ?? '').trim();
    const host = user?.[1];
    if (host !== undefined) noteHost(context.draft, host, 'shell prompt');
    return 1;
  },
};

/** In the order in which they are tried. */
export const hostReaders: readonly Reader[] = [nftTableReader, xfrmReader, unameReader, promptReader];
