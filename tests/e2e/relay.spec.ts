// What a page around the frame may say to it and hears from it: by the element, by messages, from other origins, through
// sandboxes.
import type { Page } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrownoutPlayground, PlaygroundState } from '../../www/src/embed/element.ts';
import { PARTS, VIEWS } from '../../www/src/embed/face.ts';
import { DIST, aWhile, host, openBeside, type Host } from './hosts.ts';
import { expect, test } from './page.ts';

// Other ports are other origins; they are all on this machine.
test.use({ expected: [/^another origin: http:\/\/127\.0\.0\.1:\d+\//] });

let other: Host;
let open: Host;
test.beforeAll(async () => {
  other = await host();
  open = await host({ files: DIST, open: true });
});
test.afterAll(() => {
  other.close();
  open.close();
});

type Message = Record<string, unknown> & { type: string };

/** A page that keeps what it hears from its frame, and its origin. */
const LISTENS = `<script>globalThis.heard = []; addEventListener('message', ({ data, origin }) => heard.push({ ...data, origin }))</script>`;

function heard(page: Page, type: string): Promise<Message[]> {
  return page.evaluate((type) => (globalThis as unknown as { heard: Message[] }).heard.filter((message) => message.type === type), type);
}
async function tell(page: Page, message: unknown): Promise<void> {
  await page.evaluate((message) => document.querySelector('iframe')?.contentWindow?.postMessage(message, '*'), message);
}
/** Says something and waits for the answer. */
async function ask(page: Page, message: Record<string, unknown>): Promise<Message> {
  const id = Math.random().toString(36);
  await tell(page, { brownout: 1, id, ...message });
  const found = await page.waitForFunction((id) => (globalThis as unknown as { heard: Message[] }).heard.find((message) => message['id'] === id), id);
  return (await found.jsonValue()) as Message;
}

test('a page of another origin gives orders and is answered', { tag: '@both' }, async ({ page, baseURL }) => {
  await page.goto(other.at(`${LISTENS}<iframe title="Figure" width="640" height="480" src="${baseURL}/embed.html?relay=${other.origin}"></iframe>`));
  await expect.poll(async () => (await heard(page, 'ready')).length).toBe(1);
  const [ready] = await heard(page, 'ready');
  expect(ready).toMatchObject({ brownout: 1, origin: baseURL, state: { running: false, seconds: 32, rungs: { etcd: { level: 0, text: 'healthy' } } } });
  await expect.poll(async () => (await heard(page, 'resize')).at(-1)?.['height']).toBeGreaterThan(380);

  expect(await ask(page, { type: 'set', dials: { loss: 80, where: 'all-members' }, speed: 10 })).toMatchObject({ type: 'state', state: { speed: 10, dials: { loss: 80, where: 'all-members' } } });
  expect(await ask(page, { type: 'play' })).toMatchObject({ state: { running: true } });
  await expect.poll(async () => (await heard(page, 'event')).flatMap(({ events }) => events as { kind: string }[]).map(({ kind }) => kind)).toContain('loses_leader');
  await expect.poll(async () => (await heard(page, 'task')).length).toBeGreaterThan(0);
  expect(await ask(page, { type: 'pause' })).toMatchObject({ state: { running: false } });
  const { state: before } = (await ask(page, { type: 'seek', seconds: 38 })) as unknown as { state: PlaygroundState };
  expect(before.seconds).toBe(38);
  const { state: stepped } = (await ask(page, { type: 'step' })) as unknown as { state: PlaygroundState };
  expect(stepped.digest).not.toBe(before.digest);
  expect(await ask(page, { type: 'seek', seconds: 33 })).toMatchObject({ state: { seconds: 33 } });
  expect(await ask(page, { type: 'seek', seconds: 38 })).toMatchObject({ state: { seconds: 38, digest: before.digest } });

  const { data } = await ask(page, { type: 'export', kind: 'json' });
  const csv = String((await ask(page, { type: 'export', kind: 'csv' }))['data']).split('\r\n');
  expect(csv[0]?.split(',').length).toBe(csv[5]?.split(',').length);
  expect(String((await ask(page, { type: 'export', kind: 'link' }))['data'])).toMatch(/\/index\.html\?scenario=quiet&seed=1&loss=80&where=all-members/);
  expect(await ask(page, { type: 'load', run: { scenario: 'quiet', seed: 3, dials: { lease: 20 } } })).toMatchObject({ state: { seed: 3, seconds: 32, dials: { lease: 20, loss: 0 } } });
  expect(await ask(page, { type: 'load', run: data })).toMatchObject({ state: { seed: 1, seconds: before.seconds, digest: before.digest, dials: { loss: 80 } } });
});

test('what it does not understand it answers by one sentence, and goes on', async ({ page, baseURL }) => {
  await page.goto(other.at(`${LISTENS}<iframe title="Figure" width="640" height="480" src="${baseURL}/embed.html?relay=*&loss=1000"></iframe>`));
  await expect.poll(async () => (await heard(page, 'ready')).length).toBe(1);
  expect((await heard(page, 'error')).map(({ error }) => error)).toEqual([expect.stringContaining('loss = 1000 in the address is not a number from 0 to 90')]);
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ type: 'dance' }, /^type = dance in the message is not one of play, pause/],
    [{ brownout: 2, type: 'play' }, /^brownout = 2 in the message is not a version/],
    [{ type: 'play', loud: 1 }, /^loud is no field of this message; its fields are brownout, type, id/],
    [{ type: 'seek', seconds: '5' }, /^seconds = 5 in the message is not a number/],
    [{ type: 'seek', seconds: -1 }, /^seconds = -1/],
    [{ type: 'set', dials: { loss: 200 } }, /^loss = 200 in the message is not a number from 0 to 90/],
    [{ type: 'set', dials: { moon: 1 } }, /^dials = moon in the message is not a dial/],
    [{ type: 'set', dials: { loss: { a: 1 } } }, /^dials\.loss = \{"a":1\}/],
    [{ type: 'set', dials: { lease: 5 } }, /renew/i],
    [{ type: 'set', speed: 3 }, /^speed = 3/],
    [{ type: 'set', theme: 'pink' }, /^theme = pink/],
    [{ type: 'export', kind: 'gold' }, /^kind = gold in the message is not one of json, csv, link/],
    [{ type: 'load', run: 'not JSON' }, /^run = not JSON/],
    [{ type: 'load', run: { scenario: 'moon' } }, /^run\.scenario = moon/],
    [{ type: 'load', run: { scenario: 'quiet', seed: -3 } }, /^run\.seed = -3/],
    [{ type: 'load', run: { scenario: 'quiet', seed: 1, until_us: 5, journal: 7 } }, /journal/],
  ];
  for (const [message, sentence] of wrong) {
    const answer = await ask(page, message);
    expect(answer.type, JSON.stringify(message)).toBe('error');
    expect(String(answer['error'])).toMatch(sentence);
  }
  const before = (await heard(page, 'error')).length;
  for (const stray of ['hello', 7, null, { type: 'play' }]) await tell(page, stray);
  expect(await ask(page, { type: 'getState' })).toMatchObject({ state: { running: false, seed: 1 } });
  expect((await heard(page, 'error')).length).toBe(before);
});

test('it speaks to nobody who was not named', async ({ page, baseURL }) => {
  const frames = ['', '?relay=https://example.org', `?relay=${other.origin}`].map((query) => `<iframe title="Figure" width="640" height="480" src="${baseURL}/embed.html${query}"></iframe>`);
  for (const html of frames.slice(0, 2)) {
    await page.goto(other.at(LISTENS + html));
    await expect(page.frameLocator('iframe').locator('#play')).toBeVisible();
    await tell(page, { brownout: 1, type: 'play' });
    await aWhile(page, 30);
    expect(await page.evaluate(() => (globalThis as unknown as { heard: unknown[] }).heard)).toEqual([]);
    await expect(page.frameLocator('iframe').locator('#play')).toHaveText('Play');
  }
  // Nor does it listen to a window that is not the one around it, whatever its origin.
  await page.goto(other.at(`${LISTENS}${frames[2]}<iframe id="beside" srcdoc="<p>beside"></iframe>`));
  await expect.poll(async () => (await heard(page, 'ready')).length).toBe(1);
  await page.frameLocator('#beside').locator('p').evaluate(() => parent.frames[0]?.postMessage({ brownout: 1, type: 'play', id: 1 }, '*'));
  await aWhile(page, 30);
  await expect(page.frameLocator('iframe').first().locator('#play')).toHaveText('Play');
});

test('news of the state come four times a second at most, and none from out of sight', async ({ page, baseURL }) => {
  await page.goto(other.at(`${LISTENS}<iframe title="Figure" width="640" height="480" src="${baseURL}/embed.html?relay=*&running=on"></iframe><div style="height: 4000px"></div>`));
  await expect.poll(async () => (await heard(page, 'state')).length, { timeout: 60_000 }).toBeGreaterThan(5);
  const [count, elapsed] = await page.evaluate(async () => {
    const states = (): number => (globalThis as unknown as { heard: Message[] }).heard.filter(({ type }) => type === 'state').length;
    const [from, at] = [states(), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, 1500));
    return [states() - from, performance.now() - at];
  });
  expect(count).toBeGreaterThan(0);
  expect(count).toBeLessThanOrEqual(Math.ceil(elapsed / 250) + 1);
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await aWhile(page, 20);
  const { state: first } = (await ask(page, { type: 'getState' })) as unknown as { state: PlaygroundState };
  const before = await page.evaluate(() => (globalThis as unknown as { heard: unknown[] }).heard.length);
  await aWhile(page, 60);
  expect(await page.evaluate(() => (globalThis as unknown as { heard: unknown[] }).heard.length)).toBe(before);
  const { state: second } = (await ask(page, { type: 'getState' })) as unknown as { state: PlaygroundState };
  expect(second.seconds).toBe(first.seconds);
  expect(second.running).toBe(true);
});

test('a sandbox without an origin holds it where its files are open to all', async ({ page }) => {
  await page.goto(other.at(`${LISTENS}<iframe sandbox="allow-scripts" title="Figure" width="640" height="480" src="${open.origin}/embed.html?relay=*&loss=30"></iframe>`));
  await expect.poll(async () => (await heard(page, 'ready')).length).toBe(1);
  expect((await heard(page, 'ready'))[0]).toMatchObject({ origin: 'null', state: { dials: { loss: 30 } } });
  await ask(page, { type: 'play' });
  await expect.poll(async () => ((await heard(page, 'state')).at(-1)?.['state'] as PlaygroundState | undefined)?.seconds).toBeGreaterThan(32);
});

test('a sandbox holds the single file wherever it lies', async ({ page, baseURL }) => {
  await page.goto(other.at(`${LISTENS}<iframe sandbox="allow-scripts" title="Figure" width="640" height="480" src="${baseURL}/brownout.html?embed=on&relay=*&loss=30"></iframe>`));
  await expect.poll(async () => (await heard(page, 'ready')).length).toBe(1);
  await expect(page.frameLocator('iframe').locator('#events')).toBeHidden();
  await ask(page, { type: 'play' });
  await expect.poll(async () => ((await heard(page, 'state')).at(-1)?.['state'] as PlaygroundState | undefined)?.seconds).toBeGreaterThan(32);
});

/** Calls the element of the page. */
function withElement<T>(page: Page, call: (element: BrownoutPlayground) => T): Promise<Awaited<T>> {
  return page.locator('brownout-playground').evaluate(call as never) as Promise<Awaited<T>>;
}

test('the element from the package makes the frame, follows its attributes and keeps its promises', async ({ page }) => {
  await page.goto(other.at(`
    <script type="module">
      import '${open.origin}/npm/dist/brownout-playground.js';
      globalThis.news = [];
      for (const name of ['ready', 'state', 'event', 'task', 'error']) addEventListener('brownout-' + name, ({ detail }) => news.push({ name, detail }));
    </script>
    <brownout-playground title="Loss" loss="30" where="member-2" class="wide" data-x="1" _ngcontent-a=""></brownout-playground>`));
  const news = (name: string) => page.evaluate((name) => (globalThis as unknown as { news: { name: string; detail: Record<string, unknown> }[] }).news.filter((one) => one.name === name).map(({ detail }) => detail), name);
  await expect.poll(async () => (await news('ready')).length).toBe(1);
  const frame = page.locator('brownout-playground iframe');
  await expect(frame).toHaveAttribute('title', 'Loss');
  await expect(frame).toHaveAttribute('loading', 'lazy');
  expect(await news('error')).toEqual([]);
  await expect.poll(async () => (await frame.boundingBox())?.height).toBeGreaterThan(400);

  const address = await frame.getAttribute('src');
  await withElement(page, (element) => element.setAttribute('loss', '50'));
  await expect.poll(async () => (await withElement(page, (element) => element.getState())).dials['loss']).toBe(50);
  await withElement(page, (element) => element.setAttribute('running', 'on'));
  await expect.poll(async () => (await news('state')).at(-1)?.['seconds']).toBeGreaterThan(32);
  await withElement(page, (element) => element.setAttribute('running', 'off'));
  await withElement(page, (element) => element.setAttribute('loss', '500'));
  await expect.poll(async () => (await news('error')).at(-1)?.['error']).toMatch(/^loss = 500/);
  expect(await frame.getAttribute('src')).toBe(address);

  expect(await withElement(page, (element) => element.set({ dials: { loss: 10 } }))).toMatchObject({ dials: { loss: 10 }, running: false });
  expect(await withElement(page, (element) => element.seek(40))).toMatchObject({ seconds: 40 });
  expect(await withElement(page, (element) => element.export('link'))).toContain('loss=10');
  expect(await withElement(page, (element) => element.export('json'))).toContain('"journal"');
  await expect(withElement(page, (element) => element.set({ dials: { moon: 1 } }))).rejects.toThrow(/dials = moon/);
  // Another scenario is another run.
  await withElement(page, (element) => element.setAttribute('scenario', 'five'));
  await expect.poll(async () => (await news('ready')).length).toBe(2);
  expect((await news('ready'))[1]).toMatchObject({ state: { scenario: 'five' } });
  await expect(withElement(page, (element) => {
    const pending = element.seek(1e6);
    element.remove();
    return pending;
  })).rejects.toThrow(/taken out/);
});

test('a promise wakes a figure that nobody has seen yet', async ({ page }) => {
  await openBeside(page, `<script type="module" src="/brownout-playground.js"></script><div style="height: 6000px"></div><brownout-playground loss="20"></brownout-playground>`);
  await page.waitForFunction(() => document.querySelector('brownout-playground iframe') !== null);
  await aWhile(page, 20);
  expect(await withElement(page, (element) => element.getState())).toMatchObject({ seconds: 32, dials: { loss: 20 } });
  expect(await page.evaluate(() => scrollY)).toBe(0);
});

test('what is said while its language is still on the way is answered', async ({ page, baseURL }) => {
  // The German sentences come late; whoever speaks does so as soon as the frame's document is there.
  await page.route(/\/de-[A-Z0-9]{8}\.js$/, async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    await route.continue();
  });
  const speaks = `<script>document.querySelector('iframe').addEventListener('load', ({ target }) => target.contentWindow.postMessage({ brownout: 1, id: 'early', type: 'getState' }, '*'))</script>`;
  await page.goto(other.at(`${LISTENS}<iframe title="Figure" width="640" height="480" src="${baseURL}/embed.html?relay=${other.origin}&locale=de"></iframe>${speaks}`));
  await expect.poll(async () => (await heard(page, 'state')).filter((message) => message['id'] === 'early').length).toBe(1);
});

test('the page about embedding names every parameter and part, and its figures run', async ({ page }) => {
  await page.goto('/embedding.html');
  const figure = page.frameLocator('brownout-playground iframe').first();
  await expect(figure.locator('#play')).toBeVisible();
  const { parameters } = await page.evaluate(async () => {
    const element = document.querySelector('brownout-playground') as HTMLElement & { getState(): Promise<unknown> };
    const ready = new Promise<{ parameters: string[] }>((resolve) => element.addEventListener('brownout-ready', (event) => resolve((event as CustomEvent).detail), { once: true }));
    element.setAttribute('seed', '2');
    return await ready;
  });
  const documented = await page.locator('td:first-child code').allTextContents();
  expect(parameters.length).toBeGreaterThan(40);
  expect(parameters.filter((name) => !documented.includes(name))).toEqual([]);
  const all = (await page.locator('table').allTextContents()).join(' ') + (await page.locator('td code').allTextContents()).join(' ');
  expect([...PARTS, ...Object.keys(VIEWS)].filter((name) => !new RegExp(`(^|[^a-z-])${name}([^a-z-]|$)`).test(all))).toEqual([]);
  await expect(page.locator('main')).not.toContainText('<!--');
});

test('the package has what it says', async () => {
  const read = (file: string): string => readFileSync(join(DIST, 'npm', file), 'utf8');
  const description = JSON.parse(read('package.json'));
  expect(description.name).toBe('brownout-playground');
  expect(description.version).toBe(/^version = "(.+)"/m.exec(readFileSync(join(__dirname, '../../Cargo.toml'), 'utf8'))?.[1]);
  for (const file of Object.values(description.exports['.']) as string[]) expect(read(file)).not.toBe('');
  expect(read('dist/brownout-playground.d.ts')).toContain('seek(seconds: number): Promise<PlaygroundState>');
  expect(read('LICENSE-MIT')).toContain('MIT');
  for (const page of ['embed.html', 'index.html']) {
    for (const [, file = ''] of read(`dist/${page}`).matchAll(/(?:src|href)="([^"#:]+)"/g)) expect(read(`dist/${file}`), file).not.toBe('');
  }
});
