import { defaultLogLevel, logLevels, parseLogLevel } from '../../net/syslog-levels.ts';
import { defineTarget, type OptionType, refuse } from '../define.ts';
import { flag, freeText } from '../option-types.ts';
import { option, saveString } from '../printed-words.ts';

/** What one `-j LOG` says, as data. */
export interface LogData {
  /** At most 29 bytes; empty: none. */
  readonly prefix: string;
  /** 0 (emergency) to 7 (debug). */
  readonly level: number;
  readonly tcpSequence: boolean;
  readonly tcpOptions: boolean;
  readonly ipOptions: boolean;
  readonly uid: boolean;
  readonly macdecode: boolean;
}

const logLevel: OptionType<number> = {
  arity: 1,
  placeholder: 'level',
  shape: {
    kind: 'choice',
    of: [
      { kind: 'integer', min: 0, max: 7 },
      { kind: 'words', values: Object.keys(logLevels) },
    ],
  },
  parse(words, context) {
    const word = words[0] ?? '';
    const usual: Readonly<Record<string, string>> = { warn: 'warning', err: 'error' };
    return (
      parseLogLevel(word) ??
      refuse('bad-value', `log level "${word}" unknown`, {
        word: word === '' ? context.option : word,
        option: context.option,
        ...(usual[word] === undefined ? {} : { hint: `did you mean ${usual[word]}?` }),
      })
    );
  },
};

const switches = [
  ['log-tcp-sequence', 'tcpSequence'],
  ['log-tcp-options', 'tcpOptions'],
  ['log-ip-options', 'ipOptions'],
  ['log-uid', 'uid'],
  ['log-macdecode', 'macdecode'],
] as const;

/** Writes the packet's header to the kernel log and goes on. */
export const LOG = defineTarget({
  name: 'LOG',
  families: ['ipv4', 'ipv6'],
  options: {
    'log-level': { type: logLevel },
    'log-prefix': { type: freeText(29, { minBytes: 1, tooLong: 'cut' }) },
    'log-tcp-sequence': { type: flag },
    'log-tcp-options': { type: flag },
    'log-ip-options': { type: flag },
    'log-uid': { type: flag },
    'log-macdecode': { type: flag },
  },
  constraints: {},
  needs: [],
  bind: (o): LogData => ({
    prefix: o['log-prefix']?.value ?? '',
    level: o['log-level']?.value ?? defaultLogLevel,
    tcpSequence: o['log-tcp-sequence'] !== undefined,
    tcpOptions: o['log-tcp-options'] !== undefined,
    ipOptions: o['log-ip-options'] !== undefined,
    uid: o['log-uid'] !== undefined,
    macdecode: o['log-macdecode'] !== undefined,
  }),
  print: (d) => [
    ...(d.prefix === '' ? [] : [option('log-prefix', saveString(d.prefix))]),
    ...(d.level === defaultLogLevel ? [] : [option('log-level', String(d.level))]),
    ...switches.filter(([, key]) => d[key]).map(([name]) => option(name)),
  ],
  compile:
    ({ prefix, level }) =>
    (env) => {
      env.log({ via: 'LOG', prefix, level });
      return 'continue';
    },
  effect: () => ({ changes: [], outcome: 'continue' }),
  docs: {
    summary: 'Writes the packet to the kernel log and goes on with the next rule.',
    man: 'iptables-extensions(8) LOG',
    kernel: 'net/netfilter/xt_LOG.c log_tg()',
  },
});
