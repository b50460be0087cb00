/** Goal: the page of `fwsim report` works in a real browser, without network, mouse or good will of the rules' author. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import axe from 'axe-core';
import type { Browser, Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { repositoryRoot } from '../support/source-tree.ts';
import { browserNote, hasBrowser, openFile, startBrowser } from './browser.ts';
import { pageOf } from './report-page.ts';

const folder = mkdtempSync(join(tmpdir(), 'fwsim-page-'));
const gateway = readFileSync(join(repositoryRoot, 'rules-examples/gateway-web-in-forward.rules'), 'utf8');
let browser: Browser;

/** Packets are walked beside the page, and machines may be busy. */
const patience = { timeout: 60_000 };

/** Writes a page; its address. */
function written(name: string, rules: string): string {
  const path = join(folder, `${name}.html`);
  writeFileSync(path, pageOf(rules).page ?? '');
  return pathToFileURL(path).href;
}

beforeAll(async () => {
  if (hasBrowser) browser = await startBrowser();
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

describe.skipIf(!hasBrowser)(`in chromium${browserNote}`, { timeout: 60_000 }, () => {
  test('walks a packet that was typed, lights its road, and the address leads to the same', async () => {
    const url = written('gateway', gateway);
    const { page, complaints } = await openFile(browser, url);
    expect(await page.locator('[data-part].lit').count()).toBe(0);
    // By keys alone, as somebody without a mouse would.
    await page.locator('input[name=in]').focus();
    for (const value of ['eth0', 'tcp', '192.0.2.99', '', '203.0.113.1', '443', '', 'local=203.0.113.1']) {
      await page.keyboard.type(value);
      await page.keyboard.press('Escape');
      await page.keyboard.press('Tab');
    }
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.locator('.ends').waitFor();
    expect(await page.locator('.ends').innerText()).toContain('DELIVERED to this machine itself');
    const lit = (): Promise<string[]> =>
      page
        .locator('[data-part].lit')
        .evaluateAll((all) => all.map((e) => (e as unknown as Lit).dataset.part));
    const before = await lit();
    expect(before).toContain('node INPUT/filter/INPUT');
    expect(before).toContain('step INPUT machine');
    expect(before).not.toContain('node FORWARD/filter/FORWARD');
    expect(await page.locator('#told').innerText()).toContain('policy ACCEPT of INPUT');
    const address = page.url();
    expect(address).toContain('#walk?in=eth0&proto=tcp&src=192.0.2.99');
    await page.close();

    const again = await openFile(browser, address);
    await again.page.locator('.ends').waitFor();
    const parts = await again.page
      .locator('[data-part].lit')
      .evaluateAll((all) => all.map((e) => (e as unknown as Lit).dataset.part));
    expect(parts).toEqual(before);
    expect(await again.page.locator('input[name=dport]').inputValue()).toBe('443');
    await again.page.close();
    expect([...complaints, ...again.complaints]).toEqual([]);
  });

  test('walks the witness of a finding, marks the rules that matched, says what is wrong with a packet', async () => {
    const { page, complaints } = await openFile(browser, written('witness', gateway));
    await page.locator('.finding', { hasText: 'FW101' }).locator('button.walk').first().click();
    await page.locator('.ends').waitFor();
    expect(await page.locator('.ends').innerText()).toContain('DELIVERED');
    expect(await page.locator('input[name=in]').inputValue()).toBe('eth0');
    await page.locator('input[name=src]').fill('192.168.1.20');
    await page.locator('input[name=in]').fill('eth1');
    await page.locator('input[name=dst]').fill('198.51.100.80');
    await page.locator('input[name=dport]').fill('25');
    await page.locator('button[type=submit]').click();
    await expect
      .poll(() => page.locator('.walked code').allTextContents(), patience)
      .toContainEqual(expect.stringContaining('--dport 25'));
    expect(await page.locator('[data-part].stopped').count()).toBe(1);
    await page.locator('input[name=dport]').fill('70000');
    await page.locator('button[type=submit]').click();
    await expect.poll(() => page.locator('.ends').innerText(), patience).toContain('70000');
    expect(await page.locator('[data-part].lit').count()).toBe(0);
    await page.close();
    expect(complaints).toEqual([]);
  });

  test.each([
    ['light', false],
    ['dark', true],
  ])('has nothing that an accessibility checker minds: %s', async (name, dark) => {
    const fragment = '#walk?in=eth0&proto=tcp&dst=203.0.113.1&dport=443&assume=local%3D203.0.113.1';
    const { page } = await openFile(browser, `${written(`axe-${name}`, gateway)}${fragment}`, dark);
    await page.locator('.ends').waitFor();
    // The policy of the page keeps others' scripts out, and the checker is one: it comes by the debugger.
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() =>
      (globalThis as unknown as { axe: { run(): Promise<{ violations: AxeViolation[] }> } }).axe.run(),
    );
    expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`)).toEqual(
      [],
    );
    await page.close();
  });

  test('what rules, names and addresses say stays text', async () => {
    const evil = `</script><script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)>"'&amp;\u202e`;
    const rules = [
      '*filter',
      ':INPUT DROP [0:0]',
      ':FORWARD ACCEPT [0:0]',
      ':OUTPUT ACCEPT [0:0]',
      ':<b>x</b> - [0:0]',
      `-A INPUT -i "<i>a" -m comment --comment "${evil.replaceAll('"', '\\"')}" -j ACCEPT`,
      '-A INPUT -j <b>x</b>',
      `-A "<b>x</b>" -p tcp -m comment --comment "{{7*7}}\${alert(4)}<!--" -j ACCEPT`,
      'COMMIT',
      `# ${evil}`,
    ].join('\n');
    const url = written('evil', rules);
    const { page, complaints } = await openFile(
      browser,
      `${url}#walk?in=eth0&proto=${encodeURIComponent(evil)}&more=${encodeURIComponent(evil)}`,
    );
    await page.locator('.ends').waitFor();
    await page.goto(`${url}#walk?in=eth0&proto=tcp&dport=80`);
    await expect
      .poll(() => page.locator('.ends').innerText(), patience)
      .toContain('filter <b>x</b> (line 8)');
    expect(await page.locator('img, main b:not(.card b), main i, iframe').count()).toBe(0);
    expect(await page.locator('script').count()).toBe(2);
    const shown = (await page.locator('#chains').textContent()) ?? '';
    expect(shown).toContain('<img src=x onerror=alert(2)>');
    expect(shown).toContain('\\u202e');
    await page.close();
    expect(complaints).toEqual([]);
  });

  test('lays out of 5,000 rules those that are seen, and finds one', { timeout: 120_000 }, async () => {
    const { page, complaints } = await openFile(browser, written('many', manyRules(5000)));
    const rules = page.locator('.rules li');
    expect(await rules.count()).toBe(5000);
    const isLaidOut = (line: Locator): Promise<boolean> =>
      line.evaluate((e) => (e as unknown as Line).checkVisibility({ contentVisibilityAuto: true }));
    expect(await isLaidOut(rules.last())).toBe(false);
    await rules.last().scrollIntoViewIfNeeded();
    await expect.poll(() => isLaidOut(rules.last()), patience).toBe(true);
    expect(await isLaidOut(rules.first())).toBe(false);
    await page.goto(`${page.url()}#walk?in=eth0&proto=tcp&src=10.19.135.1&dst=192.0.2.1&dport=22`);
    await expect.poll(() => page.locator('.walked').count(), patience).toBe(1);
    expect(await page.locator('.walked .number').innerText()).toBe('5000');
    // Walked beside the page: of two questions that follow each other, the page shows the answer to the second.
    expect(page.workers()).toHaveLength(1);
    await page.evaluate(() => {
      const place = (globalThis as unknown as { location: { hash: string } }).location;
      place.hash = '#walk?in=eth0&proto=tcp&src=10.0.1.1&dst=192.0.2.1&assume=remote%3D192.0.2.1';
      place.hash = '#walk?in=eth0&proto=tcp&src=10.0.2.1&dst=192.0.2.1&assume=remote%3D192.0.2.1';
    });
    await expect
      .poll(() => page.locator('.ends').allInnerTexts(), patience)
      .toContainEqual(expect.stringContaining('DROPPED'));
    expect(await page.locator('.walked .number').allTextContents()).toEqual(['3']);
    await page.locator('#find').fill('10.3.231.1');
    await expect.poll(() => page.locator('.rules li:not([hidden])').count(), patience).toBe(1);
    await page.close();
    expect(complaints).toEqual([]);
  });

  test('the policy of the page refuses scripts that are not its own', async () => {
    const { page, complaints } = await openFile(browser, written('policy', gateway));
    const ran = await page.evaluate(`
      const script = document.createElement('script');
      script.textContent = 'globalThis.stranger = true';
      document.body.append(script);
      'stranger' in globalThis;
    `);
    expect(ran).toBe(false);
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toContain('Content Security Policy');
    await page.close();
  });
});

/** An element of the picture, in the browser. */
interface Lit {
  readonly dataset: { readonly part: string };
}

interface Line {
  checkVisibility(options: { readonly contentVisibilityAuto: boolean }): boolean;
}

/** One chain; its n-th rule, from 0, drops what one address sends. */
function manyRules(count: number): string {
  const rules = Array.from({ length: count }, (_, n) => `-A FORWARD -s 10.${n >> 8}.${n & 255}.1 -j DROP`);
  return [
    '# Generated by iptables-save v1.8.9',
    '*filter',
    ':INPUT ACCEPT [0:0]',
    ':FORWARD ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ...rules,
    'COMMIT',
    '',
  ].join('\n');
}

interface AxeViolation {
  readonly id: string;
  readonly nodes: readonly { readonly target: readonly string[] }[];
}
