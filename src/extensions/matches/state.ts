import { complementIf } from '../../packetset/space.ts';
import { defineMatch, tri } from '../define.ts';
import { option } from '../printed-words.ts';
import { ctStateBit, ctStateWords, stateList, stateText } from './conntrack.ts';

/** The conntrack states that are wanted. */
export interface StateData {
  /** Bits by position in ctStateWords; SNAT and DNAT are no states here. */
  readonly bits: number;
  readonly negated: boolean;
}

const stateWords = ctStateWords.slice(0, 5);

/** Conntrack state of the packet, in the older spelling: `--ctstate` without SNAT and DNAT. */
export const state = defineMatch({
  name: 'state',
  families: ['ipv4', 'ipv6'],
  options: {
    state: { type: stateList(stateWords, 'state'), required: true, invertible: true },
  },
  constraints: {},
  needs: ['conntrack'],
  usesConntrack: () => true,
  bind: (o): StateData => ({ bits: o.state.value, negated: o.state.negated }),
  print: (d) => [option('state', stateText(d.bits), d.negated)],
  compile: (d) => (_packet, env) => tri((ctStateBit(env.connection.state) & d.bits) !== 0, d.negated),
  columns: () => [],
  packets: (d, space) => {
    let set = space.none;
    for (const [i, word] of stateWords.entries())
      if ((d.bits & (1 << i)) !== 0) set = space.or(set, space.named('ctState', word));
    return complementIf(d.negated, space, set);
  },
  docs: {
    summary: 'Connection tracking state of the packet.',
    man: 'iptables-extensions(8) state',
    kernel: 'net/netfilter/xt_conntrack.c conntrack_mt()',
  },
});
