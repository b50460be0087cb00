import type { TcpOption } from '../../model/packet.ts';
import { isCutTcpHeader, tcpHeaderBytes } from '../../model/tcp-header.ts';
import { parseUnsigned } from '../../net/integer-text.ts';
import { defineTarget, type FieldChange, type OptionType, refuse } from '../define.ts';
import { option } from '../printed-words.ts';

/** What one `-j TCPOPTSTRIP` says, as data. */
export interface TcpoptstripData {
  /** Kinds of TCP options, 2 to 255, rising. */
  readonly kinds: readonly number[];
}

const kindNames: Readonly<Record<string, number>> = {
  mss: 2,
  wscale: 3,
  'sack-permitted': 4,
  sack: 5,
  timestamp: 8,
  md5: 19,
};

const kindList: OptionType<readonly number[]> = {
  arity: 1,
  placeholder: 'option[,option]…',
  shape: {
    kind: 'list',
    of: {
      kind: 'choice',
      of: [
        { kind: 'integer', min: 2, max: 255 },
        { kind: 'words', values: Object.keys(kindNames) },
      ],
    },
    separator: ',',
    max: 8,
  },
  parse(words, { option }) {
    const text = words[0] ?? '';
    const kinds = new Set<number>();
    for (const word of text.split(',')) {
      const kind = Object.hasOwn(kindNames, word) ? kindNames[word] : parseUnsigned(word, 255);
      const at = { word: word === '' ? text || option : word, option };
      if (kind === undefined) {
        return refuse('bad-value', `Bad TCP option value "${word}"`, {
          ...at,
          hint: `a number, or one of ${Object.keys(kindNames).join(', ')}`,
        });
      }
      if (kind < 2) return refuse('bad-value', 'Option value may not be 0 or 1', at);
      if (kinds.has(kind)) return refuse('repeated-value', `Option "${word}" already specified`, at);
      kinds.add(kind);
    }
    return [...kinds].sort((a, b) => a - b);
  },
};

const nop: TcpOption = { kind: 1, data: '' };

/** Overwrites TCP options with no-operations. */
export const TCPOPTSTRIP = defineTarget({
  name: 'TCPOPTSTRIP',
  families: ['ipv4', 'ipv6'],
  options: { 'strip-options': { type: kindList } },
  constraints: { tables: ['mangle'], protocols: [6] },
  needs: [],
  bind: (o): TcpoptstripData => ({ kinds: o['strip-options']?.value ?? [] }),
  print: (d) => (d.kinds.length === 0 ? [] : [option('strip-options', d.kinds.join(','))]),
  compile: ({ kinds }) => {
    return (env) => {
      const { packet } = env;
      if (packet.fragmentOffsetBytes > 0) return 'continue';
      if (isCutTcpHeader(packet)) return 'drop';
      env.pull(tcpHeaderBytes(packet));
      if (packet.tcpOptions.some((o) => kinds.includes(o.kind))) {
        packet.tcpOptions = packet.tcpOptions.flatMap((o) =>
          kinds.includes(o.kind) ? new Array<TcpOption>(2 + o.data.length / 2).fill(nop) : [o],
        );
      }
      return 'continue';
    };
  },
  effect: ({ kinds }) => {
    const changes: FieldChange[] = [{ field: 'tcpOptions', operation: 'unknown' }];
    if (kinds.includes(2)) changes.push({ field: 'mss', operation: 'unknown' });
    return { changes: kinds.length === 0 ? [] : changes, outcome: 'continue' };
  },
  docs: {
    summary: 'Overwrites TCP options with no-operations.',
    man: 'iptables-extensions(8) TCPOPTSTRIP',
    kernel: 'net/netfilter/xt_TCPOPTSTRIP.c tcpoptstrip_mangle_packet()',
  },
});
