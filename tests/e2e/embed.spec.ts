// The playground as a figure in somebody's text: what it shows, when it works, what it leaves alone.
import type { Frame } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PARTS, VIEWS } from '../../www/src/embed/face.ts';
import { violations } from './axe.ts';
import { aWhile, framesDrawn, openBeside, playgrounds } from './hosts.ts';
import { SINGLE_FILE, expect, test } from './page.ts';

const FIGURES = [
  { name: 'embed.html', path: '/embed.html?' },
  { name: 'the single file', path: `${SINGLE_FILE}?embed=on&` },
] as const;

for (const { name, path } of FIGURES) {
  test(`${name} is a figure: paused, a dial, the ladder, a bar with a link that carries the run`, async ({ page }) => {
    await page.goto(`${path}loss=30&lease=5&renew=4&retry=1&seed=7`);
    await expect(page.getByRole('button', { name: 'Play' })).toBeVisible();
    await expect(page.getByRole('slider', { name: 'Packet loss' }).first()).toBeVisible();
    await expect(page.locator('#rung-network')).toContainText('30 % of packets lost at host 1');
    for (const away of ['#events', '#inspector', '#charts', '#scenario', '#dial-lease_duration_ms', '#step', '#task']) await expect(page.locator(away)).toBeHidden();
    const link = page.getByRole('link', { name: 'Open in full page' });
    await page.getByRole('spinbutton', { name: /^Packet loss/ }).fill('40');
    await page.getByRole('spinbutton', { name: /^Packet loss/ }).press('Enter');
    await link.focus();
    const href = new URL((await link.getAttribute('href')) ?? '');
    expect(Object.fromEntries(href.searchParams)).toEqual({ scenario: 'quiet', seed: '7', loss: '40', lease: '5', renew: '4', retry: '1' });
    expect(await link.getAttribute('rel')).toBe('noopener');
    expect(await link.getAttribute('target')).toBe('_blank');
    if (name === 'embed.html') expect(href.pathname).toBe('/index.html');
  });
}

test('views and parts are shown by name, and dials that were folded away come forth', async ({ page }) => {
  await page.goto('/embed.html?view=dials,chart&show=latency,faults&hide=where,start-over');
  await expect(page.locator('#play')).toBeVisible();
  for (const shown of ['#dial-loss_ppm', '#dial-lease_duration_ms', '#dial-link_delay_us', '#faults', '#chart-success']) await expect(page.locator(shown)).toBeVisible();
  for (const away of ['#dial-loss_place', '#reset', '#ladder', '#chart-latency', '#dial-fsync_us', '#more-dials']) await expect(page.locator(away)).toBeHidden();
});

test('the full page takes the same parameters, and keeps them in its address', async ({ page }) => {
  await page.goto('/?hide=events,charts&lock=loss');
  await expect(page.locator('#play')).toBeVisible();
  await expect(page.locator('#inspector')).toBeVisible();
  await expect(page.locator('#task')).toBeVisible();
  for (const away of ['#events', '#charts']) await expect(page.locator(away)).toBeHidden();
  await expect.poll(() => page.url()).toContain('hide=events,charts&lock=loss');
  await page.goto('/?view=ladder&hide=network');
  await expect(page.locator('#rung-network')).toContainText('healthy');
  await expect(page.locator('.host')).toHaveCount(0);
  await expect(page.locator('.member')).toHaveCount(3);
  await expect(page.locator('#inspector')).toBeHidden();
});

test('a locked dial says so and cannot be moved, nor can its handle in the drawing', async ({ page }) => {
  await page.goto('/embed.html?loss=30&lock=loss&show=lease');
  await expect(page.locator('#play')).toBeVisible();
  const dial = page.getByRole('slider', { name: 'Packet loss (locked)' });
  await expect(dial).toBeDisabled();
  await expect(dial).toHaveAttribute('aria-valuetext', /30 percent/);
  await expect(page.getByRole('spinbutton', { name: /^Packet loss/ })).toBeDisabled();
  await expect(page.getByRole('slider', { name: 'Lease duration' })).toBeEnabled();
  const handle = page.locator('.loss-handle');
  await expect(handle).toHaveAttribute('aria-disabled', 'true');
  await handle.focus();
  await handle.press('End');
  await expect(handle).toHaveAttribute('aria-valuenow', '30');
  await page.goto('/embed.html?lock=all&show=lease,prevote');
  await expect(page.locator('#play')).toBeVisible();
  for (const id of ['#dial-loss_ppm', '#dial-lease_duration_ms', '#dial-pre_vote']) await expect(page.locator(id)).toBeDisabled();
});

test('what cannot be read is said, and the figure runs on its defaults', async ({ page }) => {
  await page.goto('/embed.html?loss=120&view=ladder,moon&show=<img src=x>&relay=nowhere&colour=red');
  await expect(page.locator('#play')).toBeVisible();
  const notices = page.locator('#notices li');
  await expect(notices).toHaveCount(5);
  for (const text of ['relay = nowhere in the address is not an origin', 'view in the address names moon', 'show in the address names <img src=x>', 'loss = 120 in the address is not a number from 0 to 90', 'colour in the address is not a parameter']) {
    await expect(page.locator('#notices')).toContainText(text);
  }
  await expect(page.locator('.loss-handle')).toHaveAttribute('aria-valuenow', '0');
});

test('parts and dials have different names', async ({ page }) => {
  await page.goto('/embed.html');
  await expect(page.locator('#play')).toBeVisible();
  const text = readFileSync(join(process.env['BROWNOUT_DIST'] ?? 'dist', 'embedding.html'), 'utf8');
  const dials = [...(/id="dials".*?<\/table>/s.exec(text)?.[0] ?? '').matchAll(/<td><code>([a-z_]+)<\/code>/g)].map(([, name]) => name ?? '');
  expect(dials.length).toBeGreaterThan(25);
  expect(PARTS.filter((part) => dials.includes(part))).toEqual([]);
});

test('a figure leaves its reader’s keys, wheel, history and storage alone', async ({ page }) => {
  await openBeside(page, `<iframe width="640" height="480" title="Figure" src="/embed.html?loss=30"></iframe><div style="height: 3000px"></div>`);
  const [frame] = await playgrounds(page);
  await expect(page.frameLocator('iframe').locator('#play')).toBeVisible();
  expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('BODY');
  const before = await page.evaluate(() => history.length);
  await page.frameLocator('iframe').getByRole('slider', { name: 'Packet loss' }).first().press('End');
  await page.frameLocator('iframe').locator('#play').click();
  await expect(page.frameLocator('iframe').locator('#play')).toHaveText('Pause');
  await aWhile(page, 60);
  expect(frame?.url()).toContain('/embed.html?loss=30');
  expect(await frame?.evaluate(() => location.search)).toBe('?loss=30');
  expect(await page.evaluate(() => history.length)).toBe(before);
  expect(await frame?.evaluate(async () => [(await navigator.serviceWorker.getRegistrations()).length, localStorage.length, sessionStorage.length])).toEqual([0, 0, 0]);
  const stolen = await frame?.evaluate(() =>
    [' ', 'k', 'ArrowDown', 'PageDown', 'Escape'].filter((key) => !document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }))).concat(
      document.body.dispatchEvent(new WheelEvent('wheel', { deltaY: 100, bubbles: true, cancelable: true })) ? [] : ['wheel'],
    ),
  );
  expect(stolen).toEqual([]);
  await page.mouse.move(300, 200);
  await page.mouse.wheel(0, 600);
  await expect.poll(() => page.evaluate(() => scrollY)).toBeGreaterThan(0);
});

test('out of sight it neither begins nor goes on', async ({ page }) => {
  await openBeside(page, `<div style="height: 1500px"></div><iframe id="far" width="640" height="420" title="Figure" src="/embed.html?running=on"></iframe><div style="height: 3000px"></div>`);
  const inside = page.frameLocator('iframe');
  await expect(inside.locator('#loading')).toContainText('begins when it is seen');
  const [frame] = await playgrounds(page);
  await aWhile(page);
  if (frame === undefined) throw new Error('There is no frame.');
  expect(await framesDrawn(frame)).toBeUndefined();
  await page.locator('#far').scrollIntoViewIfNeeded();
  await expect(inside.locator('#play')).toHaveText('Pause');
  const begun = await framesDrawn(frame);
  await expect.poll(() => framesDrawn(frame)).toBeGreaterThan(begun ?? 0);
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await aWhile(page, 10);
  const [asleep, time] = [await framesDrawn(frame), await inside.locator('#timeline .time').textContent()];
  await aWhile(page, 60);
  expect(await framesDrawn(frame)).toBe(asleep);
  expect(await inside.locator('#timeline .time').textContent()).toBe(time);
  await page.locator('#far').scrollIntoViewIfNeeded();
  await expect.poll(() => framesDrawn(frame)).toBeGreaterThan(asleep ?? 0);
});

test('of six figures of a text those work that can be seen', async ({ page }) => {
  await page.setViewportSize({ width: 700, height: 500 });
  const one = (n: number): string => `<iframe width="640" height="420" title="Figure ${n}" src="/embed.html?running=on&seed=${n}"></iframe><div style="height: 300px"></div>`;
  await openBeside(page, [1, 2, 3, 4, 5, 6].map(one).join(''));
  const frames = await playgrounds(page);
  expect(frames).toHaveLength(6);
  const begun: number[] = [];
  for (const shown of [0, 3, 0]) {
    await page.evaluate((n) => scrollTo(0, n * 720), shown);
    await expect(page.frameLocator('iframe').nth(shown).locator('#play')).toHaveText('Pause');
    if (!begun.includes(shown)) begun.push(shown);
    await aWhile(page, 10);
    const before = await Promise.all(frames.map(framesDrawn));
    await expect.poll(async () => (await framesDrawn(frames[shown] as Frame)) ?? 0).toBeGreaterThan((before[shown] ?? 0) + 5);
    const after = await Promise.all(frames.map(framesDrawn));
    expect(after.flatMap((count, n) => (count !== before[n] ? [n] : []))).toEqual([shown]);
    // What was never seen has no engine.
    expect(after.flatMap((count, n) => (count !== undefined ? [n] : []))).toEqual(begun);
  }
});

for (const [width, height] of [[640, 420], [360, 480], [900, 600], [320, 480]] as const) {
  test(`fits ${width} × ${height}, and axe finds nothing`, async ({ page }) => {
    await page.setViewportSize({ width, height });
    await page.goto('/embed.html?loss=70&where=all-members&speed=10&nonsense=1');
    await expect(page.locator('#play')).toBeVisible();
    await page.locator('#play').click();
    await expect(page.locator('#rung-etcd')).toContainText('hurt since');
    await page.locator('#play').click();
    expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(0);
    expect(await violations(page)).toEqual([]);
    const small = await page.evaluate(() =>
      [...document.querySelectorAll('button, select, input, summary, a:not(.skip), [role=button]:not(.link > *), [role=slider]')].flatMap((element) => {
        const { width, height } = element.getBoundingClientRect();
        return width > 0 && (width < 24 || height < 24) ? [`${element.id || element.getAttribute('class') || element.textContent}: ${width} × ${height}`] : [];
      }),
    );
    expect(small).toEqual([]);
  });
}

for (const view of Object.keys(VIEWS)) {
  test(`axe finds nothing in the view ${view}`, async ({ page }) => {
    await page.setViewportSize({ width: 640, height: 420 });
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.goto(`/embed.html?view=${view}&lock=all&loss=30`);
    await expect(page.locator('#play')).toBeVisible();
    expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(0);
    expect(await violations(page)).toEqual([]);
  });
}

test('what was taken away stays away in another language', async ({ page }) => {
  await page.goto('/?hide=events,charts&lock=loss');
  await expect(page.locator('#play')).toBeVisible();
  await page.locator('#view > summary').click();
  await page.locator('#locale').selectOption('de');
  await expect(page.locator('#play')).toHaveText('Start');
  for (const away of ['#events', '#charts']) await expect(page.locator(away)).toBeHidden();
  await expect(page.locator('#dial-loss_ppm')).toBeDisabled();
});
