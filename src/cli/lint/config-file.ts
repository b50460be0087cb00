import { dirname, join, resolve } from 'node:path';
import type { SourceText } from '../../diagnostics/sources.ts';
import { CommandFailure } from '../command-failure.ts';
import { decodeText } from '../decode.ts';
import type { Io } from '../io.ts';
import { type LoadedConfig, type LoadedSuppressions, shownPath } from './loaded-config.ts';

/** How the configuration is called, and where suppressions and the like are kept. */
const configName = 'fwsim.yml';
/** Beside the configuration, or beside a ruleset. */
const suppressionsName = join('.fwsim', 'suppressions.yml');

/** Where the configuration comes from. */
export interface ConfigChoice {
  /** `--config FILE`. */
  readonly file: string | undefined;
  /** `--no-config`. */
  readonly none: boolean;
}

/** Finds and reads configurations; a file that several machines share is read once. */
export interface ConfigLoader {
  /** `ruleset`: its path; undefined: stdin. */
  config(ruleset: string | undefined): Promise<LoadedConfig | undefined>;
  suppressions(ruleset: string | undefined): Promise<LoadedSuppressions | undefined>;
}

/** Makes the loader of one run. */
export function createConfigLoader(io: Io, choice: ConfigChoice): ConfigLoader {
  const configs = new Map<string, Promise<LoadedConfig>>();
  const suppressions = new Map<string, Promise<LoadedSuppressions>>();

  /** The nearest file of a name: beside the ruleset, or else from the working directory upward. */
  function find(name: string, ruleset: string | undefined): string | undefined {
    if (choice.none) return undefined;
    const besides = ruleset === undefined ? [] : [dirname(resolve(io.cwd, ruleset))];
    const upward: string[] = [];
    for (let folder = io.cwd; ; folder = dirname(folder)) {
      upward.push(folder);
      if (dirname(folder) === folder) break;
    }
    return [...besides, ...upward].map((folder) => join(folder, name)).find((path) => io.isFile(path));
  }

  const sourceOf = (path: string): SourceText => {
    const name = shownPath(io, path);
    return { name, text: decodeText(io.readFile(name), name).text };
  };

  return {
    async config(ruleset) {
      const path = choice.file === undefined ? find(configName, ruleset) : resolve(io.cwd, choice.file);
      if (path === undefined) return undefined;
      let loaded = configs.get(path);
      if (!loaded) {
        // Loaded only where there is a configuration: the reader of YAML is larger than the linter.
        const { readConfig } = await import('./read-config.ts');
        loaded = Promise.resolve(readConfig(sourceOf(path), dirname(path), io));
        configs.set(path, loaded);
      }
      return loaded;
    },
    async suppressions(ruleset) {
      const path = find(suppressionsName, ruleset);
      if (path === undefined) return undefined;
      let loaded = suppressions.get(path);
      if (!loaded) {
        const { readSuppressions } = await import('./read-config.ts');
        loaded = Promise.resolve(readSuppressions(sourceOf(path), dirname(dirname(path))));
        suppressions.set(path, loaded);
      }
      return loaded;
    },
  };
}

/** `--config` and `--no-config` together. @throws CommandFailure */
export function configChoice(file: string | undefined, none: boolean): ConfigChoice {
  if (file !== undefined && none)
    throw new CommandFailure('--config and --no-config exclude each other', { hint: 'give one of them' });
  return { file, none };
}
