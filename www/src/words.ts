// What things are called and how they are: sentences from a frame, for the drawing, the inspector and the readers.

import { NONE, rowsWhere, type Frame } from './frame.ts';
import { capital, ppm, say, sayIfKnown, share, span } from './say.ts';
import type { Selection } from './state.ts';

/** Programs that each control-plane host runs: etcd, API server, controller manager, scheduler. */
export const PER_HOST = 4;
const PROGRAMS = ['name_etcd_program', 'name_api_program', 'name_controller_program', 'name_scheduler_program'] as const;
const NO_PROGRAM = 0xffff;

/** A program's name, from its number. */
export function programName(program: number, members: number): string {
  if (program === NO_PROGRAM) return say('name_world');
  const host = Math.floor(program / PER_HOST);
  const name = PROGRAMS[program % PER_HOST];
  return name === undefined || host >= members ? say('name_users') : say(name, { n: host + 1 });
}

/** A member's name from its member id; 0 is nobody. */
export function memberName(id: number): string {
  return id === 0 ? say('name_unknown') : say('name_etcd_program', { n: id });
}

export function hostName(frame: Frame, host: number): string {
  return host >= frame.world.members(0) ? say('name_users') : say('name_host', { n: host + 1 });
}

/** The program of an elector's row. */
export function electorName({ elector }: Frame, row: number): string {
  return say(elector.component(row) === 0 ? 'name_controller_program' : 'name_scheduler_program', {
    n: elector.host(row) + 1,
  });
}

/** Whom an elector saw hold the Lease. */
export function holderName(frame: Frame, row: number): string {
  const host = frame.elector.observed(row);
  if (host === NONE) return say('name_unknown');
  return say(frame.elector.component(row) === 0 ? 'name_controller_program' : 'name_scheduler_program', { n: host + 1 });
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

/** How users of an API server fare with one kind of request. */
export function loadText(frame: Frame, api: number, kind: 0 | 1): string {
  const row = loadRow(frame, api, kind);
  const { load } = frame;
  const values = { kind: say(`kind_${kind}`) };
  if (row < 0 || load.success(row) < 0) return say('say_load_none', values);
  if (load.success(row) === 0) return say('say_load_failing', values);
  return say('say_load', { ...values, success: share(load.success(row)), p50: span(load.p50(row)) });
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

/** A thing's name and state in one sentence: what a reader hears when it has the focus. */
export function describe(frame: Frame, { thing, row, other }: Selection): string {
  const n = row + 1;
  switch (thing) {
    case 'member':
      return say('say_member', { n, state: memberState(frame, row) });
    case 'api':
      return say('say_api', { n, state: apiState(frame, row) });
    case 'elector':
      return say('say_elector', { program: electorName(frame, row), state: electorState(frame, row) });
    case 'users':
      return say('say_users', { n, reads: loadText(frame, row, 0), writes: loadText(frame, row, 1) });
    case 'host':
      return say('say_host', { n, state: hostText(frame, row) });
    case 'link':
      return say('say_link', { from: n, to: (other ?? 0) + 1, state: linkText(frame, row, other ?? 0) });
  }
}

/** A thing's name alone. */
export function title(frame: Frame, { thing, row, other }: Selection): string {
  const n = row + 1;
  switch (thing) {
    case 'member':
      return `${say('name_etcd_program', { n })}`;
    case 'api':
      return `${say('name_api_program', { n })}`;
    case 'elector':
      return electorName(frame, row);
    case 'users':
      return `${say('rung_users')} · ${say('name_api', { n })}`;
    case 'host':
      return capital(say('name_host', { n }));
    case 'link':
      return capital(say('name_link', { from: n, to: (other ?? 0) + 1 }));
  }
}

/** The host that a thing is on. */
export function hostOf({ elector }: Frame, { thing, row }: Selection): number {
  return thing === 'elector' ? elector.host(row) : row;
}
