import type { Packet } from '../../model/packet.ts';
import { type Address, addressFromBigInt, sameAddress } from '../../net/address.ts';
import { addressText, parseAddress } from '../../net/address-text.ts';
import { meetsRange, type RangeCondition } from '../conditions.ts';
import { type BoundOption, defineMatch, NO, type OptionType, type Refusal, refuse, tri } from '../define.ts';
import { flag, integer, integerRange, numberRangeText } from '../option-types.ts';
import { bytesOfHex } from '../packet-bytes.ts';
import { option } from '../printed-words.ts';

interface Negatable {
  readonly value: number;
  readonly negated: boolean;
}

/** Conditions on the routing header; all must hold. Without one in the packet, none does, negated or not. */
export interface RtData {
  readonly type: Negatable | undefined;
  readonly segmentsLeft: RangeCondition | undefined;
  /** Length of the header in bytes. */
  readonly lengthBytes: Negatable | undefined;
  /** The reserved field of type 0 is zero. */
  readonly reservedZero: boolean;
  /** Addresses of a header of type 0; empty: no condition. */
  readonly addresses: readonly Address[];
  /** The addresses are there in this order, others between them or behind. */
  readonly notStrict: boolean;
}

const u32Max = 0xffffffff;
const addressesMax = 16;

const addressList: OptionType<readonly Address[]> = {
  arity: 1,
  placeholder: 'address[,address…]',
  shape: { kind: 'list', of: { kind: 'address' }, separator: ',', max: addressesMax },
  parse(words, context) {
    const text = words[0] ?? '';
    const out: Address[] = [];
    for (const word of text.split(',')) {
      if (out.length === addressesMax)
        return refuse('too-many-addresses', 'too many addresses specified', {
          word: text,
          option: context.option,
        });
      const address = parseAddress('ipv6', word);
      if (!address)
        return refuse('bad-address', `bad address: ${word}`, {
          word: word === '' ? text : word,
          option: context.option,
        });
      out.push(address);
    }
    return out;
  },
};

/** A header's fields. Addresses are those of type 0, eight bytes in. */
function routingHeader(packet: Packet) {
  const header = packet.extensionHeaders.find((h) => h.protocol === 43);
  if (!header) return undefined;
  const body = bytesOfHex(header.body);
  const lengthBytes = body.length + 2;
  const addresses: Address[] = [];
  for (let at = 6; at + 16 <= body.length; at += 16)
    addresses.push(
      addressFromBigInt(
        'ipv6',
        body.slice(at, at + 16).reduce((n, b) => (n << 8n) | BigInt(b), 0n),
      ),
    );
  return {
    type: body[0] ?? 0,
    segmentsLeft: body[1] ?? 0,
    reservedZero: body.slice(2, 6).every((b) => b === 0),
    lengthBytes,
    addresses,
  };
}

function addressesFit(d: RtData, actual: readonly Address[]): boolean {
  if (d.addresses.length > actual.length) return false;
  if (!d.notStrict)
    return (
      d.addresses.length === actual.length &&
      d.addresses.every((a, i) => sameAddress(a, actual[i] as Address))
    );
  let found = 0;
  for (const a of actual) {
    const wanted = d.addresses[found];
    if (wanted && sameAddress(wanted, a)) found++;
  }
  return found === d.addresses.length;
}

const negatable = (o: BoundOption<number> | undefined) => o && { value: o.value, negated: o.negated };

const isFull = (c: RangeCondition): boolean => c.low === 0 && c.high === u32Max;

/** Text of all conditions. 1.8.9 drops an inverted full range of segments. */
function conditions(d: RtData, keepMeaning: boolean): readonly string[] {
  const out: string[] = [];
  if (d.type) out.push(option('rt-type', String(d.type.value), d.type.negated));
  if (d.segmentsLeft && (keepMeaning || !isFull(d.segmentsLeft)))
    out.push(option('rt-segsleft', numberRangeText(d.segmentsLeft), d.segmentsLeft.negated));
  if (d.lengthBytes) out.push(option('rt-len', String(d.lengthBytes.value), d.lengthBytes.negated));
  if (d.reservedZero) out.push(option('rt-0-res'));
  if (d.addresses.length > 0) out.push(option('rt-0-addrs', d.addresses.map(addressText).join(',')));
  if (d.notStrict) out.push(option('rt-0-not-strict'));
  return out;
}

/** The IPv6 routing header. */
export const rt = defineMatch({
  name: 'rt',
  families: ['ipv6'],
  options: {
    'rt-type': { type: integer(0, u32Max), invertible: true },
    'rt-segsleft': { type: integerRange(u32Max), invertible: true },
    'rt-len': { type: integer(0, u32Max), invertible: true },
    'rt-0-res': { type: flag },
    'rt-0-addrs': { type: addressList },
    'rt-0-not-strict': { type: flag },
  },
  constraints: {},
  needs: [],
  bind: (o): RtData | Refusal => {
    const type = o['rt-type'];
    for (const name of ['rt-0-res', 'rt-0-addrs'] as const) {
      const given = o[name];
      if (given && (type?.value !== 0 || type.negated || type.position > given.position))
        return refuse('missing-option', `\`--rt-type 0' required before \`--${name}'`, {
          word: `--${name}`,
          option: `--${name}`,
        });
    }
    const [addresses, notStrict] = [o['rt-0-addrs'], o['rt-0-not-strict']];
    if (notStrict && (!addresses || addresses.position > notStrict.position))
      return refuse('missing-option', "`--rt-0-addr ...' required before `--rt-0-not-strict'", {
        word: '--rt-0-not-strict',
        option: '--rt-0-not-strict',
      });
    const segments = o['rt-segsleft'];
    const segmentsLeft = segments && { ...segments.value, negated: segments.negated };
    return {
      type: negatable(type),
      segmentsLeft: segmentsLeft && isFull(segmentsLeft) && !segmentsLeft.negated ? undefined : segmentsLeft,
      lengthBytes: negatable(o['rt-len']),
      reservedZero: o['rt-0-res'] !== undefined,
      addresses: addresses?.value ?? [],
      notStrict: notStrict !== undefined,
    };
  },
  print: (d, { keepMeaning }) => conditions(d, keepMeaning),
  compile: (d) => (packet) => {
    const header = routingHeader(packet);
    if (!header) return NO;
    if (d.segmentsLeft && !meetsRange(d.segmentsLeft, header.segmentsLeft)) return NO;
    if (d.lengthBytes && (header.lengthBytes === d.lengthBytes.value) === d.lengthBytes.negated) return NO;
    if (d.type && (header.type === d.type.value) === d.type.negated) return NO;
    if (d.reservedZero && !header.reservedZero) return NO;
    return tri(d.addresses.length === 0 || addressesFit(d, header.addresses));
  },
  columns: () => [],
  packets: (d, space) =>
    space.choice({ kind: 'pure', key: `rt ${conditions(d, true).join(' ')}`, reads: [] }),
  docs: {
    summary: 'Fields of the IPv6 routing header.',
    man: 'iptables-extensions(8) rt',
    kernel: 'net/ipv6/netfilter/ip6t_rt.c rt_mt6()',
  },
});
