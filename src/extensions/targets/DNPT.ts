import { networkContains } from '../../net/address.ts';
import { defineTarget } from '../define.ts';
import {
  checkPrefixes,
  type PrefixTranslationData,
  prefixTranslationOptions,
  prefixTranslator,
  printPrefixes,
  translatesAll,
  writeTranslated,
} from '../prefix-translation.ts';

/** What one `-j DNPT` says, as data. */
export type DnptData = PrefixTranslationData;

/** Rewrites the prefix of the destination address, whatever it was, without connection tracking. */
export const DNPT = defineTarget({
  name: 'DNPT',
  families: ['ipv6'],
  options: prefixTranslationOptions,
  constraints: { tables: ['mangle'], hooks: ['PREROUTING', 'OUTPUT'] },
  needs: [],
  bind: (o): DnptData => ({ srcPrefix: o['src-pfx'].value, dstPrefix: o['dst-pfx'].value }),
  check: (d) => checkPrefixes('DNPT', d),
  print: printPrefixes,
  compile: (d) => {
    const translate = prefixTranslator(d);
    return (env) => {
      const { packet } = env;
      const { quote } = packet;
      // An error's quoted packet went the other way: its src is this side's.
      if (quote && networkContains(d.srcPrefix, quote.src))
        packet.quote = { ...quote, src: translate(quote.src) ?? quote.src };
      const translated = translate(packet.dst);
      if (!translated) {
        env.note('no translation of this address: ICMPv6 parameter problem');
        return 'drop';
      }
      writeTranslated(packet, 'dst', translated);
      return 'continue';
    };
  },
  effect: (d) => ({
    changes: [{ field: 'dst', operation: 'unknown' }],
    outcome: translatesAll(d) ? 'continue' : 'unknown',
  }),
  docs: {
    summary: 'Rewrites the prefix of the destination address, stateless (RFC 6296).',
    man: 'iptables-extensions(8) DNPT',
    kernel: 'net/ipv6/netfilter/ip6t_NPT.c ip6t_dnpt_tg()',
  },
});
