// What the page spends: reported beside its budgets, not asserted, because a busy machine's tail tells of its other work.
// What must be nothing is asserted.
import type { Page } from '@playwright/test';
import { expect, test } from './page.ts';

/** The budget of a frame's view work, in ms at the 95th percentile. */
const VIEW_MS = 4;
/** How long frames are counted, in ms. */
const MEASURED = 2_500;

interface Stats {
  frames: number;
  view_ms_p50: number;
  view_ms_p95: number;
  view_ms_p99: number;
  engine_ms: number;
}

const read = (page: Page): Promise<Stats> =>
  page.evaluate(() => {
    const { frames, view_ms_p50, view_ms_p95, view_ms_p99, engine_ms } = (globalThis as unknown as { brownoutStats: Stats }).brownoutStats;
    return { frames, view_ms_p50, view_ms_p95, view_ms_p99, engine_ms };
  });

/** Counts the frames of a page that runs, from now on. */
async function measure(page: Page, what: string): Promise<void> {
  await page.evaluate(() => Object.assign((globalThis as unknown as { brownoutStats: Stats }).brownoutStats, { frames: 0 }));
  await page.waitForTimeout(MEASURED);
  const { frames, view_ms_p50, view_ms_p95, view_ms_p99, engine_ms } = await read(page);
  const [p50, p95, p99] = [view_ms_p50, view_ms_p95, view_ms_p99].map((ms) => ms.toFixed(1));
  const fps = ((frames * 1000) / MEASURED).toFixed(0);
  console.log(`view work, ${what}: ${p50} / ${p95} / ${p99} ms at the 50th, 95th, 99th percentile (budget ${VIEW_MS} at the 95th), ${fps} frames a second, engine ${engine_ms.toFixed(1)} ms a frame`);
  expect(frames).toBeGreaterThan(0);
}

async function open(page: Page, query: string): Promise<void> {
  await page.goto(`/${query}`);
  await expect(page.locator('#play').or(page.locator('#compare-play')).filter({ visible: true })).toBeVisible();
}

test('what a frame takes', async ({ page }) => {
  await open(page, '?loss=30&where=all-members&speed=1');
  await page.locator('#play').click();
  await measure(page, 'loss 30 % everywhere, lanes shown, 1×');
  await open(page, '?loss=30&where=all-members&speed=1000');
  await page.locator('#play').click();
  await measure(page, 'the same as fast as it goes');
  await open(page, '?scenario=quorum-lost&speed=10');
  await page.locator('#play').click();
  const event = page.locator('#event-list li').filter({ hasText: 'gives up and exits' }).first();
  await event.getByRole('button', { name: /^Why: / }).click();
  await expect(page.locator('#why h3')).toBeVisible();
  await measure(page, 'with an answer to Why open, 10×');
  await open(page, '?compare=cut-or-crashed&speed=1');
  await page.locator('#compare-play').click();
  await measure(page, 'two runs compared, 1×');
});

test('how soon it can be used, and what it keeps', async ({ page }) => {
  test.setTimeout(300_000);
  await page.goto('/');
  await expect(page.locator('#play')).toBeVisible();
  const ready = await page.evaluate(() => performance.getEntriesByName('ready')[0]?.startTime ?? NaN);
  console.log(`usable ${ready.toFixed(0)} ms after the visit began (budget 1000 on a laptop)`);
  await open(page, '?loss=30&where=all-members&speed=1000');
  await page.locator('#play').click();
  await expect(page.locator('#timeline .time')).toHaveText(/^1\d\smin/, { timeout: 240_000 });
  await page.locator('#play').click();
  const heap = await page.evaluate(() => (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize);
  const engine = await page.evaluate(() => (globalThis as unknown as { brownoutStats: { engine_bytes(): number } }).brownoutStats.engine_bytes());
  console.log(`after ten minutes of the run: ${(heap / 1e6).toFixed(0)} MB of scripts, ${(engine / 1e6).toFixed(0)} MB of the engine`);
});

test('nothing is done while hidden', async ({ page }) => {
  await open(page, '?speed=1');
  await page.locator('#play').click();
  await expect.poll(async () => (await read(page)).frames).toBeGreaterThan(5);
  // What a browser does with a tab in the background.
  const hide = (hidden: boolean): Promise<void> =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
  await hide(true);
  await page.waitForTimeout(200);
  const before = { ...(await read(page)), time: await page.locator('#timeline .time').textContent() };
  await page.waitForTimeout(1_000);
  const after = { ...(await read(page)), time: await page.locator('#timeline .time').textContent() };
  expect([after.frames, after.time]).toEqual([before.frames, before.time]);
  await hide(false);
  await expect.poll(async () => (await read(page)).frames).toBeGreaterThan(after.frames + 5);
});
