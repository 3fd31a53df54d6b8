// The runs that the native tests wrote, played again in the browser by the very module that the page ships.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FOLDER, expect, test } from './page.ts';

const root = join(process.env['BROWNOUT_DIST'] ?? 'dist', '..');
const runs = join(root, 'target/determinism.json');

test('every run has the digest that it has natively', { tag: '@both' }, async ({ page }) => {
  test.setTimeout(120_000);
  expect(existsSync(runs), 'the native tests write target/determinism.json: run them first').toBe(true);
  for (const file of ['brownout.js', 'brownout_bg.wasm']) {
    await page.route(`**/engine-under-test/${file}`, (route) => route.fulfill({ path: join(root, 'www/pkg', file) }));
  }
  await page.goto(FOLDER);
  const recorded = JSON.parse(readFileSync(runs, 'utf8')) as { digest: string }[];
  expect(recorded.length).toBeGreaterThanOrEqual(50);
  const replayed = await page.evaluate(async ([base, runs]) => {
    const engine = await import(new URL('engine-under-test/brownout.js', base as string).href);
    await engine.default({ module_or_path: new URL('engine-under-test/brownout_bg.wasm', base as string) });
    return (runs as string[]).map((run) => {
      const played = engine.Engine.replay(run);
      const digest = played.digest() as string;
      played.free();
      return digest;
    });
  }, [page.url(), recorded.map((run) => JSON.stringify(run))] as const);
  expect(replayed).toEqual(recorded.map(({ digest }) => digest));
});
