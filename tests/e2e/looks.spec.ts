// How the page looks: the view menu, both palettes for every eye, a projector, less motion, the system's own colours.
import type { Page } from '@playwright/test';
import { en } from '../../www/locales/en.ts';
import { violations } from './axe.ts';
import { expect, test } from './page.ts';

type Colour = readonly [number, number, number];

async function open(page: Page, query: string): Promise<void> {
  await page.goto(`/?${query}`);
  await expect(page.locator('#play')).toBeVisible();
}

/** Custom properties as the browser computes them, red, green and blue from 0 to 1. */
async function colours(page: Page, names: readonly string[]): Promise<Record<string, Colour>> {
  const found = await page.evaluate((names) => {
    const probe = document.body.appendChild(document.createElement('span'));
    const all = names.map((name) => {
      probe.style.color = `var(--${name})`;
      return [name, (getComputedStyle(probe).color.match(/[\d.]+/g) ?? []).slice(0, 3).map((part) => Number(part) / 255)] as const;
    });
    probe.remove();
    return all;
  }, names);
  return Object.fromEntries(found.map(([name, [r = NaN, g = NaN, b = NaN]]) => [name, [r, g, b] as const]));
}

const linear = (colour: Colour): Colour => colour.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)) as unknown as Colour;

/** WCAG 2.2's ratio of two colours. */
function contrast(a: Colour, b: Colour): number {
  const [light = 0, dark = 0] = [a, b].map((colour) => {
    const [r, g, b] = linear(colour);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }).toSorted((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

type Matrix = readonly [Colour, Colour, Colour];
/** Machado, Oliveira, Fernandes: A Physiologically-based Model for Simulation of Color Vision Deficiency (2009), severity 1. */
const EYES: Readonly<Record<string, Matrix>> = {
  trichromat: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protanope: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranope: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritanope: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};
function times(matrix: Matrix, [r, g, b]: Colour): Colour {
  return matrix.map(([x, y, z]) => x * r + y * g + z * b) as unknown as Colour;
}
/** Ottosson's Oklab (2020): in it distances are about as large as they look. */
function oklab(rgb: Colour): Colour {
  const cones = times([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005]], rgb);
  return times(
    [[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099], [0.0259040371, 0.7827717662, -0.808675766]],
    cones.map(Math.cbrt) as unknown as Colour,
  );
}
/** How far apart two colours look to an eye; black and white are 1 apart. */
function apart(a: Colour, b: Colour, eye: Matrix): number {
  const seen = (colour: Colour): Colour => oklab(times(eye, linear(colour)).map((c) => Math.min(1, Math.max(0, c))) as unknown as Colour);
  const [x, y] = [seen(a), seen(b)];
  return Math.hypot(...x.map((part, n) => part - (y[n] ?? 0)));
}

const GROUNDS = ['paper', 'raised'];
const TEXTS = ['ink', 'muted', 'accent', 'wait', 'bad'];
const STATES = ['calm', 'accent', 'wait', 'bad'];
const SERIES = [0, 1, 2, 3, 4].map((n) => `series-${n}`);
const GRAPHICS = ['border', ...STATES, ...SERIES, ...['control', 'heartbeat', 'append', 'vote', 'forward', 'peer', 'etcd', 'api', 'watch', 'user'].map((name) => `class-${name}`)];
/** States closer than this are one colour. Chosen: amber and red that nobody told apart were 0.007 apart. */
const TOLD_APART = 0.08;

test('in every palette, light, dark or projected, texts and shapes stand out, and no eye takes one state for another', async ({ page }) => {
  await open(page, '');
  const wrong: string[] = [];
  for (const palette of ['sky', 'iris']) {
    for (const theme of ['light', 'dark']) {
      for (const projector of [false, true]) {
        await page.evaluate(([palette = '', theme = '', projector]) => {
          Object.assign(document.documentElement.dataset, { palette, theme });
          document.documentElement.toggleAttribute('data-projector', projector === 'true');
        }, [palette, theme, String(projector)]);
        const all = await colours(page, [...GROUNDS, 'tint', 'on-accent', 'badge-b', ...TEXTS, ...GRAPHICS]);
        const of = (name: string): Colour => all[name] ?? [NaN, NaN, NaN];
        const look = `${palette} ${theme}${projector ? ' projector' : ''}`;
        const check = (name: string, on: string, least: number): void => {
          const ratio = contrast(of(name), of(on));
          if (!(ratio >= least)) wrong.push(`${look}: ${name} on ${on} is ${ratio.toFixed(2)} to 1, not ${least}`);
        };
        for (const name of TEXTS) for (const on of [...GROUNDS, 'tint']) check(name, on, 4.5);
        check('on-accent', 'accent', 4.5);
        check('on-accent', 'badge-b', 4.5);
        for (const name of GRAPHICS) for (const on of GROUNDS) check(name, on, 3);
        for (const [eye, matrix] of Object.entries(EYES)) {
          STATES.forEach((one, n) => {
            for (const other of STATES.slice(n + 1)) {
              const distance = apart(of(one), of(other), matrix);
              if (!(distance >= TOLD_APART)) wrong.push(`${look}: a ${eye} sees ${one} and ${other} ${distance.toFixed(3)} apart`);
            }
          });
        }
      }
    }
  }
  expect(wrong).toEqual([]);
});

test('the view menu works by keyboard, and what is chosen is in the address', async ({ page }) => {
  await open(page, '');
  const menu = page.locator('#view');
  await menu.locator('summary').focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('group', { name: en.view })).toBeVisible();
  expect(await violations(page)).toEqual([]);
  await page.keyboard.press('Tab');
  await expect(page.locator('#theme')).toBeFocused();
  await page.locator('#theme').selectOption('dark');
  await page.locator('#palette').selectOption('iris');
  await page.locator('#motion').selectOption('reduced');
  await page.locator('#projector').check();
  const root = page.locator('html');
  await expect(root).toHaveAttribute('data-theme', 'dark');
  await expect(root).toHaveAttribute('data-palette', 'iris');
  await expect(root).toHaveAttribute('data-motion', 'reduced');
  await expect(root).toHaveAttribute('data-projector', '');
  await expect(page).toHaveURL(/theme=dark&palette=iris&motion=reduced&projector=on/);
  await page.keyboard.press('Escape');
  await expect(menu).not.toHaveAttribute('open');
  await expect(menu.locator('summary')).toBeFocused();
  expect(await violations(page)).toEqual([]);
});

test('a click elsewhere, and a step of the keyboard out of it, closes the menu', async ({ page }) => {
  await open(page, '');
  const menu = page.locator('#view');
  await menu.locator('summary').click();
  await page.locator('#task').click();
  await expect(menu).not.toHaveAttribute('open');
  await menu.locator('summary').click();
  await page.locator('#quiet').focus();
  await page.keyboard.press('Tab');
  await expect(menu).not.toHaveAttribute('open');
});

test('looks are kept in this browser, and an address beats them', async ({ page }) => {
  await open(page, '');
  await page.locator('#view > summary').click();
  await page.locator('#theme').selectOption('dark');
  await page.locator('#palette').selectOption('iris');
  await page.locator('#quiet').check();
  await open(page, 'palette=sky');
  const root = page.locator('html');
  await expect(root).toHaveAttribute('data-theme', 'dark');
  await expect(root).toHaveAttribute('data-palette', 'sky');
  await page.locator('#view > summary').click();
  await expect(page.locator('#quiet')).toBeChecked();
});

for (const [where, storage] of [['throws', () => Object.defineProperty(globalThis, 'localStorage', { get() { throw new Error('no storage'); } })], ['holds nonsense', () => localStorage.setItem('brownout-looks', '{"theme":7,"palette":["x"],"locale":"<b>","motion":null')]] as const) {
  test(`where storage ${where} the menu works all the same`, async ({ page }) => {
    await page.addInitScript(storage);
    await open(page, 'motion=full');
    await page.locator('#view > summary').click();
    await page.locator('#theme').selectOption('dark');
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
    await expect(page).toHaveURL(/theme=dark/);
    await page.reload();
    await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
    await expect(page.locator('#notices')).toBeHidden();
  });
}

test('looks that nobody has get one sentence each', async ({ page }) => {
  await open(page, 'theme=pink&palette=neon&motion=wild&projector=maybe');
  await expect(page.locator('#notices li')).toHaveCount(4);
  for (const part of ['theme = pink', 'palette = neon', 'motion = wild', 'projector = maybe']) await expect(page.locator('#notices')).toContainText(part);
});

test('less motion by the system, more by choice, and back', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await open(page, 'running=on&speed=5');
  const root = page.locator('html');
  const counts = page.locator('.drawing .link text').filter({ hasText: /packet/ });
  await expect(root).toHaveAttribute('data-motion', 'reduced');
  // Instead of flying, packets are counted.
  await expect(counts.first()).toBeAttached();
  await page.locator('#view > summary').click();
  await page.locator('#motion').selectOption('full');
  await expect(root).toHaveAttribute('data-motion', 'full');
  await expect(counts).toHaveCount(0);
  await page.locator('#motion').selectOption('auto');
  await expect(counts.first()).toBeAttached();
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  await expect(root).toHaveAttribute('data-motion', 'full');
  await page.locator('#motion').selectOption('reduced');
  await expect(counts.first()).toBeAttached();
});

for (const [width, height] of [[1280, 720], [1920, 1080], [820, 1180]] as const) {
  test(`on a projector of ${width} px nothing is small, and nothing sticks out`, async ({ page }) => {
    await page.setViewportSize({ width, height });
    await open(page, 'projector=on&loss=30&speed=5');
    expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBe(0);
    const small = await page.evaluate(() => {
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      const found: string[] = [];
      for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
        const element = node.parentElement;
        // Marks are shapes, not words.
        if (element === null || !/\p{L}{2,}/u.test(node.textContent ?? '') || !element.checkVisibility() || element.closest('.visually-hidden, script, noscript, option') !== null) continue;
        const drawn = element instanceof SVGElement ? (element.ownerSVGElement?.getScreenCTM()?.a ?? 1) : 1;
        const size = parseFloat(getComputedStyle(element).fontSize) * drawn;
        if (size < 14) found.push(`${element.tagName} ${element.className} ${size}`);
      }
      return found;
    });
    expect(small).toEqual([]);
    expect(await violations(page)).toEqual([]);
  });
}

/** The colours that there are in a canvas. */
function painted(page: Page, selector: string): Promise<string[]> {
  return page.locator(selector).evaluate((canvas: HTMLCanvasElement) => {
    const copy = Object.assign(document.createElement('canvas'), { width: canvas.width, height: canvas.height }).getContext('2d', { willReadFrequently: true });
    copy?.drawImage(canvas, 0, 0);
    const data = copy?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    const found = new Set<string>();
    for (let at = 0; at < data.length; at += 4) if (data[at + 3] === 255) found.add(`${data[at]},${data[at + 1]},${data[at + 2]}`);
    return [...found];
  });
}

test('what draws itself follows the system’s colours, and leaves them', async ({ page }) => {
  await open(page, 'speed=5');
  await page.locator('#fault-crash').click();
  await page.locator('#play').click();
  await expect(page.locator('#rung-network')).toContainText('no power');
  await page.locator('#play').click();
  const own = [...new Set(Object.values(await colours(page, ['accent', 'series-1', 'series-2', 'bad'])).map((colour) => colour.map((part) => Math.round(part * 255)).join()))];
  const shares = async (): Promise<boolean> => (await painted(page, '#lanes canvas')).some((colour) => own.includes(colour));
  await expect.poll(shares).toBe(true);
  await page.emulateMedia({ forcedColors: 'active' });
  await expect.poll(shares).toBe(false);
  for (const drawn of ['#flights', '#chart-leaders canvas']) {
    await page.locator(drawn).scrollIntoViewIfNeeded();
    await expect.poll(async () => (await painted(page, drawn)).filter((colour) => own.includes(colour)), drawn).toEqual([]);
  }
  expect(await violations(page)).toEqual([]);
  await page.emulateMedia({ forcedColors: 'none' });
  await expect.poll(shares).toBe(true);
});
