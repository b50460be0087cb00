import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type KernelAvailability, kernelAvailable } from './kernel.ts';

/** The machine around a ruleset, as far as packets need it. */
export interface KernelMachine {
  /** As in `ip address add`: `203.0.113.1/24 dev eth0`. Interfaces are those named here and in the packets. */
  readonly addresses: readonly string[];
  /** As in `ip route add`: `default via 203.0.113.254 dev eth0`. */
  readonly routes: readonly string[];
  /** By name: `net.ipv4.ip_forward` → `1`. */
  readonly sysctls: Readonly<Record<string, string>>;
}

/** An IPv4 packet to send: a TCP SYN, a UDP datagram, an ICMP message or an empty packet of another protocol. */
export interface KernelPacket {
  /** The interface it arrives by; not for local packets. */
  readonly inInterface?: string | undefined;
  /** Sent by a process of the machine itself. */
  readonly local?: boolean;
  readonly protocol: number;
  readonly source: string;
  readonly destination: string;
  /** Default: 40000. */
  readonly sport?: number | undefined;
  readonly dport?: number | undefined;
  /** Default: 8, echo request. */
  readonly icmpType?: number | undefined;
  /** Owner of the sending socket. Default: 0. */
  readonly uid?: number | undefined;
  /** The packet is sent so often, and the last one counts. Default: 1. */
  readonly repeat?: number | undefined;
}

/** What became of the packet, as the rule counters tell. */
export interface KernelFate {
  readonly fate: 'accept-local' | 'forward' | 'sent' | 'drop' | 'reject' | 'lost';
  /** What decided in the filter table, `filter/INPUT#3` or `filter/INPUT policy`; undefined: never got there. */
  readonly by: string | undefined;
  /** The interfaces that packets left by, answers of the kernel included. */
  readonly outInterfaces: readonly string[];
  /** `192.0.2.1:80`, destination of what was forwarded or sent, as it left. */
  readonly emittedTo: string | undefined;
}

/** Whether packets can be sent through rulesets here: what rulesets need, tun devices and Python 3. */
export function kernelTakesPackets(): KernelAvailability {
  const kernel = kernelAvailable();
  if (!kernel.ok) return kernel;
  if (!existsSync('/dev/net/tun')) return { ok: false, reason: 'no /dev/net/tun' };
  const python = spawnSync('python3', ['-c', '']);
  return python.status === 0 ? { ok: true } : { ok: false, reason: 'no python3' };
}

/** A machine with its rules, and packets to try on it. */
export interface PacketCase {
  /** A dump for iptables-restore, without a security table: that is where the survivors are counted. */
  readonly ruleset: string;
  readonly machine: KernelMachine;
  readonly packets: readonly KernelPacket[];
}

/**
 * Sends IPv4 packets through rulesets, each on a machine fresh from boot: no connections, full rate limits. One list
 * of fates per case. About 20 ms a packet; many cases in one call are faster than many calls.
 *
 * @throws when a ruleset does not load or a packet cannot be sent.
 */
export function sendPackets(cases: readonly PacketCase[]): readonly (readonly KernelFate[])[] {
  const packetCount = cases.reduce((sum, { packets }) => sum + packets.length, 0);
  const run = spawnSync('python3', [join(import.meta.dirname, 'kernel-packets.py')], {
    input: JSON.stringify(cases.map(requestOf)),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    timeout: 10_000 + packetCount * 1_000,
    killSignal: 'SIGKILL',
  });
  if (run.error) throw run.error;
  if (run.status !== 0) throw new Error(run.stderr);
  const answers: Answer[] = JSON.parse(run.stdout);
  return cases.map(({ packets }) =>
    packets.map((packet) => {
      const answer = answers.shift();
      if (!answer || 'error' in answer) throw new Error(answer?.error ?? 'no answer from the kernel');
      return fateOf(answer, packet);
    }),
  );
}

function requestOf({ ruleset, machine, packets }: PacketCase): object {
  if (/^\*security/m.test(ruleset)) throw new Error('the security table is taken');
  const names = [
    ...machine.addresses.map((address) => address.split(' dev ')[1]),
    ...packets.map((packet) => packet.inInterface),
  ];
  return {
    restore: 'iptables-nft',
    ruleset: `${ruleset}*security\n-A INPUT\n-A FORWARD\n-A OUTPUT\nCOMMIT\n`,
    interfaces: [...new Set(names)].filter((name) => name !== undefined && name !== 'lo'),
    ...machine,
    packets,
  };
}

type Answer = Observation | { readonly error: string };

interface Observation {
  /** Length of the packet that counts, and of those that were sent before it (`repeat`). */
  readonly bytes: number;
  readonly rehearsalBytes: number;
  /** Output of `iptables-save -c` in the end. */
  readonly saved: string;
  /** What left after the last packet was sent. */
  readonly emitted: readonly { readonly interface: string; readonly packet: string }[];
}

/** A rule, or the policy of a chain (`text` is then the verdict), and whether it saw the packet that was sent. */
interface Witness {
  readonly text: string;
  readonly saw: boolean;
}

/** One table: rules and policies by chain. */
interface Witnesses {
  readonly rules: ReadonlyMap<string, readonly Witness[]>;
  readonly policies: ReadonlyMap<string, Witness>;
}

function fateOf(observation: Observation, packet: KernelPacket): KernelFate {
  const { emitted } = observation;
  const survivors = readWitnesses(observation, 'security', packet.repeat ?? 1);
  const filter = readWitnesses(observation, 'filter', packet.repeat ?? 1);
  const hooks = packet.local ? ['OUTPUT'] : ['INPUT', 'FORWARD'];
  const survivedIn = hooks.find((hook) => survivors.rules.get(hook)?.[0]?.saw);
  const decision = hooks
    .map((hook) => decide(filter, hook, hook === survivedIn))
    .find((found) => found !== undefined);
  const leaving = survivedIn === 'INPUT' ? undefined : emitted[0]?.packet;
  return {
    fate: survivedIn ? (fateAfter[survivedIn] ?? 'lost') : (decision?.fate ?? 'lost'),
    by: decision?.by,
    outInterfaces: [...new Set(emitted.map((frame) => frame.interface))],
    emittedTo: survivedIn && leaving ? destinationOf(Buffer.from(leaving, 'hex')) : undefined,
  };
}

const fateAfter: Readonly<Record<string, KernelFate['fate']>> = {
  INPUT: 'accept-local',
  FORWARD: 'forward',
  OUTPUT: 'sent',
};

interface Decision {
  readonly by: string;
  readonly fate: 'drop' | 'reject' | undefined;
}

/** Follows the packet from the hook to the rule or policy that decided about it. */
function decide(filter: Witnesses, hook: string, survived: boolean): Decision | undefined {
  const found = walk(filter, hook);
  if (found) return found;
  const policy = filter.policies.get(hook);
  // iptables-nft counts for the policy of a chain only if the dump declares the chain.
  if (!policy?.saw && !survived) return undefined;
  return { by: `filter/${hook} policy`, fate: policy?.text === 'DROP' ? 'drop' : undefined };
}

function walk(filter: Witnesses, chain: string): Decision | undefined {
  for (const [index, rule] of (filter.rules.get(chain) ?? []).entries()) {
    if (!rule.saw) continue;
    const [, how, target = ''] = / -(j|g) (\S+)/.exec(rule.text) ?? [];
    const by = `filter/${chain}#${index + 1}`;
    if (target === 'ACCEPT') return { by, fate: undefined };
    if (target === 'DROP') return { by, fate: 'drop' };
    if (target === 'REJECT') return { by, fate: 'reject' };
    if (target === 'RETURN') return undefined;
    const below = walk(filter, target);
    if (below || how === 'g') return below;
  }
  return undefined;
}

/** Reads from the counters of one table which rules and policies saw the packet. */
function readWitnesses(
  { saved, bytes, rehearsalBytes }: Observation,
  table: string,
  repeat: number,
): Witnesses {
  const rules = new Map<string, Witness[]>();
  const policies = new Map<string, Witness>();
  const [, body = ''] = saved.split(`*${table}\n`);
  for (const line of body.slice(0, body.indexOf('COMMIT\n')).split('\n')) {
    const [, packets = 0, counted = 0] = (/\[(\d+):(\d+)\]/.exec(line) ?? []).map(Number);
    // Alone, a packet of another length is an answer of the kernel's; two are the packet and its answer.
    const alone = counted === bytes || packets > 1;
    const saw = repeat === 1 ? alone : counted - packets * rehearsalBytes === bytes - rehearsalBytes;
    const [, chain, verdict = ''] = /^:(\S+) (\S+)/.exec(line) ?? [];
    if (chain) {
      rules.set(chain, []);
      if (verdict !== '-') policies.set(chain, { text: verdict, saw });
    }
    const [, ruleChain = ''] = / -A (\S+)/.exec(line) ?? [];
    rules.get(ruleChain)?.push({ text: line, saw });
  }
  return { rules, policies };
}

function destinationOf(packet: Buffer): string {
  const address = [...packet.subarray(16, 20)].join('.');
  const protocol = packet[9];
  const headerBytes = ((packet[0] ?? 0) & 0x0f) * 4;
  const hasPorts = protocol === 6 || protocol === 17;
  return hasPorts ? `${address}:${packet.readUInt16BE(headerBytes + 2)}` : address;
}
