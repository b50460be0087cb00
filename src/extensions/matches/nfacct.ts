import { defineMatch } from '../define.ts';
import { freeText } from '../option-types.ts';
import { option, saveString } from '../printed-words.ts';

/** The accounting object to count in. */
export interface NfacctData {
  readonly name: string;
}

/**
 * Counts the packet in an accounting object, and matches unless the object has a quota that is not used up.
 * Objects and their quotas are not part of a ruleset.
 */
export const nfacct = defineMatch({
  name: 'nfacct',
  families: ['ipv4', 'ipv6'],
  options: {
    'nfacct-name': { type: freeText(31, { minBytes: 1, tooLong: 'cut' }), required: true },
  },
  constraints: {},
  needs: [],
  bind: (o): NfacctData => ({ name: o['nfacct-name'].value }),
  print: (d) => [option('nfacct-name', saveString(d.name))],
  compile: (d) => {
    const topic = `nfacct:${d.name}`;
    return (_packet, env) => env.ask(topic, ['under-quota', 'counted']);
  },
  packets: (d, space) => space.choice({ kind: 'shared', list: `nfacct:${d.name}`, key: '' }),
  docs: {
    summary: 'Counts in an accounting object; with a quota, matches once it is used up.',
    man: 'iptables-extensions(8) nfacct',
    kernel: 'net/netfilter/xt_nfacct.c nfacct_mt()',
  },
});
