import { inflateRawSync } from 'node:zlib';
import { checks, lintMachine } from '../../src/linting.ts';
import { packedPageScript } from '../../src/page/page-script.ts';
import { type ReportPage, reportPageOf } from '../../src/page/report-page.ts';
import { defaultRegistry } from '../../src/registry.ts';
import { reportOf } from '../../src/report/machine-report.ts';

/** The page of some rules, as `fwsim report` makes it. */
export function pageOf(text: string, name = 'gw.rules'): ReportPage {
  const registry = defaultRegistry();
  const texts = [{ name, text }];
  return reportPageOf(texts, {
    registry,
    report: reportOf(lintMachine(texts, { registry, checks })),
    boxesMax: 16,
    script: inflateRawSync(Buffer.from(packedPageScript, 'base64')).toString('utf8'),
    version: '0.0.0',
  });
}
