/** Reads printed lines back into sets: the judge of the printer. Knows what the printer writes, and no more. */

import { ctStatusBit } from '../../src/model/connection.ts';
import {
  type Address,
  type AddressRange,
  compareAddresses,
  type Family,
  networkRange,
  prefix,
} from '../../src/net/address.ts';
import { parseAddress } from '../../src/net/address-text.ts';
import { interfacePattern } from '../../src/net/interface-pattern.ts';
import { parseProtocol } from '../../src/net/protocols.ts';
import { parseTcpFlags } from '../../src/net/tcp-flags.ts';
import { nextAddress } from '../../src/packetset/codings.ts';
import { laterFragments } from '../../src/packetset/printable.ts';
import type {
  AddressField,
  BitField,
  IntervalField,
  NamedField,
  PacketSet,
} from '../../src/packetset/space.ts';
import type { BddPacketSpace } from '../../src/packetset/space-bdd.ts';

/** The packets that a printed line stands for. */
export function readLine(space: BddPacketSpace, line: string): PacketSet {
  const { family } = space.codec;
  const words = line.match(/\([^)]*\)|\S+/g) ?? [];
  let set = space.all;
  let protocol: number | undefined;
  let negated = false;
  const add = (condition: PacketSet, within: PacketSet = space.all): void => {
    set = space.and(set, space.and(within, negated ? space.not(condition) : condition));
    negated = false;
  };
  const take = (): string => words.shift() ?? '';
  const bounds = (text: string, separator: string): [number, number] => {
    const [low = '', high = low] = text.split(separator);
    return [Number(low), Number(high)];
  };
  const within = (field: IntervalField, text: string, separator = ':'): PacketSet =>
    space.interval(field, ...bounds(text, separator));
  const bits = (field: BitField, text: string): PacketSet => {
    const [value = '', mask = field === 'tos' ? '0xff' : '0xffffffff'] = text.split('/');
    return space.bits(field, Number(value), Number(mask));
  };
  const later = (): PacketSet => laterFragments(space);
  /** Networks by option and sign: pieces of one range, together or one after the other, are joined at the end. */
  const networks = new Map<string, AddressRange[]>();
  let module = '';
  while (words.length > 0) {
    const word = take();
    const field = word.replace(/^--/, '') as IntervalField;
    switch (word) {
      case '!':
        negated = true;
        break;
      case '-m':
        module = take();
        break;
      case '-i':
      case '-o':
        add(space.interface(word === '-i' ? 'in' : 'out', interfacePattern(take())));
        break;
      case '-p':
        protocol = parseProtocol(take().replace(/^icmpv6$/, 'ipv6-icmp')) ?? -1;
        add(space.interval('protocol', protocol, protocol));
        break;
      case '-s':
      case '-d':
      case '--ctorigdst': {
        const key = `${negated ? '!' : ''}${word}`;
        const list = take().split(',');
        networks.set(key, [...(networks.get(key) ?? []), ...list.map((t) => readNetwork(t, family))]);
        negated = false;
        break;
      }
      case '--src-range':
      case '--dst-range': {
        const [low, high] = take()
          .split('-')
          .map((t) => parseAddress(family, t) as Address);
        add(
          space.addresses(word === '--src-range' ? 'src' : 'dst', {
            low: low as Address,
            high: high as Address,
          }),
        );
        break;
      }
      case '-f':
        add(later());
        break;
      case '(later fragment)':
        add(later());
        break;
      case '(no later fragment)':
        add(space.not(later()));
        break;
      case '--sport':
      case '--dport':
        add(within(field, take()), space.has(field));
        break;
      case '--sports':
      case '--dports': {
        const side = field.slice(0, -1) as IntervalField;
        add(
          space.union(
            take()
              .split(',')
              .map((t) => within(side, t)),
          ),
          space.has(side),
        );
        break;
      }
      case '--icmp-type':
      case '--icmpv6-type': {
        const [type = '', code] = take().split('/');
        const types = type === 'any' ? space.has('icmpType') : within('icmpType', type);
        add(code === undefined ? types : space.and(types, within('icmpCode', code)), space.has('icmpType'));
        break;
      }
      case '--syn':
        add(space.bits('tcpFlags', 2, 0x17));
        break;
      case '--tcp-flags':
        add(flags(space, take(), take()));
        break;
      case '--ttl-eq':
      case '--hl-eq':
        add(within('ttl', take()));
        break;
      case '--ttl-gt':
      case '--hl-gt':
        add(space.interval('ttl', Number(take()) + 1, 255));
        break;
      case '--ttl-lt':
      case '--hl-lt':
        add(space.interval('ttl', 0, Number(take()) - 1));
        break;
      case '--length':
        add(within('lengthBytes', take()));
        break;
      case '--mss':
        add(within('mss', take()));
        break;
      case '--uid-owner':
        add(within('uid', take(), '-'));
        break;
      case '--socket-exists':
        add(space.has('uid'));
        break;
      case '--mark':
        add(bits(module as BitField, take()), module === 'connmark' ? space.tracked() : space.all);
        break;
      case '--tos':
        add(bits('tos', take()));
        break;
      case '--ctstatus': {
        const mask = take()
          .split(',')
          .reduce((m, name) => m | ctStatusBit[name as 'ASSURED'], 0);
        add(space.not(space.bits('ctStatus', 0, mask)), space.tracked());
        break;
      }
      case '--ctorigdstport':
        add(within('ctOrigDport', take()), space.tracked());
        break;
      case '--ctstate':
        add(
          space.union(
            take()
              .split(',')
              .map((t) => space.named('ctState', t)),
          ),
        );
        break;
      case '--mac-source':
        add(space.named('mac' as NamedField, take()), space.has('mac'));
        break;
      case '(no in-interface)':
      case '(no out-interface)':
      case '(some in-interface)':
      case '(some out-interface)': {
        const way = word.includes('in-') ? 'in' : 'out';
        const none = space.diagram.codes(
          space.codec.fields.get(way === 'in' ? 'inInterface' : 'outInterface')?.now ?? [],
          [noneCodes(space, way)],
        );
        add(word.startsWith('(no') ? none : space.not(none));
        break;
      }
      case '(no MAC address)':
        add(space.not(space.has('mac')));
        break;
      case '(a MAC address)':
        add(space.has('mac'));
        break;
      case '(whole packet)':
        add(space.interval('fragmentKind', 0, 0));
        break;
      case '(first fragment)':
        add(space.interval('fragmentKind', 1, 1));
        break;
      case '(protocol 0)':
        add(space.interval('protocol', 0, 0));
        break;
      default: {
        const key = /^\((if|unless) (.*)\)$/.exec(word);
        if (key === null) throw new Error(`cannot read ${word} in: ${line}`);
        negated = key[1] === 'unless';
        add(space.choice({ kind: 'pure', key: key[2] as string, reads: ['payload'] }));
      }
    }
  }
  for (const [key, ranges] of networks) {
    const field: AddressField = key.endsWith('-s') ? 'src' : key.endsWith('-d') ? 'dst' : 'ctOrigDst';
    negated = key.startsWith('!');
    const tracked = field === 'ctOrigDst' ? space.tracked() : space.all;
    add(space.union(joined(ranges).map((r) => space.addresses(field, r))), tracked);
  }
  return set;
}

function noneCodes(space: BddPacketSpace, way: 'in' | 'out'): [number, number] {
  const coding = space.codec.fields.get(way === 'in' ? 'inInterface' : 'outInterface')?.coding;
  if (coding?.kind !== 'interfaces') return [0, 0];
  return [0, (coding.atoms.firstCodes[1] as number) - 1];
}

function flags(space: BddPacketSpace, mask: string, value: string): PacketSet {
  const number = (text: string): number => parseTcpFlags(text) as number;
  return space.bits('tcpFlags', number(value), number(mask));
}

function readNetwork(text: string, family: Family): AddressRange {
  const [address = '', mask = family === 'ipv4' ? '32' : '128'] = text.split('/');
  const ends = networkRange(prefix(parseAddress(family, address) as Address, Number(mask)));
  return ends as AddressRange;
}

/** Ranges that touch, made one. */
function joined(ranges: readonly AddressRange[]): AddressRange[] {
  const out: AddressRange[] = [];
  for (const r of [...ranges].sort((a, b) => compareAddresses(a.low, b.low))) {
    const last = out.at(-1);
    const next = last && nextAddress(last.high);
    if (last && next && compareAddresses(r.low, next) === 0)
      out[out.length - 1] = { low: last.low, high: r.high };
    else out.push(r);
  }
  return out;
}
