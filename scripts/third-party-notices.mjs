/** A bundle carries other people's work; this collects their names and licences from esbuild's metafile. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './bundling.mjs';

/** Packages whose code is in the bundle, in alphabetical order. */
function bundledPackages(metafile) {
  const folders = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const match = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input);
    if (match !== null) folders.add(match[0]);
  }
  return [...folders].sort();
}

/** One section per package: name, version, licence, and the licence's own text where the package brings it. */
export function thirdPartyNotices(metafile) {
  const sections = bundledPackages(metafile).map((folder) => {
    const path = join(root, folder);
    const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
    const file = readdirSync(path).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
    const text =
      file !== undefined && existsSync(join(path, file)) ? readFileSync(join(path, file), 'utf8').trim() : '';
    return `${name} ${version} (${license})\n\n${text || 'The package carries no licence text of its own.'}\n`;
  });
  const intro = 'fwsim contains code of the following packages.\n';
  return [intro, ...sections].join(`\n${'-'.repeat(78)}\n\n`);
}
