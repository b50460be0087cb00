import { tcpFlag } from '../../model/packet.ts';
import { complementIf } from '../../packetset/space.ts';
import { defineMatch, NO } from '../define.ts';
import { freeText, integer } from '../option-types.ts';
import { option, saveString } from '../printed-words.ts';

/** The operating system that is wanted, and how closely its fingerprint must fit. */
export interface OsfData {
  readonly genre: string;
  readonly negated: boolean;
  /** How far the TTL may differ from the fingerprint's. */
  readonly ttl: number | undefined;
  readonly log: number | undefined;
}

/** Passive fingerprints of operating systems, taken of TCP SYN packets; the table of them is the machine's. */
export const osf = defineMatch({
  name: 'osf',
  families: ['ipv4'],
  options: {
    genre: { type: freeText(31, { tooLong: 'cut' }), required: true, invertible: true },
    ttl: { type: integer(0, 2) },
    log: { type: integer(0, 2) },
  },
  constraints: { protocols: [6], hooks: ['PREROUTING', 'INPUT', 'FORWARD'] },
  needs: [],
  bind: (o): OsfData => ({
    genre: o.genre.value,
    negated: o.genre.negated,
    ttl: o.ttl?.value,
    log: o.log?.value,
  }),
  print: (d, { keepMeaning }) => {
    const word = keepMeaning && /^$|[\s"'\\]/.test(d.genre) ? saveString(d.genre) : d.genre;
    return [
      `${d.negated ? '! ' : ''}--genre ${word}`,
      ...(d.ttl === undefined ? [] : [option('ttl', String(d.ttl))]),
      ...(d.log === undefined ? [] : [option('log', String(d.log))]),
    ];
  },
  compile: (d) => {
    const topic = `osf:${d.genre}`;
    return (packet, env) => {
      if (packet.protocol !== 6 || packet.sport === undefined || (packet.tcpFlags & tcpFlag.SYN) === 0)
        return NO;
      return env.ask(topic, d.negated ? ['matching', 'other'] : ['other', 'matching']);
    };
  },
  columns: () => [{ column: 'protocol', low: 6, high: 6 }],
  packets: (d, space) => {
    const tcp = space.and(space.interval('protocol', 6, 6), space.has('sport'));
    const syn = space.and(tcp, space.bits('tcpFlags', tcpFlag.SYN, tcpFlag.SYN));
    const key = `osf ${d.genre} ${d.ttl ?? ''}`;
    const fits = space.choice({ kind: 'pure', key, reads: ['ttl', 'lengthBytes', 'mss', 'tcpOptions'] });
    return space.and(syn, complementIf(d.negated, space, fits));
  },
  docs: {
    summary: 'Operating system of the sender, guessed from its TCP SYN.',
    man: 'iptables-extensions(8) osf',
    kernel: 'net/netfilter/nfnetlink_osf.c nf_osf_match()',
  },
});
