// Two runs of one luck, side by side. The engine is the real one.
import type { Page } from '@playwright/test';
import { violations } from './axe.ts';
import { expect, test } from './page.ts';

async function open(page: Page, query = ''): Promise<void> {
  await page.goto(`/${query}`);
  await expect(page.locator('#play').or(page.locator('#compare-play')).filter({ visible: true })).toBeVisible();
}

/** Runs at this speed until a sentence says what the test waits for. */
async function run(page: Page, until: () => Promise<void>): Promise<void> {
  await page.locator('#compare-play').click();
  await until();
  await page.locator('#compare-play').click();
}

test('a question is asked, run and left with the keyboard alone', { tag: '@both' }, async ({ page }) => {
  await open(page, '?speed=5');
  await page.locator('#compare-open').focus();
  await page.keyboard.press('Enter');
  await expect(page.locator('#compare-dialog')).toBeVisible();
  await page.locator('#preset-cut-or-crashed').focus();
  await page.keyboard.press('Enter');
  await expect(page.locator('#compare-question')).toBeFocused({ timeout: 30_000 });
  await expect(page.locator('#compare-question')).toHaveText('Is a member that is cut off worse than one that crashed?');
  await expect(page).toHaveURL(/scenario=quiet.*compare=cut-or-crashed/);
  await expect(page.locator('#compare-time')).toHaveText(/^32\.0\s*s$/);
  await expect(page.locator('#compare-parted')).toContainText('The same so far');
  for (let presses = 0; presses < 60; presses += 1) {
    if ((await page.evaluate(() => document.activeElement?.id)) === 'compare-play') break;
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('Enter');
  await expect(page.locator('#compare-parted')).toHaveText(/^The same until 35\.0\s*s\. Then, only in B: etcd-\d/, { timeout: 30_000 });
  // What was first is also the first to be noticed: it is said once.
  await expect(page.locator('#compare-heard')).toBeEmpty();
  await expect(page.locator('#compare-rungs')).toContainText('hurt since');
  await expect(page.locator('#voice')).not.toBeEmpty();
  await page.keyboard.press('Enter');
  // There again is before the difference: nothing has happened yet.
  await page.locator('#compare-to-parted').focus();
  await page.keyboard.press('Enter');
  await expect(page.locator('#compare-time')).toHaveText(/^35\.0\s*s$/);
  await page.locator('#compare-line').focus();
  for (let presses = 0; presses < 5; presses += 1) await page.keyboard.press('ArrowLeft');
  await expect(page.locator('#compare-time')).toHaveText(/^34\.5\s*s$/);
  await expect(page.locator('#compare-parted')).toContainText('The same so far');
  await page.locator('#compare-leave').focus();
  await page.keyboard.press('Enter');
  await expect(page.locator('#compare')).toBeHidden();
  await expect(page.locator('#compare-open')).toBeFocused();
  await expect(page.locator('#timeline .time')).toHaveText(/^34\.5\s*s$/);
  await expect(page).not.toHaveURL(/compare=/);
});

test('an address leads to a preset', async ({ page }) => {
  await open(page, '?compare=pre-vote&seed=2&speed=20');
  await expect(page.locator('#compare-question')).toHaveText('What does PreVote prevent?', { timeout: 30_000 });
  await run(page, async () => {
    await expect(page.locator('#b-rung-etcd')).toContainText('hurt since', { timeout: 30_000 });
    await expect(page.locator('#compare-time')).toHaveText(/^(7\d|8\d|9\d|1\d\d)\.\d\s*s$/, { timeout: 60_000 });
  });
  const term = async (side: string): Promise<number> => {
    const name = await page.locator(`.side:nth-child(${side}) .member .target`).first().getAttribute('aria-label');
    return Number(/term (\d+)/.exec(name ?? '')?.[1] ?? 0);
  };
  expect(await term('2')).toBeGreaterThan((await term('1')) + 5);
});

test('this run against the same with one dial elsewhere', async ({ page }) => {
  await open(page, '?speed=10');
  await page.locator('#compare-open').click();
  await page.locator('#compare-dial').selectOption('loss_ppm');
  await page.locator('#compare-value').fill('40');
  await page.locator('#compare-go-dial').click();
  await expect(page.locator('#compare-question')).toHaveText(/What if: Packet loss 40\s*%\?/);
  await run(page, () => expect(page.locator('#b-rung-network')).toContainText('40 % of packets lost'));
  await expect(page.locator('#a-rung-network')).toContainText('healthy');
  await expect(page.locator('#compare-parted')).toContainText('The same until 32.0');
  // What differs stays; everything else is done to both.
  await page.getByText('Dials and faults for both').click();
  await page.locator('#dial-loss_ppm').fill('300');
  await expect(page.locator('#refused-loss_ppm')).toContainText('This dial is what differs between the runs');
  await page.locator('#fault-crash').click();
  for (const side of ['a', 'b']) await expect(page.locator(`#${side}-rung-network`)).toContainText('has no power');
  await page.getByRole('button', { name: 'Heal all' }).click();
  for (const side of ['a', 'b']) await expect(page.locator(`#${side}-rung-network`)).not.toContainText('has no power');
  await page.locator('#compare-go-on').click();
  await expect(page.locator('#compare')).toBeHidden();
  await expect(page.locator('#dial-loss_ppm')).toHaveAttribute('aria-valuetext', /^40 percent/);
});

test('this run against a fault, and against another cluster', async ({ page }) => {
  await open(page, '?speed=10');
  await page.locator('#compare-open').click();
  await page.locator('#compare-fault').selectOption('crash');
  await page.locator('#compare-go-fault').click();
  await page.locator('#compare-step').click();
  await expect(page.locator('#b-rung-network')).toContainText('host 1 has no power');
  await page.locator('#compare-leave').click();
  await page.locator('#compare-open').click();
  await page.locator('#compare-go-topology').click();
  await expect(page.locator('#compare-parted')).toHaveText('They are two clusters, so they differ from the start.', { timeout: 30_000 });
  await expect(page.getByRole('button', { name: /^Host 6/i })).toHaveCount(1);
  await page.locator('#compare-go-on').click();
  await expect(page).toHaveURL(/etcd=external/);
});

/** Plays until this moment of the run, in seconds, and pauses. */
async function playUntil(page: Page, seconds: number): Promise<void> {
  await page.locator('#play').click();
  const now = (): Promise<number> => page.locator('#scrub').evaluate((slider: HTMLInputElement) => Number(slider.value));
  await expect.poll(now, { timeout: 90_000 }).toBeGreaterThan(seconds);
  await page.locator('#play').click();
  await expect(page.locator('#play')).toHaveText('Play');
}
/** A run with two branches: host 2 crashes at the beginning; in the second, played now, something else at 38 s. */
async function twoBranches(page: Page): Promise<void> {
  await open(page, '?speed=20');
  await page.locator('#fault-at').selectOption({ label: 'host 2' });
  await page.locator('#fault-crash').click();
  await playUntil(page, 46);
  const scrub = page.locator('#scrub');
  await scrub.press('Home');
  for (const key of ['PageUp', ...Array<string>(8).fill('ArrowRight')]) await scrub.press(key);
  await expect(page.locator('#timeline .time')).toHaveText(/^38\.0\s*s$/);
  await page.locator('#fault-at').selectOption({ label: 'host 3' });
  await page.locator('#fault-isolate').click();
  await expect(page.locator('.branches li')).toHaveCount(2);
}

test('two branches are compared from the list, and none is lost', async ({ page }) => {
  await twoBranches(page);
  const compare = page.getByRole('button', { name: 'Compare Branch 2 with Branch 1' });
  await expect(compare).toHaveCount(1);
  await compare.focus();
  await page.keyboard.press('Enter');
  await expect(page.locator('#compare-question')).toBeFocused({ timeout: 30_000 });
  await expect(page.locator('#compare-question')).toHaveText('Where do Branch 2 and Branch 1 part?');
  // As far as either was played, for they part only now.
  await expect(page.locator('#compare-time')).toHaveText(/^[4-9]\d\.\d\s*s$/);
  await expect(page.locator('#compare-parted')).toHaveText(/^The same until 38\.0\s*s\. Then/);
  await expect(page.getByRole('region', { name: 'Run A: Branch 2' })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Run B: Branch 1' })).toBeVisible();
  await expect(page.locator('#a-rung-network')).toContainText('and 1 more');
  await expect(page.locator('#b-rung-network')).not.toContainText('and 1 more');
  expect(await violations(page)).toEqual([]);
  await page.locator('#compare-to-parted').click();
  await expect(page.locator('#compare-time')).toHaveText(/^38\.0\s*s$/);
  await page.locator('#compare-leave').focus();
  await page.keyboard.press('Enter');
  await expect(compare).toBeFocused();
  // The choice is also there among the others, and in an open comparison.
  await page.locator('#compare-open').click();
  await page.locator('#compare-go-dial').click();
  await expect(page.locator('#compare-question')).toContainText('What if');
  await page.locator('#compare-open').click();
  await expect(page.getByRole('group', { name: 'as another branch' })).toBeVisible();
  await expect(page.locator('#compare-branch option')).toHaveText(['Branch 1']);
  expect(await violations(page)).toEqual([]);
  await page.locator('#compare-go-branch').click();
  await expect(page.locator('#compare-question')).toHaveText('Where do Branch 2 and Branch 1 part?', { timeout: 30_000 });
  await page.locator('#compare-go-on').click();
  await expect(page.locator('.branches li')).toHaveCount(2);
  await expect(page.locator('.branch-name[aria-current]')).toHaveText('Branch 1');
  await expect(page.locator('.in-force li')).toHaveCount(1);
});

for (const [name, view] of Object.entries({
  light: { colorScheme: 'light', viewport: { width: 1440, height: 900 } },
  phone: { colorScheme: 'dark', viewport: { width: 390, height: 844 } },
} as const)) {
  test.describe(name, () => {
    test.use(view);
    test('axe finds nothing in a comparison, and nothing sticks out', async ({ page }) => {
      await open(page, '?speed=10');
      await page.locator('#compare-open').click();
      expect(await violations(page)).toEqual([]);
      await page.locator('#preset-follower-or-leader').click();
      await expect(page.locator('#compare-question')).toBeVisible({ timeout: 30_000 });
      await page.getByText('Dials and faults for both').click();
      await page.locator('#compare-tables').click();
      expect(await violations(page)).toEqual([]);
      await run(page, () => expect(page.locator('#compare-heard')).toContainText('First to be noticed', { timeout: 30_000 }));
      expect(await violations(page)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(0);
    });
  });
}
