import { defineConfig } from '@playwright/test';

const { BROWNOUT_URL, BROWNOUT_CHROMIUM, BROWNOUT_FIREFOX, BROWNOUT_TRACE, CI } = process.env;
if (BROWNOUT_URL === undefined || BROWNOUT_CHROMIUM === undefined) {
  throw new Error('These tests need a server and a browser: run them with `cargo xtask test --only browser`.');
}

/** Firefox can't be asked for another medium, so it must not be tried: tests that need one are Chromium's. */
const FIREFOX = {
  browserName: 'firefox',
  channel: 'moz-firefox',
  launchOptions: { executablePath: BROWNOUT_FIREFOX ?? '' },
  colorScheme: null,
  contextOptions: { reducedMotion: null, forcedColors: null, contrast: null },
} as const;

export default defineConfig({
  testDir: '../tests/e2e',
  outputDir: '../test-results',
  forbidOnly: CI !== undefined,
  fullyParallel: true,
  workers: 2,
  // A test that passes only sometimes is a finding, not a nuisance.
  retries: 0,
  // The page simulates half a minute before it opens, and a test may wait for minutes of the run.
  timeout: 120_000,
  reporter: 'list',
  // On a busy machine the half minute before it opens takes that long.
  expect: { timeout: 30_000 },
  use: {
    baseURL: BROWNOUT_URL,
    // The laptop that the page is drawn for: there the lanes are shown from the start.
    viewport: { width: 1440, height: 900 },
    // A page that keeps itself would keep an old one from test to test; offline.spec.ts allows it.
    serviceWorkers: 'block',
    // Recording every step of every test takes longer than many tests do.
    trace: BROWNOUT_TRACE === undefined ? 'off' : 'retain-on-failure',
  },
  projects: [
    { name: 'chromium', use: { browserName: 'chromium', launchOptions: { executablePath: BROWNOUT_CHROMIUM } } },
    // A release as people have it, by WebDriver BiDi: only what is marked, from the first start to the last link.
    // Whoever has none is told so by xtask.
    ...(BROWNOUT_FIREFOX === undefined ? [] : [{ name: 'firefox', grep: /@both/, use: FIREFOX }]),
  ],
});
