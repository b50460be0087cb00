/**
 * Stands before string-width in bundles. The package builds its segmenter and emoji pattern when it is loaded,
 * which takes half as long as an empty Node process runs; most rulesets are plain ASCII and never need them.
 */
let measure;

module.exports = (text, options) => {
  measure ??= require('string-width-itself').default;
  return measure(text, options);
};
