import { extensions } from './extensions/index.ts';
import { createRegistry, type Registry } from './extensions/registry.ts';

let registry: Registry | undefined;

/** All extensions that fwsim knows, by name. Made once. */
export function defaultRegistry(): Registry {
  registry ??= createRegistry(extensions);
  return registry;
}
