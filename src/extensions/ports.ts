/** Ports and port ranges as libxtables reads them. */

import { parsePort } from '../net/services.ts';
import { type OptionType, type Refusal, refuse } from './define.ts';
import type { NumberRange } from './option-types.ts';

/** ``invalid port/service `x' specified``: xtables_parse_port(). */
export function badPort(word: string, option: string): Refusal {
  return refuse('bad-port', `invalid port/service \`${word}' specified`, { word, option });
}

/** `80`, `ssh`, `1024:`, `:1023`, `:`; a reversed range is refused. Source: libxt_tcp.c parse_tcp_ports(). */
export const portRange: OptionType<NumberRange> = {
  arity: 1,
  placeholder: 'port[:port]',
  shape: { kind: 'range', min: 0, max: 65535, separator: ':', open: true },
  parse(words, context) {
    const text = words[0] ?? '';
    const colon = text.indexOf(':');
    if (colon < 0) {
      const port = parsePort(text, context.protocol);
      return port === undefined ? badPort(text, context.option) : { low: port, high: port };
    }
    const [first, second] = [text.slice(0, colon), text.slice(colon + 1)];
    const low = first === '' ? 0 : parsePort(first, context.protocol);
    if (low === undefined) return badPort(first, context.option);
    const high = second === '' ? 65535 : parsePort(second, context.protocol);
    if (high === undefined) return badPort(second, context.option);
    return low > high
      ? refuse('reversed-range', 'invalid portrange (min > max)', { word: text, option: context.option })
      : { low, high };
  },
};
