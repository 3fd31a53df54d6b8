// Why: from a rung, a thing or an event back to what was done or drawn, and what if it had been otherwise.
import type { Locator, Page } from '@playwright/test';
import { violations } from './axe.ts';
import { expect, test } from './page.ts';

/** Opens a scenario, plays until the list of events says so, and pauses. Returns that event. */
async function playUntil(page: Page, query: string, says: string): Promise<Locator> {
  await page.goto(`/${query}`);
  await expect(page.locator('#play')).toBeVisible();
  await page.locator('#play').click();
  const event = page.locator('#event-list li').filter({ hasText: says }).first();
  await expect(event).toBeVisible({ timeout: 60_000 });
  await page.locator('#play').click();
  return event;
}
const steps = (page: Page) => page.locator('#why .chain > li');

test('a rung that is hurt answers why, over drawing and timeline, by the keyboard alone', async ({ page }) => {
  await playUntil(page, '?scenario=quorum-lost&speed=10', 'gives up and exits');
  await expect(page.locator('#rung-election')).toContainText('no kube-controller-manager can act');
  const ask = page.locator('#rung-election').getByRole('button', { name: 'Why: Leader election' });
  await ask.focus();
  await page.keyboard.press('Enter');
  await expect(page.locator('#why h3')).toBeFocused();
  await expect(page.locator('#why h3')).toHaveText(/^Why\? Leader election: no kube-controller-manager can act/);
  await expect(steps(page).first()).toContainText(/could not renew|gives up/);
  await expect(steps(page).filter({ hasText: /No process of etcd-\d runs/ })).toHaveCount(1);
  await expect(steps(page).nth(-2)).toContainText(/Done from outside: Fault: etcd-\d is killed/);
  await expect(steps(page).last()).toHaveText('This was done from outside: here it began.');
  // Its stations stand in the drawing and on the timeline.
  await expect(page.locator('.why-path .station').first()).toBeVisible();
  expect(await page.locator('.causes i').count()).toBeGreaterThan(1);
  // What a sentence names can be selected.
  await steps(page).locator('.noun', { hasText: /^etcd-/ }).first().click();
  await expect(page.locator('#inspector h2')).toHaveText(/^etcd-\d$/);
  expect(await violations(page)).toEqual([]);
  await page.locator('#why').getByRole('button', { name: 'Close' }).click();
  await expect(page.locator('#why')).toBeEmpty();
  await expect(page.locator('.why-path .station')).toHaveCount(0);
});

test('a step goes to its moment, and without its cause the effect is gone in another branch', async ({ page }) => {
  const event = await playUntil(page, '?scenario=quorum-lost&speed=10', 'gives up and exits');
  await event.getByRole('button', { name: /^Why: / }).click();
  await expect(steps(page).last()).toHaveText('This was done from outside: here it began.');
  const when = steps(page).nth(-2).locator('.when');
  await expect(when).toHaveText(/^20\.0\s*s$/);
  await page.getByRole('button', { name: 'What if this had not been done?' }).click();
  await expect(page.locator('.told')).toHaveText(/^In this branch it did not happen at 3\d\.\d\s*s, nor since: kube-\S+ could not renew/, { timeout: 30_000 });
  await expect(page.locator('#timeline')).toContainText('Branch 2');
});

test('lost packets can be given better luck', async ({ page }) => {
  const event = await playUntil(page, '?scenario=lossy-everywhere&speed=5', 'lost its leader');
  await event.getByRole('button', { name: /^Why: etcd-\d lost its leader/ }).click();
  await expect(steps(page).filter({ hasText: 'so the dice fell' })).toHaveCount(1);
  await page.getByRole('button', { name: /^What if (this packet|these \d+ packets) had arrived\?$/ }).click();
  await expect(page.locator('.told')).toHaveText(/^In this branch it (did not happen|happened all the same)/, { timeout: 30_000 });
});

test('the selected thing is explained, well or not', async ({ page }) => {
  await page.goto('/');
  await expect(page.locator('#play')).toBeVisible();
  await page.locator('#inspector').getByRole('button', { name: /^Why: / }).click();
  await expect(steps(page).first()).toBeVisible();
  await expect(steps(page).last()).toHaveText(/That is how the run began|here it began/);
});

test('slow links are the reason, with the time that the record shows', async ({ page }) => {
  await page.goto('/?speed=5');
  await expect(page.locator('#play')).toBeVisible();
  await page.getByText('More dials').click();
  await page.locator('#dial-link_delay_us').evaluate((dial: HTMLInputElement) => {
    dial.value = dial.max;
    dial.dispatchEvent(new Event('input', { bubbles: true }));
    dial.dispatchEvent(new Event('change', { bubbles: true }));
  });
  await expect(page.locator('#dial-link_delay_us')).toHaveAttribute('aria-valuetext', /500 milliseconds/);
  await page.locator('#play').click();
  await expect.poll(() => page.locator('#scrub').evaluate((slider: HTMLInputElement) => Number(slider.value)), { timeout: 60_000 }).toBeGreaterThan(50);
  await page.locator('#play').click();
  await page.locator('#ladder').getByRole('button', { name: /^Why: Users/ }).click();
  await expect(steps(page).filter({ hasText: /Links are slow since 32\.0\s*s: a message from .* is under way for 5\d\d\s*ms, one way/ }).first()).toBeVisible();
  await expect(steps(page).nth(-2)).toContainText(/Done from outside: Latency, one way set to 500\s*ms/);
  await expect(steps(page).last()).toHaveText('This was done from outside: here it began.');
});

test('what is not there yet has no answer, which is said', async ({ page }) => {
  await page.goto('/?speed=20');
  await expect(page.locator('#play')).toBeVisible();
  await page.locator('#do-add-node').click();
  await page.locator('.node-head').nth(10).click();
  await page.locator('#step').click();
  await page.locator('#scrub').press('Home');
  await expect(page.locator('#timeline .time')).toHaveText(/^0\.0\s*s$/);
  await page.locator('#inspector').getByRole('button', { name: /^Why: / }).click();
  await expect(page.locator('#why')).toContainText('not');
  await expect(page.locator('#broken')).toBeHidden();
  await page.locator('#live').click();
  await expect(page.locator('.node-head')).toHaveCount(11);
});
