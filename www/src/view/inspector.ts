// The selected thing in words and numbers, with what can be done to it.

import type { App } from '../app.ts';
import { button, html, list, setAttribute, setText } from '../dom.ts';
import { rowsWhere, type Frame } from '../frame.ts';
import { integer, ppm, say, share, span } from '../say.ts';
import { same, type Selection } from '../state.ts';
import * as words from '../words.ts';
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

function usersFacts(frame: Frame, api: number): Fact[] {
  const { load } = frame;
  return ([0, 1] as const).flatMap((kind): Fact[] => {
    const row = words.loadRow(frame, api, kind);
    if (row < 0) return [];
    const values = { kind: say(`kind_${kind}`) };
    const success = load.success(row) < 0 ? say('none') : share(load.success(row));
    const latency = load.p50(row) < 0 ? say('none') : `${span(load.p50(row))}, ${span(load.p99(row))}`;
    const facts: Fact[] = [
      [say('in_success', values), success],
      [say('in_latency', values), latency],
      [say('in_waiting', values), integer(load.waiting(row))],
      [say('in_sent', values), integer(load.sent(row))],
    ];
    return facts.map(([name, value]) => [name.charAt(0).toUpperCase() + name.slice(1), value]);
  });
}

function factsOf(frame: Frame, { thing, row, other }: Selection): Fact[] {
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

export class Inspector {
  private readonly app: App;
  private readonly title = html('h2', {});
  private readonly sentence = html('p', { class: 'lead' });
  private readonly facts = html('dl', { class: 'facts' });
  private readonly streams = html('div', { class: 'streams' });
  private readonly rows = html('tbody');
  private readonly buttons = html('div', { class: 'buttons small' });
  private shown: Selection | undefined;
  private members = 0;

  constructor(app: App, parent: HTMLElement) {
    this.app = app;
    const heads = (['col_peer', 'col_stream', 'col_cwnd', 'col_rto', 'col_backlog', 'col_queue'] as const).map((key) => html('th', { scope: 'col' }, say(key)));
    const table = html('table', {}, html('caption', {}, say('in_connections')), html('thead', {}, html('tr', {}, ...heads)), this.rows);
    this.streams.append(table);
    parent.append(this.title, this.sentence, this.buttons, this.facts, this.streams);
  }

  update(frame: Frame): void {
    const { selected } = this.app.state;
    setText(this.title, words.title(frame, selected));
    setText(this.sentence, `${words.describe(frame, selected)}.`);
    list(this.facts, factsOf(frame, selected), () => html('div', {}, html('dt'), html('dd')), (line, [name, value]) => {
      const [term, description] = [line.children[0], line.children[1]];
      if (term !== undefined) setText(term, name);
      if (description !== undefined) setText(description, value);
    });
    const streams = selected.thing === 'member' ? streamRows(frame, selected.row) : [];
    this.streams.hidden = streams.length === 0;
    list(this.rows, streams, () => html('tr'), (line, cells) => list(line, cells, () => html('td'), setText));
    this.updateButtons(frame);
  }

  private updateButtons(frame: Frame): void {
    const { app } = this;
    const { selected } = app.state;
    if (this.shown !== undefined && same(this.shown, selected) && this.members === app.members) return;
    this.shown = selected;
    this.members = app.members;
    this.buttons.replaceChildren(...(selected.thing === 'link' ? this.linkButtons(selected) : this.hostButtons(frame, selected)));
  }
  private hostButtons(frame: Frame, selected: Selection): HTMLElement[] {
    const host = words.hostOf(frame, selected);
    return faultNames(this.app).map((name) => {
      const fault = request(name, host, nextHost(host, this.app.members));
      const label = name === 'cut' ? say('fault_do_cut', { n: host + 1, to: nextHost(host, this.app.members) + 1 }) : say('fault_do', { what: faultLabel(name), n: host + 1 });
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
