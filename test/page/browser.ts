/** A real browser for tests of pages: Debian's chromium, driven by playwright-core. */
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

const path = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Whether there is a browser here; tests that want one skip themselves without. */
export const hasBrowser: boolean = existsSync(path);

/** What the name of a skipped test says. */
export const browserNote: string = hasBrowser
  ? ''
  : ` (skipped: no browser at ${path}; apt install chromium)`;

/** Starts the browser. It may not sandbox itself where tests run as root. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: path, args: ['--no-sandbox'] });
}

/** A page that was opened, and all that went wrong or wanted out. */
export interface OpenPage {
  readonly page: Page;
  /** Errors of scripts, messages of the console, requests beside that of the file itself. */
  readonly complaints: string[];
}

/** Opens a file, with a fragment. */
export async function openFile(browser: Browser, url: string, dark = false): Promise<OpenPage> {
  const page = await browser.newPage({
    viewport: { width: 1280, height: 900 },
    colorScheme: dark ? 'dark' : 'light',
  });
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    // A blob is what the page has made itself: it comes from nowhere.
    if (request.url().startsWith('blob:')) return;
    if (request.url().split('#')[0] !== url.split('#')[0]) complaints.push(`request: ${request.url()}`);
  });
  await page.goto(url);
  return { page, complaints };
}
