// Whole journeys by the mouse alone, on the controls that a learner finds: the pointer really moves, presses and lets go.
import type { Locator, Page } from '@playwright/test';
import { writeFileSync } from 'node:fs';
import { expect, test } from './page.ts';

const both = { tag: '@both' };

async function open(page: Page, query: string): Promise<void> {
  await page.goto(`/${query}`);
  await expect(page.locator('#play')).toBeVisible();
}
/** Presses somewhere on a thing and lets go elsewhere, both as shares of its width. */
async function drag(page: Page, thing: Locator, from: number, to: number): Promise<void> {
  await thing.scrollIntoViewIfNeeded();
  const box = await thing.boundingBox();
  if (box === null) throw new Error('What should be dragged is not there.');
  const x = (share: number): number => box.x + 2 + share * (box.width - 4);
  await page.mouse.move(x(from), box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(x(to), box.y + box.height / 2, { steps: 3 });
  await page.mouse.up();
}
/** Where the slider of the timeline stands, in seconds. */
function now(page: Page): Promise<number> {
  return page.locator('#scrub').evaluate((slider: HTMLInputElement) => Number(slider.value));
}
async function playUntil(page: Page, seconds: number): Promise<void> {
  await page.locator('#play').click();
  await expect.poll(() => now(page), { timeout: 90_000 }).toBeGreaterThan(seconds);
  await page.locator('#play').click();
  await expect(page.locator('#play')).toHaveText('Play');
}

test('learn: break it by the slider, see it fail, mend it, and go on to the next task', async ({ page }) => {
  // Two tasks, each of which takes its time.
  test.setTimeout(240_000);
  await open(page, '?where=everything&speed=10');
  const loss = page.locator('#dial-loss_ppm');
  await page.locator('#play').click();
  await drag(page, loss, 0, 1);
  await expect(loss).toHaveAttribute('aria-valuetext', '90 percent of packets lost everywhere');
  await expect(page.locator('#task')).toContainText('Set packet loss back', { timeout: 60_000 });
  await expect(page.locator('#rung-users')).toContainText('hurt since');
  await drag(page, loss, 1, 0);
  await expect(loss).toHaveAttribute('aria-valuetext', '0 percent of packets lost everywhere');
  await expect(page.locator('#task')).not.toContainText('Set packet loss back', { timeout: 90_000 });
  await expect(page.locator('#task .dots [data-state=done]')).toHaveCount(2);
});

test('rewind: back along the slider of time, another deed there, and to the old branch again', both, async ({ page }) => {
  await open(page, '?speed=20');
  await page.locator('#fault-crash').click();
  await expect(page.locator('.in-force li')).toHaveCount(1);
  await playUntil(page, 45);
  await drag(page, page.locator('#scrub'), 0.99, 0.1);
  await expect.poll(() => now(page)).toBeLessThan(25);
  await expect(page.locator('.in-force li')).toHaveCount(0);
  await page.locator('#fault-hang-api').click();
  await expect(page.locator('.changed')).toContainText('You changed the past');
  await expect(page.locator('.in-force li')).toContainText('hangs');
  await page.locator('#time-details-toggle').click();
  await page.locator('.branches').getByRole('button', { name: 'Branch 1', exact: true }).click();
  await expect(page.locator('.branch-name[aria-current]')).toHaveText('Branch 1');
  await page.locator('#live').click();
  await expect(page.locator('.in-force li')).toContainText('has no power');
});

test('why: hurt a rung by the handle in the drawing, ask it, and see what would have been', both, async ({ page }) => {
  await open(page, '?where=everything&speed=10');
  const handle = page.locator('.loss-handle');
  await handle.evaluate((element) => element.scrollIntoView({ block: 'center' }));
  await drag(page, handle, 0.5, 2.4);
  await expect(handle).toHaveAttribute('aria-valuetext', /^[7-9]\d percent of packets lost everywhere$/);
  await page.locator('#play').click();
  const ask = page.locator('#rung-etcd').getByRole('button', { name: 'Why: etcd' });
  await expect(ask).toBeVisible({ timeout: 60_000 });
  await page.locator('#play').click();
  await ask.click();
  const steps = page.locator('#why .chain > li');
  await expect(steps.first()).toBeVisible();
  await expect(steps.last()).toHaveText('This was done from outside: here it began.');
  await steps.nth(-2).locator('.when').click();
  await expect(page.locator('#timeline .time')).toHaveText(/^32\.0\s*s$/);
  await page.getByRole('button', { name: /^What if/ }).last().click();
  await expect(page.locator('.told')).toHaveText(/^In this branch/, { timeout: 30_000 });
});

test('compare: ask a question, run both, go back to where they parted, leave', async ({ page }) => {
  await open(page, '?speed=10');
  await page.locator('#compare-open').click();
  await page.locator('#preset-cut-or-crashed').click();
  await expect(page.locator('#compare-question')).toBeVisible({ timeout: 30_000 });
  await page.locator('#compare-play').click();
  await expect(page.locator('#compare-parted')).toHaveText(/^The same until 35\.0\s*s\. Then/, { timeout: 60_000 });
  await page.locator('#compare-play').click();
  await page.locator('#compare-to-parted').click();
  await expect(page.locator('#compare-time')).toHaveText(/^35\.0\s*s$/);
  await page.locator('#compare-leave').click();
  await expect(page.locator('#compare-open')).toBeFocused();
});

test('share: what was dragged and broken comes back by its link, with the same digest', async ({ page }) => {
  await open(page, '?seed=11');
  await drag(page, page.locator('#dial-loss_ppm'), 0, 0.5);
  await page.locator('#fault-pause').click();
  for (let steps = 0; steps < 3; steps += 1) await page.locator('#step').click();
  await page.locator('#share').click();
  const about = page.locator('#share-dialog > p').first();
  await expect(about).toContainText(/digest [0-9a-f]{16}/);
  const digest = /digest ([0-9a-f]{16})/.exec((await about.textContent()) ?? '')?.[1] ?? 'none';
  const link = await page.locator('#share-link').inputValue();
  const spoken = await page.locator('#dial-loss_ppm').getAttribute('aria-valuetext');
  await page.goto('about:blank');
  await page.goto(link);
  await expect(page.locator('#notices')).toContainText(`the same digest, ${digest}`);
  await expect(page.locator('#dial-loss_ppm')).toHaveAttribute('aria-valuetext', spoken ?? 'nothing');
  await expect(page.locator('.in-force li')).toHaveCount(1);
});

test('export and import: what is saved as a file can be opened again', both, async ({ page }, info) => {
  // Firefox tells nobody who drives it of what it saves, so the page is asked.
  await page.addInitScript(() => {
    const make = URL.createObjectURL;
    URL.createObjectURL = (blob) => {
      if (blob instanceof Blob && blob.type.startsWith('application/json')) Object.assign(globalThis, { saved: blob.text() });
      return make.call(URL, blob);
    };
    HTMLAnchorElement.prototype.click = () => undefined;
  });
  await open(page, '?seed=12');
  await page.locator('#fault-crash').click();
  await page.locator('#step').click();
  await page.locator('#share').click();
  await page.locator('#out-run').click();
  await expect(page.locator('#share-dialog .status')).toContainText('.json');
  const run = await page.evaluate(() => (globalThis as unknown as { saved: Promise<string> }).saved);
  const { digest } = JSON.parse(run) as { digest: string };
  writeFileSync(info.outputPath('run.json'), run);
  await open(page, '?seed=13');
  await page.locator('#share').click();
  await page.locator('#share-open').setInputFiles(info.outputPath('run.json'));
  await expect(page.locator('#notices')).toContainText(`the same digest, ${digest}`);
  await expect(page.locator('#seed')).toHaveValue('12');
});
