// What a learner does, and what must come of it. The engine is the real one.
import type { Page } from '@playwright/test';
import { expect, test } from './page.ts';

async function open(page: Page, query = ''): Promise<void> {
  await page.goto(`/${query}`);
  await expect(page.getByRole('button', { name: 'Play' }).or(page.getByRole('button', { name: 'Pause', exact: true }))).toBeVisible();
}

test('opens paused on a healthy cluster that has elected everybody', async ({ page }) => {
  await open(page);
  await expect(page.locator('#timeline .time')).toHaveText(/^32\.0\s*s$/);
  for (const rung of ['users', 'nodes', 'control', 'election', 'api', 'etcd', 'network']) await expect(page.locator(`#rung-${rung}`)).toContainText('healthy');
  await expect(page.getByRole('button', { name: /^Member \d, leader in term/ })).toHaveCount(1);
  await expect(page.getByRole('button', { name: /^kube-.*believes it leads, can act/ })).toHaveCount(2);
  await expect(page.locator('#task')).toContainText('Drag packet loss until the first write fails.');
});

test('dragging packet loss makes writes fail, and the task ticks itself', { tag: '@both' }, async ({ page }) => {
  await open(page, '?where=everything&speed=10');
  await page.getByRole('button', { name: 'Play' }).click();
  const box = await page.locator('#dial-loss_ppm').boundingBox();
  if (box === null) throw new Error('The loss dial is not there.');
  await page.mouse.move(box.x + 10, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width - 2, box.y + box.height / 2, { steps: 8 });
  await page.mouse.up();
  await expect(page.getByRole('slider', { name: 'Packet loss' }).first()).toHaveAttribute('aria-valuetext', '90 percent of packets lost everywhere');
  await expect(page.locator('#rung-network')).toContainText('90 % of packets lost everywhere');
  await expect(page.locator('#task')).toContainText('Set packet loss back', { timeout: 60_000 });
  await expect(page.locator('#rung-users')).toContainText('hurt since');
});

test('the handle on the drawing is the same dial', { tag: '@both' }, async ({ page }) => {
  await open(page);
  const handle = page.locator('.loss-handle');
  await handle.evaluate((element) => element.scrollIntoView({ block: 'center' }));
  const box = await handle.boundingBox();
  if (box === null) throw new Error('The handle is not there.');
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2 + 60, box.y + box.height / 2, { steps: 6 });
  await page.mouse.up();
  await expect(handle).toHaveAttribute('aria-valuetext', '30 percent of packets lost at member 1');
  await expect(page.locator('#dial-loss_ppm')).toHaveAttribute('aria-valuetext', '30 percent of packets lost at member 1');
  await handle.press('Home');
  await expect(page.locator('#dial-loss_ppm')).toHaveAttribute('aria-valuetext', '0 percent of packets lost at member 1');
});

test('a dial that is refused says why and stays where it was', async ({ page }) => {
  await open(page);
  const exact = page.getByRole('spinbutton', { name: /^Lease duration/ });
  await exact.fill('9');
  await exact.press('Enter');
  await expect(page.locator('#refused-lease_duration_ms')).toContainText('lease_duration_ms = 9000 must be greater than renew_deadline_ms = 10000');
  await expect(exact).toHaveValue('15');
  await expect(page.locator('#dial-lease_duration_ms')).toHaveAttribute('aria-valuetext', '15 seconds');
  await exact.fill('20');
  await exact.press('Enter');
  await expect(page.locator('#refused-lease_duration_ms')).toBeEmpty();
  await expect(page.locator('#dial-lease_duration_ms')).toHaveAttribute('aria-valuetext', '20 seconds');
});

test('what an address asks for wrongly is said, one sentence each, and the page runs', async ({ page }) => {
  await open(page, '?loss=banana&where=the-moon&seed=-1&lease=5&colour=red&running=perhaps');
  const notices = page.locator('#notices li');
  await expect(notices).toHaveCount(6);
  await expect(notices.filter({ hasText: 'loss = banana' })).toContainText('a number from 0 to 90 (%)');
  await expect(notices.filter({ hasText: 'where = the-moon' })).toContainText('one of member-1');
  await expect(notices.filter({ hasText: 'seed = -1' })).toContainText('a whole number from 0');
  await expect(notices.filter({ hasText: 'colour' })).toContainText('is not a parameter');
  await expect(notices.filter({ hasText: 'do not fit together' })).toContainText('lease_duration_ms = 5000');
  await notices.first().getByRole('button', { name: 'Dismiss' }).click();
  await expect(notices).toHaveCount(5);
  await page.getByRole('button', { name: 'Play' }).click();
  await expect(page.locator('#timeline .time')).not.toHaveText(/^32\.0\s*s$/);
});

test('the address follows the page, and leads back to it', async ({ page }) => {
  await open(page, '?scenario=quiet&seed=7');
  await page.locator('#dial-loss_ppm').fill('300');
  await page.getByLabel('Where', { exact: true }).selectOption({ label: 'between all members' });
  await expect(page).toHaveURL(/\?scenario=quiet&seed=7&loss=30&where=all-members$/);
  await page.reload();
  await expect(page.locator('#dial-loss_ppm')).toHaveAttribute('aria-valuetext', '30 percent of packets lost between all members');
  await expect(page.locator('#notices')).toBeHidden();
});

test("crashing the leader's host brings another leader, which the list of events says", async ({ page }) => {
  await open(page, '?speed=1');
  const leader = page.getByRole('button', { name: /^Member \d, leader in term/ });
  const before = (await leader.getAttribute('aria-label'))?.match(/^Member (\d)/)?.[1];
  await page.getByRole('button', { name: 'Play' }).click();
  await page.locator('#fault-crash').click();
  await expect(page.locator('#rung-network')).toContainText(`host ${before} has no power`);
  await expect(page.locator('.in-force')).toContainText(`Host ${before} has no power`);
  // The list also says who led first; the newest is on top.
  const leads = page.locator('#event-list li').filter({ hasText: new RegExp(`etcd-[^${before}] leads in term`) }).first();
  await expect(leads).toBeVisible({ timeout: 30_000 });
  await leads.getByRole('button', { name: /^Why: etcd-\d leads/ }).click();
  await expect(page.locator('#why .chain li').nth(1)).toBeVisible();
  await page.getByRole('button', { name: 'Close' }).click();
  await expect(page.locator('#event-list button:focus')).toHaveCount(1);
  await page.getByRole('button', { name: 'Heal all' }).click();
  await expect(page.locator('.in-force li')).toHaveCount(0);
});

test('the first lesson can be finished with the keyboard alone', async ({ page }) => {
  await open(page, '?where=everything&speed=10');
  const reach = async (id: string, most: number): Promise<void> => {
    for (let presses = 0; presses < most; presses += 1) {
      await page.keyboard.press('Tab');
      if ((await page.evaluate(() => document.activeElement?.id)) === id) return;
    }
    throw new Error(`${most} presses of the tab key do not lead to #${id}.`);
  };
  await reach('dial-loss_ppm', 12);
  await page.keyboard.press('End');
  await reach('play', 25);
  await page.keyboard.press('Enter');
  await expect(page.locator('#task')).toContainText('Set packet loss back', { timeout: 60_000 });
});

test('the whole page is few stops of the tab key, and a group of things is one', async ({ page }) => {
  await open(page);
  const stops: string[] = [];
  for (let presses = 0; presses < 100; presses += 1) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(() => {
      const element = document.activeElement;
      if (element === null || element === document.body) return null;
      return element.closest('.drawing, .pods, .work, .requests, #event-list, .toolbar')?.getAttribute('class') ?? '';
    });
    if (stop === null) break;
    stops.push(stop);
  }
  expect(stops.length).toBeGreaterThan(20);
  expect(stops.length).toBeLessThan(60);
  // The drawing has the loss handle as well, which is a slider and uses the arrow keys itself.
  for (const [group, most] of [['drawing', 2], ['pods', 1], ['work', 1], ['requests', 1], ['log', 1]] as const) {
    const found = stops.filter((stop) => stop === group).length;
    expect(found, group).toBeGreaterThan(0);
    expect(found, group).toBeLessThanOrEqual(most);
  }
});

test('the arrow keys lead through the drawing', async ({ page }) => {
  await open(page);
  await page.getByRole('button', { name: /^Member 1,/ }).focus();
  await page.keyboard.press('ArrowRight');
  await expect(page.getByRole('button', { name: /^Member 2,/ })).toBeFocused();
  await page.keyboard.press('ArrowUp');
  await expect(page.getByRole('button', { name: /^API server 2,/ })).toBeFocused();
  await page.keyboard.press('Home');
  await expect(page.getByRole('button', { name: /^kube-controller-manager-1,/ })).toBeFocused();
  await page.keyboard.press('End');
  await expect(page.getByRole('button', { name: /^Host 3,/ })).toBeFocused();
});

test('a thing of the drawing says its name and state, and tells more when chosen', async ({ page }) => {
  await open(page);
  const api = page.getByRole('button', { name: /^API server 2, ready, connected to etcd/ });
  await api.focus();
  await page.keyboard.press('Enter');
  await expect(page.locator('#inspector h2')).toHaveText('kube-apiserver-2');
  await expect(api).toHaveAttribute('aria-pressed', 'true');
  await page.getByRole('button', { name: 'Hang API, host 2' }).click();
  await expect(page.getByRole('button', { name: /^API server 2, hung/ })).toBeVisible();
});

test('an API server shows its watch caches and its priority levels', async ({ page }) => {
  await open(page, '?speed=5');
  await page.getByRole('button', { name: /^API server 1,/ }).press('Enter');
  const tables = page.locator('#inspector table');
  const pods = tables.filter({ hasText: 'Watch caches' }).getByRole('row', { name: /^pods / });
  await expect(pods).toHaveText(/^pods[\d,]{2,}0/);
  await expect(tables.filter({ hasText: 'Priority levels' }).getByRole('row').nth(1)).toHaveText(/\d+\/\d+/);
  await page.locator('#fault-at').selectOption({ label: 'host 2' });
  await page.locator('#fault-isolate').click();
  await page.locator('#fault-at').selectOption({ label: 'host 3' });
  await page.locator('#fault-isolate').click();
  await page.locator('#play').click();
  await expect(pods).toHaveText(/filling/, { timeout: 60_000 });
});

test('the scene in words says what the drawing says', async ({ page }) => {
  await open(page);
  await page.getByText('Scene in words').click();
  const leader = await page.getByRole('button', { name: /^Member \d, leader in term/ }).getAttribute('aria-label');
  const [, number, state] = leader?.match(/^Member (\d), (.*)$/) ?? [];
  await expect(page.locator('#scene')).toContainText('etcd: healthy');
  await expect(page.getByRole('row', { name: new RegExp(`^member ${number} `) })).toContainText(state ?? 'nothing');
});

test('a scenario with a script says what it shows, and does it', async ({ page }) => {
  await open(page, '?scenario=leader-crash&speed=20');
  await expect(page.locator('#task')).not.toContainText('Drag packet loss');
  await expect(page.locator('#task .dots')).toBeHidden();
  await page.getByRole('button', { name: 'Play' }).click();
  await expect(page.locator('#event-list')).toContainText(/Fault: host \d has no power/, { timeout: 60_000 });
});

test('nothing is drawn while paused', async ({ page }) => {
  await open(page);
  const frames = () => page.evaluate(() => (globalThis as unknown as { brownoutStats: { frames: number } }).brownoutStats.frames);
  await page.waitForTimeout(500);
  const before = await frames();
  await page.waitForTimeout(1000);
  expect(await frames()).toBe(before);
  await page.getByRole('button', { name: 'Play' }).click();
  await expect.poll(frames).toBeGreaterThan(before + 5);
});

test('one event at a time', async ({ page }) => {
  await open(page, '?loss=30');
  const time = page.locator('#timeline .time');
  await page.getByRole('button', { name: 'Step', exact: true }).click();
  await expect(time).toHaveText(/^32\.0\d{5}\s*s$/);
  const first = await time.textContent();
  for (let steps = 0; steps < 20; steps += 1) await page.getByRole('button', { name: 'Step', exact: true }).click();
  await expect(time).not.toHaveText(first ?? '');
});

test('an event that was stepped back comes again the same', async ({ page }) => {
  await open(page, '?loss=30');
  const time = page.locator('#timeline .time');
  const step = page.getByRole('button', { name: 'Step', exact: true });
  const back = page.getByRole('button', { name: 'Back', exact: true });
  await step.click();
  await expect(time).toHaveText(/^32\.0\d{5}\s*s$/);
  const times: string[] = [];
  for (let n = 0; n < 12; n += 1) {
    times.push((await time.textContent()) ?? '');
    await step.click();
    await page.waitForTimeout(60);
  }
  for (const before of times.reverse()) {
    await back.click();
    await expect(time).toHaveText(before);
  }
});

test('the view keeps up while the simulation runs', async ({ page }) => {
  await open(page, '?loss=30&where=all-members');
  await page.getByRole('button', { name: 'Play' }).click();
  await page.waitForTimeout(5000);
  const { frames, p50, p95, engine } = await page.evaluate(() => {
    const stats = (globalThis as unknown as { brownoutStats: Record<string, number> }).brownoutStats;
    return { frames: stats['frames'] ?? 0, p50: stats['view_ms_p50'] ?? Infinity, p95: stats['view_ms_p95'] ?? Infinity, engine: stats['engine_ms'] ?? Infinity };
  });
  console.log(`view ${p50.toFixed(1)} ms, ${p95.toFixed(1)} ms at the 95th percentile, engine ${engine.toFixed(1)} ms, ${frames} frames in 5 s`);
  // The budget is 4 ms at the 95th percentile; it is reported, not asserted: a busy machine's tail tells of its other work.
  expect(frames).toBeGreaterThan(50);
});

test.describe('for people who asked for less motion', () => {
  test.use({ contextOptions: { reducedMotion: 'reduce' } });

  test('links show counts in place of packets', async ({ page }) => {
    await open(page, '?loss=50&where=all-members');
    await page.getByRole('button', { name: 'Play' }).click();
    await expect(page.locator('.link text').first()).toContainText(/\d+ packets · \d+ lost/);
  });
});

test.describe('when the engine breaks', () => {
  test.use({ expected: [/unreachable/] });

  test('the page says so, and how to replay it', async ({ page }) => {
    // A trap cannot be provoked from outside, so the module's export is replaced by one that traps on demand.
    await page.addInitScript(() => {
      const instantiate = WebAssembly.instantiateStreaming.bind(WebAssembly);
      WebAssembly.instantiateStreaming = async (...of: Parameters<typeof instantiate>) => {
        const { instance, module } = await instantiate(...of);
        const exports = { ...instance.exports };
        const run = exports['engine_run'] as (...values: unknown[]) => unknown;
        exports['engine_run'] = (...values: unknown[]) => {
          if ('trap' in globalThis) throw new WebAssembly.RuntimeError('unreachable');
          return run(...values);
        };
        return { instance: { exports } as WebAssembly.Instance, module };
      };
    });
    await open(page, '?seed=3&loss=20');
    await page.evaluate(() => Object.assign(globalThis, { trap: true }));
    await page.getByRole('button', { name: 'Play' }).click();
    const alert = page.getByRole('alert');
    await expect(alert).toContainText('The engine broke');
    await expect(alert).toContainText('unreachable');
    await expect(alert.locator('#broken-link')).toHaveValue(/seed=3.*#r1=/);
    await expect(alert.locator('#broken-report')).toHaveValue(/unreachable/);
    await expect(alert.getByRole('button', { name: 'Reload' })).toBeVisible();
    await page.locator('#dial-loss_ppm').press('ArrowRight');
    await expect(alert).toContainText('unreachable');
  });
});
