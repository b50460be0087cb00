import type { Backend } from '../../model/netfilter.ts';
import { defineMatch, type MatchEnv, type OptionType, type Refusal, refuse, tri } from '../define.ts';
import { integer } from '../option-types.ts';
import { option } from '../printed-words.ts';
import { printRate, type Rate, readRate } from '../rate.ts';

/** Cost units in a second (XT_LIMIT_SCALE). */
const scale = 10_000;
const burstDefault = 5;
const rateDefault: Rate = { cost: (scale * 3600) / 3, unitSeconds: 3600 };

/** A rate and how far it may be exceeded at once. */
export interface LimitData {
  /** What one packet costs, in ten-thousandths of a second. */
  readonly cost: number;
  /** Packets that may pass at once. */
  readonly burst: number;
}

const rateOption: OptionType<Rate> = {
  arity: 1,
  placeholder: 'rate[/second|/minute|/hour|/day]',
  shape: {
    kind: 'sequence',
    parts: [
      { kind: 'integer', min: 1, max: 10000 },
      '/',
      { kind: 'words', values: ['sec', 'min', 'hour', 'day'] },
    ],
  },
  parse(words, context) {
    const text = words[0] ?? '';
    return (
      readRate(text, scale, context.option) ??
      refuse('bad-value', `bad rate "${text}"'`, {
        word: text,
        option: context.option,
        hint: 'a number and a unit: 5/min; units are sec, min, hour, day',
      })
    );
  },
};

/** Credits of the legacy back end, 32000 a second, in 32 bits that may overflow. Source: xt_limit.c user2credits(). */
function credits(user: number): number {
  const u = user % 2 ** 32;
  return u > 0xffffffff / 32000 ? (Math.floor(u / scale) * 32000) % 2 ** 32 : Math.floor((u * 32000) / scale);
}

/** What a packet costs and what the bucket holds, in milliseconds. The nft back end keeps the printed rate. */
function bucketSize(d: LimitData, backend: Backend): { readonly price: number; readonly cap: number } {
  if (backend === 'legacy') return { price: credits(d.cost) / 32, cap: credits(d.cost * d.burst) / 32 };
  const rate = printRate(d.cost, scale);
  const price = (rate.unitSeconds * 1000) / Number.parseInt(rate.text, 10);
  return { price, cap: price * d.burst };
}

/** Credit in milliseconds of waiting, and when it was last counted. */
interface Bucket {
  readonly credit: number;
  readonly atMs: number;
}

/** A token bucket for the rule: `burst` packets at once, then one each time the rate gives one back. */
export const limit = defineMatch({
  name: 'limit',
  families: ['ipv4', 'ipv6'],
  options: {
    limit: { type: rateOption },
    'limit-burst': { type: integer(0, 10000) },
  },
  constraints: {},
  needs: ['clock'],
  bind: (o, context): LimitData | Refusal => {
    const { cost } = o.limit?.value ?? rateDefault;
    const burst = o['limit-burst']?.value ?? burstDefault;
    if (context.backend === 'legacy' && (burst === 0 || credits(cost * burst) < credits(cost))) {
      return refuse('limit-overflow', 'limit: rate and burst overflow in the kernel (Invalid argument)', {
        hint: burst === 0 ? 'a burst of 1 or more' : 'a lower --limit-burst or a higher rate',
      });
    }
    // nf_tables takes a burst of zero for the default.
    return { cost, burst: burst || burstDefault };
  },
  print: (d) => {
    const rate = option('limit', printRate(d.cost, scale).text);
    return d.burst === burstDefault ? [rate] : [rate, option('limit-burst', String(d.burst))];
  },
  compile: (d, context) => {
    const slot = `limit:${context.slot}`;
    const { price, cap } = bucketSize(d, context.backend);
    return (_packet, env: MatchEnv) => {
      const now = env.timeMs;
      if (now === undefined) return env.ask('limit', ['over', 'under']);
      const old = env.readState(slot) as Bucket | undefined;
      const credit = old ? Math.min(cap, old.credit + (now - old.atMs)) : cap;
      const under = credit >= price;
      const bucket: Bucket = { credit: under ? credit - price : credit, atMs: now };
      env.writeState(slot, bucket);
      return tri(under);
    };
  },
  packets: (_d, space) => space.choice({ kind: 'rule' }),
  docs: {
    summary: 'Packets of the rule up to a rate; the rest does not match.',
    man: 'iptables-extensions(8) limit',
    kernel: 'net/netfilter/xt_limit.c limit_mt(), net/netfilter/nft_limit.c nft_limit_eval()',
  },
});
