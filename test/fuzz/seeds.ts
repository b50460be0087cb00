/** What fuzzing begins with: everything in the repository that looks like an input of ours. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { corpusNames, readCorpusFile } from '../../src/dev/corpus-files.ts';
import { makePacket } from '../../src/expression/make-packet.ts';
import type { Address } from '../../src/net/address.ts';
import { parseAddress } from '../../src/net/address-text.ts';
import { ethernetFrame, writePcap, writePcapng } from '../support/capture-writer.ts';
import { sharedPath } from '../support/shared.ts';
import { repositoryFiles, repositoryRoot } from '../support/source-tree.ts';

/** Seeds by what reads them. */
export interface Seeds {
  readonly rulesets: readonly string[];
  readonly contexts: readonly string[];
  readonly policies: readonly string[];
  readonly configs: readonly string[];
  readonly expressions: readonly string[];
  readonly captures: readonly Uint8Array[];
  readonly logs: readonly string[];
}

/** Seeds larger than this are left out: changing them is slow, and a change is rarely where it matters. */
const seedCharactersMax = 8192;

function captures(): readonly Uint8Array[] {
  const address = (family: 'ipv4' | 'ipv6', text: string): Address => parseAddress(family, text) as Address;
  const v4 = { family: 'ipv4', src: address('ipv4', '192.0.2.7'), dst: address('ipv4', '10.0.0.1') } as const;
  const v6 = {
    family: 'ipv6',
    src: address('ipv6', '2001:db8::7'),
    dst: address('ipv6', '2001:db8::1'),
  } as const;
  const packets = [
    makePacket({ ...v4, protocol: 6, sport: 40000, dport: 22 }),
    makePacket({ ...v4, protocol: 17, sport: 5000, dport: 53, payload: 'aabb' }),
    makePacket({ ...v4, protocol: 1 }),
    makePacket({ ...v6, protocol: 6, sport: 40000, dport: 443 }),
    makePacket({ ...v6, protocol: 58 }),
  ];
  const frames = packets.map((p, i) => ({
    bytes: ethernetFrame(p, '52:54:00:00:00:02', '52:54:00:00:00:01', i === 1 ? [10] : []),
    timeMs: i * 100,
  }));
  return [
    writePcap(frames, { linkType: 1 }),
    writePcap(frames, { linkType: 1, littleEndian: false, nanoseconds: true }),
    writePcap(
      frames.map(({ bytes }) => ({ bytes: bytes.subarray(14) })),
      { linkType: 101 },
    ),
    writePcap(frames, { linkType: 276 }),
    writePcapng(frames, [{ linkType: 1, name: 'eth0' }]),
    writePcapng(frames, [{ linkType: 1, name: 'eth0', resolution: 9 }], false),
  ];
}

/** Blocks of this language in the pages. */
function blocks(language: string): readonly { readonly path: string; readonly text: string }[] {
  return repositoryFiles('docs', ['.md']).flatMap(({ path, text }) =>
    [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'))].map((m) => ({
      path,
      text: m[1] ?? '',
    })),
  );
}

/** Rulesets that were found by fuzzing before, and real dumps where they are at hand. */
function corpus(): readonly string[] {
  const folder = sharedPath('corpus');
  if (!existsSync(folder)) return [];
  return corpusNames(folder).map((name) => readCorpusFile(folder, name).text);
}

/** Reads all seeds. */
export function readSeeds(): Seeds {
  const small = (texts: readonly string[]): readonly string[] =>
    texts.filter((text) => text.length > 0 && text.length <= seedCharactersMax);
  const context = join(repositoryRoot, 'test', 'context', 'fixtures');
  const yaml = blocks('yaml');
  const expressions = repositoryFiles('docs', ['.md']).flatMap(({ text }) =>
    [...text.matchAll(/^.*fwsim \w+ .* -- (-.*)$/gm)].map((m) => m[1] ?? ''),
  );
  return {
    rulesets: small([...repositoryFiles('rules-examples', ['.rules']).map((f) => f.text), ...corpus()]),
    contexts: small([
      ...repositoryFiles('rules-examples', ['.context']).map((f) => f.text),
      ...readdirSync(context).flatMap((name) =>
        readFileSync(join(context, name), 'utf8').split(/^(?=##### )/m),
      ),
    ]),
    policies: small(yaml.filter((b) => /polic/.test(b.path)).map((b) => b.text)),
    configs: small(yaml.map((b) => b.text)),
    expressions: small([...expressions, '-i eth0 -p tcp -s 198.51.100.7 -d 203.0.113.1 --dport 80']),
    captures: captures(),
    logs: [
      'Nov 22 10:00:00 gw kernel: [UFW BLOCK] IN=eth0 OUT= MAC=52:54:00:00:00:01:52:54:00:00:00:02:08:00 SRC=192.0.2.7 DST=10.0.0.1 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 DF PROTO=TCP SPT=40000 DPT=22 WINDOW=64240 RES=0x00 SYN URGP=0 ',
      'kernel: IN= OUT=eth0 SRC=2001:db8::1 DST=2001:db8::2 LEN=104 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=ICMPv6 TYPE=128 CODE=0 ID=5 SEQ=1 ',
    ],
  };
}
