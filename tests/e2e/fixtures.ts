import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { test as base, expect, type Page } from '@playwright/test';
import { Davit } from './davit.ts';
import { out } from './places.ts';

interface Fixtures {
  /** A Davit of this test alone. */
  davit: Davit;
  /** Its page, signed in, with nothing in it yet. */
  app: Page;
}

export const test = base.extend<Fixtures>({
  davit: async ({}, use) => {
    const davit = new Davit([process.env.DAVIT_E2E_REGISTRY!], [process.env.DAVIT_E2E_SLOW!]);
    await use(davit);
    await davit.remove();
  },
  app: async ({ page, davit }, use) => {
    const faults: string[] = [];
    page.on('pageerror', (e) => faults.push(e.message));
    page.on('console', (m) => m.type() === 'error' && /Content Security Policy|Refused to/.test(m.text()) && faults.push(m.text()));
    // Choosers are caught from the first on: a test that begins to wait for one
    // as it presses a key may be told to the page after the key.
    page.on('filechooser', () => {});
    await hamper(page);
    await page.goto(await davit.serve());
    await expect(page.getByRole('navigation')).toBeVisible();
    await use(page);
    expect(faults, 'the page has no faults and breaks no policy').toEqual([]);
  },
});

export { expect };

/** DAVIT_E2E_SLOWER=6 plays a computer six times as slow, far from the engine: what counts on haste fails. */
async function hamper(page: Page): Promise<void> {
  const rate = Number(process.env.DAVIT_E2E_SLOWER ?? 1);
  if (rate <= 1) return;
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate });
  await devtools.send('Network.emulateNetworkConditions', { offline: false, latency: 10 * rate, downloadThroughput: -1, uploadThroughput: -1 });
}

const themes = ['light', 'dark'] as const;

/** What is on screen now has no serious finding, in either theme or in those that are named. */
export async function expectAccessible(page: Page, what: string, within: readonly (typeof themes)[number][] = themes): Promise<void> {
  for (const colorScheme of within) {
    await page.emulateMedia({ colorScheme });
    await settled(page);
    const { violations } = await new AxeBuilder({ page }).analyze();
    const bad = violations
      .filter((v) => v.impact === 'serious' || v.impact === 'critical')
      .map((v) => `${v.id}: ${v.nodes.map((n) => `${n.html} ${n.failureSummary}`).join('\n')}`);
    expect(bad, `${what}, ${colorScheme}`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: null });
}

/** What was asked for is drawn and transitions are over, so that colours are what they become. */
export async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
    const running = document.getAnimations().filter((a) => a.effect?.getComputedTiming().iterations !== Infinity);
    await Promise.all(running.map((a) => a.finished.catch(() => {})));
  });
}

/** Leads the page to one of its own addresses. */
export async function go(page: Page, hash: string): Promise<void> {
  await page.evaluate((to) => (location.hash = to), hash);
}

const sizes = [360, 1120, 1600];

/** Pictures of what is on screen in both themes, narrow to wide. */
export async function pictures(page: Page, name: string): Promise<void> {
  const before = page.viewportSize()!;
  for (const colorScheme of themes) {
    await page.emulateMedia({ colorScheme });
    for (const width of sizes) {
      await page.setViewportSize({ width, height: width < 500 ? 740 : width > 1500 ? 1000 : 720 });
      await settled(page);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(overflow, `${name} at ${width} px is not wider than the window`).toBeLessThanOrEqual(0);
      await shot(page, join(out, `${name}-${colorScheme}-${width}.png`));
    }
  }
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(before);
}

export async function shot(page: Page, path: string): Promise<void> {
  await settled(page);
  mkdirSync(dirname(path), { recursive: true });
  await page.screenshot({ path });
}

/** Answers one method of the API with this instead of the engine's answer. */
export async function answer(page: Page, method: string, status: number, body: string): Promise<void> {
  await page.route(`**/v1/${method}`, (route) => route.fulfill({ status, contentType: 'application/json', body }));
}

/** The host port of the container's one published port, as the command line tells it. */
export async function portOf(davit: Davit, name: string): Promise<string> {
  return (await davit.cli('port', name)).split('\n')[0]!.split(' -> ')[1]!.replace('0.0.0.0', '127.0.0.1');
}
