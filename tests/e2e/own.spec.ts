// The learner's own cluster: what manifests and flags say, what is made of them, and the dialog. Most of it needs no page.
import type { Page } from '@playwright/test';
import { readFileSync } from 'node:fs';
import type { Cluster } from '../../www/src/cluster.ts';
import type { KnobSpec } from '../../www/src/engine.ts';
import { goDuration, systemdSpan, words } from '../../www/src/own/flags.ts';
import { EXAMPLES } from '../../www/src/own/examples.ts';
import { COMPONENTS, hasField, hasFlag } from '../../www/src/own/known.ts';
import { dialOf, judge, type Row } from '../../www/src/own/match.ts';
import { read } from '../../www/src/own/read.ts';
import { shapeOf } from '../../www/src/own/shape.ts';
import { FIXED } from '../../www/src/own/why.ts';
import { violations } from './axe.ts';
import { SINGLE_FILE, expect, test } from './page.ts';

const DATA = `${__dirname}/../data/own/`;
const MANIFESTS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
const file = (name: string): string => readFileSync(DATA + name, 'utf8');
const all = (): string => MANIFESTS.map((name) => file(`${name}.yaml`)).join('---\n');

function number(text: string | undefined): number {
  return Number(text?.replaceAll('_', ''));
}
/** The dials as knob.rs lists them. */
const KNOBS: KnobSpec[] = [...readFileSync(`${__dirname}/../../core/src/knob.rs`, 'utf8').matchAll(/^ {4}\w+: (\w+) "(\w+)" \("(.*?)"\) = (\d+) in (\d+)\.\.=(\d+)/gm)].map(
  ([, unit = '', name = '', flag = '', standard, min, max]) => ({ name, flag, unit: unit.toLowerCase(), default: number(standard), min: number(min), max: number(max), help: '', source: '' }),
);
const HERE: Cluster = { members: 3, apis: 3, external: false, nodes: 10, controlHosts: 3 };

/** What is made of a text where the dials stand at their defaults, or, some of them, elsewhere. */
function made(text: string, { knobs = KNOBS, moved = {} }: { knobs?: readonly KnobSpec[]; moved?: Readonly<Record<string, number>> } = {}) {
  const found = read(text);
  const shape = shapeOf(found.processes, HERE);
  const standing = new Map([...knobs.map((spec) => [spec.name, spec.default] as const), ...Object.entries(moved)]);
  const verdict = judge(found.processes, { knobs, standing, shape, refusal: (name, value) => `${name} = ${value} is outside`, written: (_, value) => String(value) });
  return { ...found, ...verdict, shape, moves: Object.fromEntries(verdict.changes.map(({ name, value }) => [name, value])) };
}
const row = (rows: readonly Row[], written: string): Row | undefined => rows.find((one) => one.written === written);

test('durations are read as Go and systemd read them, words as a shell does', () => {
  expect(['1m30s', '100ms', '1.5h', '0', '-2s', '15', '1 s', '1d', '', 's'].map(goDuration)).toEqual([90_000, 100, 5_400_000, 0, -2000, undefined, undefined, undefined, undefined, undefined]);
  expect(['5', '5s', '1min 30s', '250ms', 'soon'].map(systemdSpan)).toEqual([5000, 5000, 90_000, 250, undefined]);
  expect(words(`a "b c" 'd e' f\\ g --h="i j"`)).toEqual(['a', 'b c', 'd e', 'f g', '--h=i j']);
});

test('the manifests of kubeadm move the dials that they have flags for, and nothing else', () => {
  const { rows, moves, problems, shape, processes } = made(all());
  expect(problems).toEqual([]);
  expect(processes.map(({ component }) => component)).toEqual(MANIFESTS);
  expect(moves).toEqual({ election_timeout_ms: 3000, heartbeat_interval_ms: 300, lease_duration_ms: 60_000, renew_deadline_ms: 40_000, retry_period_ms: 5000 });
  expect(rows.filter(({ status }) => !['moved', 'same', 'unused', 'topology', 'fixed'].includes(status))).toEqual([]);
  expect(row(rows, '--max-requests-inflight')).toMatchObject({ status: 'fixed', sentence: 'Here it is always 400: yours is not taken.' });
  expect(row(rows, '--watch-progress-notify-interval')?.sentence).toBe('Here it is always 5s, as you have it.');
  expect(row(rows, '--tls-cert-file')?.sentence).toMatch(/^Certificates/);
  expect(rows.filter(({ status, sentence }) => status === 'unused' && sentence === '')).toEqual([]);
  expect(shape).toMatchObject({ topology: { members: 3, api_servers: 3, external: false }, sure: true });
  // As files from Windows, with a mark at the beginning, and as kubectl lists pods in JSON.
  expect(made(`\uFEFF${all().replaceAll('\n', '\r\n')}`).moves).toEqual(moves);
  const pods = MANIFESTS.map((name) => ({ kind: 'Pod', metadata: { name }, spec: { containers: [{ name, command: [...file(`${name}.yaml`).matchAll(/^ {4}- (\S+)$/gm)].map(([, word]) => word), livenessProbe: {} }] } }));
  expect(made(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: pods }, null, 2)).moves).toEqual(moves);
});

test('a flag that a manifest does not give has its default, also where the dial stands elsewhere', () => {
  const moved = { heartbeat_interval_ms: 500, election_timeout_ms: 5000, lease_duration_ms: 30_000, fsync_us: 9000 };
  expect(made('etcd --name a', { moved }).moves).toEqual({ heartbeat_interval_ms: 100, election_timeout_ms: 1000 });
  // Of a fragment nobody knows what else there is.
  expect(made('--heartbeat-interval=200', { moved }).moves).toEqual({ heartbeat_interval_ms: 200 });
});

test('configurations, units of systemd, variables and lists of processes are read', () => {
  const unit = made(file('etcd.service'));
  expect(unit.moves).toEqual({ heartbeat_interval_ms: 250, election_timeout_ms: 2500, pre_vote: 0, restart_sec_ms: 5000 });
  expect(row(unit.rows, '--snapshot-cuont')).toMatchObject({ status: 'unknown', sentence: 'etcd has no such flag and exits. Is --snapshot-count meant?' });
  expect(unit.shape?.topology).toMatchObject({ members: 5, api_servers: 5 });
  expect(made(file('scheduler-config.yaml')).moves).toEqual({ lease_duration_ms: 45_000, renew_deadline_ms: 30_000, retry_period_ms: 3000 });
  expect(row(made(file('scheduler-config.yaml')).rows, 'leaderElection.leaderElect')).toMatchObject({ status: 'unused', sentence: 'Here they always elect a leader.' });
  const variables = 'kind: Pod\nspec: {containers: [{name: etcd, command: [etcd], env: [{name: ETCD_ELECTION_TIMEOUT, value: "1500"}, {name: HOME, value: /root}]}]}\n';
  expect(made(variables).moves).toEqual({ election_timeout_ms: 1500 });
  const kubeadm = made(file('kubeadm.yaml'));
  expect(kubeadm.moves).toEqual({ lease_duration_ms: 30_000, renew_deadline_ms: 20_000 });
  expect(kubeadm.shape?.topology).toMatchObject({ members: 3, api_servers: 3, external: true });
  const older = 'kind: ClusterConfiguration\netcd: {local: {extraArgs: {heartbeat-interval: "250", election-timeout: "2500"}}}\n';
  expect(made(older).moves).toEqual({ heartbeat_interval_ms: 250, election_timeout_ms: 2500 });
  expect(made(`kind: ConfigMap\ndata:\n  ClusterConfiguration: |\n${older.replace(/^/gm, '    ')}`).moves).toEqual({ heartbeat_interval_ms: 250, election_timeout_ms: 2500 });
  expect(made('name: a\nheartbeat-interval: 200\nelection-timeout: 2000\n').moves).toEqual({ heartbeat_interval_ms: 200, election_timeout_ms: 2000 });
  expect(made('export ETCD_HEARTBEAT_INTERVAL=200\nETCD_PRE_VOTE="false"').moves).toEqual({ heartbeat_interval_ms: 200, pre_vote: 0 });
  expect(made('root 812 2.1 /usr/local/bin/kube-scheduler --leader-elect-lease-duration 1m30s --v=2').moves).toEqual({ lease_duration_ms: 90_000 });
  expect(made('- --leader-elect-retry-period=4s\n').moves).toEqual({ retry_period_ms: 4000 });
  const shell = 'kind: Pod\nspec:\n  containers:\n  - command: [/bin/sh, -c, "exec etcd --heartbeat-interval=150 2>&1 | tee /log"]\n';
  expect(made(shell).moves).toEqual({ heartbeat_interval_ms: 150 });
  const kubelet = made(file('kubelet.yaml'));
  expect(kubelet.moves).toEqual({});
  expect(row(kubelet.rows, 'nodeStatusUpdateFrequency')).toMatchObject({ status: 'fixed', sentence: 'Here it is always 10s: yours is not taken.' });
  expect(made('KUBELET_EXTRA_ARGS="--node-status-update-frequency=4s --max-pds=3"').rows.map(({ status }) => status)).toEqual(['fixed', 'unknown']);
});

test('what a real program refuses is said, and moves nothing', () => {
  const conflict = (text: string): [string[], string] => {
    const { rows, moves } = made(text);
    expect(moves).toEqual({});
    return [rows.filter(({ status }) => status === 'conflict').map(({ written }) => written), rows.find(({ status }) => status === 'conflict')?.sentence ?? ''];
  };
  expect(conflict('etcd --heartbeat-interval=500 --election-timeout=2000')).toEqual([['--heartbeat-interval', '--election-timeout'], 'etcd refuses to start: an election timeout of 2000 is less than five heartbeat intervals of 500; at least 2500.']);
  // The default of the other one counts.
  expect(conflict('etcd --heartbeat-interval=201')[1]).toMatch(/timeout of 1000 is less than five heartbeat intervals of 201/);
  expect(conflict('kube-scheduler --leader-elect-renew-deadline=15s')[1]).toMatch(/^kube-scheduler exits with an error: a Lease of 15000 must be longer than the renew deadline of 15000/);
  expect(conflict('kube-controller-manager --leader-elect-retry-period=9s')[1]).toMatch(/a renew deadline of 10000 must be longer than 1\.2 times the retry period of 9000/);
  expect(conflict('etcd --heartbeat-interval=100ms')[1]).toBe('etcd refuses to start: it takes a whole number of milliseconds without a unit, not 100ms.');
  expect(conflict('kube-scheduler --leader-elect-lease-duration=30')[1]).toBe('kube-scheduler refuses to start: 30 is not a duration in Go’s syntax, as 100ms or 1m30s.');
  expect(conflict('etcd --pre-vote=maybe')[1]).toBe('etcd refuses to start: maybe is neither true nor false.');
  const both = made('ETCD_HEARTBEAT_INTERVAL=150 etcd --heartbeat-interval=120');
  expect(both.moves).toEqual({ heartbeat_interval_ms: 120 });
  expect(row(both.rows, 'ETCD_HEARTBEAT_INTERVAL')).toMatchObject({ status: 'conflict' });
  expect(made('etcd --election-timeout=60000').rows).toMatchObject([{ status: 'refused', sentence: 'election_timeout_ms = 60000 is outside' }]);
  expect(made('kube-apiserver --heartbeat-interval=100').rows[0]).toMatchObject({ status: 'unknown', sentence: 'kube-apiserver has no such flag and exits; etcd has.' });
});

test('where two programs differ the first is taken, and it is said what that does in reality', () => {
  const members = made('# one\netcd --election-timeout=3000\n---\n# another\netcd --election-timeout=1500\n---\n# a third\netcd --name c');
  expect(members.moves).toEqual({ election_timeout_ms: 3000 });
  expect(members.rows.filter(({ status }) => status === 'differs').map(({ source, value }) => [source, value])).toEqual([['another', '1500'], ['a third', '']]);
  expect(members.rows.find(({ status }) => status === 'differs')?.sentence).toBe('The first is taken: 3000, of etcd (one). In reality the member with the shortest timeout campaigns first, again and again where the network is slow.');
  const programs = made('kube-controller-manager --leader-elect-lease-duration=30s\n---\nkube-scheduler --leader-elect-lease-duration=20s');
  expect(programs.moves).toEqual({ lease_duration_ms: 30_000 });
  expect(programs.rows.find(({ status }) => status === 'differs')?.sentence).toMatch(/here one dial is for all\.$/);
  const twice = made('etcd --heartbeat-interval=120 --heartbeat-interval=150');
  expect(twice.moves).toEqual({ heartbeat_interval_ms: 150 });
  expect(twice.rows).toContainEqual(expect.objectContaining({ status: 'differs', sentence: 'Given more than once in one command: the last one counts.' }));
});

test('the topology is told from members’ lists and API servers’ etcd, or why it is not', () => {
  const list = (n: number): string => Array.from({ length: n }, (_, at) => `m${at}=https://10.0.0.${at + 1}:2380`).join(',');
  const shape = (text: string) => made(text).shape;
  expect(shape(`etcd --initial-cluster ${list(5)}`)).toMatchObject({ sure: true, topology: { members: 5, api_servers: 5 } });
  expect(shape(`etcd --initial-cluster ${list(1)}`)).toMatchObject({ sure: false, topology: { members: 1, api_servers: 1 } });
  expect(shape(`etcd --initial-cluster ${list(4)}`)?.sentences.get('initial-cluster')).toBe('4 members; the model has 1, 3 or 5.');
  expect(shape(`etcd --initial-cluster ${list(4)}`)?.topology).toBeUndefined();
  // Each member that kubeadm adds lists those that were there.
  expect(shape([1, 2, 3].map((n) => `etcd --initial-cluster ${list(n)}`).join('\n---\n'))).toMatchObject({ sure: true, topology: { members: 3 } });
  const servers = 'https://10.0.0.1:2379,https://10.0.0.2:2379,https://10.0.0.3:2379';
  expect(shape(`kube-apiserver --etcd-servers=${servers} --advertise-address=10.0.9.1`)?.topology).toMatchObject({ external: true, members: 3 });
  expect(shape(`kube-apiserver --etcd-servers=${servers} --advertise-address=10.0.0.2`)?.topology).toMatchObject({ external: false, members: 3 });
  expect(shape('kube-apiserver --etcd-servers=javascript:alert(1)')).toBeUndefined();
});

test('a dial that is added later is understood by its flag alone', () => {
  const more = (name: string, flag: string, unit: string, standard = 1): KnobSpec => ({ name, flag, unit, default: standard, min: 0, max: 1e9, help: '', source: '' });
  const knobs = [...KNOBS, more('grace_ms', '--node-monitor-grace-period', 'ms', 50_000), more('status_us', 'nodeStatusUpdateFrequency', 'us'), more('qps_milli', 'kube-scheduler --kube-api-qps', '1/1000 per second'), more('seats', '--max-requests-inflight', 'seats'), more('lease_s', 'nodeLeaseDurationSeconds', 'ms')];
  const { moves } = made('kube-controller-manager --node-monitor-grace-period=1m --kube-api-qps=7\n---\nkube-scheduler --kube-api-qps=2.5\n---\nkubelet --node-status-update-frequency=4s\n---\nkube-apiserver --max-requests-inflight=800\n---\nkind: KubeletConfiguration\nnodeStatusUpdateFrequency: 4s\nnodeLeaseDurationSeconds: 60\n', { knobs });
  expect(moves).toEqual({ grace_ms: 60_000, status_us: 4_000_000, qps_milli: 2500, seats: 800, lease_s: 60_000 });
  expect(dialOf(knobs, 'kube-controller-manager', 'kube-api-qps')).toBeUndefined();
});

test('every dial with a flag is some program’s, and fixed values are those of the model', () => {
  for (const { flag } of KNOBS.filter(({ flag }) => flag.startsWith('--'))) expect(COMPONENTS.some((component) => hasFlag(component, flag.slice(2))), flag).toBe(true);
  const constants = readFileSync(`${__dirname}/../../CONSTANTS.md`, 'utf8').split('\n').filter((line) => /^\| [A-Z]/.test(line));
  /** The numbers of a row's value; times in milliseconds. */
  const numbers = (cell: string): number[] => [...cell.replaceAll(',', '').matchAll(/([\d.]+)\s*(ms|s|min)?(?![a-z])/g)].map(([, value, unit]) => Number(value) * ({ ms: 1, s: 1000, min: 60_000 }[unit ?? 'ms'] ?? 1));
  const elsewhere = /^concurrent-(replica|stateful|service)|^experimental-|inflight$|^node-status-update|^max-pods|PodInitial/;
  for (const [component, fixed] of Object.entries(FIXED)) {
    for (const [name, value] of Object.entries(fixed)) {
      expect(COMPONENTS.some((one) => one === component && (hasFlag(one, name) || hasField(one, name))), `${component} ${name}`).toBe(true);
      if (elsewhere.test(name)) continue;
      const cells = constants.map((line) => line.split('|')).filter(([, , , , flags = '']) => flags.includes(`--${name}\``) || flags.includes(`\`${name}\``) || flags.includes(name));
      const wanted = goDuration(value) ?? Number(value);
      // Rates are times there, shares are percents, and seconds times.
      expect(cells.some(([, , , cell = '']) => numbers(cell).some((one) => [wanted, wanted * 100, wanted * 1000, 1000 / wanted].some((other) => Math.abs(other - one) < 1e-6))), `${name} ${value}`).toBe(true);
    }
  }
});

test('hostile texts are refused in a sentence each', () => {
  const problems = (text: string): string => made(text).problems.join(' ');
  const laughs = ['a: &a [x,x,x,x,x,x,x,x,x]', ...['b', 'c', 'd', 'e', 'f', 'g'].map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[at]}`).join(',')}]`), 'kind: Pod'].join('\n');
  expect(problems(laughs)).toMatch(/its anchors are used more than 50 times/);
  expect(problems('kind: Pod\nspec: &a\n  x: *a\n')).toMatch(/says nothing|anchors/);
  expect(problems('kind: Pod\nkind: Pod\n')).toBe('document 1, line 2: a key is there twice. Kubernetes refuses that, too.');
  expect(problems('# first\nkind: List\n---\n# pod.yaml\nkind: Pod\nspec:\n\tcontainers: []\n')).toContain('pod.yaml, line 7: a tab; YAML is indented by blanks only.');
  expect(problems('kind: Pod\nspec: "never closed\n')).toMatch(/line \d: this is not YAML\./);
  expect(problems(`kind: Pod\nx: ${'['.repeat(50_000)}`)).toMatch(/more than 60 deep/);
  expect(problems(`kind: Pod\nx:\n  ${'- '.repeat(50_000)}`)).toMatch(/more than 60 deep/);
  expect(problems('x'.repeat(257 * 1024))).toBe('The text has 257 kB; at most 256 kB are read. Manifests of control planes have about 20.');
  expect(problems('PK\u0003\u0004\u0000\u0000')).toBe('What was pasted is not text.');
  expect(problems(Array(60).fill('etcd --name a').join('\n---\n'))).toBe('There are 60 documents; only the first 50 are read.');
  expect(problems('--a=1 '.repeat(9000))).toMatch(/more than 1,500 settings/);
  expect(problems('kind: CronJob')).toBe('document 1 (CronJob) says nothing that the model has.');
  expect(problems('good morning')).toMatch(/no flags, and no manifest/);
  expect(problems('kind: Pod\nmetadata: !!js/function "alert(1)"\n__proto__: {polluted: 1}\nconstructor: {prototype: {polluted: 1}}')).toMatch(/says nothing/);
  expect('polluted' in {}).toBe(false);
  for (const junk of ['"'.repeat(100_000), "'".repeat(100_000), '\\ '.repeat(50_000), 'A=1\n'.repeat(30_000), '-'.repeat(100_000), `etcd --initial-cluster ${'='.repeat(100_000)}`, '[[{{', '? '.repeat(2000)]) made(junk);
  expect(made(`etcd --name=${'<img src=x onerror=alert(1)>'} --<b>=1`).processes.length).toBe(1);
});

test('the examples say what they are there for', () => {
  const found = EXAMPLES.map(([, text]) => made(text));
  expect(found.map(({ problems }) => problems)).toEqual([[], [], []]);
  expect(found.map(({ changes }) => changes.length)).toEqual([5, 5, 0]);
  expect(found[2]?.rows.filter(({ status }) => status === 'conflict').length).toBe(6);
});

async function open(page: Page, query = ''): Promise<void> {
  await page.goto(`/${query}`);
  await expect(page.locator('#play')).toBeVisible();
}
/** Opens the dialog by the keyboard alone. */
async function ask(page: Page): Promise<void> {
  await page.locator('#own-open').focus();
  await page.keyboard.press('Enter');
  await expect(page.locator('#own-text')).toBeFocused();
}
const value = (page: Page, dial: string) => page.locator(`.dial:has(#dial-${dial}) input[type='number']`);
const line = (page: Page, flag: string) => page.locator('#own-dialog tbody tr').filter({ has: page.getByRole('rowheader', { name: flag }) });

test('a run starts over with the values of the manifests; the reader comes only when it is asked for', async ({ page }) => {
  const loaded: string[] = [];
  page.on('request', (request) => {
    if (/own.*\.js$/.test(request.url())) loaded.push(request.url());
  });
  await open(page);
  expect(loaded).toEqual([]);
  await ask(page);
  expect(loaded.length).toBe(1);
  await expect(page.locator('#own-start')).toBeDisabled();
  await page.locator('#own-text').fill(all());
  await expect(page.locator('.own-summary')).toHaveText('4 programs read; 5 dials would move; nothing to find fault with.');
  await expect(line(page, '--election-timeout')).toContainText('1000 ms → 3000 ms');
  await expect(page.locator('#own-unused > summary')).toHaveText(/^\d\d flags that do not matter here$/);
  await page.keyboard.press('Escape');
  await expect(page.locator('#own-open')).toBeFocused();
  await expect(value(page, 'lease_duration_ms')).toHaveValue('15');
  await ask(page);
  await page.locator('#own-start').press('Enter');
  await expect(page.locator('#own-told')).toHaveText('5 dials have your cluster’s values.');
  await expect(value(page, 'lease_duration_ms')).toHaveValue('60');
  await expect(page.locator('#dial-election_timeout_ms')).toHaveAttribute('aria-valuetext', '3000 milliseconds');
  await expect.poll(() => page.url()).toMatch(/election=3000/);
  // In a run, from where it stands; what the engine refuses together is not offered.
  await ask(page);
  await page.locator('#own-text').fill('--leader-elect-renew-deadline=70s');
  // Until it is read the table has one line for each program.
  await expect(line(page, '--leader-elect-renew-deadline').first()).toContainText('a Lease of 60 s must be longer than the renew deadline of 70 s');
  await expect(page.locator('#own-move')).toBeDisabled();
  await page.locator('#own-text').fill('--leader-elect-renew-deadline=50s --leader-elect-lease-duration=90s --leader-elect-retry-period=11m');
  await expect(line(page, '--leader-elect-retry-period')).toContainText('conflict');
  await page.locator('#own-text').fill('--leader-elect-renew-deadline=50s --leader-elect-lease-duration=90s');
  await expect(page.locator('#own-dialog')).toContainText('2 dials would move');
  await page.locator('#own-move').click();
  await expect(page.locator('#own-told')).toHaveText('2 dials have your cluster’s values.');
  await expect(value(page, 'renew_deadline_ms')).toHaveValue('50');
  await expect(value(page, 'retry_period_ms')).toHaveValue('5');
});

test('files are read, or why not; another topology is another run; names are text', async ({ page }) => {
  await open(page);
  await ask(page);
  await page.locator('#own-files').setInputFiles(`${DATA}etcd.service`);
  await expect(page.locator('#own-text')).toHaveValue(/^# etcd\.service\n\[Unit\]/);
  await page.locator('#own-files').setInputFiles([
    { name: '<img src=x onerror=alert(1)>.yaml', mimeType: 'text/yaml', buffer: Buffer.from('kind: Pod\nmetadata: {name: "<script>alert(1)</script>"}\nspec: {containers: [{command: [etcd, "--<b>bold</b>", "--heart<i>beat=1", "--heartbeat-intervall=7"]}]}\n') },
    { name: 'picture.png', mimeType: 'image/png', buffer: Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0, 0]) },
    { name: 'huge.yaml', mimeType: 'text/yaml', buffer: Buffer.alloc(300 * 1024, 'a') },
  ]);
  await expect(page.locator('.own-problems li')).toHaveText(['picture.png is not text.', 'huge.yaml has 300 kB; at most 256 kB are read.']);
  await expect(line(page, '--heartbeat-intervall')).toContainText('Is --heartbeat-interval meant?');
  await expect(page.locator('#own-dialog')).toContainText('<script>alert(1)</script>');
  expect(await page.locator('#own-dialog').locator('script, img, b, i').count()).toBe(0);
  await expect(page.locator('#own-topology')).toBeChecked();
  await page.locator('#own-start').click();
  await expect(page.locator('#topology-members')).toHaveValue('5');
  await expect(page.locator('#dial-pre_vote')).not.toBeChecked();
  await expect(value(page, 'heartbeat_interval_ms')).toHaveValue('250');
  // Dropped on the dialog, after what is there.
  await ask(page);
  const dropped = await page.evaluateHandle(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(['etcd --heartbeat-interval=99 --election-timeout=990\n'], 'dropped.txt', { type: 'text/plain' }));
    return transfer;
  });
  await page.locator('#own-clear').click();
  await page.locator('#own-dialog').dispatchEvent('drop', { dataTransfer: dropped });
  await expect(page.locator('#own-text')).toHaveValue('# dropped.txt\netcd --heartbeat-interval=99 --election-timeout=990\n');
  await expect(line(page, '--heartbeat-interval')).toContainText('250 ms → 99 ms');
});

for (const [name, options] of Object.entries({
  desktop: { colorScheme: 'light', viewport: { width: 1440, height: 900 } },
  phone: { colorScheme: 'dark', viewport: { width: 390, height: 844 } },
  narrow: { colorScheme: 'light', viewport: { width: 320, height: 700 } },
} as const)) {
  test.describe(name, () => {
    test.use(options);

    test('axe finds nothing in it, and nothing sticks out', async ({ page }) => {
      await open(page);
      await ask(page);
      for (const example of [/kubeadm/, /systemd/, /does not start/]) {
        await page.locator('#own-dialog').getByRole('button', { name: example }).click();
        await expect(page.locator('.own-table').first()).toBeVisible();
        const unused = page.locator('#own-unused > summary');
        if ((await unused.count()) > 0) await unused.click();
        expect(await violations(page)).toEqual([]);
        expect(await page.locator('#own-dialog').evaluate((element) => element.scrollWidth - element.clientWidth)).toBe(0);
      }
    });
  });
}

test('the page of one file has it, too', async ({ page }) => {
  await page.goto(SINGLE_FILE);
  await ask(page);
  await page.locator('#own-text').fill('etcd --heartbeat-interval=120');
  await expect(line(page, '--heartbeat-interval')).toContainText('100 ms → 120 ms');
});
