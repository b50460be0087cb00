/** Findings on real dumps that somebody has read and judged. Written by `npm run corpus -- --update`. */
export const measuredPrecision: Readonly<
  Record<string, { readonly right: number; readonly wrong: number; readonly unclear: number }>
> = {};
