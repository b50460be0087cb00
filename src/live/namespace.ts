/**
 * A network namespace that exists as long as a process of ours: its program makes the ends of interfaces (tap
 * devices), hands frames in and out, and reads the kernel's trace. It is written twice, in Python and in Perl, because
 * a firewall has one of the two and raw sockets need either. It knows nothing of packets.
 *
 * It is told one line at a time and answers with lines of data, then `ok` or `no ERRNO TEXT`:
 *
 * - `tap NAME`: makes an interface and keeps its other end
 * - `put PATH HEX`: writes a file, for settings of the namespace
 * - `listen GROUP`: opens a netlink socket to netfilter that hears this group
 * - `ask HEX`: sends over that socket
 * - `frame NAME HEX`: a frame arrives at the interface
 * - `local FAMILY HEX ADDRESS%SCOPE MARK UID GID ADDRESS%SCOPE`: sends a packet with its IP header from a raw socket
 *   with this mark and owner, bound to the last address if that is the machine's
 * - `collect MILLISECONDS`: what was heard and sent until nothing came for so long, or 100,000 times: `netlink HEX`, `frame NAME HEX`
 *
 * The process ends with its standard input, and the namespace with the process: nothing is left, however fwsim ends.
 */

import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { insidePerl } from './inside-perl.ts';
import { insidePython } from './inside-python.ts';

/** Why nothing can be sent here: a sentence, and what to do. */
export class LiveFailure extends Error {
  override readonly name = 'LiveFailure';
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** What a program within the namespace printed. */
export interface ProgramResult {
  readonly ok: boolean;
  readonly stdout: string;
  /** Empty, or why it failed. */
  readonly stderr: string;
}

/** Programs are looked for here too: the path of a plain user lacks them, and sudo may keep that. */
const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`;

/** The lock of iptables-legacy belongs to the running firewall; the rules of a namespace need none. */
const environment = { PATH: path, LC_ALL: 'C', XTABLES_LOCKFILE: '/dev/null' };

const secondsMax = 60;

const interpreters: readonly (readonly [program: string, args: readonly string[]])[] = [
  ['python3', ['-c', insidePython]],
  ['perl', ['-e', insidePerl]],
];

/** A namespace with its process. */
export class Namespace {
  readonly interpreter: string;
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #errors = '';

  private constructor(interpreter: string, args: readonly string[]) {
    this.interpreter = interpreter;
    this.#process = spawn('unshare', ['--net', interpreter, ...args], { env: environment });
    // A failure to start shows as the end of its output, a write to a process that is gone as an error of its input.
    this.#process.on('error', (error) => this.#note(error.message));
    this.#process.stdin.on('error', () => undefined);
    this.#process.stderr.on('data', (data: Buffer) => this.#note(data.toString('utf8')));
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  #note(text: string): void {
    this.#errors = (this.#errors + text).slice(0, 4096);
  }

  /**
   * Opens a namespace.
   *
   * @param only an interpreter to use instead of the first that works
   * @throws LiveFailure where there is no right to, or no interpreter
   */
  static async open(only?: string): Promise<Namespace> {
    if (process.platform !== 'linux')
      throw new LiveFailure('only Linux has the kernel that iptables rules are for');
    if (process.getuid?.() !== 0)
      throw new LiveFailure(
        'making a network namespace needs root',
        'run it with sudo; the running firewall is not touched',
      );
    const probe = spawnSync('unshare', ['--net', 'true'], { env: environment, encoding: 'utf8' });
    if (probe.error || probe.status !== 0)
      throw new LiveFailure(
        `a network namespace cannot be made: ${(probe.error?.message ?? probe.stderr).trim()}`,
        'in a container, its own root is not enough (CAP_SYS_ADMIN): run it on the host',
      );
    const problems: string[] = [];
    for (const [program, args] of interpreters) {
      if (only !== undefined && only !== program) continue;
      const found = new Namespace(program, args);
      const hello = await found.#lines.next();
      if (!hello.done && hello.value === 'ok') return found;
      await found.close();
      problems.push(`${program}: ${found.#errors.trim().split('\n').at(-1) ?? 'no answer'}`);
    }
    throw new LiveFailure(
      `neither Python 3 nor Perl runs here, and frames are sent by one of them (${problems.join('; ')})`,
      'install python3 or perl-base',
    );
  }

  /**
   * Says one line to the process; the lines of its answer.
   *
   * @throws CommandRefused where the answer is `no`; LiveFailure where the process is gone
   */
  async say(...words: readonly (string | number)[]): Promise<readonly string[]> {
    this.#process.stdin.write(`${words.join(' ')}\n`);
    const answer: string[] = [];
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new LiveFailure(`the process in the namespace has ended: ${this.#errors.trim()}`);
      if (value === 'ok') return answer;
      const refused = /^no (\d+)(?: (.*))?$/.exec(value);
      if (refused) throw new CommandRefused(Number(refused[1]), refused[2] ?? '');
      answer.push(value);
    }
  }

  /** Runs a program within the namespace. */
  run(program: string, args: readonly string[], input = ''): ProgramResult {
    const done = spawnSync('nsenter', [`--net=/proc/${this.#process.pid}/ns/net`, program, ...args], {
      input,
      encoding: 'utf8',
      env: environment,
      timeout: secondsMax * 1000,
      maxBuffer: 2 ** 28,
    });
    const problem = done.error?.message ?? (done.signal === null ? '' : `ended by ${done.signal}`);
    return {
      ok: done.status === 0,
      stdout: done.stdout ?? '',
      stderr: `${problem}${done.stderr ?? ''}`.trim(),
    };
  }

  /** Ends the process, and with it the namespace. */
  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.pid === undefined) return;
    const gone = new Promise((resolve) => this.#process.once('close', resolve));
    this.#process.stdin.end();
    this.#process.kill('SIGKILL');
    await gone;
  }
}

/** The process answered that something does not go. */
export class CommandRefused extends Error {
  override readonly name = 'CommandRefused';
  /** `ENETUNREACH` and the like; undefined where it was no error of the system. */
  readonly errno: string | undefined;

  constructor(number: number, text: string) {
    super(text);
    this.errno = Object.entries(constants.errno).find(([, value]) => value === number)?.[0];
  }
}
