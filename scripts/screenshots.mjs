/**
 * `npm run screenshots`: the pictures of the report in the documentation, docs/report-light.png and
 * docs/report-dark.png, taken in a real browser from what was built. Wants a chromium (Debian: apt install chromium).
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { root } from './bundling.mjs';

const folder = mkdtempSync(join(tmpdir(), 'fwsim-screenshots-'));
const page = join(folder, 'report.html');

/** A packet that the linter's first finding is about, as the page's own address says it. */
const packet = new URLSearchParams({
  in: 'eth0',
  proto: 'tcp',
  src: '203.0.113.7',
  dst: '203.0.113.1',
  dport: '80',
  assume: 'local=203.0.113.1',
});

try {
  const made = spawnSync(
    process.execPath,
    ['dist/cli.js', 'report', 'rules-examples/gateway-web-in-forward.rules', '-o', page],
    { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  if (made.status !== 0) throw new Error('fwsim report has failed; has "npm run build" been run?');
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  for (const colorScheme of ['light', 'dark']) {
    const view = await browser.newPage({ viewport: { width: 1280, height: 1000 }, colorScheme });
    await view.goto(`${pathToFileURL(page)}#walk?${packet}`);
    await view.locator('.ends').waitFor();
    await view.locator(colorScheme === 'light' ? '#walk' : '#summary').evaluate((e) => e.scrollIntoView());
    await view.screenshot({ path: join(root, 'docs', `report-${colorScheme}.png`) });
  }
  await browser.close();
} finally {
  rmSync(folder, { recursive: true });
}
