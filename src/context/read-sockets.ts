/** Listening sockets: `ss -tulnp`, `netstat -tulnp`. */

import type { Listener } from '../model/machine.ts';
import { parseProtocol } from '../net/protocols.ts';
import { noteSource } from './facts.ts';
import { lineAt, type Reader, wordsOf } from './lines.ts';
import { parseAnyAddress } from './read-addresses.ts';

const listening = new Set(['LISTEN', 'UNCONN']);
const socketStates = new Set([
  ...listening,
  'ESTAB',
  'SYN-SENT',
  'SYN-RECV',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'TIME-WAIT',
  'CLOSE-WAIT',
  'LAST-ACK',
  'CLOSING',
  'CLOSED',
]);

/** `0.0.0.0%eth0:68`, `[::]:22`, `*:80`, and netstat's `:::22`. */
function localEnd(text: string): Pick<Listener, 'address' | 'port' | 'device'> | undefined {
  const m = /^(.{1,80}):(\d{1,5})$/.exec(text);
  if (!m) return undefined;
  let host = m[1] ?? '';
  const percent = host.indexOf('%');
  const device = percent < 0 ? undefined : host.slice(percent + 1).replace(/\]$/, '');
  if (percent >= 0) host = host.slice(0, percent);
  host = host.replace(/^\[|\]$/g, '');
  if (host === '*') return { address: undefined, port: Number(m[2]), device };
  const address = parseAnyAddress(host);
  return address && { address, port: Number(m[2]), device };
}

const netidProtocols: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132, dccp: 33 };

/** One socket a line, with or without the `Netid` column (`ss -tln`: TCP). Sockets that do not listen are passed over. */
const ssReader: Reader = {
  read(context, at) {
    const text = lineAt(context, at);
    if (/^(?:Netid\s+)?State\s+Recv-Q\s+Send-Q\s/.test(text)) {
      noteSource(context.draft, 'listeners', 'ss');
      return 1;
    }
    const words = wordsOf(text);
    const named = socketStates.has(words[1] ?? '');
    if (!named && !socketStates.has(words[0] ?? '')) return 0;
    const [state = '', received = '', sent = '', local = ''] = named ? words.slice(1) : words;
    if (!/^\d+$/.test(received) || !/^\d+$/.test(sent)) return 0;
    const netid = named ? (words[0] ?? '') : state === 'UNCONN' ? 'udp' : 'tcp';
    const protocol = Object.hasOwn(netidProtocols, netid) ? netidProtocols[netid] : undefined;
    const end = localEnd(local);
    if (protocol !== undefined && end && listening.has(state)) {
      context.draft.listeners.push({
        protocol,
        ...end,
        process: /users:\(\("([^"]{1,64})"/.exec(text)?.[1],
      });
    }
    noteSource(context.draft, 'listeners', 'ss');
    return 1;
  },
};

const netstatLine = /^(tcp|udp|sctp|udplite)(6?)\s+\d+\s+\d+\s+(\S+)\s+(\S+)(?:\s+(\S.*)?)?$/;

/** `netstat -tulnp`; its header lines too. */
const netstatReader: Reader = {
  read(context, at) {
    const text = lineAt(context, at);
    if (/^Active Internet connections \(/.test(text) || /^Proto\s+Recv-Q\s+Send-Q\s/.test(text)) {
      noteSource(context.draft, 'listeners', 'netstat');
      return 1;
    }
    const m = netstatLine.exec(text);
    if (!m) return 0;
    const [, name = '', six, local = '', foreign = '', rest = ''] = m;
    const end = localEnd(local);
    const protocol = parseProtocol(name);
    if (!end || protocol === undefined || !foreign.includes(':')) return 0;
    const words = wordsOf(rest);
    const listens = name === 'tcp' ? words[0] === 'LISTEN' : foreign.endsWith(':*');
    if (listens) {
      const process = words.map((w) => /^\d+\/(.+?):?$/.exec(w)?.[1]).find((p) => p !== undefined);
      // netstat shows `:::22` also for sockets that take IPv4.
      const both = six === '6' && local.startsWith(':::');
      context.draft.listeners.push({ protocol, ...end, ...(both ? { address: undefined } : {}), process });
    }
    noteSource(context.draft, 'listeners', 'netstat');
    return 1;
  },
};

/** In the order in which they are tried. */
export const socketReaders: readonly Reader[] = [ssReader, netstatReader];
