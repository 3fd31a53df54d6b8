// What axe finds, on every view and in every state that it can be led to; and that the page fits small screens.
import type { Page } from '@playwright/test';
import { violations } from './axe.ts';
import { expect, test } from './page.ts';

const VIEWS = {
  light: { colorScheme: 'light', viewport: { width: 1440, height: 900 } },
  dark: { colorScheme: 'dark', viewport: { width: 1280, height: 720 } },
  tablet: { colorScheme: 'light', viewport: { width: 820, height: 1180 } },
  phone: { colorScheme: 'dark', viewport: { width: 390, height: 844 } },
} as const;

/** Opens everything that folds, breaks something, and lets it run for a while. */
async function breakThings(page: Page): Promise<void> {
  await page.getByText('More dials').click();
  for (const details of await page.locator('main details').all()) await details.evaluate((element: HTMLDetailsElement) => (element.open = true));
  await page.locator('#charts-tables').click();
  await page.locator('#fault-at').selectOption({ label: 'host 2' });
  await page.locator('#fault-isolate').click();
  await page.locator('#fault-at').selectOption({ label: 'host 3' });
  await page.locator('#fault-hang-api').click();
  const exact = page.getByRole('spinbutton', { name: /^Lease duration/ });
  await exact.fill('5');
  await exact.press('Enter');
  await page.locator('#play').click();
  await expect(page.locator('#rung-etcd')).toHaveAttribute('data-level', /[12]/, { timeout: 30_000 });
  await page.locator('#play').click();
  await page.locator('#event-list li').first().getByRole('button', { name: 'Why' }).click();
  await expect(page.locator('#why h3')).toBeVisible();
}

for (const [name, view] of Object.entries(VIEWS)) {
  test.describe(name, () => {
    test.use(view);

    test('axe finds nothing', async ({ page }) => {
      await page.goto('/?loss=30&speed=5&nonsense=1');
      await expect(page.locator('#play')).toBeVisible();
      expect(await violations(page)).toEqual([]);
      await breakThings(page);
      expect(await violations(page)).toEqual([]);
    });
  });
}

for (const width of [390, 320]) {
  test(`nothing sticks out at ${width} px`, async ({ page }) => {
    await page.setViewportSize({ width, height: 800 });
    await page.goto('/');
    await expect(page.locator('#play')).toBeVisible();
    const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(await overflow()).toBe(0);
    await breakThings(page);
    expect(await overflow()).toBe(0);
  });
}

test('targets are large enough to hit', async ({ page }) => {
  await page.goto('/');
  await expect(page.locator('#play')).toBeVisible();
  const small = await page.evaluate(() =>
    // A link is hit by a stroke of 24 px, which is not part of its box.
    [...document.querySelectorAll('button, select, input, summary, [role=button]:not(.link > *), [role=slider]')].flatMap((element) => {
      const { width, height } = element.getBoundingClientRect();
      return width > 0 && (width < 24 || height < 24) ? [`${element.id || element.getAttribute('class') || element.textContent}: ${width} × ${height}`] : [];
    }),
  );
  expect(small).toEqual([]);
});

test('what happens is read out, but not when quiet', async ({ page }) => {
  await page.goto('/?speed=5');
  const voice = page.locator('#voice');
  await page.locator('#play').click();
  await page.locator('#fault-crash').click();
  await expect(voice).toHaveText(/etcd-\d (leads|lost)|exited|knows no leader|holds the Lease/, { timeout: 30_000 });
  await page.locator('#view > summary').click();
  await page.getByLabel('Quiet for screen readers').check();
  await page.waitForTimeout(1500);
  const before = await voice.textContent();
  await page.getByRole('button', { name: 'Heal all' }).click();
  await page.waitForTimeout(4000);
  expect(await voice.textContent()).toBe(before);
});
