/** The way in for those who want all about a machine on one page. */

export { tooManyRules } from './analysis/machine-rulesets.ts';
export { packedPageScript } from './page/page-script.ts';
export { reportPageOf } from './page/report-page.ts';
export { defaultRegistry } from './registry.ts';
