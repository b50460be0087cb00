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

/** What one `-j SNPT` says, as data. */
export type SnptData = PrefixTranslationData;

/** Rewrites the prefix of the source address, whatever it was, without connection tracking. */
export const SNPT = defineTarget({
  name: 'SNPT',
  families: ['ipv6'],
  options: prefixTranslationOptions,
  constraints: { tables: ['mangle'], hooks: ['INPUT', 'POSTROUTING'] },
  needs: [],
  bind: (o): SnptData => ({ srcPrefix: o['src-pfx'].value, dstPrefix: o['dst-pfx'].value }),
  check: (d) => checkPrefixes('SNPT', d),
  print: printPrefixes,
  compile: (d) => {
    const translate = prefixTranslator(d);
    return (env) => {
      const { packet } = env;
      const { quote } = packet;
      // An error's quoted packet went the other way: its dst is this side's.
      if (quote && networkContains(d.srcPrefix, quote.dst))
        packet.quote = { ...quote, dst: translate(quote.dst) ?? quote.dst };
      const translated = translate(packet.src);
      if (!translated) {
        env.note('no translation of this address: ICMPv6 parameter problem');
        return 'drop';
      }
      writeTranslated(packet, 'src', translated);
      return 'continue';
    };
  },
  effect: (d) => ({
    changes: [{ field: 'src', operation: 'unknown' }],
    outcome: translatesAll(d) ? 'continue' : 'unknown',
  }),
  docs: {
    summary: 'Rewrites the prefix of the source address, stateless (RFC 6296).',
    man: 'iptables-extensions(8) SNPT',
    kernel: 'net/ipv6/netfilter/ip6t_NPT.c ip6t_snpt_tg()',
  },
});
