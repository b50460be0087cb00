import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { CasePacket, KernelCase } from '../../src/dev/conform-case.ts';
import { type KernelAvailability, kernelAvailable } from './kernel.ts';

/** A packet, or one that answers an earlier one (by its place in the list) as the kernel emitted that. */
export type RecordPacket =
  | CasePacket
  | (Partial<CasePacket> & { readonly reply_to: number })
  | (Partial<CasePacket> & { readonly error_about: number });

/** What is to be recorded: a case without what only the kernel knows. */
export interface RecordJob {
  readonly id: string;
  readonly title: string;
  readonly family: 4 | 6;
  /** What iptables-restore gets. */
  readonly ruleset: string;
  readonly ipsets?: string;
  readonly host: {
    readonly interfaces: KernelCase['host']['interfaces'];
    /** In the syntax of `ip route add` and `ip rule add`. */
    readonly routes: readonly string[];
    readonly rules: readonly string[];
    /** `ADDRESS lladdr MAC dev BRIDGE`: hosts behind bridges, which need a MAC address to be reached. */
    readonly neighbours?: readonly string[];
    readonly sysctls: Readonly<Record<string, string>>;
  };
  readonly packets: readonly RecordPacket[];
  /** Milliseconds to wait before each packet. Default: none. */
  readonly pause?: number;
}

/** A recorded case, or why there is none: mostly a ruleset that does not load. */
export type RecordResult = KernelCase | { readonly id: string; readonly error: string };

const script = join(import.meta.dirname, 'kernel-record.py');

let known: KernelAvailability | undefined;

/** Whether cases can be recorded here: root, iptables, nft, ip, Python 3, and a kernel whose trace tells enough. */
export function kernelRecords(): KernelAvailability {
  known ??= probe();
  return known;
}

function probe(): KernelAvailability {
  const kernel = kernelAvailable();
  if (!kernel.ok) return kernel;
  for (const program of ['python3', 'nft', 'ip'])
    if (spawnSync(program, ['-V']).error) return { ok: false, reason: `no ${program}` };
  const job: RecordJob = {
    id: 'probe',
    title: 'probe',
    family: 4,
    ruleset: '*filter\n-A OUTPUT -m conntrack --ctstate NEW -j DROP\nCOMMIT\n',
    host: { interfaces: [], routes: [], rules: [], sysctls: {} },
    packets: [
      { local: true, src: '127.0.0.1', dst: '127.0.0.1', proto: 'udp', sport: 1, dport: 1, ttl: 64, tos: 0 },
    ],
  };
  const run = spawnSync('python3', [script], { input: `${JSON.stringify(job)}\n`, encoding: 'utf8' });
  try {
    const answer = JSON.parse(run.stdout);
    const [packet] = answer.expect ?? [];
    if (packet?.fate === 'drop' && packet.ct?.state === 'NEW') return { ok: true };
    return { ok: false, reason: answer.error ?? `the trace says too little: ${JSON.stringify(packet)}` };
  } catch {
    return { ok: false, reason: run.stderr.trim() || 'the recorder gives no answer' };
  }
}

/** A process that records cases one after the other, on one CPU. */
export class Recorder {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #errors = '';

  constructor(cpu?: number) {
    this.#process = spawn('python3', [script, ...(cpu === undefined ? [] : [String(cpu)])]);
    this.#process.stderr.on('data', (data) => {
      this.#errors += data;
    });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** Records one case; wait for the answer before the next. */
  async record(job: RecordJob): Promise<RecordResult> {
    this.#process.stdin.write(`${JSON.stringify(job)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`the recorder is gone: ${this.#errors.trim()}`);
    const answer = JSON.parse(value);
    if ('error' in answer) return { id: job.id, error: answer.error };
    const { routes_json, rules_json, ...rest } = answer;
    return { ...job, ...rest, host: { ...job.host, routes_json, rules_json } };
  }

  close(): void {
    this.#process.stdin.end();
  }
}
