// Nodes, workloads and pods: what a learner does to them, and what must come of it. The engine is the real one.
import type { Page } from '@playwright/test';
import { expect, test } from './page.ts';

async function open(page: Page, query = ''): Promise<void> {
  await page.goto(`/${query}`);
  await expect(page.locator('#play')).toBeVisible();
}
/** The pods in the grid by workload, as their labels say. */
function pods(page: Page, workload: string) {
  return page.locator(`.pod[aria-label^="${workload}-"]`);
}

test('the grid shows every pod on its node, and a killed one being replaced', async ({ page }) => {
  await open(page, '?speed=5');
  await expect(pods(page, 'web')).toHaveCount(15);
  await expect(pods(page, 'db')).toHaveCount(5);
  await expect(pods(page, 'agent')).toHaveCount(10);
  await page.locator('.workload-head[aria-label*="web, Deployment, 15 of 15 pods ready"]').click();
  await expect(page.locator('#inspector h2')).toHaveText('web');
  const victim = pods(page, 'web').first();
  const name = (await victim.getAttribute('aria-label'))?.split(',')[0] ?? '';
  await victim.click();
  await expect(page.locator('#inspector h2')).toHaveText(name);
  await page.locator('#inspector').getByRole('button', { name: 'Delete pod' }).click();
  await page.locator('#play').click();
  await expect(page.locator(`.pod[aria-label^="${name},"]`)).toHaveCount(0, { timeout: 60_000 });
  await expect(page.locator('.workload-head').filter({ hasText: 'web' })).toContainText('15/15', { timeout: 60_000 });
  await expect(page.locator('#event-list')).toContainText(`kubectl delete pod ${name}`, { ignoreCase: true });
});

test('the arrow keys move within the grid, which is one stop of the tab key', async ({ page }) => {
  await open(page);
  await page.locator('.pod-grid button[tabindex="0"]').focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowDown');
  await expect(page.locator('.pod-grid button[tabindex="0"]')).toHaveCount(1);
  await expect(page.locator('.pod-grid button:focus')).toHaveCount(1);
  await page.keyboard.press('Enter');
  await expect(page.locator('.pod-grid [aria-pressed="true"]')).toHaveCount(1);
});

test('a drained node is cordoned, and its pods go elsewhere', async ({ page }) => {
  await open(page, '?speed=10');
  await page.locator('#do-node').fill('2');
  await page.locator('#do-drain').click();
  await page.locator('#play').click();
  await expect(page.getByRole('button', { name: /^Node 2, cordoned/ })).toBeVisible({ timeout: 60_000 });
  await expect(page.locator('.pod[aria-label*="on node 2"]:not([aria-label^="agent"])')).toHaveCount(0, { timeout: 90_000 });
  await expect(page.locator('.workload-head').filter({ hasText: 'web' })).toContainText('15/15', { timeout: 90_000 });
});

test('a workload is scaled, and a new one created', async ({ page }) => {
  await open(page, '?speed=10');
  await page.locator('#do-replicas').fill('20');
  await page.locator('#do-scale').click();
  await page.getByText('New workload').click();
  await page.locator('#do-name').fill('shop');
  await page.locator('#do-create').click();
  await page.locator('#play').click();
  await expect(page.locator('.workload-head').filter({ hasText: 'web' })).toContainText('20/20', { timeout: 90_000 });
  await expect(page.locator('.workload-head').filter({ hasText: 'shop' })).toContainText('3/3', { timeout: 90_000 });
});

test('names and numbers that are not allowed get a sentence, and nothing is lost', async ({ page }) => {
  await open(page);
  const refused = page.locator('#refused-kubectl');
  const commands = page.locator('#event-list li').filter({ hasText: 'kubectl' });
  await page.getByText('New workload').click();
  await page.locator('#do-name').fill('Shop!');
  await page.locator('#do-create').click();
  await expect(refused).toContainText('Name = "Shop!" must be 1 to 24 of a-z, 0-9 and -', { ignoreCase: true });
  await page.locator('#do-name').fill('web');
  await page.locator('#do-create').click();
  await expect(refused).toContainText('Name = "web" is taken', { ignoreCase: true });
  await page.locator('#do-replicas').fill('5001');
  await page.locator('#do-scale').click();
  await expect(refused).toContainText('replicas = 5001 must be a whole number from 0 to 5000', { ignoreCase: true });
  await page.locator('#do-node').fill('99');
  await page.locator('#do-drain').click();
  await expect(refused).toContainText('node = 99 must be a whole number from 1 to 10', { ignoreCase: true });
  await expect(commands).toHaveCount(0);
  await expect(pods(page, 'web')).toHaveCount(15);
  await page.locator('#do-node').fill('3');
  await page.locator('#do-cordon').click();
  await expect(refused).toBeEmpty();
});

test('a node without power keeps its pods in the API; the page says that nothing runs there', async ({ page }) => {
  await open(page, '?speed=5');
  await page.getByRole('button', { name: /^Node 4,/ }).click();
  await page.getByRole('button', { name: 'Crash host, node 4' }).click();
  await page.locator('#play').click();
  await expect(page.locator('#rung-nodes')).toContainText('node 4 has no power');
  await expect(page.locator('.pod[data-ghost]').first()).toBeVisible();
  await expect(page.locator('.pod[data-ghost]').first()).toHaveAttribute('aria-label', /but its container does not run/);
});

test('milestones appear after a loss and a heal, beside what the analysis says', async ({ page }) => {
  await open(page, '?speed=10');
  await expect(page.locator('#milestones')).toContainText('Nothing was hurt yet');
  await expect(page.locator('#hurts')).toBeHidden();
  await page.locator('#play').click();
  await page.waitForTimeout(1500);
  await page.locator('#fault-at').selectOption({ label: 'host 2' });
  await page.locator('#fault-isolate').click();
  await page.locator('#fault-at').selectOption({ label: 'host 3' });
  await page.locator('#fault-isolate').click();
  await expect(page.locator('#milestones')).toContainText('Trouble began at', { timeout: 60_000 });
  await expect(page.locator('.claims').first()).toContainText('Clients detect it');
  await expect(page.locator('#hurts li').filter({ hasText: /^.?etcd/ })).toContainText('after', { timeout: 60_000 });
  const kinds = page.locator('#kind-hurts li');
  await expect(kinds.first()).toContainText(/after \d/, { timeout: 60_000 });
  await expect(kinds).toHaveCount(8);
  await page.getByRole('button', { name: 'Heal all' }).click();
  await expect(page.locator('#recovery li').filter({ hasText: 'etcd has a leader' })).toContainText('after', { timeout: 60_000 });
});

test('an alert is pending before it fires', async ({ page }) => {
  await open(page, '?speed=20');
  await page.locator('#fault-at').selectOption({ label: 'host 2' });
  await page.locator('#fault-crash').click();
  await page.locator('#fault-at').selectOption({ label: 'host 3' });
  await page.locator('#fault-crash').click();
  await page.locator('#play').click();
  const alert = page.locator('#lamps-lit li').filter({ hasText: 'etcdInsufficientMembers' });
  await expect(alert).toHaveAttribute('data-state', 'pending', { timeout: 60_000 });
  await expect(alert).toHaveAttribute('data-state', 'firing', { timeout: 120_000 });
  await expect(page.locator('#warnings li').filter({ hasText: 'Members without a leader' })).toHaveAttribute('data-state', 'firing');
});

test('another topology is another run, and the address says which', async ({ page }) => {
  await open(page);
  await page.getByText('Topology', { exact: true }).click();
  await page.locator('#topology-etcd').selectOption('external');
  await page.locator('#topology-api').selectOption('2');
  await page.locator('#topology-nodes').fill('2');
  await page.locator('#topology-apply').click();
  await expect(page.locator('#refused-topology')).toContainText('Nodes = 2 is not allowed', { ignoreCase: true });
  await expect(page.locator('.node-head')).toHaveCount(10);
  await page.locator('#topology-nodes').fill('4');
  await page.locator('#topology-apply').click();
  await expect(page.locator('.node-head')).toHaveCount(4);
  await expect(page.getByRole('button', { name: /^API server \d,/ })).toHaveCount(2);
  await expect(page.getByRole('button', { name: /^Host \d,/ })).toHaveCount(5);
  await expect(page).toHaveURL(/members=3&api=2&etcd=external&nodes=4/);
  await page.reload();
  await expect(page.locator('.node-head')).toHaveCount(4);
  await page.goto('/?members=4&nodes=7');
  await expect(page.locator('#notices li')).toContainText('members = 4');
  await expect(page.locator('.node-head')).toHaveCount(7);
});

test('a node that is added registers itself', async ({ page }) => {
  await open(page, '?speed=10');
  await page.locator('#do-add-node').click();
  await expect(page.locator('.node-head')).toHaveCount(11);
  await page.locator('#play').click();
  await expect(page.getByRole('button', { name: /^Node 11, ready/ })).toBeVisible({ timeout: 60_000 });
});

test('five thousand nodes are cells with counts', async ({ page }) => {
  test.setTimeout(180_000);
  await page.goto('/?nodes=5000');
  await expect(page.getByRole('status').filter({ hasText: 'A cluster of 5,000 nodes starts' })).toBeVisible({ timeout: 60_000 });
  await expect(page.locator('#play')).toBeVisible({ timeout: 120_000 });
  await expect(page.locator('.sums')).toContainText('5,000 nodes ready', { timeout: 60_000 });
  const cells = page.locator('.crowd canvas');
  await cells.click({ position: { x: 3, y: 3 } });
  await expect(page.locator('#inspector h2')).toHaveText('Node 1');
  // The second cell of the first row, to be sure that it is the pointer that chooses.
  await cells.click({ position: { x: 9, y: 3 } });
  await expect(page.locator('#inspector h2')).toHaveText('Node 2');
  await page.locator('#crowd-node').fill('4999');
  await page.locator('#crowd-node').press('Enter');
  await expect(page.locator('#inspector h2')).toHaveText('Node 4999');
  await page.getByRole('button', { name: 'Crash host, node 4999' }).click();
  await expect(page.locator('.sums')).toContainText('1 node no power');
  await page.locator('#crowd-node').fill('7');
  await page.locator('#crowd-node').press('Enter');
  await page.locator('#crowd-next').click();
  await expect(page.locator('#inspector h2')).toHaveText('Node 4999');
});
