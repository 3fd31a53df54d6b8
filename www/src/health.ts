// What is wrong on each rung, worst first, and since when. Read off the frame alone: no rung looks at a dial.

import { NONE, nowMs, rowsWhere, type Frame } from './frame.ts';
import { moment, oneOf, ppm, say, share, span, type Key } from './say.ts';
import { apiShape, cachesOf, electorName, electorShape, hostName, kindName, managerText, nodeShape, workloadName, type NodeShape } from './words.ts';

export type Rung = 'users' | 'nodes' | 'control' | 'election' | 'api' | 'etcd' | 'network';
export const RUNGS: readonly Rung[] = ['users', 'nodes', 'control', 'election', 'api', 'etcd', 'network'];

export interface Health {
  /** 0 healthy, 1 something is wrong, 2 the rung does not do its work. */
  level: 0 | 1 | 2;
  /** What is wrong, worst first. */
  problems: string[];
}

/** Requests slower than this are worth a word, in ms: a person notices. Chosen. */
const SLOW = 1000;
/** A Lease without a renewal for this long is worth a word, in ms: two periods of the default retry. Chosen. */
const RENEWAL_LATE = 4500;
/** When entries wait for longer than this etcd does not do its work, in ms. Chosen: no disk or link takes as long. */
const STUCK = 2000;
/** Entries behind the leader that are worth a word. Chosen: a few are always under way. */
const BEHIND = 20;

class Findings {
  private readonly found: { weight: number; text: string }[] = [];
  /** `weight` 2: the rung does not do its work. */
  add(weight: 1 | 1.5 | 2, text: string): void {
    this.found.push({ weight, text });
  }
  health(): Health {
    const worst = this.found.toSorted((a, b) => b.weight - a.weight);
    const weight = worst[0]?.weight ?? 0;
    return { level: weight >= 2 ? 2 : weight > 0 ? 1 : 0, problems: worst.map(({ text }) => text) };
  }
}

function network(frame: Frame): Health {
  const findings = new Findings();
  const { host, link, world } = frame;
  const members = world.members(0);
  for (let row = 0; row < host.rows; row += 1) {
    const name = hostName(frame, row);
    if (host.up(row) === 0) findings.add(1.5, say('bad_host_down', { host: name }));
    else if (host.paused(row) === 1) findings.add(1.5, say('bad_host_paused', { host: name }));
    if (host.clock_ppm(row) !== 1e6) findings.add(1, say('bad_clock', { host: name, rate: ppm(host.clock_ppm(row)) }));
  }
  const between = rowsWhere(link, (row) => link.from(row) !== link.to(row) && link.from(row) < members && link.to(row) < members);
  const cutAt = (row: number): boolean => link.cut(row) === 1;
  const isolated = isolatedHosts(frame, between.filter(cutAt), members);
  for (const at of isolated) findings.add(1.5, say('bad_isolated', { host: hostName(frame, at) }));
  for (const row of between.filter(cutAt)) {
    const [from, to] = [link.from(row), link.to(row)];
    if (isolated.includes(from) || isolated.includes(to)) continue;
    findings.add(1.5, say('bad_cut', { from: hostName(frame, from), to: hostName(frame, to) }));
  }
  for (const text of losses(frame, between)) findings.add(1, text);
  return findings.health();
}

/** Hosts whose every link to another member's host is cut, both ways. */
function isolatedHosts({ link }: Frame, cut: readonly number[], members: number): number[] {
  const counts = new Array<number>(members).fill(0);
  for (const row of cut) for (const end of [link.from(row), link.to(row)]) counts[end] = (counts[end] ?? 0) + 1;
  const all = 2 * (members - 1);
  return all === 0 ? [] : counts.flatMap((count, host) => (count === all ? [host] : []));
}

/** One sentence for loss at one place, else one per link. */
function losses(frame: Frame, between: readonly number[]): string[] {
  const { link, world } = frame;
  const members = world.members(0);
  const texts: string[] = [];
  const loops = rowsWhere(link, (row) => link.from(row) === link.to(row) && link.loss_ppm(row) > 0);
  for (const row of loops) texts.push(say('bad_loss_loopback', { loss: ppm(link.loss_ppm(row)), n: link.from(row) + 1 }));
  const lossy = between.filter((row) => link.loss_ppm(row) > 0);
  const users = rowsWhere(link, (row) => Math.max(link.from(row), link.to(row)) >= members && link.loss_ppm(row) > 0);
  const [first] = lossy;
  if (first === undefined) return texts;
  const loss = ppm(link.loss_ppm(first));
  if (lossy.some((row) => link.loss_ppm(row) !== link.loss_ppm(first))) {
    return texts.concat(lossy.map((row) => linkLoss(frame, row)));
  }
  const common = Array.from({ length: members }, (_, host) => host).filter((host) =>
    lossy.every((row) => link.from(row) === host || link.to(row) === host),
  );
  if (lossy.length === between.length && members > 2) {
    return texts.concat(say(users.length > 0 ? 'bad_loss_everything' : 'bad_loss_all', { loss }));
  }
  const [at] = common;
  if (lossy.length > 1 && at !== undefined) return texts.concat(say('bad_loss_host', { loss, host: hostName(frame, at) }));
  return texts.concat(lossy.map((row) => linkLoss(frame, row)));
}

function linkLoss(frame: Frame, row: number): string {
  const { link } = frame;
  return say('bad_loss_link', {
    loss: ppm(link.loss_ppm(row)),
    from: hostName(frame, link.from(row)),
    to: hostName(frame, link.to(row)),
  });
}

function etcd(frame: Frame, stuckMs: number): Health {
  const findings = new Findings();
  if (stuckMs > STUCK) findings.add(2, say('bad_stuck', { span: span(stuckMs) }));
  const { member, host } = frame;
  const all = Array.from({ length: member.rows }, (_, row) => row);
  const running = all.filter((row) => member.running(row) === 1);
  const leaderless = running.filter((row) => member.leader(row) === 0 && member.role(row) !== 3);
  const commit = Math.max(0, ...running.map((row) => member.commit_index(row)));
  if (running.length - leaderless.length === 0) {
    const spans = leaderless.map((row) => member.leaderless(row));
    findings.add(2, say('bad_quorum', { span: span(spans.length === 0 ? 0 : Math.min(...spans)) }));
  } else {
    for (const row of leaderless) findings.add(1.5, say('bad_leaderless', { n: row + 1, span: span(member.leaderless(row)) }));
  }
  for (const row of all) {
    const n = row + 1;
    if (member.running(row) === 0) findings.add(1.5, say('bad_member_down', { n }));
    if (host.disk_times(row) > 1) findings.add(1, say('bad_disk', { n, times: host.disk_times(row) }));
    if (member.running(row) === 0) continue;
    const behind = commit - member.applied_index(row);
    if (behind > BEHIND) findings.add(1, say('bad_behind', { member: n, n: behind }));
    const streams = 2 * (member.rows - 1);
    if (member.streams(row) < streams) findings.add(1, say('bad_streams', { n, streams: member.streams(row), all: streams }));
  }
  return findings.health();
}

function api(frame: Frame): Health {
  const findings = new Findings();
  let working = 0;
  for (let row = 0; row < frame.api.rows; row += 1) {
    const n = row + 1;
    const shape = apiShape(frame, row);
    if (shape === 'down') findings.add(1.5, say('bad_api_down', { n }));
    else if (shape === 'hung') findings.add(1.5, say('bad_api_hung', { n }));
    else if (frame.api.etcd_state(row) !== 2) findings.add(1.5, say('bad_api_unconnected', { n }));
    else if (frame.api.healthy(row) === 0) findings.add(1.5, say('bad_api_unhealthy', { n }));
    else working += 1;
    const caches = cachesOf(frame, row);
    if (shape === 'ready' && caches.ready < caches.all) findings.add(1.5, say('bad_caches', { n: row + 1, ready: caches.ready, all: caches.all }));
    else if (shape !== 'down' && caches.behind > BEHIND) findings.add(1, say('bad_cache_behind', { api: row + 1, n: caches.behind }));
    const oldest = frame.api.oldest(row);
    if (shape !== 'down' && oldest > SLOW) findings.add(1, say('bad_api_slow', { n, span: span(oldest) }));
  }
  const health = findings.health();
  return working === 0 && health.level > 0 ? { ...health, level: 2 } : health;
}

function election(frame: Frame): Health {
  const findings = new Findings();
  const { elector, lease } = frame;
  for (const component of [0, 1] as const) {
    const rows = rowsWhere(elector, (row) => elector.component(row) === component);
    const believing = rows.filter((row) => electorShape(frame, row) === 'holder');
    const acting = believing.filter((row) => elector.can_act(row) === 1);
    if (acting.length === 0) findings.add(2, say('bad_nobody', { component: say(`component_${component}`) }));
    if (believing.length > 1) {
      findings.add(1.5, say('bad_two', { component: say(`component_${component}`), n: acting.length }));
    }
    const late = lease.renewed_ago(component);
    const [holder] = believing;
    if (holder !== undefined && late > RENEWAL_LATE) {
      findings.add(1.5, say('bad_renewing', { program: electorName(frame, holder), span: span(late) }));
    }
    for (const row of rows.filter((row) => electorShape(frame, row) === 'exited')) {
      const program = electorName(frame, row);
      const back = elector.restart_in(row);
      findings.add(1, back > 0 ? say('bad_exited', { program, span: span(back) }) : say('bad_exited_now', { program }));
    }
  }
  return findings.health();
}

/** Things of one kind that are in one state: the one there is by name, many by their number. */
function some(findings: Findings, weight: 1 | 1.5, rows: readonly number[], one: Key, many: Key): void {
  const [first] = rows;
  if (first === undefined) return;
  findings.add(weight, rows.length === 1 ? say(one, { n: String(first + 1) }) : say(many, { n: rows.length }));
}

function nodes(frame: Frame): Health {
  const findings = new Findings();
  const { node, workload } = frame;
  const shapes = new Map<NodeShape, number[]>();
  for (let row = 0; row < node.rows; row += 1) {
    const shape = nodeShape(frame, row);
    const rows = shapes.get(shape);
    if (rows === undefined) shapes.set(shape, [row]);
    else rows.push(row);
  }
  some(findings, 1.5, shapes.get('off') ?? [], 'bad_node_off', 'bad_nodes_off');
  some(findings, 1.5, shapes.get('unknown') ?? [], 'bad_node_unknown', 'bad_nodes_unknown');
  some(findings, 1.5, shapes.get('unready') ?? [], 'bad_node_unready', 'bad_nodes_unready');
  some(findings, 1, shapes.get('silent') ?? [], 'bad_node_silent', 'bad_nodes_silent');
  some(findings, 1, shapes.get('unregistered') ?? [], 'bad_node_unregistered', 'bad_nodes_unregistered');
  for (let row = 0; row < workload.rows; row += 1) {
    const [ready, desired] = [workload.ready(row), workload.desired(row)];
    if (ready >= desired) continue;
    findings.add(ready === 0 ? 2 : 1, say('bad_workload', { name: workloadName(frame, workload.id(row)), ready, n: desired }));
  }
  return findings.health();
}

/** A queue of this many is worth a word: the analysis's lamp lights there. */
const BACKLOG = 100;

function control(frame: Frame): Health {
  const findings = new Findings();
  const { manager, controller, scheduler } = frame;
  if (frame.node.rows === 0) return findings.health();
  const works = manager.api(0) !== NONE && manager.phase(0) === 6;
  if (!works) findings.add(2, say('bad_no_controllers', { state: managerText(frame) }));
  let unsynced = 0;
  let waiting = 0;
  for (let row = 0; row < controller.rows; row += 1) {
    if (works && controller.synced(row) === 0) unsynced += 1;
    waiting += controller.depth(row) + controller.busy(row);
  }
  if (unsynced > 0) findings.add(1.5, say('bad_unsynced', { n: unsynced }));
  if (waiting >= BACKLOG) findings.add(1, say('bad_backlog', { n: waiting }));
  if (scheduler.api(0) === NONE) findings.add(2, say('bad_no_scheduler'));
  else if (scheduler.works(0) === 0) findings.add(1.5, say('bad_scheduler_unsynced'));
  if (scheduler.unschedulable(0) > 0) findings.add(1, say('bad_unschedulable', { n: scheduler.unschedulable(0) }));
  return findings.health();
}

function users(frame: Frame): Health {
  const findings = new Findings();
  const { load } = frame;
  let served = 0;
  // Kinds that fare as badly everywhere are one sentence.
  const dead = frame.kinds.flatMap((_, kind) => {
    const rows = rowsWhere(load, (row) => load.kind(row) === kind && load.sent(row) > 0);
    return rows.length > 1 && rows.every((row) => load.success(row) === 0 || (load.success(row) < 0 && load.waiting(row) > 0)) ? [kind] : [];
  });
  if (dead.length > 0) findings.add(1.5, say('bad_all_failing', { kinds: oneOf(dead.map((kind) => kindName(frame, kind))) }));
  for (let row = 0; row < load.rows; row += 1) {
    if (load.sent(row) === 0 || dead.includes(load.kind(row))) continue;
    const api = load.api(row);
    const values = { kind: kindName(frame, load.kind(row)), n: api + 1 };
    const success = load.success(row);
    const waiting = load.waiting(row);
    if (success < 0 && waiting > 0) findings.add(1.5, say('bad_stalled', values));
    else if (success >= 0 && success < 1) findings.add(1.5, say('bad_failing', { ...values, share: share(1 - success) }));
    const hangs = waiting > 0 && frame.api.oldest(api) > SLOW;
    if (hangs && success >= 0) findings.add(1.5, say('bad_waiting', { n: waiting, kind: values.kind, api: api + 1 }));
    if (success > 0 && !hangs) served += 1;
    if (load.p99(row) > SLOW) findings.add(1, say('bad_slow', { ...values, span: span(load.p99(row)) }));
  }
  const { service } = frame;
  for (let row = 0; row < service.rows; row += 1) {
    if (service.sent(row) === 0) continue;
    const success = service.success(row);
    const name = workloadName(frame, service.workload(row));
    if (success > 0) served += 1;
    if (success < 1 && (success >= 0 || service.waiting(row) > 0)) {
      findings.add(1.5, say('bad_service', { name, share: share(success < 0 ? 1 : 1 - success) }));
    }
  }
  for (let row = 0; row < frame.api.rows; row += 1) {
    if (frame.api.stale(row) > SLOW) findings.add(1, say('bad_stale', { n: row + 1, span: span(frame.api.stale(row)) }));
  }
  const health = findings.health();
  return served === 0 && health.level > 0 ? { ...health, level: 2 } : health;
}

/** What is wrong on every rung. `stuckMs` is how long etcd has committed nothing though it should. */
export function examine(frame: Frame, stuckMs: number): Record<Rung, Health> {
  return {
    network: network(frame),
    etcd: etcd(frame, stuckMs),
    api: api(frame),
    election: election(frame),
    control: control(frame),
    nodes: nodes(frame),
    users: users(frame),
  };
}

/** How long entries have waited: the engine counts them, but not how long the count stands still. */
export class Stuck {
  private commit = -1;
  private since = 0;
  ms = 0;

  observe(frame: Frame): void {
    const { member } = frame;
    const running = rowsWhere(member, (row) => member.running(row) === 1);
    const commit = Math.max(0, ...running.map((row) => member.commit_index(row)));
    const now = nowMs(frame);
    const waits = running.some((row) => member.last_index(row) > commit);
    if (!waits || commit !== this.commit || now < this.since) this.since = now;
    this.commit = commit;
    this.ms = now - this.since;
  }
}

/** When each rung was first hurt, in ms of the run: the page saw it, so it is only as exact as the page is frequent. */
export class HurtSince {
  private readonly since = new Map<Rung, number>();
  /** Whether the page did not see how the run came to be where it is; then the engine's first hurts tell. */
  private jumped = false;

  observe(frame: Frame, healths: Record<Rung, Health>): void {
    const now = nowMs(frame);
    for (const rung of RUNGS) {
      const since = this.since.get(rung);
      if (healths[rung].level === 0 || (since !== undefined && since > now)) this.since.delete(rung);
      if (healths[rung].level > 0 && !this.since.has(rung)) this.since.set(rung, this.jumped ? firstHurt(frame, rung) : now);
    }
    this.jumped = false;
  }
  /** The rung's line: what is wrong, worst first, and since when. */
  line(rung: Rung, { level, problems }: Health): { state: string; since: string } {
    const [worst, ...others] = problems;
    if (level === 0 || worst === undefined) return { state: say('healthy'), since: '' };
    const state = others.length === 0 ? worst : say('and_more', { what: worst, n: others.length });
    const since = this.since.get(rung);
    return { state, since: since === undefined ? '' : say('hurt_since', { since: moment(since) }) };
  }
  /** Forgets what it saw: the run is another one, or somewhere else. */
  forget(): void {
    this.since.clear();
    this.jumped = true;
  }
}

/** When a rung was first hurt in the episode under way; now, if it was not. */
function firstHurt(frame: Frame, rung: Rung): number {
  const at = frame.hurt.at_ms(RUNGS.length - 1 - RUNGS.indexOf(rung));
  const now = nowMs(frame);
  return at === NONE || at > now || frame.episode.over(0) === 1 ? now : at;
}
