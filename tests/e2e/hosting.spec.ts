// The page on hosts as they are: strict ones, ones that know no wasm, below a path, without storage, in a frame without an
// origin. Wherever it is, it works, and it asks nobody else for anything (page.ts holds it to that).
import type { FrameLocator, Page } from '@playwright/test';
import { DIST, TYPES, host, type HostOptions } from './hosts.ts';
import { SINGLE_FILE, expect, test as base } from './page.ts';

const STRICT = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; img-src 'self' data: blob:";

/** Tests on a host of their own. */
const on = (options: HostOptions) =>
  base.extend({
    baseURL: async ({}, use) => {
      const site = await host({ files: DIST, ...options });
      await use(site.origin);
      site.close();
    },
  });

/** All that a host can spoil: what is loaded late, a picture through a blob, a file, time, looks, a second run. */
async function walk(page: Page, path: string): Promise<void> {
  await page.goto(`${path}?seed=7&loss=30&speed=5`);
  await expect(page.locator('#play')).toBeVisible();
  await expect(page.locator('#seed')).toHaveValue('7');
  await expect(page.locator('#dial-loss_ppm')).toHaveAttribute('aria-valuetext', /^30 percent/);
  await page.locator('#play').click();
  await expect(page.locator('#timeline .time')).not.toHaveText(/^32\.0\s*s$/);
  await page.locator('#share').click();
  await expect(page.locator('#share-link')).toHaveValue(/#r1=/);
  await page.locator('#share-code').click();
  await expect(page.locator('#share-dialog .qr')).toBeVisible();
  for (const out of ['#out-drawing-png', '#out-page']) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator(out).click()]);
    expect(await download.failure()).toBeNull();
  }
  await page.keyboard.press('Escape');
  await page.locator('#view > summary').click();
  await page.locator('#theme').selectOption('dark');
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await page.locator('#compare-open').click();
  await page.locator('#compare-go-fault').click();
  await expect(page.locator('#compare-question')).toBeVisible();
}

const strict = on({ headers: { 'content-security-policy': STRICT } });
strict('on a host with a strict policy everything works', async ({ page }) => {
  await walk(page, '/index.html');
});

const deep = on({ under: '/a/deep/path/', headers: { 'content-security-policy': STRICT } });
deep('below a path everything works, and nothing is asked for above it', async ({ page }) => {
  const above: string[] = [];
  page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (!pathname.startsWith('/a/deep/path/') && request.url().startsWith('http')) above.push(pathname);
  });
  await walk(page, '/a/deep/path/index.html');
  await page.goto('/a/deep/path/embed.html?loss=30');
  await expect(page.locator('#play')).toBeVisible();
  expect(above).toEqual([]);
});

const bare = on({ types: { ...TYPES, '.wasm': 'text/plain' } });
bare.describe('on a host that knows no wasm', () => {
  bare.use({ expected: [/`WebAssembly.instantiateStreaming` failed because your server does not serve Wasm/] });

  bare('everything works', async ({ page }) => {
    await walk(page, '/index.html');
  });
});

const plain = on({});
plain('where nothing may be kept everything works, and looks are chosen for as long as the page is open', async ({ page }) => {
  await page.addInitScript(() => {
    for (const name of ['localStorage', 'sessionStorage', 'indexedDB', 'caches']) {
      Object.defineProperty(globalThis, name, { get: () => { throw new DOMException(`${name} is denied`, 'SecurityError'); } });
    }
    Object.defineProperty(Navigator.prototype, 'serviceWorker', { get: () => { throw new DOMException('denied', 'SecurityError'); } });
  });
  await walk(page, '/index.html');
  await page.reload();
  await expect(page.locator('#play')).toBeVisible();
});

/** The page in a frame that has no origin: it plays, shares and changes its looks. */
async function framed(inside: FrameLocator): Promise<void> {
  await expect(inside.locator('#play')).toBeVisible();
  await inside.locator('#play').click();
  await expect(inside.locator('#timeline .time')).not.toHaveText(/^32\.0\s*s$/);
  await inside.locator('#view > summary').click();
  await inside.locator('#theme').selectOption('dark');
  await expect(inside.locator('html')).toHaveAttribute('data-theme', 'dark');
  await inside.locator('#locale').selectOption('de');
  await expect(inside.locator('html')).toHaveAttribute('lang', 'de');
  await inside.locator('#share').click();
  await expect(inside.locator('#share-link')).toHaveValue(/#r1=/);
}
const sandbox = (src: string): string => `<iframe sandbox="allow-scripts" title="Figure" width="1300" height="850" src="${src}"></iframe>`;

const open = on({ open: true });
open('in a sandbox without an origin the whole page works, where its files are open to all', async ({ page, baseURL }) => {
  await page.route('**/beside', (route) => route.fulfill({ contentType: 'text/html', body: `<!doctype html><title>A text</title><link rel="icon" href="data:,">${sandbox(`${baseURL}/index.html?seed=7`)}` }));
  await page.goto('/beside');
  await framed(page.frameLocator('iframe'));
});

plain('in a sandbox without an origin the single file works wherever it lies', async ({ page, baseURL }) => {
  await page.route('**/beside', (route) => route.fulfill({ contentType: 'text/html', body: `<!doctype html><title>A text</title><link rel="icon" href="data:,">${sandbox(`${baseURL}/brownout.html?seed=7`)}` }));
  await page.goto('/beside');
  await framed(page.frameLocator('iframe'));
});

base('from a disk the single file does all that the page does', async ({ page }) => {
  await walk(page, SINGLE_FILE);
});
