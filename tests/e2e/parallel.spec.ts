// What the drawing says and what the scene in words says are the same facts, both ways, whatever the state.
import type { Page } from '@playwright/test';
import { expect, test } from './page.ts';

/** What can be read of a scene: in its words, and in the drawing's names and shapes. */
interface Read {
  /** By name, the state in the drawing's accessible names. */
  readonly drawn: Readonly<Record<string, string>>;
  /** By name, the shape that is seen. */
  readonly shapes: Readonly<Record<string, string>>;
  /** By name, the short texts that are seen. */
  readonly labels: Readonly<Record<string, string>>;
  /** By caption, the rows of the tables. */
  readonly tables: Readonly<Record<string, readonly (readonly string[])[]>>;
  readonly rungs: Readonly<Record<string, string>>;
  readonly summary: string;
}

function read(page: Page): Promise<Read> {
  return page.evaluate(() => {
    const text = (element: Element | null | undefined): string => (element?.textContent ?? '').trim();
    const drawn: Record<string, string> = {};
    const shapes: Record<string, string> = {};
    const labels: Record<string, string> = {};
    for (const target of document.querySelectorAll('#ladder .drawing [role=button], #ladder .stage button[aria-label]:not(.ask)')) {
      const label = target.getAttribute('aria-label') ?? '';
      // A button whose name begins with what it shows goes on with the sentence.
      const sentence = /Users’ .*$/.exec(label)?.[0] ?? (target.localName === 'button' ? label.replace(/^[^,]*?: /, '') : label);
      const separator = sentence.startsWith('Users’') ? ': ' : ', ';
      const at = sentence.indexOf(separator);
      const name = sentence.slice(0, at);
      // A Service's line says what its workload's does.
      if (name in drawn && drawn[name] !== sentence.slice(at + separator.length)) throw new Error(`${name} is said to be ${drawn[name]} and ${sentence}`);
      drawn[name] = sentence.slice(at + separator.length);
      const thing = target.closest('.thing');
      const shape = thing?.getAttribute('data-shape') ?? target.getAttribute('data-shape');
      if (shape !== null && shape !== undefined) shapes[name] = shape;
      labels[name] = [...(thing?.querySelectorAll('.picture text') ?? [])].map((line) => text(line)).join(' ');
    }
    const tables: Record<string, string[][]> = {};
    for (const table of document.querySelectorAll('#scene table')) tables[text(table.querySelector('caption'))] = [...table.querySelectorAll('tbody tr')].map((row) => [...row.children].map((cell) => text(cell)));
    const rungs = Object.fromEntries([...document.querySelectorAll('#ladder .rung')].map((rung) => [text(rung.querySelector('h3')), [text(rung.querySelector('.state')), text(rung.querySelector('.since'))].filter((part) => part !== '').join(', ')]));
    return { drawn, shapes, labels, tables, rungs, summary: text(document.querySelector('#scene > p')) };
  });
}

/** The names in the drawing of what a table lists. */
const NAMES: Readonly<Record<string, (name: string) => string>> = {
  'Requests by kind': (name) => `Users’ ${name}`,
  Workloads: (name) => name,
  Pods: (name) => name,
  Nodes: (name) => name[0]?.toUpperCase() + name.slice(1),
  'Work queues of the leading controller manager and scheduler': (name) => (name === 'kube-scheduler' ? 'Scheduler' : `Controller ${name}`),
  'Leader election': (name) => name,
  'API servers': (name) => name,
  'etcd members': (name) => `Member ${/\d+/.exec(name)?.[0]}`,
  Hosts: (name) => name,
};

/** What the table's directed rows say of a link, as the drawing says it of both directions. */
function linksInWords(rows: readonly (readonly string[])[]): Record<string, string> {
  const said: Record<string, string> = {};
  const between = (name = ''): string[] => [.../host (\d) – host (\d)/.exec(name)?.slice(1) ?? []];
  for (const [name, state, loss] of rows) {
    const [from, to] = between(name);
    if (from === undefined || to === undefined || from > to) continue;
    const back = rows.find((row) => between(row[0])[0] === to && between(row[0])[1] === from);
    const [cutThere, cutBack] = [state === 'cut', back?.[1] === 'cut'];
    const lossy = [loss, back?.[2]];
    said[`Link between host ${from} and host ${to}`] =
      cutThere && cutBack ? 'cut both ways'
      : cutThere ? `nothing passes from host ${from} to host ${to}`
      : cutBack ? `nothing passes from host ${to} to host ${from}`
      : lossy.every((share) => /^0\s*%$/.test(share ?? '')) ? 'no loss'
      : `${lossy[0]} lost one way, ${lossy[1]} the other`;
  }
  return said;
}

/** What a shape means, as a sentence begins. */
const MEANS: Readonly<Record<string, RegExp>> = {
  leader: /^leader in term \d+, committed up to/, follower: /^follower in term/, candidate: /^candidate in term/, 'pre-candidate': /^pre-candidate in term/, down: /^(down|not running)$/,
  holder: /^believes it leads/, standby: /^standby, sees/, exited: /^(exited|not running)/,
  hung: /^hung/, hurt: /^(?!ready|hung|down)/,
  cut: /^cut both ways$/, half: /^nothing passes/, lossy: /lost one way/, sound: /^no loss$/,
  on: /^up$/, paused: /^stands still/, off: /^no power/,
};

function compare({ drawn, shapes, labels, tables, rungs, summary }: Read): void {
  const inWords: Record<string, string> = {};
  for (const [caption, rows] of Object.entries(tables)) {
    const name = NAMES[caption];
    if (name !== undefined) for (const [first = '', state = ''] of rows) inWords[name(first)] = state;
  }
  Object.assign(inWords, linksInWords(tables['Links'] ?? []));
  // Both ways: neither has a thing or a state that the other has not.
  expect(Object.keys(inWords).length).toBeGreaterThan(30);
  expect(inWords).toEqual(drawn);
  for (const [name, shape] of Object.entries(shapes)) {
    const means = MEANS[shape];
    if (means !== undefined && !/^Node /.test(name) && name in drawn) expect(drawn[name], `${name} is drawn as ${shape}`).toMatch(means);
  }
  // The figures that are seen are those that are said.
  for (const [name, label] of Object.entries(labels)) {
    const term = /term (\d+)/.exec(label)?.[1];
    if (term !== undefined) expect(drawn[name], name).toContain(`term ${term}`);
    if (name.startsWith('Link') && label.includes('cut')) expect(drawn[name]).toMatch(/cut|nothing passes/);
  }
  for (const [rung, state] of Object.entries(rungs)) expect(summary).toContain(`${rung}: ${state}`);
}

async function open(page: Page, query: string): Promise<void> {
  await page.goto(`/${query}`);
  await expect(page.locator('#play')).toBeVisible({ timeout: 90_000 });
  await page.getByText('Scene in words').click();
  // The tables are there before their rows, which come all in one frame.
  await expect(page.locator('#scene tbody tr').first()).toBeVisible();
}
async function hold(page: Page): Promise<Read> {
  const scene = await read(page);
  compare(scene);
  return scene;
}
/** Those of whom the drawing says this. */
function those({ drawn }: Read, says: RegExp): string[] {
  return Object.entries(drawn).flatMap(([name, state]) => (says.test(state) ? [name] : []));
}

test('of a healthy cluster drawing and words say the same', async ({ page }) => {
  await open(page, '');
  const scene = await hold(page);
  expect(those(scene, /^leader in term/)).toHaveLength(1);
  expect(those(scene, /^believes it leads, can act/)).toHaveLength(2);
  expect(those(scene, /^no loss$/)).toHaveLength(3);
  expect(those(scene, /^up$/)).toHaveLength(3);
});

test('of losses, and of a link that is cut one way', async ({ page }) => {
  await open(page, '?loss=30&where=all-members');
  expect(those(await hold(page), /^30\s*% lost one way, 30\s*% the other$/)).toHaveLength(3);
  await page.locator('#fault-at').selectOption({ label: 'host 2' });
  await page.locator('#fault-towards').selectOption({ label: 'host 3' });
  await page.locator('#fault-cut').click();
  await expect(page.locator('.in-force li')).toHaveCount(1);
  expect(those(await hold(page), /^nothing passes from host 2 to host 3$/)).toEqual(['Link between host 2 and host 3']);
});

test('of a member that is cut off', async ({ page }) => {
  await open(page, '?scenario=member-cut&t=60');
  expect(those(await hold(page), /^cut both ways$/)).toEqual(['Link between host 1 and host 2', 'Link between host 1 and host 3']);
});

test('of a leader that crashed', async ({ page }) => {
  await open(page, '');
  const [leader = ''] = those(await read(page), /^leader in term/);
  await page.locator('#fault-crash').click();
  await expect(page.locator('.in-force li')).toHaveCount(1);
  const scene = await hold(page);
  expect(scene.drawn[leader]).toMatch(/^(down|not running)$/);
  expect(those(scene, /^no power$/)).toEqual([leader.replace('Member', 'Host')]);
});

test('of holders whose time is over, and of those who exited', async ({ page }) => {
  await open(page, '?scenario=quorum-lost&t=60');
  const scene = await hold(page);
  expect(those(scene, /^believes it leads, can act/)).toEqual([]);
  expect(those(scene, /^(exited, starts again|not running|standby, sees .*, expired)/).length).toBeGreaterThan(0);
});

test('of an API server that hangs', async ({ page }) => {
  await open(page, '');
  await page.locator('#fault-at').selectOption({ label: 'host 2' });
  await page.locator('#fault-hang-api').click();
  await expect(page.locator('.in-force li')).toHaveCount(1);
  expect(those(await hold(page), /^hung/)).toEqual(['API server 2']);
});

test('of a node that is lost, and of pods that left it', async ({ page }) => {
  await open(page, '?scenario=node-lost&t=90');
  const scene = await hold(page);
  const [lost = '', ...others] = those(scene, /^no power, /);
  expect([lost, ...others]).toEqual(['Node 2']);
  const pods = Number(/(\d+) pods?$/.exec(scene.drawn[lost] ?? '')?.[1]);
  expect(those(scene, / on node 2\b/)).toHaveLength(pods);
});
