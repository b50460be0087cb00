/**
 * The program of the page, as one script for browsers: compressed with deflate, in base 64. What is built from
 * `src/browser/main.ts` takes the place of this file whenever something is bundled or tested (scripts/bundling.mjs), so that
 * no built file has to lie about.
 */
export const packedPageScript: string = '';
