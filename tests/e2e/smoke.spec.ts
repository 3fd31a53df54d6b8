import { FOLDER, SINGLE_FILE, expect, test } from './page.ts';

for (const path of ['/', FOLDER, `${FOLDER}index.html`, SINGLE_FILE]) {
  test(`the engine starts at ${path.replace(/^file:.*\//, 'file:///…/')}`, { tag: path === FOLDER || path === SINGLE_FILE ? '@both' : [] }, async ({ page }) => {
    await page.goto(path);
    await expect(page.getByRole('button', { name: 'Play' })).toBeVisible();
    await expect(page.locator('#rung-etcd')).toContainText('healthy');
  });
}

test('files have the types that browsers insist on', async ({ page }) => {
  const types = new Map<string, string | undefined>();
  page.on('response', (response) => {
    const kind = new URL(response.url()).pathname.match(/[^.]*$/)?.[0] ?? '';
    types.set(kind, response.headers()['content-type']?.split(';')[0]);
  });
  await page.goto('/');
  await expect(page.getByRole('button', { name: 'Play' })).toBeVisible();
  expect(types.get('wasm')).toBe('application/wasm');
  expect(types.get('js')).toBe('text/javascript');
  expect(types.get('css')).toBe('text/css');
});

test.describe('on a host that does not know wasm', () => {
  test.use({ expected: [/`WebAssembly.instantiateStreaming` failed because your server does not serve Wasm/] });

  test('the engine starts all the same', async ({ page }) => {
    await page.route('**/*.wasm', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, headers: { ...response.headers(), 'content-type': 'application/octet-stream' } });
    });
    await page.goto('/');
    await expect(page.getByRole('button', { name: 'Play' })).toBeVisible();
  });
});
