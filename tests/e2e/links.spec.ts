// Links and files: what is shared comes back to the bit, and what can't be had is said. The engine is the real one.
import type { Download, Page } from '@playwright/test';
import jsQR from 'jsqr';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pack, unpack } from '../../www/src/link/pack.ts';
import type { Run } from '../../www/src/link/run.ts';
import { violations } from './axe.ts';
import { expect, test } from './page.ts';

const LINKS = join(__dirname, '../data/links');
const ENGINES = readdirSync(LINKS, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);

async function ready(page: Page): Promise<void> {
  await expect(page.locator('#play')).toBeVisible();
}
async function open(page: Page, address = ''): Promise<void> {
  await page.goto(`/${address}`);
  await ready(page);
}
const notices = (page: Page) => page.locator('#notices li');
const time = (page: Page) => page.locator('#timeline .time');

/** Opens the dialog and returns the link in it. */
async function share(page: Page): Promise<string> {
  await page.locator('#share').click();
  await expect(page.locator('#share-dialog')).toBeVisible();
  return page.locator('#share-link').inputValue();
}
async function digestOf(page: Page): Promise<string> {
  const about = (await page.locator('#share-dialog > p').first().textContent()) ?? '';
  return /digest ([0-9a-f]{16})/.exec(about)?.[1] ?? 'none';
}
/** A run in which things were done. */
async function act(page: Page): Promise<void> {
  await page.locator('#dial-loss_ppm').fill('300');
  await page.locator('#fault-at').selectOption({ label: 'host 2' });
  await page.locator('#fault-isolate').click();
  for (let steps = 0; steps < 3; steps += 1) await page.locator('#step').click();
}
async function text(download: Download): Promise<string> {
  return readFileSync(await download.path(), 'utf8');
}
async function saved(page: Page, button: string): Promise<Download> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator(button).click()]);
  return download;
}

test.describe('a link', () => {
  test('leads to the very run, on which one can go on; then the address says the settings alone', { tag: '@both' }, async ({ page }) => {
    await open(page, '?seed=7');
    await act(page);
    const link = await share(page);
    const digest = await digestOf(page);
    const at = (await time(page).textContent()) ?? '';
    expect(new URL(link).hash).toMatch(/^#r1=[\w-]+$/);
    await page.goto('about:blank');
    await page.goto(link);
    await ready(page);
    await expect(notices(page)).toHaveCount(1);
    await expect(notices(page)).toContainText(`the same digest, ${digest}`);
    // What a link opens stands between two events; the time is shown as exactly as it was.
    expect(parseFloat((await time(page).textContent()) ?? '')).toBeCloseTo(parseFloat(at), 1);
    await expect(page.locator('#dial-loss_ppm')).toHaveAttribute('aria-valuetext', '30 percent of packets lost at member 1');
    await expect(page.locator('.in-force')).toContainText('Host 2 is cut off');
    // A reload shows it again, as long as nobody went on.
    await page.locator('#speed').fill('12');
    await expect(page).toHaveURL(/speed=10#r1=/);
    expect(await share(page)).toContain(new URL(link).hash);
    await page.keyboard.press('Escape');
    await page.locator('#step').click();
    await expect(page).toHaveURL(/\?scenario=quiet&seed=7&loss=30&speed=10$/);
    await page.reload();
    await ready(page);
    await expect(notices(page)).toHaveCount(0);
  });

  test('carries the branch that is played, and others can be begun from it', async ({ page }) => {
    await open(page);
    await act(page);
    await page.locator('#step-back').click();
    await page.locator('#fault-crash').click();
    await expect(page.locator('#timeline')).toContainText('Branch 1');
    const link = await share(page);
    const digest = await digestOf(page);
    const run = await unpack(new URL(link).hash);
    expect(run.journal.map(({ do: act }) => (typeof act === 'object' && 'inject' in act ? act.inject.name : '')).filter((name) => name !== '')).toEqual(['isolate', 'crash']);
    await page.goto('about:blank');
    await page.goto(link);
    await ready(page);
    await expect(notices(page)).toContainText(digest);
    await page.locator('#scrub').press('Home');
    await expect(time(page)).toHaveText(/^0\.0/);
    await page.locator('#fault-pause').click();
    await expect(page.locator('#timeline')).toContainText('Branch 1');
  });

  test('that was changed, cut or is too long is refused in a sentence, and the page opens with its settings', async ({ page }) => {
    await open(page, '?seed=5&loss=20');
    const link = await share(page);
    const at = link.indexOf('#') + 40;
    const changed = link.slice(0, at) + (link[at] === 'A' ? 'B' : 'A') + link.slice(at + 1);
    const run = await unpack(new URL(link).hash);
    const plain = link.slice(0, link.indexOf('#'));
    const refused = await pack({ ...run, scenario: '<img src=x onerror=alert(1)>' });
    const far = await pack({ ...run, end: null, journal: [{ step: 0, at_ns: 1e9, do: { inject: { name: 'crash', host: 99, to: null, value: null } }, scripted: false }, { step: 3, at_ns: 2e9, do: { heal: 77 }, scripted: false }] });
    for (const [address, sentence] of [
      [changed, 'can’t be read: characters after the # are missing or were changed'],
      [link.slice(0, -9), 'can’t be read'],
      [`${plain}#r9=abc`, 'packed as r9; this page reads r1'],
      [`${plain}#r1=${'A'.repeat(40_000)}`, 'has 40,000 characters after the #; at most 32,000'],
      [plain + refused, 'Scenario = "<img src=x onerror=alert(1)>" is not known'],
      [plain + far, 'The shared run can’t be played'],
    ] as const) {
      if (address === changed) {
        await page.goto('about:blank');
        await page.goto(address);
        await ready(page);
        await expect(notices(page)).toHaveCount(1);
      } else {
        await page.evaluate((hash) => {
          location.hash = hash;
        }, new URL(address).hash);
      }
      await expect(notices(page).last(), address).toContainText(sentence);
      await expect(page.locator('#dial-loss_ppm')).toHaveAttribute('aria-valuetext', '20 percent of packets lost at member 1');
      await expect(page).toHaveURL(/\?scenario=quiet&seed=5&loss=20$/);
    }
    expect(await page.locator('img').count()).toBe(0);
  });

  test('says what it can’t vouch for: another digest, another engine', async ({ page }) => {
    await open(page);
    const run = await unpack(new URL(await share(page)).hash);
    await page.keyboard.press('Escape');
    for (const [other, sentence] of [
      [{ digest: '0123456789abcdef' }, 'This is not the run that was shared'],
      [{ engine: '0.0.1+0badc0de', digest: '0123456789abcdef' }, 'was made by engine 0.0.1+0badc0de; this is 0.1.0+'],
      [{ engine: '0.0.1+0badc0de' }, 'it is the same run all the same'],
      [{ engine: '<b>evil</b>', digest: null }, 'was made by engine <b>evil</b>;'],
      [{ digest: null }, 'says no digest'],
    ] as const) {
      const hash = await pack({ ...run, ...other });
      await page.evaluate((hash) => {
        location.hash = hash;
      }, hash);
      await expect(notices(page).last()).toContainText(sentence);
    }
    expect(await page.locator('#notices b').count()).toBe(0);
  });

  for (const engine of ENGINES) {
    test(`of engine ${engine} opens and is told rightly`, async ({ page }) => {
      await open(page);
      const ours = (await unpack(new URL(await share(page)).hash)).engine;
      await page.keyboard.press('Escape');
      const names = readdirSync(join(LINKS, engine)).filter((file) => file.endsWith('.json'));
      expect(names.length).toBeGreaterThanOrEqual(12);
      for (const name of names) {
        const run = JSON.parse(readFileSync(join(LINKS, engine, name), 'utf8')) as Run;
        const file = join(LINKS, engine, name.replace('.json', '.link'));
        if (process.env['BLESS'] !== undefined && !existsSync(file)) writeFileSync(file, `${await pack(run)}\n`);
        const hash = readFileSync(file, 'utf8').trim();
        expect(await unpack(hash), name).toEqual(run);
        await page.evaluate((hash) => {
          location.hash = hash;
        }, hash);
        const told = notices(page).last();
        if (engine === ours) await expect(told, name).toContainText(`the same digest, ${run.digest}`);
        else await expect(told, name).toContainText(`was made by engine ${engine}; this is ${ours}`);
        await expect(page.locator('#seed')).toHaveValue(String(run.seed));
        await told.getByRole('button').click();
      }
    });
  }

  test('that takes long shows how far it is, and can be stopped', async ({ page }) => {
    await open(page);
    const run = await unpack(new URL(await share(page)).hash);
    const long = await pack({ ...run, until_us: 3000e6, end: null, digest: null });
    await page.goto('about:blank');
    await page.goto(`/?seed=3${long}`);
    await expect(page.locator('#loading progress')).toBeVisible();
    await expect(page.locator('#loading')).toContainText('The shared run is played again.');
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    await ready(page);
    await expect(notices(page)).toContainText('Opening the shared run was stopped');
    await expect(page.locator('#seed')).toHaveValue('3');
  });
});

test('t opens the page at a moment; what is not such a moment is said', async ({ page }) => {
  await open(page, '?t=40.5');
  await expect(time(page)).toHaveText(/^40\.5\s*s$/);
  await expect(notices(page)).toHaveCount(0);
  await expect(page).toHaveURL(/seed=1&t=40\.5$/);
  await page.locator('#step').click();
  await expect(page).toHaveURL(/\?scenario=quiet&seed=1$/);
  await open(page, '?t=12');
  await expect(notices(page)).toContainText('t = 12 in the address is before the page begins. At least 32 (s)');
  await expect(page).toHaveURL(/\?scenario=quiet&seed=1$/);
  await open(page, '?t=banana');
  await expect(notices(page)).toContainText('t = banana in the address is not a number from 0 to 3600 (s)');
});

test.describe('a file', () => {
  test('holds the run: saved, opened by the button and dropped, it is the same', async ({ page }) => {
    await open(page, '?seed=9');
    await act(page);
    const link = await share(page);
    const digest = await digestOf(page);
    const download = await saved(page, '#out-run');
    await expect(page.locator('#share-dialog .status')).toContainText(download.suggestedFilename());
    const run = JSON.parse(await text(download)) as Run & { link: string };
    expect([run.digest, run.link]).toEqual([digest, link]);
    await open(page);
    await share(page);
    await page.locator('#share-open').setInputFiles(await download.path());
    await expect(page.locator('#share-dialog')).toBeHidden();
    await expect(notices(page)).toContainText(`the same digest, ${digest}`);
    await expect(page.locator('#seed')).toHaveValue('9');
    // The same with everything in it, dropped, and with another digest.
    await share(page);
    const everything = await text(await saved(page, '#out-everything'));
    await page.keyboard.press('Escape');
    const drop = (content: string, size = 0): Promise<void> =>
      page.evaluate(([content, size]) => {
        const data = new DataTransfer();
        data.items.add(new File([content, new Uint8Array(size)], 'run.json'));
        dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
      }, [content, size] as const);
    await page.locator('#step').click();
    await drop(everything);
    await expect(notices(page).last()).toContainText('the same digest');
    await drop(JSON.stringify({ ...run, digest: 'feedfeedfeedfeed' }));
    await expect(notices(page).last()).toContainText('not feedfeedfeedfeed');
    const before = await notices(page).count();
    await drop('{"journal": 5');
    await expect(notices(page).last()).toContainText('The file is not JSON');
    await drop('{}');
    await expect(notices(page).last()).toContainText('The file holds no run');
    await drop('', 5 << 20);
    await expect(notices(page).last()).toContainText('has 5,242,880 bytes; at most 4,194,304');
    await drop(JSON.stringify({ ...run, seed: 2 ** 60 }));
    await expect(notices(page).last()).toContainText('The shared run can’t be played, so the page keeps its own.');
    expect(await notices(page).count()).toBe(before + 4);
    await expect(page.locator('#seed')).toHaveValue('9');
  });
});

/** A table as RFC 4180 has it. */
function parseCsv(csv: string): Record<string, string>[] {
  const lines: string[][] = [[]];
  for (const [, quoted, bare, end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    lines.at(-1)?.push(quoted?.replaceAll('""', '"') ?? bare ?? '');
    if (end !== ',') lines.push([]);
  }
  const [names = [], ...rows] = lines.slice(0, -1);
  return rows.map((row) => {
    expect(row.length).toBe(names.length);
    return Object.fromEntries(names.map((name, index) => [name, row[index] ?? '']));
  });
}

test('what leaves the page can be read by others, and carries the link', async ({ page }) => {
  await open(page, '?seed=4&where=everything&loss=40');
  await page.locator('#play').click();
  await expect(time(page)).toHaveText(/^3[3-9]/);
  await page.locator('#play').click();
  const link = await share(page);
  const all = async (button: string): Promise<string> => text(await saved(page, button));

  const series = parseCsv(await all('#out-series'));
  expect(series.length).toBeGreaterThan(50);
  expect(Object.keys(series[0] ?? {})).toEqual(expect.arrayContaining(['t_s', 'success_0_0', 'p99_ms', 'leader_changes', 'pods_ready', 'link']));
  expect(series[0]?.['link']).toBe(link);
  const times = series.map((row) => Number(row['t_s']));
  expect(times.every((t, index) => index === 0 || t > (times[index - 1] ?? 0))).toBe(true);
  const events = parseCsv(await all('#out-events'));
  expect(events[0]?.['link']).toBe(link);
  expect(events.find((row) => row['kind'] === 'leads')?.['text']).toMatch(/^etcd-\d leads in term/);

  const everything = JSON.parse(await all('#out-everything')) as { link: string; run: Run; series: Record<string, number[]>; events: unknown[] };
  expect([everything.link, everything.run.seed]).toEqual([link, 4]);
  expect(everything.series['t_s']).toHaveLength(series.length);
  expect(everything.events).toHaveLength(events.length);

  const metrics = await all('#out-metrics');
  expect(metrics.endsWith('\n# EOF\n')).toBe(true);
  expect(metrics.match(/# EOF/g)).toHaveLength(1);
  const families = [...metrics.matchAll(/^# TYPE (\S+) (\w+)$/gm)].map(([, name]) => name);
  expect(families).toEqual(expect.arrayContaining(['etcd_server_has_leader', 'etcd_disk_wal_fsync_duration_seconds', 'brownout_run']));
  expect(new Set(families).size).toBe(families.length);
  expect(metrics).toContain(`link="${link}"`);
  for (const line of metrics.trimEnd().split('\n')) expect(line).toMatch(/^(# (HELP|TYPE|UNIT|EOF)|[a-zA-Z_:][\w:]*(\{.*\})? [-+.\deInfNa]+( |$))/);

  const report = await all('#out-report');
  for (const part of ['# A healthy cluster, at 3', '## Set-up', '| Seed | 4 |', '## Dials that were moved', '| Packet loss | ', '40 %', '## What was done', '## Milestones', 'Numbers of the last two minutes', '- Requests that succeed', link]) expect(report).toContain(part);

  for (const [button, sizes, words] of [['#out-drawing-svg', 500, 'controllers'], ['#out-charts-svg', 900, 'Pods']] as const) {
    const picture = await all(button);
    const found = await page.evaluate((picture) => {
      const { documentElement: root } = new DOMParser().parseFromString(picture, 'image/svg+xml');
      return { name: root.localName, width: Number(root.getAttribute('width')), about: root.querySelector('desc')?.textContent, words: root.textContent ?? '', shapes: root.querySelectorAll('path, rect, circle').length, bad: root.querySelectorAll('script, foreignObject, [onclick], [style]').length };
    }, picture);
    expect(found).toMatchObject({ name: 'svg', about: link, bad: 0 });
    expect(found.width).toBeGreaterThan(sizes);
    expect(found.shapes).toBeGreaterThan(30);
    expect(found.words.toLowerCase()).toContain(words.toLowerCase());
  }
  for (const button of ['#out-drawing-png', '#out-charts-png']) {
    const picture = readFileSync(await (await saved(page, button)).path());
    expect(picture.subarray(1, 4).toString()).toBe('PNG');
    expect(picture.length).toBeGreaterThan(20_000);
    expect(picture.readUInt32BE(16)).toBeGreaterThan(1000);
  }
});

test.describe('the dialog', () => {
  test('has what is pasted elsewhere, and a code that a camera reads', async ({ page }) => {
    await open(page, '?scenario=leader-crash&seed=3&loss=30');
    const link = await share(page);
    const title = 'Each host crashes in turn';
    await expect(page.locator('#share-markdown')).toHaveValue(new RegExp(`^\\[${title}.*\\]\\(http.*#r1=[\\w-]+\\)$`));
    const frame = await page.locator('#share-iframe').inputValue();
    const attributes = Object.fromEntries([...frame.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value.replaceAll('&amp;', '&')]));
    expect(attributes).toMatchObject({ src: link.replace('/?', '/embed.html?'), width: '100%', height: '640', loading: 'lazy' });
    expect(attributes['title']).toContain(title);
    await expect(page.locator('#share-element')).toHaveValue(/<brownout-playground scenario="leader-crash" seed="3" loss="30" title="[^"<]+"><\/brownout-playground>$/);
    await page.locator('#share-code').click();
    await expect(page.getByRole('img', { name: /^QR code of the link: / })).toBeVisible();
    expect(await readCode(page)).toBe(link);
    await page.locator('#share-settings').check();
    await expect(page.locator('#share-link')).toHaveValue(link.slice(0, link.indexOf('#')));
    await page.locator('#share-code').click();
    expect(await readCode(page)).toBe(link.slice(0, link.indexOf('#')));
  });

  test('says that a link is too long for a code, and offers the short one', async ({ page }) => {
    await open(page);
    const run = await unpack(new URL(await share(page)).hash);
    await page.keyboard.press('Escape');
    // A drag that went on and on.
    const moves = Array.from({ length: 400 }, (_, n) => ({
      step: 0, at_ns: 1e9 + n * 16_000_000 + ((n * n * 7_919_113) % 15_000_000), do: { set: [{ name: 'loss_ppm', value: ((n * n * 37_337) % 900) * 1000 }] }, scripted: false,
    }));
    const hash = await pack({ ...run, until_us: 9e6, end: null, digest: null, journal: moves });
    await page.evaluate((hash) => {
      location.hash = hash;
    }, hash);
    await expect(notices(page)).toHaveCount(1);
    const link = await share(page);
    expect(link.length).toBeGreaterThan(1200);
    await page.locator('#share-code').click();
    await expect(page.locator('#share-dialog .code')).toContainText('cameras read at most about 1,200');
    await page.getByRole('button', { name: 'Show the link with the settings alone' }).click();
    expect(await readCode(page)).toBe(link.slice(0, link.indexOf('#')));
    await expect(page.locator('#share-settings')).toBeChecked();
  });

  test('copies and says so; where the clipboard is refused the text is selected', async ({ page, context }) => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await open(page);
    const link = await share(page);
    const copy = page.getByRole('button', { name: 'Copy: Link' });
    await copy.click();
    await expect(copy).toHaveText('Copied');
    await expect(page.locator('#share-dialog .status')).toHaveText('Copied');
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(link);
    await page.evaluate(() => {
      navigator.clipboard.writeText = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
    });
    await page.getByRole('button', { name: 'Copy: Markdown' }).click();
    await expect(page.locator('#share-dialog .status')).toHaveText('Selected: press Ctrl+C to copy');
    expect(await page.evaluate(() => getSelection()?.toString() ?? '')).toMatch(/^\[.*\]\(http/);
  });

  test('axe finds nothing in it, the keyboard alone leads through it and comes back to where it was', async ({ page }) => {
    await page.setViewportSize({ width: 320, height: 720 });
    await open(page);
    await page.locator('#menu > summary').press('Enter');
    await page.locator('#share').press('Enter');
    await expect(page.locator('#share-dialog')).toBeVisible();
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate(() => document.querySelector('#share-dialog')?.scrollWidth ?? 0)).toBeLessThanOrEqual(320);
    const reach = async (id: string): Promise<void> => {
      for (let presses = 0; presses < 40; presses += 1) {
        if ((await page.evaluate(() => document.activeElement?.id)) === id) return;
        await page.keyboard.press('Tab');
      }
      throw new Error(`The tab key does not lead to #${id}.`);
    };
    await reach('share-run');
    await page.keyboard.press('ArrowDown');
    await expect(page.locator('#share-link')).not.toHaveValue(/#/);
    await reach('share-code');
    await page.keyboard.press('Enter');
    await expect(page.locator('.qr')).toBeVisible();
    expect(await violations(page)).toEqual([]);
    await reach('out-report');
    const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
    expect(download.suggestedFilename()).toMatch(/^brownout-quiet-1-32\.0s-report\.md$/);
    await page.keyboard.press('Escape');
    await expect(page.locator('#share-dialog')).toHaveCount(0);
    await expect(page.locator('#share')).toBeFocused();
  });

  test('leaves the keyboard at the menu where the button was folded away meanwhile', async ({ page }) => {
    await open(page);
    await share(page);
    await page.setViewportSize({ width: 390, height: 844 });
    await expect(page.locator('#menu')).not.toHaveAttribute('open');
    await page.keyboard.press('Escape');
    await expect(page.locator('#share-dialog')).toHaveCount(0);
    await expect(page.locator('#menu > summary')).toBeFocused();
  });

  test('shows hostile names as text, in the page and in what leaves it', async ({ page }) => {
    await open(page);
    const hostile = '<img src=x onerror=alert(1)>|[a](javascript:b)';
    const run = await unpack(new URL(await share(page)).hash);
    await page.keyboard.press('Escape');
    const hash = await pack({ ...run, until_us: 1e6, end: null, digest: null, journal: [...run.journal, { step: 0, at_ns: 5e8, do: { create: { name: hostile, kind: 'deployment', replicas: 2 } }, scripted: false }] });
    await page.evaluate((hash) => {
      location.hash = hash;
    }, hash);
    await expect(notices(page)).toHaveCount(1);
    await share(page);
    const report = await text(await saved(page, '#out-report'));
    expect(report).not.toContain('<img');
    expect(report).not.toMatch(/[^\\]\[a\\?\]\(/);
    expect(await page.locator('img').count()).toBe(0);
  });
});

/** What a decoder reads in the code that is shown. */
async function readCode(page: Page): Promise<string | undefined> {
  const { width, data } = await page.locator('.qr').evaluate(async (code) => {
    const side = Number(code.getAttribute('viewBox')?.split(' ')[2]) * 4;
    const image = new Image(side, side);
    const copy = code.cloneNode(true) as SVGSVGElement;
    copy.setAttribute('width', String(side));
    copy.setAttribute('height', String(side));
    image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
    await image.decode();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [side, side];
    const context = canvas.getContext('2d');
    context?.drawImage(image, 0, 0, side, side);
    return { width: side, data: [...(context?.getImageData(0, 0, side, side).data ?? [])] };
  });
  return jsQR(Uint8ClampedArray.from(data), width, width)?.data;
}

test.describe('an engine that breaks', () => {
  test.use({ expected: [/RuntimeError|unreachable/] });

  test('leaves a link that leads to where it broke, and a report', async ({ page }) => {
    await page.addInitScript(() => {
      const real = WebAssembly.instantiateStreaming;
      WebAssembly.instantiateStreaming = async (...given) => {
        const { module, instance } = await real(...given);
        const exports = { ...instance.exports } as Record<string, (...given: unknown[]) => unknown>;
        const run = exports['engine_run'];
        exports['engine_run'] = (...given: unknown[]) => {
          if ('trap' in globalThis) throw new WebAssembly.RuntimeError('unreachable');
          return run?.(...given);
        };
        return { module, instance: { exports } } as unknown as WebAssembly.WebAssemblyInstantiatedSource;
      };
    });
    await open(page, '?seed=6');
    await act(page);
    await page.evaluate(() => Object.assign(globalThis, { trap: true }));
    await page.locator('#play').click();
    await expect(page.locator('#broken')).toContainText('The engine broke');
    await expect(page.locator('#broken-report')).toHaveValue(/unreachable[\s\S]*Link: http.*#r1=/);
    const link = await page.locator('#broken-link').inputValue();
    const run = await unpack(new URL(link).hash);
    expect(run.journal.map(({ do: act }) => Object.keys(act)[0])).toEqual(['set', 'inject']);
    await page.goto('about:blank');
    await page.goto(link);
    await ready(page);
    await expect(notices(page)).toContainText('says no digest');
    await expect(page.locator('.in-force')).toContainText('Host 2 is cut off');
    await expect(time(page)).toHaveText(/^32\.0/);
  });
});
