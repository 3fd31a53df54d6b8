// Going through time: seeking, playing backwards, changing the past. The engine is the real one.
import type { Page } from '@playwright/test';
import { violations } from './axe.ts';
import { expect, test } from './page.ts';

async function open(page: Page, query = ''): Promise<void> {
  await page.goto(`/${query}`);
  await expect(page.locator('#play')).toBeVisible();
}
/** Plays until this moment of the run, in seconds, and pauses. */
async function playUntil(page: Page, seconds: number): Promise<void> {
  await page.locator('#play').click();
  await expect.poll(() => now(page), { timeout: 90_000 }).toBeGreaterThan(seconds);
  await page.locator('#play').click();
  await expect(page.locator('#play')).toHaveText('Play');
}
/** Where the slider stands, in seconds. */
function now(page: Page): Promise<number> {
  return page.locator('#scrub').evaluate((slider: HTMLInputElement) => Number(slider.value));
}
/** Goes to a whole second by the keys alone. */
async function goTo(page: Page, seconds: number): Promise<void> {
  const scrub = page.locator('#scrub');
  await scrub.press('Home');
  for (let left = seconds; left > 0; left -= left >= 10 ? 10 : 1) await scrub.press(left >= 10 ? 'Shift+ArrowRight' : 'ArrowRight');
  await expect(scrub).toHaveAttribute('aria-valuetext', new RegExp(`^${seconds}\\.0`));
}
function time(page: Page) {
  return page.locator('#timeline .time');
}
/** Everything executed up to here, as one number. */
async function digest(page: Page): Promise<string> {
  return (await page.locator('#digest').textContent()) ?? '';
}

test('the keys move through the run, and lead to its ends', async ({ page }) => {
  await open(page, '?speed=20');
  await playUntil(page, 50);
  const scrub = page.getByRole('slider', { name: 'Moment of the run' });
  await scrub.focus();
  await scrub.press('Home');
  await expect(time(page)).toHaveText(/^0\.0\s*s$/);
  await expect(page.locator('#event-list li')).toHaveCount(0);
  await scrub.press('ArrowRight');
  await expect(time(page)).toHaveText(/^1\.0\s*s$/);
  await scrub.press('Shift+ArrowRight');
  await expect(time(page)).toHaveText(/^11\.0\s*s$/);
  await scrub.press('PageUp');
  await expect(time(page)).toHaveText(/^41\.0\s*s$/);
  await scrub.press('Shift+ArrowLeft');
  await scrub.press('ArrowLeft');
  await expect(time(page)).toHaveText(/^30\.0\s*s$/);
  await expect(scrub).toHaveAttribute('aria-valuetext', /^30\.0\s*s of \d\d\.\d\s*s\. At 30\.0\s*s: member \d leads etcd in term \d/);
  await scrub.press('End');
  await expect.poll(() => now(page)).toBeGreaterThan(50);
  await expect(page.locator('.seen')).not.toContainText('of ');
});

test('a moment is the same to the last event after going away and back', async ({ page }) => {
  await open(page, '?speed=20&loss=20&where=everything');
  await page.locator('#time-details-toggle').click();
  await playUntil(page, 60);
  await goTo(page, 40);
  const before = await digest(page);
  expect(before).toMatch(/^[0-9a-f]{16}$/);
  for (const away of ['Home', 'End', 'PageDown'] as const) await page.locator('#scrub').press(away);
  await expect.poll(() => digest(page)).not.toBe(before);
  await goTo(page, 40);
  await expect.poll(() => digest(page)).toBe(before);
});

test('dragging on the lanes shows the run where the pointer is', { tag: '@both' }, async ({ page }) => {
  await open(page, '?speed=20');
  await playUntil(page, 58);
  const box = await page.locator('#lanes canvas').boundingBox();
  if (box === null) throw new Error('There are no lanes.');
  const end = Number(await page.locator('#scrub').getAttribute('max'));
  const at = (seconds: number) => box.x + (seconds / end) * box.width;
  await page.mouse.move(at(50), box.y + 20);
  await page.mouse.down();
  for (let seconds = 50; seconds >= 10; seconds -= 2) await page.mouse.move(at(seconds), box.y + 20);
  await expect.poll(() => now(page)).toBeLessThan(10.5);
  await page.mouse.move(at(20), box.y + 20);
  await expect.poll(() => now(page)).toBeGreaterThan(19);
  await page.mouse.up();
  await expect(time(page)).toHaveText(/^(19|20)\.\d\s*s$/);
  // What is pointed at is said, though the run stands elsewhere.
  await page.mouse.move(at(40), box.y + 20);
  await expect(page.locator('#moment')).toHaveText(/^At (39|40)\.\d\s*s: member \d leads etcd in term \d+; kube-controller-manager-\d leads and can act/);
});

test('time runs backwards, and stops at the beginning', async ({ page }) => {
  await open(page, '?speed=20');
  const start = await now(page);
  await page.locator('#reverse').click();
  await expect(page.locator('#reverse')).toHaveAttribute('aria-pressed', 'true');
  await expect.poll(() => now(page)).toBeLessThan(start - 3);
  await expect(time(page)).toHaveText(/^0\.0\s*s$/, { timeout: 60_000 });
  await expect(page.locator('#play')).toHaveText('Play');
  await page.locator('#live').click();
  await expect(time(page)).toHaveText(/^32\.0\s*s$/);
});

test('an event leads to its moment, and the buttons from one to the next', async ({ page }) => {
  await open(page, '?speed=10');
  await page.locator('#play').click();
  await page.locator('#fault-crash').click();
  const leads = page.locator('#event-list li').filter({ hasText: /leads in term [2-9]/ }).first();
  await expect(leads).toBeVisible({ timeout: 60_000 });
  await page.waitForTimeout(500);
  await page.locator('#play').click();
  const went = leads.getByRole('button', { name: /^Go to/ });
  const label = (await went.textContent()) ?? '';
  await went.click();
  await expect(time(page)).toHaveText(label);
  await expect(page.locator('#event-list li').first()).toContainText(/leads in term [2-9]|follows|found/);
  await page.locator('#note-before').click();
  await expect.poll(() => now(page)).toBeLessThan(Number.parseFloat(label) + 0.06);
  const before = await now(page);
  await page.locator('#note-next').click();
  await expect.poll(() => now(page)).toBeGreaterThan(before);
});

test('acting in the past begins a branch; branches are named, switched and deleted', async ({ page }) => {
  await open(page, '?speed=20');
  await page.locator('#time-details-toggle').click();
  await page.locator('#fault-at').selectOption({ label: 'host 2' });
  await page.locator('#fault-crash').click();
  await playUntil(page, 55);
  await expect(page.locator('.branches')).toBeHidden();
  await goTo(page, 50);
  const first = await digest(page);
  await goTo(page, 25);
  // The dials and faults are the past's.
  await expect(page.locator('.in-force li')).toHaveCount(0);
  await page.locator('#fault-at').selectOption({ label: 'host 3' });
  await page.locator('#fault-hang-api').click();
  await expect(page.locator('.changed')).toHaveText(/^You changed the past at 25\.0\s*s: this is Branch 2 now\. Branch 1 keeps what happened\.$/);
  await expect(page.locator('#voice')).toHaveText(/You changed the past/);
  const rows = page.locator('.branches li');
  await expect(rows).toHaveCount(2);
  await expect(rows.nth(1).locator('.branch-name')).toHaveAttribute('aria-current', 'true');
  await expect(rows.nth(1)).toContainText(/Branch 2: leaves Branch 1 at 25\.0\s*s/);
  await playUntil(page, 40);
  await expect(page.locator('#time-actions')).toContainText('API server 3 hangs');

  await rows.nth(1).getByRole('button', { name: 'Rename Branch 2' }).click();
  const field = page.getByRole('textbox', { name: 'New name of Branch 2' });
  await field.fill('x'.repeat(41));
  await field.press('Enter');
  await expect(page.locator('#refused-branches')).toContainText('name has 41 characters; at most 40 are allowed');
  await expect(field).toBeVisible();
  expect(await violations(page)).toEqual([]);
  await field.fill('hung');
  await field.press('Enter');
  await expect(rows.nth(1).locator('.branch-name')).toHaveText('hung');
  await expect(page.locator('#refused-branches')).toBeEmpty();
  await expect(rows.nth(1).getByRole('button', { name: 'Rename hung' })).toBeFocused();

  await rows.nth(0).getByRole('button', { name: 'Branch 1', exact: true }).press('Enter');
  await expect(rows.nth(0).locator('.branch-name')).toHaveAttribute('aria-current', 'true');
  await expect(page.locator('.in-force')).toContainText('Host 2 has no power');
  await goTo(page, 50);
  await expect.poll(() => digest(page)).toBe(first);
  await expect(page.locator('#time-actions')).not.toContainText('hangs');

  const remove = rows.nth(1).getByRole('button', { name: 'Delete hung' });
  await remove.click();
  await expect(rows).toHaveCount(2);
  await rows.nth(1).getByRole('button', { name: 'Sure? Press again to delete hung' }).click();
  await expect(page.locator('.branches')).toBeHidden();
  // At the end of what was seen nothing is the past: no branch begins.
  await page.locator('#live').click();
  await expect.poll(() => now(page)).toBeGreaterThan(54);
  await page.getByRole('button', { name: 'Heal all' }).click();
  await expect(page.locator('.in-force li')).toHaveCount(0);
  await expect(page.locator('.branches')).toBeHidden();
});

test('what if something had not been done is another branch', async ({ page }) => {
  await open(page, '?speed=20');
  await page.locator('#time-details-toggle').click();
  await page.locator('#fault-at').selectOption({ label: 'host 2' });
  await page.locator('#fault-crash').click();
  await playUntil(page, 45);
  const before = (await time(page).textContent()) ?? '';
  await page.getByRole('button', { name: 'What if not? Fault: host 2 has no power' }).click();
  await expect(page.locator('.branches li')).toHaveCount(2);
  await expect(page.locator('.in-force li')).toHaveCount(0);
  // As far as the other one is seen, so that they can be compared.
  await expect(time(page)).toHaveText(before);
  await expect(page.locator('#time-actions')).toContainText('A command that was taken out');
});

test('the timeline in words says what the lanes paint', async ({ page }) => {
  await open(page, '?speed=20');
  await page.locator('#fault-at').selectOption({ label: 'host 2' });
  await page.locator('#fault-isolate').click();
  await page.locator('#fault-at').selectOption({ label: 'host 3' });
  await page.locator('#fault-isolate').click();
  await playUntil(page, 80);
  await page.locator('#time-details-toggle').click();
  const words = page.locator('#time-words');
  for (const said of [
    /Member \d leads etcd in term 1/, /Etcd has no leader|etcd has no leader/, /kube-scheduler-\d leads and can act/, /2 faults in force/,
    /You: Fault: host 2 is cut off/, /First hurt: etcd/, /the analysis says: the API degrades/,
  ]) await expect(words).toContainText(said);
  await expect(page.locator('.time-legend li')).toHaveCount(10);
  await expect(page.locator('#checkpoints')).toHaveText(/^Checkpoints: \d+, \d+ MB of at most 384 MB/);
  await expect(page.locator('.lane-names li')).toHaveText(['etcd leader', 'controllers’ Lease', 'scheduler’s Lease', 'faults, actions', 'analysis’ phase', 'first hurts', 'what must hold']);
  expect(await violations(page)).toEqual([]);
});

test('the lanes fold, and are folded on a phone', async ({ page }) => {
  await open(page);
  await expect(page.locator('#lanes')).toBeVisible();
  await page.locator('#lanes-toggle').click();
  await expect(page.locator('#lanes')).toBeHidden();
  await page.setViewportSize({ width: 390, height: 844 });
  await page.reload();
  await expect(page.locator('#scrub')).toBeVisible();
  await expect(page.locator('#lanes')).toBeHidden();
});

test('the timeline leaves room for the drawing', async ({ page }) => {
  await page.setViewportSize({ width: 1280, height: 720 });
  await open(page);
  const box = await page.locator('#timeline').boundingBox();
  expect(box?.height).toBeLessThan(200);
});

test.describe('for people who asked for less motion', () => {
  test.use({ contextOptions: { reducedMotion: 'reduce' } });

  test('time can be travelled all the same', async ({ page }) => {
    await open(page, '?speed=20&loss=20&where=all-members');
    await playUntil(page, 40);
    await goTo(page, 20);
    await expect(page.locator('.link text').first()).toContainText(/\d+ packets/);
  });
});
