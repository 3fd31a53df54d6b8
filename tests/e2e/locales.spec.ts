// Other languages: German is complete, and no language, however long or hostile, breaks the page.
import type { Page } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { de, catalog as named } from '../../www/locales/de.ts';
import { en } from '../../www/locales/en.ts';
import { catalogIn } from '../../www/src/catalog.ts';
import type { Catalog } from '../../www/src/engine.ts';
import { LANGUAGES, PSEUDO, preferred, type Template } from '../../www/src/locale.ts';
import { violations } from './axe.ts';
import { expect, SINGLE_FILE, test } from './page.ts';

const ROOT = `${__dirname}/../..`;

/** What the built engine has names for. */
function engineCatalog(): Catalog {
  const script = `
    import { readFileSync } from 'node:fs';
    import init, { Engine } from '${ROOT}/www/pkg/brownout.js';
    await init({ module_or_path: readFileSync('${ROOT}/www/pkg/brownout_bg.wasm') });
    process.stdout.write(JSON.stringify(Engine.catalog()));`;
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8', maxBuffer: 1e8 }));
}
function forms(template: Template): string[] {
  return typeof template === 'string' ? [template] : Object.values(template);
}
/** What a sentence fills in; a form for one may leave the number out. */
function braces(template: Template): string[] {
  return [...new Set(forms(template).flatMap((text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)))].toSorted();
}
async function open(page: Page, query: string): Promise<void> {
  await page.goto(`/?${query}`);
  await expect(page.locator('#play')).toBeVisible();
}
function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}

test('German has a word for everything that the engine has names for', () => {
  const asked: string[] = [];
  catalogIn(engineCatalog(), (name, english) => {
    asked.push(name);
    return english;
  });
  const timers = readFileSync(`${ROOT}/core/src/actor/role.rs`, 'utf8').match(/NAMES: \[&'static str; \d+\] = \[([^\]]*)\]/)?.[1] ?? '';
  for (const [, name] of timers.matchAll(/"(\w+)"/g)) asked.push(`timer_${name}`);
  expect(asked.length).toBeGreaterThan(150);
  expect(asked.filter((name) => named[name] === undefined)).toEqual([]);
  expect(Object.keys(named).filter((name) => !asked.includes(name))).toEqual([]);
});

test('every German sentence fills in what the English one does, in every form that German has', () => {
  const of = (key: string): Template => (de as Record<string, Template>)[key] ?? '';
  const keys = Object.entries(en) as [string, Template][];
  expect(keys.filter(([key, template]) => String(braces(of(key))) !== String(braces(template))).map(([key]) => key)).toEqual([]);
  const needed = new Intl.PluralRules('de').resolvedOptions().pluralCategories;
  const lacks = (template: Template): boolean => typeof template !== 'string' && needed.some((form) => template[form] === undefined);
  expect(Object.entries(de as Record<string, Template>).filter(([, template]) => lacks(template)).map(([key]) => key)).toEqual([]);
});

test('the English of the page’s file is that of the locale', () => {
  const file = readFileSync(`${ROOT}/www/index.html`, 'utf8');
  const said = [...file.matchAll(/data-say="(\w+)"[^>]*>([^<]*)</g)].map(([, key = '', text]) => [key, text]);
  const labels = [...file.matchAll(/aria-label="([^"]*)" data-say-label="(\w+)"/g)].map(([, text, key = '']) => [key, text]);
  expect(said.length).toBeGreaterThan(3);
  expect(labels).toHaveLength(file.match(/aria-label=/g)?.length ?? 0);
  for (const [key = '', text] of [...said, ...labels]) expect((en as Record<string, Template>)[key], key).toBe(text);
});

test('the browser’s first language that there is counts', () => {
  expect([['de-AT', 'en'], ['fr', 'de'], ['EN-gb', 'de'], ['fr', 'ja'], []].map(preferred)).toEqual(['de', 'de', 'en', 'en', 'en']);
});

test.describe('in a German browser', () => {
  test.use({ locale: 'de-DE' });

  test('the page is German, numbers and all', async ({ page }) => {
    await open(page, 'loss=30&lease=12.5');
    await expect(page.locator('html')).toHaveAttribute('lang', 'de');
    await expect(page).toHaveTitle(de.page_title);
    await expect(page.locator('#play')).toHaveText(de.play);
    await expect(page.locator('#scenario option').first()).toHaveText(named['scenario_title_quiet'] ?? '');
    await expect(page.locator('.time').first()).toHaveText(/^32,0\s*s$/);
    await expect(page.getByRole('slider', { name: de.dial_lease_duration_ms })).toHaveAttribute('aria-valuetext', '12,5 Sekunden');
    await expect(page.getByRole('region', { name: de.region_ladder })).toBeVisible();
    expect(await violations(page)).toEqual([]);
  });

  test('an address may ask for English', async ({ page }) => {
    await open(page, 'locale=en');
    await expect(page.locator('html')).toHaveAttribute('lang', 'en');
    await expect(page.locator('#play')).toHaveText(en.play);
  });

  test('what only the engine can say is marked as English', async ({ page }) => {
    await open(page, 'lease=5');
    await expect(page.locator('#notices [lang="en"]')).toContainText('lease_duration_ms');
    const exact = page.getByRole('spinbutton', { name: new RegExp(`^${de.dial_lease_duration_ms}`) });
    await exact.fill('5');
    await exact.press('Enter');
    await expect(page.locator('#refused-lease_duration_ms [lang="en"]')).toContainText('renew_deadline_ms');
  });

  test('the page of one file has German inside', async ({ page }) => {
    await page.goto(SINGLE_FILE);
    await expect(page.locator('#play')).toHaveText(de.play);
  });
});

test('another language in the middle of a run: it goes on where it was', async ({ page }) => {
  await open(page, 'speed=5');
  await page.locator('#fault-crash').click();
  await page.locator('#play').click();
  await expect(page.locator('#rung-network .since')).not.toBeEmpty();
  await expect(page.locator('#event-list li').nth(3)).toBeVisible();
  await page.locator('#play').click();
  await expect(page.locator('#play')).toHaveText(en.play);
  await page.getByText('More dials').click();
  await page.locator('#event-list li').filter({ hasText: 'Fault: ' }).getByRole('button', { name: /^Why/ }).click();
  await expect(page.locator('#why h3')).toHaveText(/^Why\? Fault: /);
  const done = await page.locator('#task [data-state="done"]').count();
  const before = { time: await page.locator('.time').first().innerText(), since: await page.locator('#rung-network .since').innerText() };
  const digits = (text: string): string => text.replaceAll(/\D/g, '');
  await page.locator('#view > summary').click();
  await page.locator('#locale').focus();
  await page.locator('#locale').selectOption('de');
  await expect(page.locator('#play')).toHaveText(de.play);
  await expect(page.locator('#locale')).toBeFocused();
  await expect(page.locator('#more-dials')).toHaveAttribute('open', '');
  await expect(page.locator('#task [data-state="done"]')).toHaveCount(done);
  expect(digits(await page.locator('.time').first().innerText())).toBe(digits(before.time));
  await expect(page.locator('#rung-network')).toContainText(/Host \d hat keinen Strom/);
  await expect(page.locator('#rung-network .since')).toHaveText(/^gestört seit/);
  expect(digits(await page.locator('#rung-network .since').innerText())).toBe(digits(before.since));
  await expect(page.locator('#event-list')).toContainText('Störung');
  await expect(page.locator('#why h3')).toHaveText(/^Warum\? .*Störung: /);
  await expect(page.locator('#why .ending')).toHaveText(de.why_end_input);
  await expect(page).toHaveURL(/locale=de/);
  // And it can still be told what to do.
  await page.getByRole('button', { name: de.faults_heal_all }).click();
  await page.locator('#play').click();
  await expect(page.locator('#rung-network')).toContainText(de.healthy);
  await page.locator('#play').click();
});

test('another language while two runs are compared', async ({ page }) => {
  await page.goto('/?compare=pre-vote');
  await expect(page.locator('#compare-question')).toHaveText(/PreVote/);
  await page.locator('#view > summary').click();
  await page.locator('#locale').selectOption('de');
  await expect(page.locator('#compare-question')).toHaveText(named['preset_question_pre-vote'] ?? '');
  await expect(page.locator('main.main')).toBeHidden();
  await page.locator('#compare-leave').click();
  await expect(page.locator('#play')).toHaveText(de.play);
});

test('a language that is chosen is kept, and an address beats it', async ({ page }) => {
  await open(page, '');
  await page.locator('#view > summary').click();
  await page.locator('#locale').selectOption('de');
  await expect(page.locator('#play')).toHaveText(de.play);
  await open(page, '');
  await expect(page.locator('#play')).toHaveText(de.play);
  await open(page, 'locale=en');
  await expect(page.locator('#play')).toHaveText(en.play);
});

test('a language that nobody has', async ({ page }) => {
  await open(page, 'locale=tlh');
  await expect(page.locator('#notices li')).toHaveCount(1);
  await expect(page.locator('#notices li')).toContainText('locale = tlh');
  await expect(page.locator('#notices li')).toContainText(Object.keys(LANGUAGES).join(', '));
  await expect(page.locator('#notices li')).not.toContainText('x-');
});

for (const locale of PSEUDO) {
  test(`in ${locale} nothing sticks out, and axe finds nothing`, async ({ page }) => {
    await page.setViewportSize({ width: 390, height: 800 });
    await open(page, `locale=${locale}&loss=30&speed=5&nonsense=1`);
    expect(await overflow(page)).toBe(0);
    await page.locator('#fault-crash').click();
    await page.locator('#play').click();
    await expect(page.locator('#event-list li').nth(2)).toBeVisible();
    await page.locator('#play').click();
    for (const details of await page.locator('details').all()) await details.evaluate((element: HTMLDetailsElement) => (element.open = true));
    expect(await overflow(page)).toBe(0);
    // What is doubled cannot be found again, as it is seen, in a doubled name.
    const excused = (line: string): boolean => line.startsWith('label-content-name-mismatch');
    expect((await violations(page)).filter((line) => !excused(line))).toEqual([]);
    // Hostile text is text.
    expect(await page.evaluate(() => [document.images.length, 'hostile' in globalThis])).toEqual([0, false]);
    if (locale === 'x-hostile') await expect(page.locator('#play')).toContainText('<img src=x onerror="globalThis.hostile=1">\'"{braces}&amp;</script>');
    // The made-up ones are for tests alone.
    expect(await page.locator('#locale option').allInnerTexts()).toHaveLength(Object.keys(LANGUAGES).length + 1);
    await page.setViewportSize({ width: 1280, height: 800 });
    await expect.poll(() => overflow(page)).toBe(0);
    expect((await violations(page)).filter((line) => !excused(line))).toEqual([]);
  });
}

test('from right to left the page is mirrored, and time is not', async ({ page }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await open(page, 'locale=x-rtl');
  await expect(page.locator('html')).toHaveAttribute('dir', 'rtl');
  const left = async (selector: string): Promise<number> => (await page.locator(selector).first().boundingBox())?.x ?? NaN;
  expect(await left('#dials-network')).toBeGreaterThan(await left('#ladder'));
  expect(await left('#ladder')).toBeGreaterThan(await left('#inspector'));
  expect(await left('.rung .mark')).toBeGreaterThan(await left('.rung h3'));
  const at = await left('.playhead');
  await page.locator('#scrub').press('ArrowLeft');
  await expect.poll(() => left('.playhead')).toBeLessThan(at);
});
