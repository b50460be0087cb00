/**
 * `npm run check:package`: what `npm pack` would publish, looked at as others will: by publint, by "are the types wrong",
 * and by installing it without scripts and running every command once: in an empty folder, and (as root) in a root file
 * system that holds Node.js, npm, a shell and the libraries of these, and nothing else. The single file is copied alone into
 * a folder and has to do the same. Wants `npm run build`.
 */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from './bundling.mjs';

const folder = mkdtempSync(join(tmpdir(), 'fwsim-package-'));
let failures = 0;

/** Runs a program; what it says is shown where it fails. */
function step(title, program, args, { cwd = root, codes = [0], expect = /(?:)/ } = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    input: '',
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  });
  const fits = codes.includes(status) && expect.test(`${stdout}${stderr}`);
  console.log(`${fits ? 'ok  ' : 'FAIL'} ${title}`);
  if (fits) return;
  failures++;
  console.log(
    `     exit code ${status}, expected ${codes.join(' or ')} and ${expect}\n${error ?? ''}${stdout}${stderr}`,
  );
}

const rules = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j DROP
COMMIT
`;
const files = {
  'package.json': '{ "private": true, "type": "module" }\n',
  'a.rules': rules,
  'b.rules': rules.replace(':INPUT DROP', ':INPUT ACCEPT'),
  'a.policy.yml':
    'rules: a.rules\ntests:\n  - name: ssh is open\n    packets: -p tcp --dport 22\n    expect: accept\n',
  // A capture without packets: its header alone (pcap, little endian, Ethernet).
  'a.pcap': Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex'),
  'library.mjs':
    "import { lintMachine, parse } from 'fwsim';\nconsole.log(typeof parse, typeof lintMachine);\n",
};

const packet = ['--', '-i', 'eth0', '-p', 'tcp', '-s', '192.0.2.9', '-d', '203.0.113.1', '--dport', '22'];
/** Every command once, with what it must end with and say. */
const lines = [
  [['--version'], { expect: /^\d/ }],
  [['a.rules'], { expect: /From / }],
  [['lint', 'a.rules'], { codes: [0, 1], expect: /FW2/ }],
  [
    ['lint', 'a.rules', '--jobs', '2', '--format', 'sarif'],
    { codes: [0, 1], expect: /"version": "2\.1\.0"/ },
  ],
  [['trace', 'a.rules', '--assume', 'local=203.0.113.1', ...packet], { expect: /DELIVERED/ }],
  [['query', 'a.rules', '--new', ...packet], { expect: /tcp/ }],
  [['matrix', 'a.rules', '--port', '22'], { expect: /./ }],
  [['spoof', 'a.rules'], { codes: [0, 1, 3], expect: /./ }],
  [['diff', 'a.rules', 'b.rules'], { codes: [1], expect: /OPENED/ }],
  [['test', 'a.policy.yml', '--assume', 'local=203.0.113.1'], { codes: [0, 1], expect: /ssh is open/ }],
  [['graph', 'a.rules', '--format', 'mermaid'], { expect: /flowchart|graph/ }],
  [['report', 'a.rules'], { expect: /^<!DOCTYPE html>/ }],
  [['replay', 'a.pcap', 'a.rules'], { codes: [0, 3], expect: /./ }],
  [['tui', 'a.rules'], { codes: [2], expect: /terminal/ }],
  [['collect', '--script'], { expect: /iptables-save/ }],
  [['fmt', 'a.rules'], { expect: /^\*filter/ }],
  [['explain', 'FW101'], { expect: /FW101/ }],
  [['checks'], { expect: /FW101/ }],
];

/** Runs every command in a folder. `enter` makes the words that run a program there, with paths as seen from inside. */
function runAll(title, place, fwsim, enter) {
  for (const [words, wanted] of lines) {
    const [program, ...args] = enter([...fwsim, ...words]);
    step(`${title}: fwsim ${words.join(' ')}`, program, args, { cwd: place, ...wanted });
  }
}

function putFiles(place) {
  mkdirSync(place, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(place, name), text);
}

/** Installs the package into `place` and runs it there. */
function tryPackage(title, place, tarball, enter) {
  putFiles(place);
  copyFileSync(tarball, join(place, 'fwsim.tgz'));
  const run = (what, words, wanted) => {
    const [program, ...args] = enter(words);
    step(`${title}: ${what}`, program, args, { cwd: place, ...wanted });
  };
  const options = ['--ignore-scripts', '--offline', '--no-audit', '--no-fund', '--silent'];
  run('installs offline, without scripts', ['npm', 'install', ...options, './fwsim.tgz']);
  const installed = readdirSync(join(place, 'node_modules')).filter((name) => !name.startsWith('.'));
  if (installed.join(' ') !== 'fwsim') {
    failures++;
    console.log(`FAIL ${title}: it brings along ${installed.join(' ')}`);
  }
  runAll(title, place, ['./node_modules/.bin/fwsim'], enter);
  run('the library', ['node', 'library.mjs'], { expect: /^function function\n$/ });
}

/** A root file system with Node.js, npm, /bin/sh and what these need to run; no compiler, no other tool. */
function bareRoot(place) {
  const program = (path, target) => {
    mkdirSync(dirname(join(place, target)), { recursive: true });
    copyFileSync(realpathSync(path), join(place, target));
    const { stdout } = spawnSync('ldd', [path], { encoding: 'utf8' });
    for (const [, library] of stdout.matchAll(/(\/\S+) \(0x/g)) {
      mkdirSync(dirname(join(place, library)), { recursive: true });
      copyFileSync(realpathSync(library), join(place, library));
    }
  };
  program(process.execPath, '/usr/bin/node');
  program('/bin/sh', '/bin/sh');
  program('/usr/bin/env', '/usr/bin/env');
  const { stdout } = spawnSync('npm', ['root', '--global'], { encoding: 'utf8' });
  cpSync(join(stdout.trim(), 'npm'), join(place, 'npm'), { recursive: true });
  writeFileSync(join(place, '/usr/bin/npm'), '#!/bin/sh\nexec node /npm/bin/npm-cli.js "$@"\n', {
    mode: 0o755,
  });
  for (const name of ['tmp', 'root', 'work']) mkdirSync(join(place, name), { recursive: true });
}

const tools = join(root, 'scripts', 'tools', 'node_modules', '.bin');
if (!existsSync(join(tools, 'attw')))
  step('tools', 'npm', [
    'ci',
    '--prefix',
    'scripts/tools',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--silent',
  ]);
step('npm pack', 'npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder]);
const packed = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? 'missing.tgz');
step('publint', join(root, 'node_modules', '.bin', 'publint'), [packed, '--strict']);
step('the types are right', join(tools, 'attw'), [packed, '--profile', 'esm-only']);

tryPackage('empty folder', join(folder, 'work'), packed, (words) => words);

const alone = join(folder, 'alone');
putFiles(alone);
copyFileSync(join(root, 'dist', 'fwsim.mjs'), join(alone, 'fwsim.mjs'));
runAll('fwsim.mjs alone', alone, ['node', 'fwsim.mjs'], (words) => words);

if (process.getuid?.() === 0 && existsSync('/usr/sbin/chroot')) {
  const place = join(folder, 'bare');
  bareRoot(place);
  tryPackage('bare root', join(place, 'work'), packed, (words) => [
    '/usr/sbin/chroot',
    place,
    '/usr/bin/env',
    '-i',
    'PATH=/usr/bin:/bin',
    'HOME=/root',
    'NO_COLOR=1',
    '/bin/sh',
    '-c',
    'cd /work && exec "$@"',
    'sh',
    ...words,
  ]);
} else console.log('skip bare root: it needs root and chroot');

rmSync(folder, { recursive: true });
process.exitCode = failures === 0 ? 0 : 1;
