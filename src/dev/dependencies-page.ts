import { readFileSync } from 'node:fs';
import { markdownCode } from '../report/escape-markdown.ts';

interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
}

/** What each package that is bundled is there for; others come along with it. */
const purposes: Readonly<Record<string, string>> = {
  '@dagrejs/dagre': 'layout of the picture of chains',
  chevrotain: 'lexer and parser of rulesets',
  commander: 'arguments and help',
  ink: 'the terminal interface',
  picocolors: 'colour',
  react: 'the terminal interface',
  'string-width': 'columns of text',
  valibot: 'shape of configuration and policies',
  yaml: 'configuration and policies',
};

/** docs/dependencies.md: packages by what they are for, and licences of all that the lock file holds. */
export function dependenciesPage(): string {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    readonly packages: Readonly<Record<string, LockedPackage>>;
  };
  const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const at = (name: string): LockedPackage => lock.packages[`node_modules/${name}`] ?? {};
  const row = (name: string, purpose: string): string =>
    `| ${markdownCode(name)} | ${at(name).version ?? ''} | ${at(name).license ?? ''} | ${purpose} |`;
  const shipped = Object.keys(purposes).filter((name) => devDependencies[name] !== undefined);
  const tools = Object.keys(devDependencies).filter((name) => purposes[name] === undefined);
  const counts = new Map<string, number>();
  const scripted: string[] = [];
  for (const [path, { license, hasInstallScript }] of Object.entries(lock.packages)) {
    if (path === '') continue;
    counts.set(license ?? 'none stated', (counts.get(license ?? 'none stated') ?? 0) + 1);
    if (hasInstallScript === true) scripted.push(path.replace(/^.*node_modules\//, ''));
  }
  const licences = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return `# Dependencies

The published package has none: what it uses is bundled into it, with its licences in \`dist/THIRD-PARTY-NOTICES.txt\` and a
bill of materials in \`dist/sbom.cdx.json\` (CycloneDX). All versions are pinned, and \`package-lock.json\` holds their hashes. No
package needs a script at installation (\`npm ci --ignore-scripts\` gives a working clone)${
    scripted.length === 0
      ? ''
      : `; ${scripted.map(markdownCode).join(', ')} would like to run one, and is not let`
  }. Made from package.json and package-lock.json by \`npm run generate\`.

## Bundled

| package | version | licence | for |
| --- | --- | --- | --- |
${shipped.map((name) => row(name, purposes[name] ?? '')).join('\n')}

What these bring along is in the notices. \`fwsim/testing\` takes fast-check and vitest from the project that uses it.

## Tools

| package | version | licence |
| --- | --- | --- |
${tools.map((name) => row(name, '').replace(/ \| {2}\|$/, ' |')).join('\n')}

## Licences of everything in the lock file

| licence | packages |
| --- | ---: |
${licences.map(([licence, count]) => `| ${licence} | ${count} |`).join('\n')}
`;
}
