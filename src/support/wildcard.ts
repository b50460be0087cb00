/**
 * Whether a text is what a pattern stands for: `*` is any characters, none too, every other character itself; with
 * `single`, `?` is any one. Takes time in proportion to the length of both multiplied, at worst: only the last `*` is ever
 * tried again, since an earlier one could give no more than it has.
 */
export function matchesWildcard(
  pattern: string,
  text: string,
  options: { readonly single?: boolean } = {},
): boolean {
  let p = 0;
  /** Behind the last `*`, and where the text goes on if that takes one more character. */
  let behindStar = -1;
  let retry = 0;
  for (let t = 0; t < text.length; ) {
    if (pattern[p] === '*') {
      behindStar = ++p;
      retry = t;
    } else if (
      p < pattern.length &&
      (pattern[p] === text[t] || (options.single === true && pattern[p] === '?'))
    ) {
      p++;
      t++;
    } else if (behindStar >= 0) {
      p = behindStar;
      t = ++retry;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}
