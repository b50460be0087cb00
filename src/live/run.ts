/** Sends the packet of a trace through the running kernel, once for each machine that its ways speak of. */

import { release } from 'node:os';
import type { Branch } from '../engine/explore.ts';
import { packetBytes } from '../extensions/packet-bytes.ts';
import type { Packet } from '../model/packet.ts';
import type { Assumption } from '../model/trace.ts';
import { addressText } from '../net/address-text.ts';
import { builtBy, type KernelAnswer, type KernelRun, keyOf } from '../trace/kernel-run.ts';
import type { PacketTrace } from '../trace/trace-packet.ts';
import { frameOf } from './frames.ts';
import { type HostPlan, isInterfaceName, planHost, scopeInterface } from './host.ts';
import { type Loaded, loadRules, pickLoader } from './load-rules.ts';
import { CommandRefused, LiveFailure, Namespace } from './namespace.ts';
import { errorOf, readMessages } from './netlink.ts';
import { readTraceRecord } from './nft-trace.ts';
import { askForRules, makeOwnTable, ruleNumbers } from './own-table.ts';
import { type SentFrame, type Stage, tellStory } from './story.ts';

export { LiveFailure } from './namespace.ts';

/** How packets are sent. */
export interface LiveOptions {
  /** An interpreter to use instead of the first that works: `python3` or `perl`. */
  readonly interpreter?: string;
  /** Machines that are built at most; default 4. */
  readonly runs?: number;
}

const runsDefault = 4;

/** Nothing more comes after so long: the kernel answers within the call that hands it a packet, mostly. */
const quietMilliseconds = 60;

/** Group of netlink in which the kernel tells its trace. Source: nfnetlink.h NFNLGRP_NFTRACE. */
const traceGroup = 9;

/**
 * Sends the packet, without touching the running firewall.
 *
 * @throws LiveFailure where that does not go here or with this packet
 */
export async function askKernel(traced: PacketTrace, options: LiveOptions = {}): Promise<KernelAnswer> {
  refuse(traced);
  const machines = machinesOf(traced.exploration.branches);
  const wanted = machines.filter(canBe).slice(0, options.runs ?? runsDefault);
  const runs: KernelRun[] = [];
  let loader = '';
  for (const { assumptions, branches } of wanted) {
    const done = await oneRun(traced, assumptions, branches, options.interpreter);
    loader = done.loader;
    runs.push(done.run);
  }
  return { kernel: `Linux ${release()}`, loader, runs, notBuilt: machines.length - wanted.length };
}

interface MachineOfWays {
  readonly assumptions: readonly Assumption[];
  readonly branches: readonly Branch[];
}

/** The ways by what they assume of the machine, in the order of the walk. */
function machinesOf(branches: readonly Branch[]): readonly MachineOfWays[] {
  const machines = new Map<string, { assumptions: readonly Assumption[]; branches: Branch[] }>();
  for (const branch of branches) {
    const assumptions = builtBy(branch);
    const key = keyOf(assumptions);
    const known = machines.get(key);
    if (known) known.branches.push(branch);
    else machines.set(key, { assumptions, branches: [branch] });
  }
  return [...machines.values()];
}

/** Whether there can be interfaces of the names that were answered: labels of addresses (`eth0:1`) are none. */
function canBe({ assumptions }: MachineOfWays): boolean {
  return assumptions.every(({ key, answer }) => !key.startsWith('out:') || isInterfaceName(answer));
}

/** Packets that cannot be sent to a machine that has just begun. */
function refuse({ request, read }: PacketTrace): void {
  const { entry } = request;
  const { connection, ipsec, decapsulated, physOut } = entry.hints ?? {};
  if (connection !== undefined && connection.state !== 'NEW')
    throw new LiveFailure(
      `the machine that the packet is sent to has just begun and knows no connection that makes it ${connection.state}`,
      'leave out --ctstate and --ctdir, or trace it without --kernel',
    );
  if (ipsec === true || decapsulated !== undefined)
    throw new LiveFailure(
      'a packet out of IPsec cannot be sent: there are no keys',
      'trace it without --kernel',
    );
  if (physOut !== undefined || (entry.kind === 'arrives' && entry.physIn !== undefined))
    throw new LiveFailure(
      'a bridged packet cannot be sent: bridges are not built',
      'trace it without --kernel, or without the options of -m physdev',
    );
  if (entry.kind === 'arrives' && entry.inInterface === 'lo')
    throw new LiveFailure(
      'nothing can be handed to lo from outside',
      'send it from this machine: --local instead of -i lo',
    );
  if (read.machine.conntrack.value === 'off')
    throw new LiveFailure('connection tracking cannot be kept off', 'leave out --assume conntrack=off');
}

async function oneRun(
  traced: PacketTrace,
  assumptions: readonly Assumption[],
  branches: readonly Branch[],
  interpreter: string | undefined,
): Promise<{ readonly run: KernelRun; readonly loader: string }> {
  const plan = planHost(traced, branches);
  const space = await Namespace.open(interpreter);
  try {
    const leftOut = [...plan.leftOut];
    const names = await build(space, plan, leftOut);
    const loaded = load(space, traced, plan, leftOut);
    // Settings of conntrack exist only once rules have asked for it.
    await putSettings(space, plan.settings, leftOut);
    const { packet, entry } = traced.request;
    const arrivalMark = entry.kind === 'arrives' ? packet.mark : 0;
    await space.say('listen', traceGroup);
    const tracksAlways = traced.read.machine.conntrack.value === 'on';
    await space.say('ask', hexOf(makeOwnTable({ arrivalMark, tracksAlways })));
    await acknowledged(space);
    await space.say('ask', hexOf(askForRules(traced.family)));
    const rules = (await heard(space)).flatMap(({ data }) => readMessages(data));
    const stage: Stage = { names, ruleNumbers: ruleNumbers(rules), rejects: loaded.rejects };
    const errno = await send(space, traced, plan, branches, names);
    const seen = await heard(space);
    const ways = tellStory(stage, {
      records: seen.flatMap(({ from, data }) =>
        from === undefined ? readMessages(data).flatMap((m) => readTraceRecord(m) ?? []) : [],
      ),
      frames: seen.flatMap(({ from, data }): SentFrame[] =>
        from === undefined ? [] : [{ interfaceName: from, bytes: data }],
      ),
      local: traced.local,
      fragment: packet.moreFragments || packet.fragmentOffsetBytes > 0,
      errno,
    });
    const [main, ...generated] = ways;
    if (!main) throw new LiveFailure('the kernel told nothing of the packet');
    return {
      run: {
        assumptions,
        inventedAddresses: plan.inventedAddresses,
        invented: plan.invented,
        leftOut,
        main,
        generated,
      },
      loader: loaded.loader,
    };
  } finally {
    await space.close();
  }
}

/** Makes interfaces, addresses and routes; the names of interfaces by number. */
async function build(
  space: Namespace,
  plan: HostPlan,
  leftOut: string[],
): Promise<ReadonlyMap<number, string>> {
  await putSettings(space, plan.firstSettings, []);
  batch(space, ['link set lo up'], leftOut);
  for (const { name } of plan.interfaces) {
    try {
      await space.say('tap', name);
    } catch (problem) {
      if (!(problem instanceof CommandRefused)) throw problem;
      throw new LiveFailure(
        `the interface ${name} cannot be made: ${problem.message}`,
        'the kernel needs the module tun, and a container the device /dev/net/tun',
      );
    }
  }
  for (const lines of [plan.links, plan.addresses, plan.routes, plan.policyRules])
    batch(space, lines, leftOut);
  const listed = space.run('ip', ['-o', 'link', 'show']);
  if (!listed.ok) throw new LiveFailure(`"ip link show" fails: ${listed.stderr}`, 'install iproute2');
  const found = [...listed.stdout.matchAll(/^(\d+): ([^:@\s]+)/gm)];
  return new Map(found.map(([, index, name]) => [Number(index), name ?? '']));
}

/** Lines of `ip`, of which those that fail are told. */
function batch(space: Namespace, lines: readonly string[], leftOut: string[]): void {
  if (lines.length === 0) return;
  const done = space.run('ip', ['-force', '-batch', '-'], `${lines.join('\n')}\n`);
  if (done.ok) return;
  const failed = [...done.stderr.matchAll(/^Command failed -:(\d+)$/gm)];
  if (failed.length === 0) throw new LiveFailure(`"ip" fails: ${done.stderr}`, 'install iproute2');
  for (const [, number] of failed) leftOut.push(`ip ${lines[Number(number) - 1] ?? ''}`);
}

async function putSettings(
  space: Namespace,
  settings: readonly (readonly [path: string, value: string])[],
  leftOut: string[],
): Promise<void> {
  for (const [path, value] of settings) {
    try {
      await space.say('put', `/proc/sys/${path}`, hexOf(new TextEncoder().encode(value)));
    } catch (problem) {
      if (!(problem instanceof CommandRefused)) throw problem;
      // Of an interface that is not there, or of another kernel.
      if (/forward|rp_filter|local/.test(path))
        leftOut.push(`${path.replace(/[/.]/g, (c) => (c === '/' ? '.' : '/'))}=${value}`);
    }
  }
}

function load(space: Namespace, traced: PacketTrace, plan: HostPlan, leftOut: string[]): Loaded {
  if (plan.sets !== '') {
    const done = space.run('ipset', ['-exist', 'restore'], plan.sets);
    if (!done.ok) throw new LiveFailure(`the sets cannot be made: ${done.stderr}`, 'is ipset installed?');
  }
  const { backend } = traced.ruleset.linked.ruleset;
  const loader = pickLoader(space, traced.family, backend, leftOut);
  return loadRules(space, loader, plan.ruleset, leftOut);
}

/** Waits for the answer to the batch. */
async function acknowledged(space: Namespace): Promise<void> {
  const answers = (await heard(space)).flatMap(({ data }) => readMessages(data));
  const errors = answers.flatMap((m) => errorOf(m) ?? []);
  const problem = errors.find((e) => e !== 0);
  if (problem !== undefined || errors.length === 0)
    throw new LiveFailure(
      `the kernel does not trace: nf_tables answers ${problem ?? 'nothing'}`,
      'it needs nf_tables (Linux 4.6 or newer)',
    );
}

interface Heard {
  /** Interface by which a frame left; undefined: a datagram of netlink. */
  readonly from: string | undefined;
  readonly data: Uint8Array;
}

async function heard(space: Namespace): Promise<readonly Heard[]> {
  const lines = await space.say('collect', quietMilliseconds);
  return lines.flatMap((line): Heard[] => {
    const [word, ...rest] = line.split(' ');
    const data = bytesOf(rest.at(-1) ?? '');
    if (word === 'netlink') return [{ from: undefined, data }];
    return word === 'frame' ? [{ from: rest[0], data }] : [];
  });
}

/** Hands the packet over; the name of the error that a local sender gets. */
async function send(
  space: Namespace,
  traced: PacketTrace,
  plan: HostPlan,
  branches: readonly Branch[],
  names: ReadonlyMap<number, string>,
): Promise<string | undefined> {
  const { packet, entry } = traced.request;
  // What arrived while interfaces came up is no business of this packet.
  await heard(space);
  if (entry.kind === 'arrives') {
    const end = plan.interfaces.find((i) => i.name === entry.inInterface);
    if (!end) throw new LiveFailure(`there is no interface ${entry.inInterface} to send it to`);
    try {
      await space.say('frame', end.name, hexOf(frameOf(packet, end.mac)));
    } catch (problem) {
      if (!(problem instanceof CommandRefused)) throw problem;
      throw new LiveFailure(
        `the frame cannot be handed to ${end.name}: ${problem.message}`,
        'the interface may be down',
      );
    }
    return undefined;
  }
  const scope = scopeInterface(packet, branches);
  const index = scope === undefined ? 0 : ([...names].find(([, name]) => name === scope)?.[0] ?? 0);
  // Binding to a link-local address asks for its interface; to one of another scope none may be named.
  const place = ({ src, dst }: Pick<Packet, 'src' | 'dst'>, own: boolean): string =>
    own ? `${addressText(src)}%${src.w0 >>> 22 === 0x3fa ? index : 0}` : `${addressText(dst)}%${index}`;
  try {
    await space.say(
      'local',
      traced.family === 'ipv4' ? 4 : 6,
      hexOf(packetBytes(packet).bytes),
      place(packet, false),
      packet.mark,
      packet.uid ?? 0,
      packet.gid ?? 0,
      place(packet, true),
    );
    return undefined;
  } catch (problem) {
    if (problem instanceof CommandRefused && problem.errno !== undefined) return problem.errno;
    throw problem instanceof CommandRefused
      ? new LiveFailure(`the packet cannot be sent: ${problem.message}`)
      : problem;
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}
