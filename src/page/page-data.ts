/** What a page hands to its script. */

import type { DeclaredContext } from '../context/declared.ts';

/** As JSON in the element `page-data`. */
export interface PageData {
  /** The machine's own text first. */
  readonly texts: readonly { readonly name: string; readonly text: string }[];
  /** What the configuration says of the machine. */
  readonly declared?: DeclaredContext | undefined;
  /** As the pictures were drawn. */
  readonly boxesMax: number;
}
