// The timeline's lanes in words: what is painted, said.

import { actText } from './acts.ts';
import type { TimeApp } from './app.ts';
import type { BranchRow } from './engine.ts';
import type { Holds, Lanes, Leads, Phase, Stretch } from './lanes.ts';
import { capital, moment, say, sayIfKnown } from './say.ts';

export type LaneName = 'leader' | 'holder_0' | 'holder_1' | 'faults' | 'phase' | 'hurt' | 'broken';

/** The lanes that there are, from top to bottom. */
export function laneNames({ broken }: Lanes): LaneName[] {
  return ['leader', 'holder_0', 'holder_1', 'faults', 'phase', 'hurt', ...(broken === undefined ? [] : (['broken'] as const))];
}

/** A branch's name, its own or its number. */
export function branchName({ id, name }: Pick<BranchRow, 'id' | 'name'>): string {
  return name === '' ? say('branch_name', { n: String(id + 1) }) : name;
}

/** The engine's rung of this number. */
export function rungName({ catalog }: TimeApp, rung: number): string {
  const name = catalog.rungs[rung] ?? '';
  return sayIfKnown(`rung_${name === 'controllers' ? 'control' : name}`) ?? name;
}
export function phaseName({ catalog }: TimeApp, { list, index }: Phase): string {
  const name = catalog.phases[list][index]?.name ?? '';
  return sayIfKnown(`claim_${name}`) ?? name;
}
function processName(component: 0 | 1, api: number): string {
  return say(component === 0 ? 'name_controller_program' : 'name_scheduler_program', { n: String(api + 1) });
}

function leadsText({ member, term }: Leads): string {
  return member < 0 ? say('at_no_leader') : say('at_leader', { n: member + 1, term: String(term) });
}
function holdsText(component: 0 | 1, { holder, believers }: Holds): string {
  const name = say(`component_${component}`);
  if (believers.length === 0) {
    return holder < 0 ? say('at_nobody', { component: name }) : say('at_nobody_believes', { component: name, holder: processName(component, holder) });
  }
  const said = believers.map(({ api, canAct }) => say(canAct ? 'at_holds' : 'at_believes', { program: processName(component, api) }));
  if (believers.some(({ api }) => api !== holder) && holder >= 0) said.push(say('at_names', { holder: processName(component, holder) }));
  return said.join(', ');
}
function phaseText(app: TimeApp, phase: Phase): string {
  return say(phase.list === 'failure' ? 'at_failure' : 'at_recovery', { phase: phaseName(app, phase) });
}

/** Everything that the lanes show at a moment, given in seconds, as one sentence. */
export function atMoment(app: TimeApp, seconds: number): string {
  const { lanes, samples } = app.past;
  const leads = lanes.leads.at(seconds);
  const said: string[] = [];
  if (leads !== undefined) said.push(leadsText(leads));
  for (const component of [0, 1] as const) {
    const holds = lanes.holds[component].at(seconds);
    if (holds !== undefined) said.push(holdsText(component, holds));
  }
  const faults = lanes.faults.at(seconds) ?? 0;
  if (faults > 0) said.push(say('at_faults', { n: faults }));
  const hurt = lanes.hurtAt(seconds, samples);
  if (hurt.length > 0) said.push(say('at_hurt', { rungs: hurt.map((rung) => rungName(app, rung)).join(', ') }));
  const phase = lanes.phases.at(seconds);
  if (phase !== undefined) said.push(phaseText(app, phase));
  const broken = lanes.broken?.at(seconds) ?? 0;
  if (broken > 0) said.push(say('at_broken', { n: countBits(broken) }));
  return say('at_moment', { at: moment(seconds * 1000), lanes: said.length === 0 ? say('at_nothing') : said.join('; ') });
}

export function countBits(mask: number): number {
  return mask === 0 ? 0 : (mask & 1) + countBits(mask >>> 1);
}

/** A row of the timeline in words. */
export interface Told {
  readonly lane: LaneName;
  readonly from: number;
  /** undefined: it is a moment. */
  readonly to: number | undefined;
  readonly text: string;
}

/** Every stretch and mark of the lanes, the newest first. */
export function told(app: TimeApp): Told[] {
  const { lanes } = app.past;
  const rows: Told[] = [];
  const add = <T>(lane: LaneName, all: readonly Stretch<T>[], text: (state: T) => string | undefined): void => {
    for (const { from, to, state } of all) {
      const words = text(state);
      if (words !== undefined) rows.push({ lane, from, to, text: words });
    }
  };
  add('leader', lanes.leads.all, leadsText);
  for (const component of [0, 1] as const) add(`holder_${component}`, lanes.holds[component].all, (holds) => holdsText(component, holds));
  add('faults', lanes.faults.all, (n) => (n === 0 ? undefined : say('at_faults', { n })));
  add('phase', lanes.phases.all, (phase) => (phase === undefined ? undefined : phaseText(app, phase)));
  add('broken', lanes.broken?.all ?? [], (mask) => (mask === 0 ? undefined : say('at_broken', { n: countBits(mask) })));
  for (const { at, rung } of lanes.hurts) rows.push({ lane: 'hurt', from: at, to: undefined, text: say('time_hurt', { rung: rungName(app, rung) }) });
  for (const { at_us, scripted, do: act } of app.past.played?.commands ?? []) {
    const what = actText(app, act);
    rows.push({ lane: 'faults', from: at_us / 1e6, to: undefined, text: scripted ? say('at_script', { what }) : say('at_action', { what }) });
  }
  return rows.toSorted((a, b) => b.from - a.from).map((row) => ({ ...row, text: capital(row.text) }));
}
