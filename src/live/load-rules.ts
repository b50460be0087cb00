/** The rules, into the kernel of the namespace. */

import type { Backend } from '../model/netfilter.ts';
import type { Family } from '../net/address.ts';
import { LiveFailure, type Namespace } from './namespace.ts';

/** A program that loads rules. */
export interface Loader {
  /** `iptables-nft-restore`. */
  readonly program: string;
  /** Its name and version, as it says itself. */
  readonly version: string;
}

/** Rules that are in force now. */
export interface Loaded {
  readonly loader: string;
  /** What REJECT rules answer with, by `TABLE/CHAIN#NUMBER`. */
  readonly rejects: ReadonlyMap<string, string>;
}

/**
 * The program that loads the rules: iptables-nft, also for rules of iptables-legacy, which is told, because the kernel
 * hands out a trace of rules in nf_tables alone.
 *
 * @throws LiveFailure where there is none
 */
export function pickLoader(space: Namespace, family: Family, backend: Backend, leftOut: string[]): Loader {
  const name = family === 'ipv4' ? 'iptables' : 'ip6tables';
  let seen = false;
  for (const program of [`${name}-nft`, name]) {
    const { ok, stdout } = space.run(program, ['-V']);
    if (!ok) continue;
    seen = true;
    if (!stdout.includes('nf_tables')) continue;
    const version = `${program} ${/v([\d.]+)/.exec(stdout)?.[1] ?? ''}`.trim();
    if (backend === 'legacy')
      leftOut.push(`the back end: the rules are of iptables-legacy, ${version} loads them`);
    return { program: `${program}-restore`, version };
  }
  throw new LiveFailure(
    seen
      ? `${name} is of the legacy back end here, whose trace only goes to the log`
      : `there is no ${name} here`,
    'install an iptables with iptables-nft (1.8 or newer)',
  );
}

/** Rules that are taken out one after the other before it is given up. */
const refusalsMax = 50;

/** A rule that matches everything and does nothing: it keeps the numbers of the others. */
const placeholder = '-m comment --comment "left out"';

/**
 * Loads rules. One that this kernel or program refuses gives its place to a rule that does nothing, which is told.
 *
 * @throws LiveFailure where the rest is refused as well
 */
export function loadRules(space: Namespace, loader: Loader, ruleset: string, leftOut: string[]): Loaded {
  const lines = ruleset.split('\n');
  for (let turn = 0; turn <= refusalsMax; turn++) {
    const { ok, stderr } = space.run(loader.program, [], lines.join('\n'));
    if (ok) return { loader: loader.version, rejects: rejectsOf(lines) };
    const number = Number(/line:? (\d+)/i.exec(stderr)?.[1] ?? 0);
    const line = lines[number - 1];
    const chain = /^-A (\S+) /.exec(line ?? '')?.[1];
    if (line === undefined || chain === undefined || line.endsWith(placeholder))
      throw new LiveFailure(
        `${loader.program} refuses the rules: ${stderr}`,
        'fwsim lint tells what is wrong with them',
      );
    leftOut.push(`rule ${line} (${firstLine(stderr)})`);
    lines[number - 1] = `-A ${chain} ${placeholder}`;
  }
  throw new LiveFailure(`${loader.program} refuses more than ${refusalsMax} rules`);
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}

function rejectsOf(lines: readonly string[]): ReadonlyMap<string, string> {
  const rejects = new Map<string, string>();
  const counts = new Map<string, number>();
  let table = '';
  for (const line of lines) {
    if (line.startsWith('*')) table = line.slice(1);
    const chain = /^-A (\S+)/.exec(line)?.[1];
    if (chain === undefined) continue;
    const place = `${table}/${chain}`;
    const count = (counts.get(place) ?? 0) + 1;
    counts.set(place, count);
    const reject = / -j REJECT --reject-with (\S+)/.exec(line)?.[1];
    if (reject !== undefined) rejects.set(`${place}#${count}`, reject);
  }
  return rejects;
}
