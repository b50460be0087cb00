import { parseMac } from '../../net/mac.ts';
import { defineMatch, NO, type OptionType, refuse, tri } from '../define.ts';
import { option } from '../printed-words.ts';

/** The Ethernet source that is wanted. */
export interface MacData {
  /** `aa:bb:cc:dd:ee:ff`, lower case. */
  readonly source: string;
  readonly negated: boolean;
}

const macOption: OptionType<string> = {
  arity: 1,
  placeholder: 'address',
  shape: { kind: 'mac' },
  parse(words, context) {
    const word = words[0] ?? '';
    return (
      parseMac(word) ??
      refuse('bad-mac', 'Invalid MAC address specified.', {
        word,
        option: context.option,
        hint: 'six hexadecimal bytes, with colons: 00:11:22:33:44:55',
      })
    );
  },
};

/** Ethernet source address. A packet that did not come in by Ethernet never matches, negated or not. */
export const mac = defineMatch({
  name: 'mac',
  families: ['ipv4', 'ipv6'],
  options: { 'mac-source': { type: macOption, required: true, invertible: true } },
  constraints: { hooks: ['PREROUTING', 'INPUT', 'FORWARD'] },
  needs: [],
  bind: (o): MacData => ({ source: o['mac-source'].value, negated: o['mac-source'].negated }),
  print: (d) => [option('mac-source', d.source, d.negated)],
  compile: (d) => (packet) => (packet.ethSrc === undefined ? NO : tri(packet.ethSrc === d.source, d.negated)),
  columns: () => [],
  packets: (d, space) => {
    const same = space.named('mac', d.source);
    return d.negated ? space.and(space.has('mac'), space.not(same)) : same;
  },
  docs: {
    summary: 'Ethernet source address of the packet.',
    man: 'iptables-extensions(8) mac',
    kernel: 'net/netfilter/xt_mac.c mac_mt()',
  },
});
