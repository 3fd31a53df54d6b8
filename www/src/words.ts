// What things are called and how they are: sentences from a frame, for the drawing, the inspector and the readers.

import { apiHost, clusterOf, nodeHost, programAt, type Cluster } from './cluster.ts';
import { NONE, rowsWhere, type Frame } from './frame.ts';
import { capital, ppm, say, sayIfKnown, share, span } from './say.ts';
import type { Selection } from './state.ts';

const NO_PROGRAM = 0xffff;

/** A program's name, from its number. */
export function programName(program: number, cluster: Cluster): string {
  if (program === NO_PROGRAM) return say('name_world');
  const found = programAt(program, cluster);
  return 'n' in found ? say(`name_${found.what}_program`, { n: String(found.n + 1) }) : say(`name_${found.what}`);
}

/** What to select to see a program; nothing if it is not drawn. */
export function programSelection(program: number, cluster: Cluster): Selection | undefined {
  const found = programAt(program, cluster);
  if (!('n' in found)) return undefined;
  const { what, n } = found;
  switch (what) {
    case 'etcd':
      return { thing: 'member', row: n };
    case 'api':
      return { thing: 'api', row: n };
    case 'controller':
      return { thing: 'elector', row: n * 2 };
    case 'scheduler':
      return { thing: 'elector', row: n * 2 + 1 };
    case 'prober':
      return { thing: 'host', row: apiHost(n, cluster) };
    case 'kubelet':
    case 'proxy':
      return { thing: 'node', row: n };
  }
}

/** A member's name from its member id; 0 is nobody. */
export function memberName(id: number): string {
  return id === 0 ? say('name_unknown') : say('name_etcd_program', { n: id });
}

export function hostName(frame: Frame, host: number): string {
  const edge = frame.world.control_hosts(0);
  if (host > edge) return nodeName(host - edge - 1);
  return host === edge ? say('name_edge') : say('name_host', { n: host + 1 });
}

export function nodeName(node: number): string {
  return say('name_node', { n: String(node + 1) });
}

/** The program of an elector's row. */
export function electorName({ elector }: Frame, row: number): string {
  return say(elector.component(row) === 0 ? 'name_controller_program' : 'name_scheduler_program', {
    n: elector.api(row) + 1,
  });
}

/** Whom an elector saw hold the Lease. */
export function holderName(frame: Frame, row: number): string {
  const api = frame.elector.observed(row);
  if (api === NONE) return say('name_unknown');
  return say(frame.elector.component(row) === 0 ? 'name_controller_program' : 'name_scheduler_program', { n: api + 1 });
}

export type MemberShape = 'down' | 'follower' | 'pre-candidate' | 'candidate' | 'leader';
const SHAPES: readonly MemberShape[] = ['follower', 'pre-candidate', 'candidate', 'leader'];

export function memberShape({ member }: Frame, row: number): MemberShape {
  return member.running(row) === 0 ? 'down' : (SHAPES[member.role(row)] ?? 'follower');
}

export function roleText(frame: Frame, row: number): string {
  return memberShape(frame, row) === 'down' ? say('down') : (sayIfKnown(`role_${frame.member.role(row)}`) ?? '');
}

export type ElectorShape = 'exited' | 'standby' | 'holder';

export function electorShape({ elector }: Frame, row: number): ElectorShape {
  if (elector.running(row) === 0) return 'exited';
  return elector.believes(row) === 1 ? 'holder' : 'standby';
}

export type ApiShape = 'down' | 'hung' | 'hurt' | 'ready';

export function apiShape({ api }: Frame, row: number): ApiShape {
  if (api.running(row) === 0) return 'down';
  if (api.hung(row) === 1) return 'hung';
  return api.healthy(row) === 1 && api.etcd_state(row) === 2 ? 'ready' : 'hurt';
}

export function apiText(frame: Frame, row: number): string {
  switch (apiShape(frame, row)) {
    case 'down':
      return say('down');
    case 'hung':
      return say('api_hung');
    case 'ready':
      return say('api_ready');
    case 'hurt':
      return frame.api.etcd_state(row) === 2 ? say('api_unhealthy') : etcdStateText(frame, row);
  }
}

export function etcdStateText({ api }: Frame, row: number): string {
  return sayIfKnown(`etcd_state_${api.etcd_state(row)}`) ?? '';
}

export type HostShape = 'off' | 'paused' | 'on';

export function hostShape({ host }: Frame, row: number): HostShape {
  if (host.up(row) === 0) return 'off';
  return host.paused(row) === 1 ? 'paused' : 'on';
}

export function hostText(frame: Frame, row: number): string {
  const shape = hostShape(frame, row);
  return shape === 'off' ? say('lost_power') : shape === 'paused' ? say('stands_still') : say('up');
}

/** The row of the directed link between two hosts, or -1. */
export function linkRow({ link }: Frame, from: number, to: number): number {
  for (let row = 0; row < link.rows; row += 1) if (link.from(row) === from && link.to(row) === to) return row;
  return -1;
}

/** The row of users' requests of a kind at an API server, or -1. */
export function loadRow({ load }: Frame, api: number, kind: number): number {
  for (let row = 0; row < load.rows; row += 1) if (load.api(row) === api && load.kind(row) === kind) return row;
  return -1;
}

/** The row of the member that leads in the newest term, or -1. */
export function leaderRow({ member }: Frame): number {
  const leaders = rowsWhere(member, (row) => member.running(row) === 1 && member.role(row) === 3);
  return leaders.reduce((best, row) => (best < 0 || member.term(row) > member.term(best) ? row : best), -1);
}

export function linkText(frame: Frame, from: number, to: number): string {
  const { link } = frame;
  const [there, back] = [linkRow(frame, from, to), linkRow(frame, to, from)];
  const [cutThere, cutBack] = [link.cut(there) === 1, link.cut(back) === 1];
  if (cutThere && cutBack) return say('say_link_cut');
  if (cutThere) return say('say_link_cut_one', { from: from + 1, to: to + 1 });
  if (cutBack) return say('say_link_cut_one', { from: to + 1, to: from + 1 });
  const [lossThere, lossBack] = [link.loss_ppm(there), link.loss_ppm(back)];
  if (lossThere + lossBack === 0) return say('say_link_ok');
  return say('say_link_loss', { there: ppm(lossThere), back: ppm(lossBack) });
}

/** How one kind of API users' requests fares, over all API servers. */
export interface Fare {
  readonly sent: number;
  readonly ended: number;
  /** The share of those ended that succeeded; -1: none ended. */
  readonly success: number;
  readonly waiting: number;
  /** The worst API server's; -1: none. */
  readonly p50: number;
  readonly p99: number;
}

export function fareOf({ load }: Frame, kind: number): Fare {
  let [sent, ended, good, waiting, p50, p99] = [0, 0, 0, 0, -1, -1];
  for (let row = 0; row < load.rows; row += 1) {
    if (load.kind(row) !== kind) continue;
    sent += load.sent(row);
    ended += load.ended(row);
    good += load.ended(row) * Math.max(0, load.success(row));
    waiting += load.waiting(row);
    p50 = Math.max(p50, load.p50(row));
    p99 = Math.max(p99, load.p99(row));
  }
  return { sent, ended, success: ended === 0 ? -1 : good / ended, waiting, p50, p99 };
}

/** How the users of a Service fare. */
export function serviceFare({ service }: Frame, row: number): Fare {
  return {
    sent: service.sent(row), ended: service.ended(row), success: service.success(row), waiting: service.waiting(row),
    p50: service.p50(row), p99: service.p99(row),
  };
}

/** The row of a Service, by its workload's number, or -1. */
export function serviceRow({ service }: Frame, id: number): number {
  for (let row = 0; row < service.rows; row += 1) if (service.workload(row) === id) return row;
  return -1;
}

/** What a kind of requests is called. */
export function kindName(frame: Frame, kind: number): string {
  const name = frame.kinds[kind] ?? '';
  return sayIfKnown(`kind_${name}`) ?? name;
}

/** A share of requests that succeed, with how long they take, in a sentence. */
export function fareText({ success, p50, p99 }: Pick<Fare, 'success' | 'p50' | 'p99'>): string {
  if (success < 0) return say('say_fare_none');
  if (success === 0) return say('say_fare_failing');
  return say('say_fare', { success: share(success), p50: span(p50), p99: span(p99) });
}

/** The row of a workload, by its number, or -1. */
export function workloadRow({ workload }: Frame, id: number): number {
  for (let row = 0; row < workload.rows; row += 1) if (workload.id(row) === id) return row;
  return -1;
}

export function workloadName(frame: Frame, id: number): string {
  return frame.names[id] ?? say('name_workload', { n: id });
}

export function workloadKind({ workload }: Frame, row: number): string {
  return sayIfKnown(`workload_kind_${workload.kind(row)}`) ?? '';
}

/** kubernetes apimachinery util/rand: names are made of letters that spell nothing. */
const LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

function suffix(number: number): string {
  let text = '';
  for (let n = 0, left = number; n < 5; n += 1, left = Math.floor(left / LETTERS.length)) text += LETTERS[left % LETTERS.length];
  return text;
}

/** The name of a pod: of a StatefulSet's by its ordinal, of others by their suffix. */
export function podName(frame: Frame, workload: number, template: number, number: number): string {
  const name = workloadName(frame, workload);
  const kind = frame.workload.kind(workloadRow(frame, workload));
  if (kind === 1) return `${name}-${number}`;
  return kind === 0 ? `${name}-${template}-${suffix(number)}` : `${name}-${suffix(number)}`;
}

export type PodShape = 'ready' | 'unready' | 'starting' | 'waiting' | 'ending' | 'failed';
export const POD_SHAPES: readonly PodShape[] = ['ready', 'unready', 'starting', 'waiting', 'ending', 'failed'];

export function podShape({ pod }: Frame, row: number): PodShape {
  if (pod.deleting(row) === 1) return 'ending';
  if (pod.phase(row) >= 2) return 'failed';
  if (pod.node(row) === NONE) return 'waiting';
  if (pod.ready(row) === 1) return 'ready';
  return pod.phase(row) === 0 ? 'starting' : 'unready';
}

function podState(frame: Frame, row: number): string {
  const { pod } = frame;
  const node = pod.node(row);
  const state = say(`pod_${podShape(frame, row)}`);
  const parts = [state, node === NONE ? say(pod.unschedulable(row) === 1 ? 'pod_unschedulable' : 'pod_unbound') : say('pod_on', { node: nodeName(node) })];
  if (pod.ready(row) === 1 && pod.runs(row) === 0) parts.push(say('pod_ghost'));
  if (pod.restarts(row) > 0) parts.push(say('pod_restarts', { n: pod.restarts(row) }));
  return parts.join(', ');
}

/** The row of a pod, or -1 if there is no such pod any more. */
export function podRow({ pod }: Frame, { row: workload, other = 0, third = 0 }: Selection): number {
  for (let row = 0; row < pod.rows; row += 1) {
    if (pod.number(row) === other && pod.template(row) === third && pod.workload(row) === workload) return row;
  }
  return -1;
}

/** A pod as the selection names it: rows come and go. */
export function podSelection({ pod }: Frame, row: number): Selection {
  return { thing: 'pod', row: pod.workload(row), other: pod.number(row), third: pod.template(row) };
}

export type NodeShape = 'off' | 'unknown' | 'unready' | 'silent' | 'unregistered' | 'cordoned' | 'ready';

/** What the API says of a node, and whether its machine agrees. */
export function nodeShape({ node }: Frame, row: number): NodeShape {
  if (node.up(row) === 0) return 'off';
  if (node.registered(row) === 0) return 'unregistered';
  if (node.ready(row) === 2) return 'unknown';
  if (node.ready(row) === 1) return 'unready';
  if (node.kubelet(row) === 0) return 'silent';
  return node.cordoned(row) === 1 ? 'cordoned' : 'ready';
}

function nodeState(frame: Frame, row: number): string {
  const { node } = frame;
  const shape = nodeShape(frame, row);
  const parts = [say(`node_${shape}`)];
  if (shape === 'off' && node.registered(row) === 1) parts.push(say(`node_condition_${node.ready(row) === 0 ? 0 : node.ready(row) === 1 ? 1 : 2}`));
  if (shape !== 'cordoned' && node.cordoned(row) === 1) parts.push(say('node_cordoned'));
  if ((node.taints(row) & 3) > 0) parts.push(say('node_tainted'));
  parts.push(say('node_pods', { n: node.pods(row) }));
  return parts.join(', ');
}

function workloadState(frame: Frame, row: number): string {
  const { workload } = frame;
  const [ready, desired, updated] = [workload.ready(row), workload.desired(row), workload.updated(row)];
  const parts = [workloadKind(frame, row), say('workload_ready', { ready, n: desired })];
  if (updated < desired) parts.push(say('workload_updated', { updated, n: desired }));
  parts.push(say('workload_endpoints', { n: workload.endpoints_ready(row) }));
  if (workload.stuck(row) === 1) parts.push(say('workload_stuck'));
  const service = serviceRow(frame, workload.id(row));
  if (service >= 0) parts.push(say('workload_users', { state: fareText(serviceFare(frame, service)) }));
  return parts.join(', ');
}

function memberState(frame: Frame, row: number): string {
  const { member } = frame;
  const shape = memberShape(frame, row);
  if (shape === 'down') return say('down');
  const term = String(member.term(row));
  if (shape === 'leader') return say('say_member_leader', { term, commit: String(member.commit_index(row)) });
  const known = member.leader(row);
  return say('say_member_other', {
    role: roleText(frame, row),
    term,
    leader:
      known === 0 ? say('say_leaderless', { span: span(member.leaderless(row)) }) : say('say_follows', { leader: known }),
    applied: String(member.applied_index(row)),
  });
}

function apiState(frame: Frame, row: number): string {
  const { api } = frame;
  if (api.running(row) === 0) return say('down');
  return say('say_api_up', { health: apiText(frame, row), etcd: etcdStateText(frame, row), n: api.in_flight(row) });
}

function electorState(frame: Frame, row: number): string {
  const { elector } = frame;
  const shape = electorShape(frame, row);
  if (shape === 'exited') {
    const back = elector.restart_in(row);
    return back > 0 ? say('say_elector_exited', { span: span(back) }) : say('say_elector_exited_now');
  }
  const left = elector.lease_left(row);
  if (shape === 'holder') {
    const can = say(elector.can_act(row) === 1 ? 'say_can_act' : 'say_cannot_act');
    return say('say_elector_holds', { can, span: span(elector.renew_left(row)) });
  }
  return say('say_elector_waits', {
    holder: holderName(frame, row),
    left: left > 0 ? say('say_left', { span: span(left) }) : say('say_expired'),
  });
}

/** What a controller's queue is called. */
export function controllerName(frame: Frame, row: number): string {
  const name = frame.controllers[row] ?? '';
  return sayIfKnown(`controller_${name}`) ?? name;
}

/** Whether nothing works on a controller's queue. */
export function isIdle({ manager, controller }: Frame, row: number): boolean {
  return manager.api(0) === NONE || manager.phase(0) !== 6 || controller.synced(row) === 0;
}

/** What the manager that leads is doing. */
export function managerText({ manager }: Frame): string {
  if (manager.api(0) === NONE) return say('manager_none');
  return sayIfKnown(`manager_${manager.phase(0)}`) ?? '';
}

function controllerState(frame: Frame, row: number): string {
  const { controller } = frame;
  if (isIdle(frame, row)) return frame.manager.phase(0) === 6 ? say('controller_syncing') : managerText(frame);
  const parts = [say('controller_waiting', { n: controller.depth(row) })];
  if (controller.busy(row) > 0) parts.push(say('controller_busy', { n: controller.busy(row) }));
  if (controller.backoff(row) > 0) parts.push(say('controller_backoff', { n: controller.backoff(row) }));
  return parts.join(', ');
}

function schedulerState({ scheduler }: Frame): string {
  if (scheduler.api(0) === NONE) return say('scheduler_none');
  if (scheduler.works(0) === 0) return say('controller_syncing');
  const [active, backoff, unschedulable] = [scheduler.active(0), scheduler.backoff(0), scheduler.unschedulable(0)];
  return say('scheduler_state', { n: active, backoff, unschedulable, binding: scheduler.binding(0) });
}

/** How API server `n`'s watch caches are: how many of them are ready, and the most that one is behind. */
export function cachesOf({ cache }: Frame, api: number): { all: number; ready: number; behind: number } {
  let [all, ready, behind] = [0, 0, 0];
  for (let row = 0; row < cache.rows; row += 1) {
    if (cache.api(row) !== api) continue;
    all += 1;
    ready += cache.ready(row);
    behind = Math.max(behind, cache.behind(row));
  }
  return { all, ready, behind };
}

/** A thing's name and state in one sentence: what a reader hears when it has the focus. */
export function describe(frame: Frame, selection: Selection): string {
  const { thing, row, other } = selection;
  const n = row + 1;
  switch (thing) {
    case 'member':
      return say('say_member', { n, state: memberState(frame, row) });
    case 'api':
      return say('say_api', { n, state: apiState(frame, row) });
    case 'elector':
      return say('say_elector', { program: electorName(frame, row), state: electorState(frame, row) });
    case 'users':
      return say('say_users', { kind: kindName(frame, row), state: fareText(fareOf(frame, row)) });
    case 'host':
      return say('say_host', { n, state: hostText(frame, row) });
    case 'link':
      return say('say_link', { from: n, to: (other ?? 0) + 1, state: linkText(frame, row, other ?? 0) });
    case 'controller':
      return say('say_controller', { name: controllerName(frame, row), state: controllerState(frame, row) });
    case 'scheduler':
      return say('say_scheduler', { state: schedulerState(frame) });
    case 'node':
      return say('say_node', { n: String(n), state: nodeState(frame, row) });
    case 'workload': {
      const at = workloadRow(frame, row);
      return say('say_workload', { name: workloadName(frame, row), state: at < 0 ? say('gone') : workloadState(frame, at) });
    }
    case 'pod': {
      const at = podRow(frame, selection);
      return say('say_pod', { name: title(frame, selection), state: at < 0 ? say('pod_gone') : podState(frame, at) });
    }
  }
}

/** A thing's name alone. */
export function title(frame: Frame, { thing, row, other = 0, third = 0 }: Selection): string {
  const n = row + 1;
  switch (thing) {
    case 'member':
      return say('name_etcd_program', { n });
    case 'api':
      return say('name_api_program', { n });
    case 'elector':
      return electorName(frame, row);
    case 'users':
      return `${say('rung_users')} · ${kindName(frame, row)}`;
    case 'host':
      return capital(hostName(frame, row));
    case 'link':
      return capital(say('name_link', { from: n, to: other + 1 }));
    case 'controller':
      return say('title_controller', { name: controllerName(frame, row) });
    case 'scheduler':
      return say('component_1');
    case 'node':
      return capital(nodeName(row));
    case 'workload':
      return workloadName(frame, row);
    case 'pod':
      return podName(frame, row, third, other);
  }
}

/** The host that a thing is on; -1: on none, or on many. */
export function hostOf(frame: Frame, selection: Selection): number {
  const cluster = clusterOf(frame);
  const { thing, row } = selection;
  switch (thing) {
    case 'elector':
      return apiHost(frame.elector.api(row), cluster);
    case 'api':
      return apiHost(row, cluster);
    case 'member':
    case 'host':
      return row;
    case 'node':
      return nodeHost(row, cluster);
    case 'pod': {
      const at = podRow(frame, selection);
      const node = at < 0 ? NONE : frame.pod.node(at);
      return node === NONE ? -1 : nodeHost(node, cluster);
    }
    case 'controller':
      return frame.manager.api(0) === NONE ? -1 : apiHost(frame.manager.api(0), cluster);
    case 'scheduler':
      return frame.scheduler.api(0) === NONE ? -1 : apiHost(frame.scheduler.api(0), cluster);
    case 'users':
    case 'workload':
    case 'link':
      return -1;
  }
}
