// The selected thing in words and numbers, with what can be done to it.

import type { App } from '../app.ts';
import { button, html, list, setAttribute, setText } from '../dom.ts';
import { NONE, rowsWhere, type Frame } from '../frame.ts';
import { toolbar } from '../roving.ts';
import { integer, ppm, say, share, span } from '../say.ts';
import { questionAbout } from '../questions.ts';
import { same, type Question, type Selection } from '../state.ts';
import * as words from '../words.ts';
import { NO_CLUSTER, nodeHost, sameCluster } from '../cluster.ts';
import { nodeActs, podActs, workloadActs } from './kubectl.ts';
import { faultLabel, faultNames, nextHost, request } from './faults.ts';

type Fact = readonly [name: string, value: string];

function yes(flag: number): string {
  return say(flag === 1 ? 'yes' : 'no');
}

function memberFacts(frame: Frame, row: number): Fact[] {
  const { member } = frame;
  if (member.running(row) === 0) return [[say('in_role'), say('down')]];
  const all = 2 * (member.rows - 1);
  const follows = member.role(row) !== 3;
  const facts: Fact[] = [
    [say('in_role'), words.roleText(frame, row)],
    [say('in_term'), integer(member.term(row))],
    [say('in_leader'), words.memberName(member.leader(row))],
    [say('in_log'), say('in_log_value', { last: member.last_index(row), commit: member.commit_index(row), applied: member.applied_index(row) })],
    [say('in_revision'), integer(member.revision(row))],
  ];
  if (follows) {
    const timer = { elapsed: span(member.election_elapsed(row)), timeout: span(member.election_timeout(row)) };
    facts.push([say('in_election'), say('in_election_value', timer)]);
  }
  if (follows && member.leader(row) === 0) facts.push([say('in_leaderless'), span(member.leaderless(row))]);
  facts.push([say('in_disk'), say(member.syncing(row) === 1 ? 'in_syncing' : 'in_idle')]);
  facts.push([say('in_pending'), integer(member.pending(row))]);
  if (all > 0) facts.push([say('in_streams'), say('in_streams_value', { n: member.streams(row), all })]);
  return facts;
}

function apiFacts(frame: Frame, row: number): Fact[] {
  const { api } = frame;
  return [
    [say('in_state'), words.apiText(frame, row)],
    [say('etcd_state_2').replace(/^./, (first) => first.toUpperCase()), yes(Number(api.etcd_state(row) === 2))],
    [say('in_health'), say(api.healthy(row) === 1 ? 'in_health_ok' : 'in_health_bad')],
    [say('in_flight'), integer(api.in_flight(row))],
    [say('in_oldest'), api.in_flight(row) === 0 ? say('none') : span(api.oldest(row))],
    [say('in_stale'), api.stale(row) === 0 ? say('none') : span(api.stale(row))],
    [say('in_answered'), integer(api.requests(row))],
    [say('in_failed'), integer(api.failures(row))],
  ];
}

function electorFacts(frame: Frame, row: number): Fact[] {
  const { elector } = frame;
  const shape = words.electorShape(frame, row);
  const facts: Fact[] = [[say('in_state'), say(shape)]];
  if (shape === 'exited') {
    facts.push([say('in_restart'), elector.restart_in(row) > 0 ? span(elector.restart_in(row)) : say('never')]);
  } else {
    facts.push([say('in_believes'), yes(elector.believes(row))]);
    facts.push([say('in_can_act'), yes(elector.can_act(row))]);
    facts.push([say('in_observed'), words.holderName(frame, row)]);
    facts.push([say('in_lease_left'), span(elector.lease_left(row))]);
    if (shape === 'holder') facts.push([say('in_renew_left'), span(elector.renew_left(row))]);
    facts.push([say('in_next_try'), span(elector.next_try(row))]);
    facts.push([say('in_calling'), yes(elector.calling(row))]);
  }
  facts.push([say('in_exits'), integer(elector.exits(row))]);
  return facts;
}

function hostFacts(frame: Frame, row: number): Fact[] {
  const { host } = frame;
  const slow = host.disk_times(row);
  return [
    [say('in_power'), words.hostText(frame, row)],
    [say('in_disk'), slow > 1 ? say('in_slow_disk', { n: slow }) : say('in_normal')],
    [say('in_clock'), say('in_clock_value', { rate: ppm(host.clock_ppm(row)) })],
  ];
}

function linkFacts(frame: Frame, from: number, to: number): Fact[] {
  const { link } = frame;
  return [[from, to] as const, [to, from] as const].map(([a, b]) => {
    const row = words.linkRow(frame, a, b);
    const values = { packets: link.packets(row), dropped: link.dropped(row), delay: span(link.delay_us(row) / 1000) };
    return [say('in_direction', { from: a + 1, to: b + 1 }), say('in_link_value', values)];
  });
}

function usersFacts(frame: Frame, kind: number): Fact[] {
  const { load } = frame;
  const fare = words.fareOf(frame, kind);
  return [
    ...rowsWhere(load, (row) => load.kind(row) === kind).map((row): Fact => [
      say('name_api', { n: load.api(row) + 1 }),
      load.success(row) < 0 ? say('none') : say('in_fare', { success: share(load.success(row)), p50: span(Math.max(0, load.p50(row))), p99: span(Math.max(0, load.p99(row))) }),
    ]),
    [say('in_waiting'), integer(fare.waiting)],
    [say('in_sent'), integer(fare.sent)],
  ];
}

function controllerFacts(frame: Frame, row: number): Fact[] {
  const { controller, manager } = frame;
  return [
    [say('in_manager'), manager.api(0) === NONE ? say('name_unknown') : say('name_controller_program', { n: manager.api(0) + 1 })],
    [say('in_state'), words.managerText(frame)],
    [say('in_synced'), yes(controller.synced(row))],
    [say('in_depth'), integer(controller.depth(row))],
    [say('in_busy'), integer(controller.busy(row))],
    [say('in_backoff'), integer(controller.backoff(row))],
    [say('in_longest'), controller.busy(row) === 0 ? say('none') : span(controller.longest(row))],
    [say('in_adds'), integer(controller.adds(row))],
    [say('in_retries'), integer(controller.retries(row))],
    [say('in_paced'), integer(manager.paced(0))],
  ];
}

function schedulerFacts({ scheduler }: Frame): Fact[] {
  return [
    [say('in_manager'), scheduler.api(0) === NONE ? say('name_unknown') : say('name_scheduler_program', { n: scheduler.api(0) + 1 })],
    [say('in_synced'), yes(scheduler.synced(0))],
    [say('in_active'), integer(scheduler.active(0))],
    [say('in_backoff'), integer(scheduler.backoff(0))],
    [say('in_unschedulable'), integer(scheduler.unschedulable(0))],
    [say('in_binding'), integer(scheduler.binding(0))],
  ];
}

function nodeFacts(frame: Frame, row: number): Fact[] {
  const { node } = frame;
  const taints = node.taints(row);
  return [
    [say('in_condition'), node.registered(row) === 0 ? say('node_unregistered') : say(node.ready(row) === 0 ? 'condition_0' : node.ready(row) === 1 ? 'condition_1' : 'condition_2')],
    [say('in_power'), say(node.up(row) === 1 ? 'up' : 'lost_power')],
    [say('in_kubelet'), say(node.kubelet(row) === 1 ? 'runs' : 'down')],
    [say('in_schedulable'), yes(Number(node.cordoned(row) === 0 && (taints & 4) === 0))],
    [say('in_taints'), taints === 0 ? say('none') : (['1', '2', '4'] as const).filter((bit) => (taints & Number(bit)) > 0).map((bit) => say(`taint_${bit}`)).join(', ')],
    [say('in_pods'), integer(node.pods(row))],
    [say('in_running'), integer(node.running(row))],
    [say('in_lease_age'), node.lease_age(row) < 0 ? say('none') : span(node.lease_age(row))],
    [say('in_rules'), say('in_rules_value', { n: node.rules_behind(row) })],
  ];
}

function workloadFacts(frame: Frame, id: number): Fact[] {
  const { workload } = frame;
  const row = words.workloadRow(frame, id);
  if (row < 0) return [];
  const facts: Fact[] = [
    [say('in_kind'), words.workloadKind(frame, row)],
    [say('in_desired'), integer(workload.desired(row))],
    [say('in_current'), integer(workload.current(row))],
    [say('in_ready'), integer(workload.ready(row))],
    [say('in_updated'), integer(workload.updated(row))],
    [say('in_template'), integer(workload.template(row))],
    [say('in_pods'), integer(workload.pods(row))],
    [say('in_endpoints'), say('in_endpoints_value', { ready: workload.endpoints_ready(row), all: workload.endpoints(row) })],
  ];
  if (workload.claims(row) > 0) facts.push([say('in_claims'), say('in_claims_value', { bound: workload.claims_bound(row), all: workload.claims(row) })]);
  const { service } = frame;
  const at = words.serviceRow(frame, id);
  if (at >= 0) {
    facts.push([say('in_service_users'), words.fareText(words.serviceFare(frame, at))]);
    facts.push([say('in_service_sent'), say('in_service_counts', { ok: service.ok(at), failed: service.failed(at) })]);
    facts.push([say('in_service_why'), say('in_service_reasons', { refused: service.refused(at), timeouts: service.timeouts(at), broken: service.broken(at) })]);
  }
  if (workload.kind(row) === 0) facts.push([say('in_progress'), say(workload.stuck(row) === 1 ? 'in_progress_stuck' : 'in_progress_ok')]);
  return facts;
}

function podFacts(frame: Frame, selection: Selection): Fact[] {
  const { pod } = frame;
  const row = words.podRow(frame, selection);
  if (row < 0) return [];
  const node = pod.node(row);
  return [
    [say('in_phase'), say(`phase_${pod.phase(row)}` as 'phase_0')],
    [say('in_ready_condition'), yes(pod.ready(row))],
    [say('in_node'), node === NONE ? say('none') : words.nodeName(node)],
    [say('in_deleting'), yes(pod.deleting(row))],
    [say('in_template'), integer(pod.template(row))],
    [say('in_restarts'), integer(pod.restarts(row))],
    [say('in_container'), say(pod.runs(row) === 0 ? 'down' : pod.serves(row) === 1 ? 'in_container_serves' : 'runs')],
  ];
}

function factsOf(frame: Frame, selection: Selection): Fact[] {
  const { thing, row, other } = selection;
  switch (thing) {
    case 'member':
      return memberFacts(frame, row);
    case 'api':
      return apiFacts(frame, row);
    case 'elector':
      return electorFacts(frame, row);
    case 'host':
      return hostFacts(frame, row);
    case 'link':
      return linkFacts(frame, row, other ?? 0);
    case 'users':
      return usersFacts(frame, row);
    case 'controller':
      return controllerFacts(frame, row);
    case 'scheduler':
      return schedulerFacts(frame);
    case 'node':
      return nodeFacts(frame, row);
    case 'workload':
      return workloadFacts(frame, row);
    case 'pod':
      return podFacts(frame, selection);
  }
}

/** A member's outgoing streams, as rows of cells. */
function streamRows({ stream }: Frame, member: number): string[][] {
  return rowsWhere(stream, (row) => stream.from(row) === member).map((row) => {
    const name = [say('name_etcd_program', { n: stream.to(row) + 1 }), say(stream.kind(row) === 0 ? 'stream_0' : 'stream_1')];
    if (stream.up(row) === 0) return [...name, say('stream_broken'), '–', '–', integer(stream.queue(row))];
    const rto = span(stream.rto(row));
    return [...name, integer(stream.cwnd(row)), rto, integer(stream.backlog(row)), integer(stream.queue(row))];
  });
}

interface Cells {
  readonly caption: string;
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What an API server has in memory, kind by kind, and who waits there. */
function apiTables(frame: Frame, api: number): Cells[] {
  const { cache, level } = frame;
  const caches = rowsWhere(cache, (row) => cache.api(row) === api).map((row) => [
    frame.objects[cache.kind(row)] ?? '', cache.ready(row) === 1 ? integer(cache.revision(row)) : say('cache_filling'), integer(cache.behind(row)), span(cache.heard(row)),
    integer(cache.watchers(row)),
  ]);
  const levels = rowsWhere(level, (row) => level.api(row) === api && level.seats(row) > 0).map((row) => [
    frame.levels[level.level(row)] ?? '', say('in_seats', { taken: level.taken(row), all: level.seats(row) }), integer(level.queued(row)), integer(level.rejected(row)),
  ]);
  return [
    { caption: say('in_caches'), heads: [say('col_resource'), say('col_revision'), say('col_behind'), say('col_heard'), say('col_watchers')], rows: caches },
    { caption: say('in_levels'), heads: [say('col_level'), say('col_seats'), say('col_queued'), say('col_rejected')], rows: levels },
  ].filter(({ rows }) => rows.length > 0);
}

function tablesOf(frame: Frame, { thing, row }: Selection): Cells[] {
  if (thing === 'api') return apiTables(frame, row);
  const streams = thing === 'member' ? streamRows(frame, row) : [];
  if (streams.length === 0) return [];
  const heads = (['col_peer', 'col_stream', 'col_cwnd', 'col_rto', 'col_backlog', 'col_queue'] as const).map((key) => say(key));
  return [{ caption: say('in_connections'), heads, rows: streams }];
}

export class Inspector {
  private readonly app: App;
  private readonly title = html('h2', {});
  private readonly sentence = html('p', { class: 'lead' });
  private readonly ask: HTMLButtonElement;
  private question: Question | undefined;
  private readonly facts = html('dl', { class: 'facts' });
  private readonly tables = html('div', { class: 'streams', role: 'group', tabindex: 0, 'aria-label': say('in_tables') });
  private readonly buttons = toolbar(say('in_acts'), 'buttons small');
  private shown: Selection | undefined;
  private cluster = NO_CLUSTER;

  constructor(app: App, parent: HTMLElement) {
    this.app = app;
    this.ask = button(say('events_why'), () => {
      const { question } = this;
      if (question !== undefined) app.act({ type: 'why', asked: { question, what: this.sentence.textContent?.replace(/\.$/, '') ?? '' } });
    }, { class: 'quiet-button ask' });
    parent.append(html('div', { class: 'head' }, this.title, this.ask), this.sentence, this.buttons.node, this.facts, this.tables);
  }

  update(frame: Frame): void {
    const { selected } = this.app.state;
    setText(this.title, words.title(frame, selected));
    setText(this.sentence, `${words.describe(frame, selected)}.`);
    this.question = questionAbout(frame, selected);
    this.ask.hidden = this.question === undefined;
    setAttribute(this.ask, 'aria-label', say('events_why_this', { what: words.title(frame, selected) }));
    list(this.facts, factsOf(frame, selected), () => html('div', {}, html('dt'), html('dd')), (line, [name, value]) => {
      const [term, description] = [line.children[0], line.children[1]];
      if (term !== undefined) setText(term, name);
      if (description !== undefined) setText(description, value);
    });
    this.showTables(tablesOf(frame, selected));
    this.updateButtons(frame);
  }

  private showTables(tables: readonly Cells[]): void {
    this.tables.hidden = tables.length === 0;
    list(this.tables, tables, () => html('table', {}, html('caption'), html('thead', {}, html('tr')), html('tbody')), (table, { caption, heads, rows }) => {
      const [title, head, body] = table.children;
      const line = head?.firstElementChild;
      if (title !== undefined) setText(title, caption);
      if (line !== null && line !== undefined) list(line, heads, () => html('th', { scope: 'col' }), setText);
      if (body !== undefined) list(body, rows, () => html('tr'), (row, cells) => list(row, cells, () => html('td'), setText));
    });
  }
  private updateButtons(frame: Frame): void {
    const { app } = this;
    const { selected } = app.state;
    if (this.shown !== undefined && same(this.shown, selected) && sameCluster(this.cluster, app.cluster)) return;
    this.shown = selected;
    this.cluster = app.cluster;
    this.buttons.fill(this.buttonsOf(frame, selected));
  }
  private buttonsOf(frame: Frame, selected: Selection): HTMLElement[] {
    const { app } = this;
    switch (selected.thing) {
      case 'link':
        return this.linkButtons(selected);
      case 'users':
      case 'controller':
      case 'scheduler':
        return [];
      case 'node':
        return [...nodeActs(app, selected.row), ...this.nodeFaults(selected.row)];
      case 'workload':
        return workloadActs(app, selected.row);
      case 'pod':
        return podActs(app, selected);
      default:
        return this.hostButtons(frame, selected);
    }
  }
  private nodeFaults(node: number): HTMLElement[] {
    const host = nodeHost(node, this.app.cluster);
    return ['crash', 'pause', 'isolate'].map((name) => {
      const element = button(faultLabel(name), () => this.app.inject({ name, host }));
      setAttribute(element, 'aria-label', say('fault_do_node', { what: faultLabel(name), node: words.nodeName(node) }));
      return element;
    });
  }
  private hostButtons(frame: Frame, selected: Selection): HTMLElement[] {
    const host = words.hostOf(frame, selected);
    const other = nextHost(host, this.app.cluster.controlHosts);
    return faultNames(this.app).map((name) => {
      const fault = request(name, host, other);
      const label = name === 'cut' ? say('fault_do_cut', { n: host + 1, to: other + 1 }) : say('fault_do', { what: faultLabel(name), n: host + 1 });
      const element = button(faultLabel(name), () => this.app.inject(fault));
      setAttribute(element, 'aria-label', label);
      return element;
    });
  }
  private linkButtons({ row, other = 0 }: Selection): HTMLElement[] {
    return [[row, other] as const, [other, row] as const].map(([from, to]) =>
      button(say('fault_do_cut', { n: from + 1, to: to + 1 }), () => this.app.inject({ name: 'cut', host: from, to })),
    );
  }
}
