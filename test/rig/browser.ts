import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import * as z from 'zod';

/** For whatever a test waits for on a page, in milliseconds. */
const patienceMs = 10_000;

/** Debian's Chromium, without a screen. */
export async function openBrowser(): Promise<Browser> {
  // Root has no sandbox of its own; the page is ours.
  return await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  });
}

export interface Tab extends AsyncDisposable {
  readonly page: Page;
  /** What the page has complained of; its security policy does so here, too. */
  readonly complaints: string[];
}

export async function openTab(browser: Browser, colorScheme: 'dark' | 'light' = 'light'): Promise<Tab> {
  const context = await browser.newContext({ colorScheme, viewport: { width: 1280, height: 800 } });
  context.setDefaultTimeout(patienceMs);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() };
}

const axeFile = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const violationsSchema = z.array(
  z.object({ id: z.string(), nodes: z.array(z.object({ html: z.string(), failureSummary: z.string() })) }),
);

/** What axe-core finds wrong: WCAG 2.2 A and AA, and its best practices. */
export async function accessibilityProblems(page: Page): Promise<readonly string[]> {
  // Not a script of the page, which its policy would refuse.
  await page.evaluate(await readFile(axeFile, 'utf8'));
  const found = await page.evaluate('axe.run().then(({ violations }) => violations)');
  return violationsSchema
    .parse(found)
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}: ${failureSummary}`));
}
