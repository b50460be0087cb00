/** What of other people is in a bundle: for the notices that travel with it, for its bill of materials, for the docs. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './bundling.mjs';

/**
 * Packages whose code is in the bundle, in alphabetical order.
 *
 * @param metafile esbuild's
 * @returns name, version, licence (SPDX), homepage, folder (absolute), integrity (of the lock file, or undefined)
 */
export function bundledPackages(metafile) {
  const folders = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const match = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input);
    if (match !== null) folders.add(match[0]);
  }
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return [...folders].sort().map((folder) => {
    const path = join(root, folder);
    const { name, version, license, homepage } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
    return { name, version, license, homepage, folder: path, integrity: lock.packages[folder]?.integrity };
  });
}

/** One section per package: name, version, licence, and the licence's own text where the package brings it. */
export function thirdPartyNotices(metafile) {
  const sections = bundledPackages(metafile).map(({ name, version, license, folder }) => {
    const file = readdirSync(folder).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
    const text =
      file !== undefined && existsSync(join(folder, file))
        ? readFileSync(join(folder, file), 'utf8').trim()
        : '';
    return `${name} ${version} (${license})\n\n${text || 'The package carries no licence text of its own.'}\n`;
  });
  const intro = 'fwsim contains code of the following packages.\n';
  return [intro, ...sections].join(`\n${'-'.repeat(78)}\n\n`);
}

/**
 * The bill of materials in CycloneDX 1.6 (JSON). It names no time and no serial number, so that equal inputs make equal
 * files. Source: ECMA-424.
 */
export function billOfMaterials(metafile, { name, version, license, description }) {
  const purl = (packageName, packageVersion) =>
    `pkg:npm/${packageName.replace('@', '%40')}@${packageVersion}`;
  const own = purl(name, version);
  const packages = bundledPackages(metafile);
  const licences = (id) => [/[ ()]/.test(id) ? { expression: id } : { license: { id } }];
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': own,
        name,
        version,
        description,
        licenses: licences(license),
        purl: own,
      },
    },
    components: packages.map((used) => ({
      type: 'library',
      'bom-ref': purl(used.name, used.version),
      name: used.name,
      version: used.version,
      licenses: licences(used.license),
      purl: purl(used.name, used.version),
      ...(used.integrity?.startsWith('sha512-')
        ? {
            hashes: [
              {
                alg: 'SHA-512',
                content: Buffer.from(used.integrity.slice('sha512-'.length), 'base64').toString('hex'),
              },
            ],
          }
        : {}),
    })),
    dependencies: [{ ref: own, dependsOn: packages.map((used) => purl(used.name, used.version)) }],
  };
}
