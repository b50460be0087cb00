/** Threads beside the screen let it go first. Niceness of single threads is a matter of Linux. */
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { repositoryRoot } from '../../support/source-tree.ts';

test.skipIf(process.platform !== 'linux')(
  'a thread is nicer than the program, and leaves it as it was',
  async () => {
    const before = getPriority();
    const source = join(repositoryRoot, 'src/tui/beside/thread-priority.ts');
    const { outputFiles } = await build({
      stdin: {
        contents: `
        import { readlinkSync } from 'node:fs';
        import { getPriority } from 'node:os';
        import { parentPort } from 'node:worker_threads';
        import { letScreenGoFirst } from ${JSON.stringify(source)};
        letScreenGoFirst('answers');
        parentPort.postMessage(getPriority(Number(readlinkSync('/proc/thread-self').split('/').at(-1))));`,
        resolveDir: repositoryRoot,
      },
      bundle: true,
      platform: 'node',
      format: 'cjs',
      write: false,
    });
    const worker = new Worker(outputFiles[0]?.text ?? '', { eval: true });
    const inThread = await new Promise((resolve) => worker.once('message', resolve));
    await worker.terminate();
    expect(inThread).toBe(Math.min(before + 10, 19));
    expect(getPriority()).toBe(before);
  },
);
