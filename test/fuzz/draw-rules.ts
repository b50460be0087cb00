/** Rulesets and packet expressions drawn from the tables of all extensions: mostly right, sometimes on the edge. */

import type { Extension, TextShape } from '../../src/extensions/define.ts';
import { extensions } from '../../src/extensions/index.ts';
import { type Chance, edgeNumbers, hostileTexts } from './draw.ts';

const tables: Readonly<Record<string, readonly string[]>> = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  raw: ['PREROUTING', 'OUTPUT'],
  security: ['INPUT', 'FORWARD', 'OUTPUT'],
};
const userChains = ['DOCKER', 'ufw-user-input', 'a', 'b'];
const matches = extensions.filter((e) => e.kind === 'match');
const targets = extensions.filter((e) => e.kind === 'target');

const addresses =
  '0.0.0.0 10.0.0.1 127.0.0.1 192.0.2.7 198.51.100.255 224.0.0.1 255.255.255.255 :: ::1 2001:db8::1 fe80::1 ff02::1 ::ffff:1.2.3.4 10.0.0'.split(
    ' ',
  );
const prefixes = '0 1 8 24 31 32 33 48 64 127 128 255.0.255.0 -1'.split(' ');
const protocols = 'tcp udp icmp icmpv6 sctp dccp esp ah udplite all 0 255 256 gre mh !'.split(' ');

/** Words that a value of this shape may have; one time in twelve something else. */
function shapeWord(chance: Chance, shape: TextShape): string {
  if (chance.once(24)) return chance.pick(hostileTexts);
  if (chance.once(24)) return chance.pick(edgeNumbers);
  switch (shape.kind) {
    case 'integer': {
      const { min, max } = shape;
      const value = chance.pick([
        min,
        max,
        min + chance.below(Math.min(max - min, 2 ** 31) + 1),
        max + 1,
        min - 1,
      ]);
      return shape.hex === true && value >= 0 ? `0x${value.toString(16)}` : String(value);
    }
    case 'range': {
      const { min, max, separator } = shape;
      const value = (): number => min + chance.below(Math.min(max - min, 2 ** 31) + 1);
      return chance.pick([
        `${value()}`,
        `${value()}${separator}${value()}`,
        `${separator}${value()}`,
        `${value()}${separator}`,
      ]);
    }
    case 'words':
      return chance.pick(shape.values);
    case 'list': {
      const count = chance.once(10) ? shape.max + 1 : 1 + chance.below(Math.min(shape.max, 4));
      return Array.from({ length: Math.min(count, 40) }, () => shapeWord(chance, shape.of)).join(
        shape.separator,
      );
    }
    case 'sequence':
      return shape.parts.map((part) => (typeof part === 'string' ? part : shapeWord(chance, part))).join('');
    case 'choice':
      return shapeWord(chance, chance.pick(shape.of));
    case 'address':
      return chance.pick(addresses);
    case 'network':
      return chance.once(2) ? chance.pick(addresses) : `${chance.pick(addresses)}/${chance.pick(prefixes)}`;
    case 'mac':
      return chance.pick(['00:11:22:33:44:55', 'ff:ff:ff:ff:ff:ff', '0:1:2:3:4:5', 'g0:11:22:33:44:55']);
    case 'name':
      return chance.pick([
        'eth0',
        'x',
        'a'.repeat(Math.min(shape.maxBytes + chance.below(2), 300)),
        'lo',
        'a+',
      ]);
    case 'text':
      return chance.pick([
        'text',
        'two words',
        '"',
        "it's",
        'x'.repeat(Math.min(shape.maxBytes + chance.below(2), 300)),
      ]);
    default:
      return '';
  }
}

const quoted = (word: string): string =>
  /^[^\s"'\\]+$/.test(word) ? word : `"${word.replaceAll('\n', ' ').replace(/["\\]/g, '\\$&')}"`;

function extensionWords(chance: Chance, extension: Extension): string[] {
  const words: string[] = [];
  for (const [name, spec] of Object.entries(extension.options)) {
    if (!(spec.required === true || chance.once(3))) continue;
    if (chance.once(spec.invertible === true ? 4 : 40)) words.push('!');
    words.push(`--${spec.aliases !== undefined && chance.once(4) ? (spec.aliases[0] ?? name) : name}`);
    const { shape } = spec.type;
    if (shape.kind === 'words-separately') words.push(...shape.parts.map((part) => shapeWord(chance, part)));
    else if (shape.kind !== 'nothing' && !chance.once(30)) words.push(shapeWord(chance, shape));
  }
  return words;
}

/** Match options as a rule or an expression has them. */
export function drawMatchWords(chance: Chance): string[] {
  const words: string[] = [];
  const put = (...added: string[]): void => {
    if (chance.once(5)) words.push('!');
    words.push(...added);
  };
  if (chance.once(2)) put('-p', chance.pick(protocols));
  if (chance.once(3)) put('-s', shapeWord(chance, { kind: 'network' }));
  if (chance.once(3)) put('-d', shapeWord(chance, { kind: 'network' }));
  if (chance.once(3)) put(chance.pick(['-i', '-o']), chance.pick(['eth0', 'lo', 'wg+', '+', 'docker0', '']));
  if (chance.once(8)) put('-f');
  for (let n = chance.below(4); n > 0; n--) {
    const match = chance.pick(matches);
    words.push('-m', match.name, ...extensionWords(chance, match));
  }
  return words;
}

function drawRule(chance: Chance, chains: readonly string[]): string {
  const command = chance.once(12)
    ? chance.pick(['-I', '-D', '-R', '-X', '-F', '-N', '-E', '-Z', '-P', '--append'])
    : '-A';
  const words = [command, chance.pick(chains)];
  if (command === '-I' || command === '-R') words.push(chance.pick(edgeNumbers));
  words.push(...drawMatchWords(chance));
  const jump = chance.below(4);
  if (jump === 0) words.push(chance.pick(['-j', '-g']), chance.pick([...chains, ...userChains]));
  else if (jump === 1) words.push('-j', chance.pick(['ACCEPT', 'DROP', 'RETURN', 'QUEUE']));
  else if (jump === 2) {
    const target = chance.pick(targets);
    words.push('-j', target.name, ...extensionWords(chance, target));
  }
  if (chance.once(10)) words.push('-c', chance.pick(edgeNumbers), chance.pick(edgeNumbers));
  return words.map(quoted).join(' ');
}

/** A dump of some tables, of at most some thirty rules. */
export function drawRuleset(chance: Chance): string {
  const lines: string[] = [];
  if (chance.once(3))
    lines.push(
      `# Generated by ${chance.pick(['iptables-save', 'ip6tables-save', 'xtables-save'])} v1.8.${chance.below(12)} on Tue Nov 17 09:41:27 2026`,
    );
  for (let n = 1 + chance.below(3); n > 0; n--) {
    const table = chance.pick(Object.keys(tables));
    const chains = [...(tables[table] ?? []), ...userChains.slice(0, chance.below(5))];
    lines.push(`*${table}`);
    for (const chain of chains)
      lines.push(
        `:${chain} ${userChains.includes(chain) ? '-' : chance.pick(['ACCEPT', 'DROP', '-'])} [${chance.below(9)}:0]`,
      );
    for (let rules = chance.below(12); rules > 0; rules--) lines.push(drawRule(chance, chains));
    if (!chance.once(12)) lines.push('COMMIT');
  }
  return `${lines.join('\n')}\n`;
}

/** Names of options, extensions and tables: words for mutations. */
export const dictionary: readonly string[] = [
  ...extensions.flatMap((e) => [e.name, ...Object.keys(e.options).map((name) => `--${name}`)]),
  ...Object.keys(tables),
  ...Object.values(tables).flat(),
  ...addresses,
  ...protocols,
  ...'-A -I -D -R -N -X -F -P -E -Z -L -S -t -j -g -m -p -s -d -i -o -f -c ! COMMIT *filter :x # " \' \\ $( ` [1:2] - -- { } [ ] , : & * | > %'.split(
    ' ',
  ),
];
