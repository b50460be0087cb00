/** What a page hands to its script. */

/** As JSON in the element `page-data`. */
export interface PageData {
  /** The machine's own text first. */
  readonly texts: readonly { readonly name: string; readonly text: string }[];
  /** What the configuration says besides, as `--assume` takes it. */
  readonly assume: readonly string[];
  /** As the pictures were drawn. */
  readonly boxesMax: number;
}
