// The reference view: what real systems did, beside the model and the run at hand.
import type { Page } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { en } from '../../www/locales/en.ts';
import type { Situation } from '../../www/src/reference.ts';
import { violations } from './axe.ts';
import { expect, test } from './page.ts';

const DATA: Situation[] = JSON.parse(readFileSync(`${__dirname}/../../www/reference.json`, 'utf8'));
const FOLD = 'Reference: what real systems did';

async function open(page: Page, query: string): Promise<void> {
  await page.goto(`/${query}`);
  await expect(page.locator('#play')).toBeVisible();
}
/** Opens the fold by the keyboard alone. */
async function unfold(page: Page): Promise<void> {
  await page.locator('summary', { hasText: FOLD }).focus();
  await page.keyboard.press('Enter');
}
/** Plays until this moment of the run, in seconds, and pauses. */
async function playUntil(page: Page, seconds: number): Promise<void> {
  await page.locator('#play').click();
  await expect.poll(() => page.locator('#scrub').evaluate((slider: HTMLInputElement) => Number(slider.value)), { timeout: 90_000 }).toBeGreaterThan(seconds);
  await page.locator('#play').click();
  await expect(page.locator('#play')).toHaveText('Play');
}
/** The line of a statistic at a place: what was measured, the model, this run. */
function line(page: Page, place: string, statistic: string) {
  const body = page.locator('.reference tbody').filter({ has: page.getByRole('rowheader', { name: place }) });
  return body.getByRole('row').filter({ hasText: statistic }).getByRole('cell');
}
function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

test('every statistic, place and situation has its words', () => {
  const slug = (name: string): string => name.replaceAll(/\W+/g, '_');
  const names = DATA.flatMap(({ setting, stats }) => [
    `ref_setting_${slug(setting)}`,
    ...stats.flatMap(({ name, place }) => [`ref_${slug(name)}`, `ref_place_${slug(place)}`]),
  ]);
  expect(names.length).toBeGreaterThan(100);
  expect([...new Set(names)].filter((name) => !(name in en))).toEqual([]);
});

test('a run fares as the measured systems did', async ({ page }) => {
  const figures: string[] = [];
  page.on('request', (request) => {
    if (/reference.*\.js$/.test(request.url())) figures.push(request.url());
  });
  await open(page, '?scenario=lossy-member&speed=20');
  expect(figures).toEqual([]);
  await unfold(page);
  const table = page.getByRole('table', { name: /Kubernetes 1\.20\.2/ });
  await expect(table).toBeVisible();
  expect(figures.length).toBe(1);
  await expect(table.getByRole('columnheader')).toHaveText(['From the fault on', 'Measured', 'Model', 'This run']);
  const fails = line(page, 'At the faulty host', 'First write fails');
  await expect(fails.nth(0)).toHaveText(/^7\.9\s*s$/);
  // The model's figure moves with the engine; `fidelity write` renews it.
  const { model } = DATA[0]?.stats.find(({ place, name }) => place === 'the faulty host' && name === 'PATCH first error') ?? {};
  await expect(fails.nth(1)).toHaveText(new RegExp(`${model?.toFixed(1)}\\s*s, inside what was measured$`));
  await expect(fails.nth(2)).toHaveText('not yet');
  const share = line(page, 'At the faulty host', 'Writes that succeed');
  await expect(share.nth(0)).toHaveText(/^0\s*%$/);
  await expect(share.nth(2)).toHaveText('not yet');
  await expect(page.locator('.reference .status')).toHaveText('In this run nothing is broken yet.');
  await playUntil(page, 63);
  await expect(page.locator('.reference .status')).toHaveText(/it is \d\d\.\d\s*s since the fault\./);
  await expect(share.nth(2)).toHaveText(/^[<\d. ]+\s*%$/);
  expect(parseFloat((await share.nth(2).textContent())?.replace('<', '') ?? '')).toBeLessThan(20);
  await expect(line(page, 'At another host', 'Writes that succeed').nth(2)).toHaveText(/^(100|99\.\d)\s*%$/);
  // When the first fails is a throw of the dice, but not whether within half a minute.
  await expect(fails.nth(2)).toHaveText(/^[12]?\d\.\d\s*s$/);
  await expect(line(page, 'At another host', 'First write fails').nth(2)).toHaveText('not so far');
  await expect(line(page, 'At the faulty host', 'API server first says').nth(2)).toHaveText(/^\d\.\d\s*s$/);
  await expect(line(page, 'At the faulty member', 'First without a leader').nth(2)).toHaveText(/^[12]?\d\.\d\s*s$/);
  await expect(line(page, 'At a healthy follower', 'First without a leader').nth(2)).toHaveText('not so far');
  await expect(page.locator('#reference')).toContainText('The dial is “Patience of watch caches”.');
  await expect(line(page, 'At the faulty member', 'Half of the writes to etcd').nth(0)).toHaveText(/^10\.0\s*s or more$/);
  await expect(line(page, 'At the faulty member', 'Half of the writes to etcd').nth(2)).toHaveText(/not counted in a single run/);
});

test('going back in time takes back what had happened', async ({ page }) => {
  await open(page, '?scenario=member-cut&speed=50');
  await unfold(page);
  await playUntil(page, 70);
  const fails = line(page, 'At the faulty host', 'First write fails').nth(2);
  await expect(fails).toHaveText(/^\d+\.\d\s*s$/);
  await page.locator('#scrub').press('Home');
  await expect(fails).toHaveText('not yet');
  await expect(page.locator('.reference .status')).toHaveText('In this run nothing is broken yet.');
});

test('it adds one tab stop, and does nothing while it is closed', async ({ page }) => {
  await open(page, '?scenario=lossy-member&speed=20');
  expect(await page.locator('#reference').locator('summary, button, a, input, select, [tabindex="0"]').count()).toBe(1);
  await unfold(page);
  await expect(page.locator('.reference table')).toHaveCount(2);
  await unfold(page);
  await playUntil(page, 40);
  await expect(page.locator('.reference .status')).toHaveText('In this run nothing is broken yet.');
});

for (const [name, options] of Object.entries({
  desktop: { colorScheme: 'light', viewport: { width: 1440, height: 900 } },
  phone: { colorScheme: 'dark', viewport: { width: 390, height: 844 } },
  narrow: { colorScheme: 'light', viewport: { width: 320, height: 844 } },
} as const)) {
  test.describe(name, () => {
    test.use(options);

    test('axe finds nothing in it, and nothing sticks out', async ({ page }) => {
      await open(page, '?scenario=lossy-member&speed=20');
      await unfold(page);
      await expect(page.locator('.reference table')).toHaveCount(2);
      await playUntil(page, 30);
      expect(await violations(page)).toEqual([]);
      expect(await overflow(page)).toBe(0);
      expect(await page.locator('#reference').evaluate((element) => element.scrollWidth - element.clientWidth)).toBe(0);
    });
  });
}

test('where nothing was measured it says so, and leads to where something was', async ({ page }) => {
  await open(page, '');
  await unfold(page);
  await expect(page.locator('#reference')).toContainText('Nothing was measured in this situation.');
  await expect(page.locator('#reference').getByRole('button')).toHaveCount(5);
  expect(await violations(page)).toEqual([]);
  await page.locator('#reference').getByRole('button', { name: 'One member is cut off' }).click();
  await expect(page.getByRole('table', { name: /Kubernetes 1\.20\.2/ })).toBeVisible();
  await expect(page.locator('#scenario')).toHaveValue('member-cut');
  await expect(page.locator('summary', { hasText: FOLD })).toBeFocused();
});
