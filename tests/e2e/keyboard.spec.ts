// From the first look to the first cause by the keyboard alone. Wherever it is, it can be seen.
import type { Page } from '@playwright/test';
import { expect, test } from './page.ts';

/** What has the keyboard, and whether somebody who sees can tell. */
interface Focus {
  readonly id: string;
  readonly name: string;
  readonly inside: readonly string[];
  /** What is wrong with it; empty: it is seen. */
  readonly complaints: readonly string[];
}

function focus(page: Page): Promise<Focus> {
  return page.evaluate(() => {
    const element = document.activeElement ?? document.body;
    const name = element.getAttribute('aria-label') ?? element.textContent ?? '';
    const inside = [...document.querySelectorAll('section[id], dialog[id]')].filter((around) => around.contains(element)).map(({ id }) => id);
    const complaints: string[] = [];
    if (element === document.body) return { id: '', name: 'nothing', inside, complaints: ['nothing has the keyboard'] };
    if (!element.matches(':focus-visible')) complaints.push('it is not :focus-visible');
    // A thing of the drawing is ringed by the shape that is hit.
    const rings = [element, ...element.querySelectorAll('.hit, .pill')].some((ringed) => {
      const { outlineStyle, outlineWidth, stroke, strokeWidth } = getComputedStyle(ringed);
      const stroked = ringed instanceof SVGElement && ringed !== element && stroke !== 'none' && parseFloat(strokeWidth) >= 2;
      return stroked || (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2);
    });
    if (!rings) complaints.push('it has no ring');
    const { left, right, top, bottom } = element.getBoundingClientRect();
    const [x, y] = [(left + right) / 2, (top + bottom) / 2];
    if (x < 0 || y < 0 || x > innerWidth || y > innerHeight) complaints.push(`its middle is out of sight, at ${x}, ${y}`);
    const above = document.elementFromPoint(x, y)?.closest('#timeline');
    if (above !== null && above !== undefined && !above.contains(element)) complaints.push('the timeline lies on it');
    return { id: element.id, name, inside, complaints };
  });
}

/** Presses the tab key until something has the keyboard; every stop on the way has to be seen. */
async function reach(page: Page, what: string, found: (focus: Focus) => boolean, key = 'Tab', most = 90): Promise<void> {
  for (let presses = 0; presses < most; presses += 1) {
    await page.keyboard.press(key);
    const at = await focus(page);
    // Between the last stop and the first lies the browser's own.
    if (at.name !== 'nothing') expect(at.complaints, `${at.id || at.name}, on the way to ${what}`).toEqual([]);
    if (found(at)) return;
  }
  throw new Error(`${most} presses of ${key} do not lead to ${what}.`);
}
const reachId = (page: Page, id: string, key = 'Tab'): Promise<void> => reach(page, `#${id}`, (at) => at.id === id, key);

test('from the first look to the first cause and back by the keyboard alone, always in sight', { tag: '@both' }, async ({ page }) => {
  // On a busy machine every press of a key takes its time.
  test.setTimeout(240_000);
  await page.goto('/?speed=10');
  await expect(page.locator('#play')).toBeVisible();
  const time = page.locator('#timeline .time');
  // The first task: losses everywhere until a write fails.
  await reachId(page, 'dial-loss_ppm');
  await page.keyboard.press('End');
  await reachId(page, 'dial-loss_place');
  await page.keyboard.type('everyw');
  await expect(page.locator('#dial-loss_ppm')).toHaveAttribute('aria-valuetext', '90 percent of packets lost everywhere');
  await reachId(page, 'play');
  await page.keyboard.press('Enter');
  await expect(page.locator('#task')).toContainText('Set packet loss back', { timeout: 60_000 });
  await page.keyboard.press('Enter');
  await expect(page.locator('#play')).toHaveText('Play');

  // The first rung that says it is hurt and can be asked.
  await reach(page, 'a rung that can be asked', ({ name, inside }) => inside.includes('ladder') && name.startsWith('Why: '));
  const asked = (await focus(page)).name;
  await page.keyboard.press('Enter');
  await expect(page.locator('#why h3')).toBeFocused();
  expect((await focus(page)).complaints.filter((complaint) => !complaint.includes('ring'))).toEqual([]);
  await expect(page.locator('#why .chain > li').last()).toHaveText('This was done from outside: here it began.');

  // To the moment where it began, and back to the newest.
  const before = (await time.textContent()) ?? '';
  const began = (await page.locator('#why .chain > li').nth(-2).locator('.when').textContent()) ?? '';
  await reach(page, 'the moment where it began', ({ name, inside }) => inside.includes('answer') && name.includes(began));
  await page.keyboard.press('Enter');
  await expect(time).toHaveText(began);
  await reach(page, 'the way out of the answer', ({ name, inside }) => inside.includes('answer') && name === 'Close', 'Shift+Tab');
  await page.keyboard.press('Enter');
  await expect(page.locator('#why')).toBeEmpty();
  const back = await focus(page);
  expect(back.complaints, `after closing the answer to ${asked}`).toEqual([]);
  await reachId(page, 'live');
  await page.keyboard.press('Enter');
  await expect(time).toHaveText(before);

  // Something else breaks, and is mended.
  await reach(page, 'the faults', ({ id }) => /^fault-(isolate|cut|crash|kill|pause|hang|slow)/.test(id), 'Shift+Tab');
  await reachId(page, 'fault-crash', 'ArrowRight');
  await page.keyboard.press(' ');
  await expect(page.locator('.in-force li')).toHaveCount(1);
  await reach(page, 'Heal all', ({ name }) => name === 'Heal all');
  await page.keyboard.press('Enter');
  await expect(page.locator('.in-force li')).toHaveCount(0);
});
