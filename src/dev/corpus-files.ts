/** The dumps of a folder, and what the real iptables-save made of them: for our own programs and tests. */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** One dump: `KIND/NAME`, and its text. */
export interface CorpusFile {
  readonly name: string;
  readonly text: string;
  /** What iptables-nft-save prints after loading it, without comment lines; undefined: it does not load. */
  readonly resaved: string | undefined;
}

function readText(path: string): string {
  const bytes = readFileSync(path);
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
}

/** Names of all dumps of a folder laid out as `KIND/NAME` and `resaved/KIND/NAME.gz`, sorted. */
export function corpusNames(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((kind) => kind !== 'resaved' && statSync(join(folder, kind)).isDirectory())
    .sort()
    .flatMap((kind) =>
      readdirSync(join(folder, kind))
        .sort()
        .map((file) => `${kind}/${file}`),
    );
}

/** Reads one dump of a folder. */
export function readCorpusFile(folder: string, name: string): CorpusFile {
  const resaved = join(folder, 'resaved', name.endsWith('.gz') ? name : `${name}.gz`);
  return {
    name,
    text: readText(join(folder, name)),
    resaved: existsSync(resaved) ? readText(resaved).replace(/^#.*\n/gm, '') : undefined,
  };
}
