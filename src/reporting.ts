/** The way in for those who want all about a machine on one page. */

export { packedPageScript } from './page/page-script.ts';
export { type ReportPage, type ReportPageOptions, reportPageOf } from './page/report-page.ts';
export { defaultRegistry } from './registry.ts';
