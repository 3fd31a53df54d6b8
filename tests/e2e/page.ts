// What every browser test starts with: a page on which nothing may go wrong unnoticed.
import { expect, test as base } from '@playwright/test';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export { expect };

/** As most hosts serve a project: from a folder, not from the root. */
export const FOLDER = '/some/folder/';

/** The page of one file, opened as from a disk. */
export const SINGLE_FILE = String(pathToFileURL(join(process.env['BROWNOUT_DIST'] ?? 'dist', 'brownout.html')));

type Options = {
  /** Complaints that a test provokes on purpose. */
  expected: RegExp[];
};

/** A page that fails its test on any console error, policy violation, exception or request to another origin. */
export const test = base.extend<Options>({
  expected: [[], { option: true }],
  page: async ({ page, baseURL, expected }, use) => {
    const complaints: string[] = [];
    const complain = (complaint: string) => {
      if (complaint.includes('Service Worker registration blocked by Playwright')) return;
      if (!expected.some((pattern) => pattern.test(complaint))) complaints.push(complaint);
    };
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complain(`${message.type()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => complain(`exception: ${error.message}`));
    page.on('requestfailed', (request) => complain(`failed: ${request.url()}`));
    page.on('response', (response) => {
      if (response.status() >= 400) complain(`${response.status()}: ${response.url()}`);
    });
    page.on('request', (request) => {
      const { origin, protocol } = new URL(request.url());
      if (protocol !== 'data:' && protocol !== 'blob:' && origin !== baseURL && request.url().replace(/[?#].*/, '') !== SINGLE_FILE) complain(`another origin: ${request.url()}`);
    });
    await page.addInitScript(() => {
      addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
        console.error(`policy violation: ${violatedDirective} ${blockedURI}`);
      });
    });
    await use(page);
    expect(complaints).toEqual([]);
  },
});
