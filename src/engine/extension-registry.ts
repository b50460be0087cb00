/** Where the engine looks extensions up. */

import type { MatchExtension, TargetExtension } from '../extensions/define.ts';
import type { Family } from '../net/address.ts';

/** Extensions by name; undefined where nobody knows the name. */
export interface ExtensionRegistry {
  match(name: string, family?: Family): MatchExtension | undefined;
  target(name: string, family?: Family): TargetExtension | undefined;
}
