// Without a network: the hosted page after one visit, and the page in one file with a run in it.
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { FOLDER, SINGLE_FILE, expect, test } from './page.ts';

const play = '#play';

test.describe('the hosted page', () => {
  test.use({ serviceWorkers: 'allow' });

  test('opens offline after one visit, with its parameters and what it loads late', { tag: '@both' }, async ({ page, context }) => {
    await page.goto(FOLDER);
    await expect(page.locator(play)).toBeVisible();
    await page.evaluate(async () => {
      const { active } = await navigator.serviceWorker.ready;
      if (active?.state !== 'activated') await new Promise((resolve) => active?.addEventListener('statechange', resolve));
    });
    await context.setOffline(true);
    await page.goto(`${FOLDER}?seed=7&loss=30`);
    await expect(page.locator(play)).toBeVisible();
    await expect(page.locator('#seed')).toHaveValue('7');
    await page.locator('#share').click();
    await expect(page.locator('#share-dialog')).toBeVisible();
    await context.setOffline(false);
  });

  test('can be installed', async ({ page, request }) => {
    await page.goto(FOLDER);
    const href = await page.locator('link[rel=manifest]').getAttribute('href');
    const manifest = await (await request.get(`${FOLDER}${href}`)).json();
    expect(manifest).toMatchObject({ start_url: '.', scope: '.', display: 'standalone' });
    for (const { src } of manifest.icons) expect((await request.get(`${FOLDER}${src}`)).status(), src).toBe(200);
  });

  test('keeps nothing where it is only a figure', async ({ page }) => {
    const kept = () => page.evaluate(async () => (await navigator.serviceWorker.getRegistrations()).length);
    await page.goto(`${FOLDER}embed.html`);
    await expect(page.locator(play)).toBeVisible();
    expect(await kept()).toBe(0);
    await page.goto(FOLDER);
    await expect.poll(kept).toBe(1);
  });
});

for (const from of ['/?seed=7', `${SINGLE_FILE}?seed=7`]) {
  test(`a run is put into a page of its own, from ${from.replace(/^file:.*\//, 'file:///…/')}`, async ({ page }, info) => {
    await page.goto(from);
    await expect(page.locator(play)).toBeVisible();
    await page.locator('#dial-loss_ppm').fill('300');
    for (let steps = 0; steps < 3; steps += 1) await page.locator('#step').click();
    await page.locator('#share').click();
    const about = (await page.locator('#share-dialog > p').first().textContent()) ?? '';
    const digest = /digest ([0-9a-f]{16})/.exec(about)?.[1] ?? 'none';
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#out-page').click()]);
    const file = info.outputPath('run.html');
    writeFileSync(file, readFileSync(await download.path()));

    const context = await page.context().browser()?.newContext();
    const other = await context?.newPage();
    if (other === undefined) throw new Error('no browser');
    const complaints: string[] = [];
    other.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    await other.goto(String(pathToFileURL(file)));
    await expect(other.locator(play)).toBeVisible();
    await expect(other.locator('#notices')).toContainText(digest);
    await expect(other.locator('#seed')).toHaveValue('7');
    // What its address says counts more.
    await other.goto(`${pathToFileURL(file)}?seed=8`);
    await expect(other.locator('#seed')).toHaveValue('8');
    expect(complaints).toEqual([]);
    await context?.close();
  });
}
