import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'vitest';

/** How a ruleset is loaded. */
export interface LoadOptions {
  /** 4 for iptables, 6 for ip6tables. */
  readonly family: 4 | 6;
  /** Which of the two back ends loads it. Default: `nft`. */
  readonly backend?: 'nft' | 'legacy';
  /** Text for `ipset restore`, loaded first; see {@link createIpsets}. */
  readonly ipsets?: string;
  /** Interfaces to create (up, with nothing behind them). Most rules load without the interfaces that they name. */
  readonly interfaces?: readonly string[];
  /** Whether the counters in the text are kept (`--counters`); then every chain line must have some. Default: no. */
  readonly counters?: boolean;
  /** Time after which loading is given up. Default: 10. */
  readonly timeoutSeconds?: number;
}

/** One ruleset of a batch. */
export interface LoadJob extends LoadOptions {
  /** What iptables-restore gets on its standard input. */
  readonly text: string;
}

/** What the kernel made of one ruleset. */
export interface LoadResult {
  /** Whether iptables-restore ended well, that is: the kernel has taken every table of the text. */
  readonly loaded: boolean;
  /** What iptables-restore or ipset wrote (warnings too); empty if nothing. */
  readonly message: string;
  /** What iptables-save prints afterwards, without its `#` lines, which hold the time. */
  readonly saved: string;
  /** The same with the counters of rules (`iptables-save -c`). */
  readonly savedWithCounters: string;
}

/** Whether rulesets can be loaded here, and if not, why. */
export type KernelAvailability = { readonly ok: true } | { readonly ok: false; readonly reason: string };

const loadScript = join(import.meta.dirname, 'kernel-load.sh');
const knownAvailability = new Map<string, KernelAvailability>();

/** Whether this machine can load rulesets of this back end: root, the programs, a kernel that takes one. Asked once. */
export function kernelAvailable(backend: 'nft' | 'legacy' = 'nft'): KernelAvailability {
  const known = knownAvailability.get(backend);
  if (known) return known;
  const answer = probeKernel(backend);
  knownAvailability.set(backend, answer);
  return answer;
}

function probeKernel(backend: 'nft' | 'legacy'): KernelAvailability {
  if (process.platform !== 'linux') return { ok: false, reason: 'not Linux' };
  if (process.getuid?.() !== 0) return { ok: false, reason: 'not root' };
  const text = '*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n';
  try {
    const [result] = loadRulesets([{ text, family: 4, backend }]);
    if (result?.loaded && result.saved.includes('-A INPUT -i lo -j ACCEPT')) return { ok: true };
    return { ok: false, reason: `iptables-${backend} cannot load a ruleset: ${result?.message.trim()}` };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * A `describe` that needs a kernel to load rulesets into, and is visibly skipped where there is none.
 * The body is not run at all in that case.
 */
export function describeOnKernel(title: string, body: () => void, backend: 'nft' | 'legacy' = 'nft'): void {
  const answer = kernelAvailable(backend);
  if (answer.ok) describe(title, body);
  else test.skip(`${title} (needs root and iptables-${backend}: ${answer.reason})`, () => undefined);
}

/**
 * Really loads one ruleset, in a network namespace that exists only for that. About 20 ms.
 * Use {@link loadRulesets} for many.
 */
export function loadRuleset(text: string, options: LoadOptions): LoadResult {
  const [result] = loadRulesets([{ ...options, text }]);
  if (!result) throw new Error('no answer from the kernel');
  return result;
}

/**
 * Loads many rulesets in one process, each in a fresh namespace of its own; one result per job, in their order.
 *
 * @throws when the harness itself does not work (no right to make namespaces, a program is missing).
 */
export function loadRulesets(jobs: readonly LoadJob[]): readonly LoadResult[] {
  if (jobs.length === 0) return [];
  const fields = runScript(jobs);
  return jobs.map((job, index) => {
    const status = fields[index * 3] ?? '';
    const message = fields[index * 3 + 1] ?? '';
    const savedWithCounters = withoutHashLines(fields[index * 3 + 2] ?? '');
    return {
      loaded: status === '0',
      message: status === 'timeout' ? `not loaded within ${timeoutOf(job)} s\n${message}` : message,
      saved: savedWithCounters.replace(/^\[\d+:\d+\] /gm, ''),
      savedWithCounters,
    };
  });
}

/** A rule to be tried alone. */
export interface RuleJob extends Omit<LoadOptions, 'counters'> {
  /** The rule as in a dump, with its chain: `-A INPUT -p tcp --dport 22 -j ACCEPT`. */
  readonly rule: string;
  readonly table: string;
  /** Further user-defined chains that the rule needs. */
  readonly chains?: readonly string[];
}

/** What the kernel made of one rule. */
export interface RuleResult {
  readonly loaded: boolean;
  readonly message: string;
  /** The rules that iptables-save prints for it: none, one, or several where addresses were listed. */
  readonly savedRules: readonly string[];
}

/** Loads many single rules in one process, each alone in its table and namespace; one result per rule. */
export function loadRules(rules: readonly RuleJob[]): readonly RuleResult[] {
  const jobs = rules.map(({ rule, table, chains = [], ...options }) => {
    const declared = chains.map((chain) => `:${chain} - [0:0]\n`).join('');
    return { ...options, text: `*${table}\n${declared}${rule}\nCOMMIT\n` };
  });
  return loadRulesets(jobs).map(({ loaded, message, saved }) => ({
    loaded,
    message,
    savedRules: saved.split('\n').filter((line) => line.startsWith('-A ')),
  }));
}

/**
 * Text for `ipset restore` that creates every set which these rules name, empty, with as many dimensions as the
 * rules ask for: enough for the rules to load, nothing about what matches.
 */
export function createIpsets(rulesetText: string, family: 4 | 6): string {
  const dimensions = new Map<string, number>();
  for (const found of rulesetText.matchAll(/--(?:match|add|del|map)-set (\S+) ([a-z,]+)/g)) {
    const [, name = '', sides = ''] = found;
    dimensions.set(name, Math.max(dimensions.get(name) ?? 1, sides.split(',').length));
  }
  const types = ['hash:net', 'hash:ip,port', 'hash:ip,port,ip'];
  const familyName = family === 4 ? 'inet' : 'inet6';
  return [...dimensions]
    .map(([name, count]) => `create ${name} ${types[count - 1] ?? 'hash:net'} family ${familyName}\n`)
    .join('');
}

function timeoutOf(job: LoadJob): number {
  return job.timeoutSeconds ?? 10;
}

function runScript(jobs: readonly LoadJob[]): readonly string[] {
  const totalSeconds = jobs.reduce((sum, job) => sum + timeoutOf(job) + 1, 10);
  const isolation = ['--mount', '--pid', '--fork', '--kill-child'];
  const run = spawnSync('unshare', [...isolation, 'sh', loadScript], {
    input: Buffer.concat(jobs.map(requestOf)),
    maxBuffer: 2 ** 30,
    timeout: totalSeconds * 1000,
    killSignal: 'SIGKILL',
  });
  if (run.error) throw run.error;
  const fields = run.stdout.toString('utf8').split('\0');
  if (run.status !== 0 || fields.length !== jobs.length * 3 + 1) {
    throw new Error(`cannot make namespaces: ${run.stderr.toString('utf8').trim() || `exit ${run.status}`}`);
  }
  return fields;
}

function requestOf(job: LoadJob): Buffer {
  const ruleset = Buffer.from(job.text);
  const ipsets = Buffer.from(job.ipsets ?? '');
  const interfaces = job.interfaces ?? [];
  for (const name of interfaces) {
    if (!/^[A-Za-z0-9_.-]{1,15}$/.test(name)) throw new Error(`not an interface name: ${name}`);
  }
  const counters = job.counters ? 'yes' : 'no';
  const sizes = `${timeoutOf(job)} ${ruleset.length} ${ipsets.length}`;
  const line = `${job.family} ${job.backend ?? 'nft'} ${counters} ${sizes} ${interfaces.join(' ')}\n`;
  return Buffer.concat([Buffer.from(line), ruleset, ipsets]);
}

function withoutHashLines(saved: string): string {
  return saved.replace(/^#.*\n/gm, '');
}
