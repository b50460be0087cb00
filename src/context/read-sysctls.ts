/** Sysctls: `sysctl -a`, `sysctl net/ipv4/…`, `grep . /proc/sys/…`. */

import { noteSource } from './facts.ts';
import { lineAt, type Reader } from './lines.ts';

const sysctlLine = /^(?:sysctl -w )?([a-z][\w-]*[./][\w*@:+./-]*) ?= ?(.*)$/;
const procLine = /^\/proc\/sys\/([\w./@:+-]{1,256}?)(?::| = ?|=)(.*)/;

/** First parts of the names that sysctl(8) lists; others are some program's settings. */
const roots = /^(?:net|kernel|vm|fs|dev|abi|user|debug|crypto|sunrpc|fscache)[./]/;

/**
 * A name in dotted form, with `/` for a dot within an interface's name, as sysctl(8) prints it: the separator that
 * comes first decides which of the two forms was used.
 */
export function sysctlName(text: string): string {
  const first = /[./]/.exec(text)?.[0];
  if (first !== '/') return text;
  return text.replace(/[./]/g, (c) => (c === '/' ? '.' : '/'));
}

/** One line is one setting; values keep their words, blanks between them become one. */
export const sysctlReader: Reader = {
  read(context, at) {
    const text = lineAt(context, at);
    const proc = procLine.exec(text);
    const m = proc ?? sysctlLine.exec(text);
    if (!m) return 0;
    const [, name = '', value = ''] = m;
    if (!proc && !roots.test(name)) return 0;
    context.draft.sysctls.set(sysctlName(name), value.trim().replace(/\s+/g, ' '));
    noteSource(context.draft, 'sysctls', proc ? '/proc/sys' : 'sysctl -a');
    return 1;
  },
};
