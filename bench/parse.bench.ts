/**
 * Reading of large rulesets, next to `iptables-nft-restore --test` of the same file where that is installed and may
 * be run. Warm times are medians in one process; cold ones are of the first call in a fresh process, without its
 * start, with its memory. The bars: 5,556 rules in 60 ms warm; 65,000 in 0.7 s and 300 MB, 100,000 of kube-proxy
 * in 1.3 s, cold; linked as well in 2.5 s and 600 MB.
 *
 * The dumps are those of the shared data (`FWSIM_SHARED`), else made here.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { measure } from '../src/dev/measure.ts';
import { extensions } from '../src/extensions/index.ts';
import { createRegistry } from '../src/extensions/registry.ts';
import { parse } from '../src/grammar/parse.ts';
import { link } from '../src/link/link.ts';

const [mode, what, file] = process.argv.slice(2);
if (mode === 'once') once(what ?? '', file ?? '');
else await run();

/** One measurement in a fresh process. */
function once(step: string, path: string): void {
  const text = readFileSync(path, 'utf8');
  const registry = createRegistry(extensions);
  const start = performance.now();
  const parsed = parse(text);
  if (step === 'link') link(parsed, { registry });
  const ms = performance.now() - start;
  console.log(JSON.stringify({ ms, mb: process.resourceUsage().maxRSS / 1024 }));
}

async function run(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'fwsim-bench-'));
  const files = writeFiles(folder);
  const registry = createRegistry(extensions);
  const { text, path, rules } = files.gateway;
  const parsed = parse(text);
  const small = lines(1000);
  const large = lines(16_000);
  await measure(`reading a gateway's ${rules} rules, warm`, [
    ...restoreCase(path),
    { name: 'parse', run: () => parse(text) },
    { name: 'link', run: () => link(parsed, { registry }) },
  ]);
  await measure('time is linear: 16 times the rules', [
    { name: 'parse and link 1,000 rules', run: () => link(parse(small), { registry }) },
    { name: 'parse and link 16,000 rules', run: () => link(parse(large), { registry }) },
  ]);
  for (const { name, path: big } of [files.many, files.kube]) {
    console.log(`${name}, cold`);
    const restore = restoreMs(big);
    if (restore !== undefined)
      console.log(`  ${restore.toFixed(0)} ms  iptables-nft-restore --test, whole process`);
    for (const step of ['parse', 'link']) {
      const [result] = [1, 2, 3].map(() => fresh(step, big)).sort((a, b) => a.ms - b.ms);
      const label = step === 'parse' ? 'parse' : 'parse and link';
      console.log(`  ${result?.ms.toFixed(0)} ms, ${result?.mb.toFixed(0)} MB  ${label} (best of 3)`);
    }
  }
  rmSync(folder, { recursive: true });
}

function fresh(step: string, path: string): { readonly ms: number; readonly mb: number } {
  const args = [join('scripts', 'dev.mjs'), join('bench', 'parse.bench.ts'), 'once', step, path];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return JSON.parse(stdout);
}

/** Milliseconds of `iptables-nft-restore --test` in a namespace of its own; undefined if that cannot be had. */
function restoreMs(path: string): number | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const start = performance.now();
  const { status } = spawnSync('unshare', ['-n', 'iptables-nft-restore', '--test', path], {
    stdio: 'ignore',
  });
  return status === null || status === 127 ? undefined : performance.now() - start;
}

function restoreCase(path: string) {
  if (restoreMs(path) === undefined) return [];
  return [{ name: 'iptables-nft-restore --test, whole process', run: () => restoreMs(path) }];
}

/** Rules of many kinds, mostly different from each other. */
function lines(count: number): string {
  const rules = Array.from({ length: count }, (_, i) => {
    const address = `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
    const kinds = [
      `-A FORWARD -s ${address}/32 -i eth1 -p tcp -m tcp --dport ${i & 65535} -j ACCEPT`,
      `-A FORWARD -d ${address}/32 -p udp -m multiport --dports 53,123,${i & 65535} -j LOG --log-prefix "n ${i} "`,
      `-A INPUT -m conntrack --ctstate NEW -m limit --limit 5/min -m comment --comment "rule ${i}" -j DROP`,
    ];
    return kinds[i % kinds.length];
  });
  return `*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n${rules.join('\n')}\nCOMMIT\n`;
}

function writeFiles(folder: string) {
  const shared = process.env['FWSIM_SHARED'] ?? join(process.cwd(), '..', 'shared');
  const dump = join(
    shared,
    'corpus',
    'gateway',
    'net-network__configs_chair_for_Network_Architectures_and_Services__iptables-save-2016-06-27_16-29-01.gz',
  );
  const generator = join(shared, 'corpus', 'make-kube-proxy.py');
  const write = (name: string, text: string) => {
    const path = join(folder, `${name.replace(/\W+/g, '-')}.save`);
    writeFileSync(path, text);
    const rules = text.match(/^(?:\[\d+:\d+\] )?-A /gm)?.length ?? 0;
    return { name: `${name}: ${rules} rules`, text, path, rules };
  };
  const kube = existsSync(generator)
    ? spawnSync('python3', [generator, '--services', '8250'], { encoding: 'utf8', maxBuffer: 2 ** 28 }).stdout
    : '';
  return {
    gateway: write(
      'gateway',
      existsSync(dump) ? gunzipSync(readFileSync(dump)).toString('utf8') : lines(5556),
    ),
    many: write('many different rules', lines(65_000)),
    kube: write('kube-proxy', kube === '' ? lines(100_000) : kube),
  };
}
