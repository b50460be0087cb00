import { spawnSync } from 'node:child_process';
import { describe, test } from 'vitest';
import { compareKernel, defaultRegistry, type KernelComparison, tracePacket } from '../../src/index.ts';
import { askKernel } from '../../src/live/run.ts';
import { kernelAvailable } from '../support/kernel.ts';

/** Why packets cannot be sent through the running kernel here; undefined: they can. */
function missing(backend: 'nft' | 'legacy'): string | undefined {
  const kernel = kernelAvailable(backend);
  if (!kernel.ok) return kernel.reason;
  const tap = spawnSync('unshare', ['--net', 'ip', 'tuntap', 'add', 'dev', 'probe', 'mode', 'tap']);
  return tap.status === 0 ? undefined : 'no tap devices';
}

/** A `describe` that sends packets, visibly skipped where that does not go. */
export function describeLive(title: string, body: () => void, backend: 'nft' | 'legacy' = 'nft'): void {
  const why = missing(backend);
  if (why === undefined) describe(title, body);
  else test.skip(`${title} (needs root, network namespaces and tap devices: ${why})`, () => undefined);
}

/** What is traced and sent. */
export interface Sent {
  /** Rules, and whatever is known of the machine. */
  readonly text: string;
  readonly expression: string;
  readonly local?: boolean;
  readonly assume?: readonly string[];
  readonly interpreter?: string;
}

/** Traces a packet, sends it through the kernel, and holds both side by side. */
export async function sendAndCompare(sent: Sent): Promise<KernelComparison> {
  const { text, expression, local = false, assume = [], interpreter } = sent;
  const { traced, refused, couldNotLook } = tracePacket([{ name: 'gw.rules', text }], {
    registry: defaultRegistry(),
    expression: expression.split(' '),
    local,
    assume,
  });
  if (!traced) throw new Error(couldNotLook ?? refused?.diagnostics[0]?.message ?? 'no trace');
  const answer = await askKernel(traced, interpreter === undefined ? {} : { interpreter });
  return compareKernel(answer, traced.exploration.branches);
}
