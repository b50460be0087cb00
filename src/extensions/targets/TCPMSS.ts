import type { MutablePacket, TcpOption } from '../../model/packet.ts';
import { isCutTcpHeader, tcpHeaderBytes } from '../../model/tcp-header.ts';
import { type CompileContext, defineTarget, type OptionType, type Refusal, refuse } from '../define.ts';
import { flag, integer } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** What one `-j TCPMSS` says, as data. */
export interface TcpmssData {
  /** The greatest MSS that may pass; `pmtu`: what the path's MTU leaves. */
  readonly mss: number | 'pmtu';
}

/** The option's maximum leaves room for the headers. */
const setMss: OptionType<number> = {
  ...integer(0, 65495),
  parse: (words, context) => integer(0, context.family === 'ipv4' ? 65515 : 65495).parse(words, context),
};

const mssKind = 2;

/** The MSS of a packet's options, or undefined. */
function mssOf(options: readonly TcpOption[]): number | undefined {
  const found = options.find((o) => o.kind === mssKind && o.data.length === 4);
  return found && Number.parseInt(found.data, 16);
}

const mssOption = (mss: number): TcpOption => ({ kind: mssKind, data: mss.toString(16).padStart(4, '0') });

/** Lowers the MSS, or adds the option where there is none and no data follow the header. */
function lowerMss(packet: MutablePacket, mss: number): void {
  const before = mssOf(packet.tcpOptions);
  if (before !== undefined) {
    if (before > mss)
      packet.tcpOptions = packet.tcpOptions.map((o) =>
        o.kind === mssKind && o.data.length === 4 ? mssOption(mss) : o,
      );
    return;
  }
  const headerBytes = tcpHeaderBytes(packet);
  const ipHeaderBytes = packet.family === 'ipv4' ? 20 + packet.ipOptions.length / 2 : 40;
  const hasData =
    packet.payload === undefined ? packet.lengthBytes > ipHeaderBytes + headerBytes : packet.payload !== '';
  if (hasData || headerBytes >= 60) return;
  const least = packet.family === 'ipv4' ? 536 : 1220;
  packet.tcpOptions = [mssOption(Math.min(mss, least)), ...packet.tcpOptions];
  packet.lengthBytes += 4;
}

/** Lowers the maximum segment size that a SYN announces. */
export const TCPMSS = defineTarget({
  name: 'TCPMSS',
  families: ['ipv4', 'ipv6'],
  options: {
    'set-mss': { type: setMss },
    'clamp-mss-to-pmtu': { type: flag },
  },
  constraints: { protocols: [6] },
  needs: [],
  bind: (o): TcpmssData | Refusal => {
    const [set, clamp] = [o['set-mss'], o['clamp-mss-to-pmtu']];
    if (!set && !clamp) {
      return refuse('missing-option', 'TCPMSS target: At least one parameter is required', {
        hint: '--clamp-mss-to-pmtu, or --set-mss VALUE',
      });
    }
    // Both may stand there; the later one counts.
    return { mss: set && !(clamp && clamp.position > set.position) ? set.value : 'pmtu' };
  },
  check: (d, { hook, backend, matchNames }): Refusal | undefined => {
    if (d.mss === 'pmtu' && (hook === 'INPUT' || hook === 'PREROUTING')) {
      return refuse(
        'wrong-hook',
        `TCPMSS --clamp-mss-to-pmtu works in FORWARD, OUTPUT and POSTROUTING only; in ${hook} the kernel refuses the rule (Invalid argument)`,
        { option: '--clamp-mss-to-pmtu' },
      );
    }
    // The nft back end does not ask; the old one wants to see SYN in a tcp match.
    return backend === 'legacy' && !matchNames.includes('tcp')
      ? refuse('needs-syn', 'TCPMSS only works on TCP SYN packets (Invalid argument)', {
          hint: 'add --syn or --tcp-flags SYN,RST SYN',
        })
      : undefined;
  },
  print: (d) => [d.mss === 'pmtu' ? option('clamp-mss-to-pmtu') : option('set-mss', String(d.mss))],
  compile: (d, context: CompileContext) => {
    const headers = context.family === 'ipv4' ? 40 : 60;
    return (env) => {
      const { packet } = env;
      if (packet.fragmentOffsetBytes > 0) return 'continue';
      if (isCutTcpHeader(packet)) return 'drop';
      env.pull('whole');
      if (d.mss !== 'pmtu') lowerMss(packet, d.mss);
      else {
        const mtu = env.fib.pathMtu();
        if (mtu === undefined) env.note('MSS clamped to the MTU of the path, which is not known');
        else if (mtu <= headers) return 'drop';
        else lowerMss(packet, mtu - headers);
      }
      return 'continue';
    };
  },
  effect: (d) => ({
    changes: [
      d.mss === 'pmtu'
        ? { field: 'mss', operation: 'unknown' }
        : { field: 'mss', operation: 'cap', value: d.mss },
      { field: 'tcpOptions', operation: 'unknown' },
      { field: 'lengthBytes', operation: 'unknown' },
    ],
    outcome: 'continue',
  }),
  docs: {
    summary: 'Lowers the maximum segment size that a TCP SYN announces.',
    man: 'iptables-extensions(8) TCPMSS',
    kernel: 'net/netfilter/xt_TCPMSS.c tcpmss_mangle_packet()',
  },
});
