// What axe finds wrong with a page, at the level of WCAG 2.2 AA.
import type { Page } from '@playwright/test';
import type axe from 'axe-core';
import { readFileSync } from 'node:fs';

const SOURCE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** One line for each element that breaks a rule: the rule, the element, what is wrong with it. */
export async function violations(page: Page): Promise<string[]> {
  // Evaluated by the browser's debugger, which the page's policy does not bind.
  await page.evaluate(SOURCE);
  return page.evaluate(async (rules) => {
    const { axe: injected } = globalThis as unknown as { axe: typeof axe };
    // What scrolls under a bar that sticks is half covered somewhere, and free again a line further.
    const stuck = document.getElementById('timeline');
    if (stuck !== null) stuck.style.position = 'static';
    const found = await injected.run({ runOnly: rules, resultTypes: ['violations'] });
    if (stuck !== null) stuck.style.position = '';
    return found.violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary ?? ''}`),
    );
  }, RULES);
}
