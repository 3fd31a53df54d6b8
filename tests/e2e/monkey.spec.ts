// Ten thousand things done at random: whatever is pressed, typed, dragged, opened and closed, the page goes on, and what
// was done can be shared. MONKEY_SEED does the same again.
import type { Page } from '@playwright/test';
import { press, watch, type Seen } from './monkey.ts';
import { expect, test } from './page.ts';

const BATCHES = 25;
const BATCH = 396;
/** Of each batch by the real mouse and the real keys. */
const REAL = 4;
const SIZES = [[1440, 900], [390, 844], [820, 1180], [320, 640], [1280, 720]] as const;

const seed = Number(process.env['MONKEY_SEED'] ?? 1);

/** Real input, which the page cannot tell from a person's. */
async function really(page: Page, turn: number): Promise<void> {
  const [width, height] = SIZES[turn % SIZES.length] ?? SIZES[0];
  if (turn % 5 === 0) await page.setViewportSize({ width, height });
  const at = (n: number): number => ((turn * 7919 + n * 104_729 + seed * 31) % 1000) / 1000;
  await page.mouse.move(at(1) * width, at(2) * height);
  await page.mouse.down();
  await page.mouse.move(at(3) * width, at(4) * height, { steps: 3 });
  await page.mouse.up();
  await page.keyboard.press(['Tab', 'Shift+Tab', 'Escape', 'ArrowRight', ' ', 'Enter', 'End', 'PageDown'][turn % 8] ?? 'Tab');
  await page.mouse.wheel(0, (at(5) - 0.5) * 800);
  await page.keyboard.press('Tab');
}

// A picture of the page for every deed would take longer than the deeds; the seed shows them again.
test.use({ trace: 'off' });

/** What has to hold whatever was done. */
async function check(page: Page, turn: number, deeds: readonly string[]): Promise<void> {
  const after = `in batch ${turn}, after ${deeds.slice(-25).join(' | ')}`;
  expect(await page.locator('#broken').isVisible(), `${await page.locator('#broken pre').allTextContents()} ${after}`).toBe(false);
  const { search, hash } = new URL(page.url());
  expect(decodeURIComponent(search), after).not.toMatch(/NaN|undefined|Infinity|\[object/);
  expect(search.length, after).toBeLessThan(1500);
  expect(hash, after).not.toMatch(/^#r1=.{32001}/);
}

test(`ten thousand things done at random (MONKEY_SEED=${seed})`, async ({ page }) => {
  test.setTimeout(600_000);
  console.log(`MONKEY_SEED=${seed}`);
  await page.addInitScript(watch);
  await page.goto('/?speed=2');
  await expect(page.locator('#play')).toBeVisible();
  let state = seed;
  for (let turn = 0; turn < BATCHES; turn += 1) {
    const batch = await page.evaluate(press, { seed: state, count: BATCH });
    state = batch.seed;
    await really(page, turn);
    await check(page, turn, batch.deeds);
  }
  expect(BATCHES * (BATCH + REAL)).toBe(10_000);
  await settle(page);
  const { spoken, lost, looked } = await page.evaluate(() => (globalThis as unknown as { monkeySaw: Seen }).monkeySaw);
  expect(lost, 'dialogs that left nothing with the keyboard').toEqual([]);
  expect(looked).toBeGreaterThan(5);
  const gaps = spoken.slice(1).map((at, n) => at - (spoken[n] ?? 0));
  // A timer may come a few milliseconds early.
  expect(gaps.filter((gap) => gap < 990), 'read out within a second of the last').toEqual([]);
  expect(spoken.length).toBeGreaterThan(5);

  // The address of it all opens without a complaint, and the run comes back to the bit.
  const digest = await keep(page);
  const settings = page.url().replace(/#.*/, '');
  await page.goto('about:blank');
  await page.goto(settings);
  await expect(page.locator('#play').or(page.locator('#compare-play')).filter({ visible: true })).toBeVisible({ timeout: 60_000 });
  await expect(page.locator('#notices li'), settings).toHaveCount(0);
  if (await page.locator('#share').isHidden()) await page.locator('#menu > summary').click();
  await page.locator('#share').click();
  await page.locator('#share-open').setInputFiles(test.info().outputPath('run.json'));
  await expect(page.locator('#notices')).toContainText(`, ${digest}`, { timeout: 240_000 });
});

/** Back to one run in English that stands still, with nothing on top of it. */
async function settle(page: Page): Promise<void> {
  await page.setViewportSize({ width: 1440, height: 900 });
  for (let left = 0; left < 3; left += 1) await page.keyboard.press('Escape');
  await expect(page.locator('#loading')).toBeHidden({ timeout: 120_000 });
  const leave = page.locator('#compare-leave');
  if (await leave.isVisible()) await leave.click();
  if ((await page.locator('#play').getAttribute('data-running')) === 'true') await page.locator('#play').click();
  await expect(page.locator('#play')).toHaveAttribute('data-running', 'false');
}

/** Saves the run as a file, for its link may be too long; returns its digest. */
async function keep(page: Page): Promise<string> {
  await page.locator('#share').click();
  const about = page.locator('#share-dialog > p').first();
  await expect(about).toContainText(/[0-9a-f]{16}/, { timeout: 120_000 });
  const digest = /[0-9a-f]{16}/.exec((await about.textContent()) ?? '')?.[0] ?? 'none';
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#out-run').click()]);
  await download.saveAs(test.info().outputPath('run.json'));
  await page.keyboard.press('Escape');
  return digest;
}
