import { complementIf } from '../../packetset/space.ts';
import { defineMatch, tri } from '../define.ts';
import { freeText } from '../option-types.ts';
import { option, saveString } from '../printed-words.ts';

/** Name of a helper, at most 29 bytes. */
export interface HelperData {
  /** Empty: any helper. */
  readonly name: string;
  readonly negated: boolean;
}

/**
 * Helper of the connection that this one was expected by: data connections of FTP and the like. The kernel
 * compares as many bytes as the helper's own name has, so that `ftp-2121` also finds a helper called `ftp`.
 */
export const helper = defineMatch({
  name: 'helper',
  families: ['ipv4', 'ipv6'],
  options: { helper: { type: freeText(29, { tooLong: 'cut' }), required: true, invertible: true } },
  constraints: {},
  needs: ['conntrack'],
  usesConntrack: () => true,
  bind: (o): HelperData => ({ name: o.helper.value, negated: o.helper.negated }),
  print: (d) => [option('helper', saveString(d.name), d.negated)],
  compile: (d) => {
    const { name, negated } = d;
    return (_packet, env) => {
      const found = env.connection.entry?.master?.helper;
      return tri(found !== undefined && (name === '' || name.startsWith(found)), negated);
    };
  },
  columns: () => [],
  packets: (d, space) => {
    let set = space.none;
    if (d.name === '') set = space.has('helper');
    else {
      for (let end = 1; end <= d.name.length; end++)
        set = space.or(set, space.named('helper', d.name.slice(0, end)));
    }
    return complementIf(d.negated, space, set);
  },
  docs: {
    summary: 'Connection tracking helper that expected this connection.',
    man: 'iptables-extensions(8) helper',
    kernel: 'net/netfilter/xt_helper.c helper_mt()',
  },
});
