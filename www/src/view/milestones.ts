// What the run measured, beside what a written incident analysis claims: what was hurt first, and what came back when.

import type { App } from '../app.ts';
import { html, list, setAttribute, setText } from '../dom.ts';
import { programAt } from '../cluster.ts';
import { NONE, type Frame } from '../frame.ts';
import { capital, integer, moment, say, sayIfKnown, share, span } from '../say.ts';
import { kindName, programName } from '../words.ts';

/** Rungs as the ladder shows them, from the top. */
function fromTop<T>(rows: readonly T[]): T[] {
  return [...rows].reverse();
}

export class Milestones {
  private readonly app: App;
  private readonly lead = html('p', { class: 'muted' });
  private readonly hurts = html('ol', { class: 'steps', id: 'hurts' });
  private readonly kinds = html('ol', { class: 'steps pairs', id: 'kind-hurts' });
  private readonly steps = html('ol', { class: 'steps', id: 'recovery' });
  private readonly failure: Band;
  private readonly recovery: Band;
  private readonly harm = html('tbody');
  private readonly worst = html('p', { class: 'muted', id: 'worst' });
  private readonly details = html('div', {});

  constructor(app: App, parent: HTMLElement) {
    this.app = app;
    this.failure = new Band(app.catalog.phases.failure);
    this.recovery = new Band(app.catalog.phases.recovery);
    const column = (title: string, ...content: HTMLElement[]): HTMLElement => html('div', {}, html('h3', {}, title), ...content);
    const heads = (['col_workloads', 'col_serving', 'col_missing', 'col_blocked', 'col_harm_requests'] as const).map((key) => html('th', { scope: 'col' }, say(key)));
    parent.append(html('h2', {}, say('milestones')), this.lead, this.details);
    this.details.append(
      html(
        'div', { class: 'measured' },
        column(say('milestones_hurt'), this.hurts, html('h3', {}, say('milestones_kinds')), this.kinds), column(say('milestones_claimed'), this.failure.node),
        column(say('milestones_recovery'), this.steps), column(say('milestones_claimed'), this.recovery.node),
      ),
      html('table', { class: 'harm' }, html('caption', {}, say('harm')), html('thead', {}, html('tr', {}, ...heads)), this.harm),
      this.worst,
      html('p', { class: 'muted' }, say('harm_claim')),
    );
  }

  update(frame: Frame): void {
    const { episode, hurt, step, world } = frame;
    const now = world.now_ms(0);
    const began = episode.began_ms(0);
    const healed = episode.healed_ms(0);
    setText(this.lead, this.leadText(frame));
    // Before anything is hurt there is nothing to compare.
    this.details.hidden = began === NONE;
    this.failure.update(began === NONE ? -1 : Math.min(now, healed === NONE ? now : healed) - began);
    this.recovery.update(healed === NONE ? -1 : now - healed);
    const rungs = fromTop(this.app.catalog.rungs.map((name, row) => ({ name, row })));
    list(this.hurts, rungs, makeStep, (item, { name, row }) => {
      const at = hurt.at_ms(row);
      const state = began === NONE || at === NONE ? 'none' : 'bad';
      const text = state === 'none' ? say('hurt_not') : say('hurt_after', { span: span(Math.max(0, at - began)), sign: this.sign(frame, row) });
      updateStep(item, state, say(`rung_${RUNGS[name] ?? 'users'}`), text);
    });
    list(this.kinds, kindsInOrder(frame), makeStep, (item, kind) => {
      const at = frame.kind_hurt.at_ms(kind);
      const hit = began !== NONE && at !== NONE;
      updateStep(item, hit ? 'bad' : 'none', capital(kindName(frame, kind)), hit ? say('kind_hurt_after', { span: span(Math.max(0, at - began)) }) : say('kind_hurt_not'));
    });
    const steps = this.app.catalog.steps.map((name, row) => ({ name, row }));
    list(this.steps, steps, makeStep, (item, { name, row }) => {
      const state = STEP_STATES[step.state(row)] ?? 'none';
      const reached = healed === NONE ? '' : say('step_after', { span: span(Math.max(0, step.at_ms(row) - healed)) });
      const text = state === 'good' ? reached : say(state === 'none' ? 'step_not_hurt' : 'step_waiting');
      updateStep(item, state, capital(sayIfKnown(`step_${name}`) ?? name), text);
    });
    this.updateHarm(frame);
  }

  private leadText({ episode }: Frame): string {
    const began = episode.began_ms(0);
    if (began === NONE) return say(episode.settled(0) === 1 ? 'milestones_none' : 'milestones_settling');
    const healed = episode.healed_ms(0);
    const values = { began: moment(began), healed: moment(healed) };
    if (healed === NONE) return say('milestones_began', values);
    return say(episode.over(0) === 1 ? 'milestones_over' : 'milestones_healed', values);
  }
  private sign({ hurt }: Frame, row: number): string {
    const name = this.app.catalog.signs[hurt.sign(row)] ?? '';
    const sign = sayIfKnown(`sign_${name}`) ?? name;
    const program = hurt.program(row);
    return program === NONE || programAt(program, this.app.cluster).what === 'users' ? sign : say('sign_at', { sign, program: programName(program, this.app.cluster) });
  }
  private updateHarm({ harm }: Frame): void {
    const rows = Array.from({ length: harm.rows }, (_, row) => row).filter((row) => harm.desired(row) > 0);
    list(this.harm, rows, () => html('tr'), (line, row) => {
      const cells = [
        say(`workload_kind_${row}` as 'workload_kind_0'),
        say('pods_count', { ready: integer(harm.serving(row)), desired: integer(harm.desired(row)) }),
        say('harm_pod_time', { span: span(harm.missing_ms(row)) }),
        say('harm_pod_time', { span: span(harm.blocked_ms(row)) }),
        harm.requests(row) === 0 ? say('none') : say('harm_failed', { n: harm.failed(row), share: share(harm.failed(row) / harm.requests(row)) }),
      ];
      list(line, cells, () => html('td'), setText);
    });
    const [worst] = rows.toSorted((a, b) => harm.missing_ms(b) - harm.missing_ms(a));
    const most = worst === undefined ? 0 : harm.missing_ms(worst);
    setText(this.worst, most === 0 ? say('harm_none') : say('harm_worst', { workloads: say(`workload_kind_${worst ?? 0}` as 'workload_kind_0'), span: span(most) }));
  }
}

/** Kinds of requests, the first to fail first; those that did not fail last. */
function kindsInOrder({ kinds, kind_hurt }: Frame): number[] {
  return kinds.map((_, kind) => kind).toSorted((a, b) => kind_hurt.at_ms(a) - kind_hurt.at_ms(b) || a - b);
}

/** The engine's rungs by the names that the page has for them. */
const RUNGS: Readonly<Record<string, 'users' | 'nodes' | 'control' | 'election' | 'api' | 'etcd' | 'network'>> = {
  network: 'network', etcd: 'etcd', api: 'api', election: 'election', controllers: 'control', nodes: 'nodes', users: 'users',
};
const STEP_STATES = ['none', 'wait', 'good'] as const;
const STEP_MARKS = { none: '○', wait: '◐', good: '●', bad: '✕' } as const;

function makeStep(): HTMLElement {
  return html('li', {}, html('span', { class: 'mark', 'aria-hidden': 'true' }), html('span', { class: 'name' }), html('span', { class: 'text' }));
}
function updateStep(item: HTMLElement, state: keyof typeof STEP_MARKS, name: string, text: string): void {
  setAttribute(item, 'data-state', state);
  const [mark, label, words] = item.children;
  if (mark !== undefined) setText(mark, STEP_MARKS[state]);
  if (label !== undefined) setText(label, name);
  if (words !== undefined) setText(words, text);
}

/** The analysis's phases, with the one that it would say the run is in now. */
class Band {
  readonly node = html('ol', { class: 'steps claims' });
  private readonly phases: readonly { name: string; from_s: number; to_s: number | null }[];

  constructor(phases: Band['phases']) {
    this.phases = phases;
  }
  update(sinceMs: number): void {
    list(this.node, this.phases, makeStep, (item, { name, from_s, to_s }) => {
      const now = sinceMs >= from_s * 1000 && (to_s === null || sinceMs < to_s * 1000);
      const time = to_s === null ? say('phase_from', { from: from_s }) : say('phase_span', { from: from_s, to: to_s });
      updateStep(item, now ? 'wait' : 'none', capital(sayIfKnown(`claim_${name}`) ?? name), now ? say('phase_now', { time }) : time);
    });
  }
}
