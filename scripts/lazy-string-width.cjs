/**
 * Stands before string-width in bundles. The package builds its segmenter and emoji pattern when it is loaded,
 * which takes half as long as an empty Node process runs; most rulesets are plain ASCII and never need them.
 */
let measure;

/** Widths of single characters: a screen is measured one by one, and has the same few hundred all the time. */
const widths = new Map();
const widthsMax = 4096;

module.exports = (text, options) => {
  if (typeof text === 'string' && text.length === 1 && options === undefined) {
    const known = widths.get(text);
    if (known !== undefined) return known;
    measure ??= require('string-width-itself').default;
    const width = measure(text);
    if (widths.size < widthsMax) widths.set(text, width);
    return width;
  }
  measure ??= require('string-width-itself').default;
  return measure(text, options);
};
