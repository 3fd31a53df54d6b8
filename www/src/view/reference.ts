// What real etcd and real Kubernetes did in this scenario's situation, beside the model and this run.

import { knob, type TimeApp } from '../app.ts';
import { button, html, setText } from '../dom.ts';
import type { NoteRow } from '../engine.ts';
import type { Frame } from '../frame.ts';
import { ThisRun, type Here, type Situation, type Stat } from '../reference.ts';
import { integer, say, sayIfKnown, share, span } from '../say.ts';

/** The least time between two looks at this run, in ms: it is read, not watched. */
const EVERY = 500;
/** Notes read at once: a few come in a second of the run. */
const NOTES_READ = 4096;
/** What the measurement waited for an answer, in ms: a median of that is at least that. */
const PATIENCE = 10_000;
/** Between the ends of a range; no line ends in it. */
const TO = '\u2060–\u2060';
/** Places, the one that something was done to first. */
const PLACES = [
  'the faulty host', 'the faulty member', 'another host', 'each host', 'the leader', 'healthy leader', 'a follower', 'healthy follower', 'cluster',
];

export class Reference {
  private readonly app: TimeApp;
  private readonly redraw: () => void;
  private readonly summary = html('summary', {}, say('reference'));
  private readonly details = html('details', { class: 'reference', id: 'reference-fold' }, this.summary);
  private readonly content = html('div', {});
  private readonly status = html('p', { class: 'status' });
  /** What the dials of this run say otherwise than those of what was measured. */
  private readonly otherwise = html('p', { class: 'muted' });
  private data: readonly Situation[] | undefined;
  private isLoading = false;
  /** The run that the tables are about, by its number. */
  private shown = -1;
  private lines: { readonly stat: Stat; readonly cell: HTMLElement }[] = [];
  private at = -Infinity;
  private notes: readonly NoteRow[] | undefined;
  private readonly read: (most: number) => NoteRow[];

  /** `read` gives the newest notes, oldest first. */
  constructor(app: TimeApp, parent: HTMLElement, read: (most: number) => NoteRow[], redraw: () => void) {
    this.app = app;
    this.read = read;
    this.redraw = redraw;
    this.details.append(this.content);
    this.details.addEventListener('toggle', () => {
      if (this.details.open) void this.load();
      redraw();
    });
    parent.append(this.details);
  }

  /** Reads what was noted, if it is time to; `update` with the frame that follows tells of it. */
  look(): void {
    if (!this.details.open || this.data === undefined) return;
    const { scenario, started, running } = this.app.state;
    if (this.shown !== started) this.build(this.data, scenario);
    else if (running && performance.now() - this.at < EVERY) return;
    this.shown = started;
    this.at = performance.now();
    if (this.lines.length > 0) this.notes = this.read(NOTES_READ);
  }
  update(frame: Frame): void {
    if (this.notes === undefined) return;
    const { catalog, cluster, past, state } = this.app;
    const run = new ThisRun(past.samples, this.notes, frame, { catalog, cluster, scenario: state.scenario });
    this.notes = undefined;
    setText(this.status, statusText(run));
    setText(this.otherwise, otherwiseText(this.app));
    for (const { stat, cell } of this.lines) put(cell, hereText(run.of(stat), stat));
  }

  /** The figures come when somebody wants to see them. */
  private async load(): Promise<void> {
    if (this.data !== undefined || this.isLoading) return;
    this.isLoading = true;
    this.content.replaceChildren(html('p', { class: 'muted' }, say('reference_loading')));
    try {
      this.data = (await import('../../reference.json')).default;
    } catch {
      this.content.replaceChildren(html('p', { class: 'muted' }, say('reference_failed')));
    }
    this.isLoading = false;
    this.redraw();
  }
  private build(data: readonly Situation[], scenario: string): void {
    this.lines = [];
    const own = data.filter((situation) => situation.scenario === scenario);
    if (own.length === 0) this.content.replaceChildren(...this.nothing(data));
    else {
      const shape = this.app.cluster.members === 3 && this.app.cluster.apis === 3 ? [] : [html('p', { class: 'muted' }, say('reference_shape'))];
      this.content.replaceChildren(
        html('p', { class: 'muted' }, say('reference_about')), ...shape, this.status, ...own.flatMap((situation) => (isKubernetes(situation) ? [this.table(situation), this.otherwise] : [this.table(situation)])),
        html('p', { class: 'muted' }, say('reference_more')),
      );
    }
  }
  private nothing(data: readonly Situation[]): HTMLElement[] {
    const measured = this.app.catalog.scenarios.filter(({ name }) => data.some(({ scenario }) => scenario === name));
    const buttons = measured.map(({ name, title }) =>
      html('li', {}, button(title, () => {
        // The button goes with the run that it ends.
        this.summary.focus();
        this.app.startOver(name, this.app.state.seed);
      })),
    );
    return [html('p', { class: 'muted' }, say('reference_none')), html('ul', { class: 'buttons' }, ...buttons)];
  }
  private table({ system, setting, stats }: Situation): HTMLElement {
    const heads = (['col_statistic', 'col_measured', 'col_model', 'col_this_run'] as const).map((key) => html('th', { scope: 'col' }, say(key)));
    const groups = PLACES.map((place) => ({ place, own: stats.filter((stat) => stat.place === place) })).filter(({ own }) => own.length > 0);
    const bodies = groups.map(({ place, own }) => {
      const head = html('tr', {}, html('th', { scope: 'rowgroup', colspan: 4 }, sayIfKnown(`ref_place_${slug(place)}`) ?? place));
      return html('tbody', {}, head, ...own.map((stat) => this.line(stat)));
    });
    const caption = html('caption', {}, html('span', { class: 'system' }, system), ' ', sayIfKnown(`ref_setting_${slug(setting)}`) ?? setting);
    return html('table', {}, caption, html('thead', {}, html('tr', {}, ...heads)), ...bodies);
  }
  private line(stat: Stat): HTMLElement {
    const cell = html('td', {});
    this.lines.push({ stat, cell });
    const verdict = say(stat.inside ? 'reference_inside' : 'reference_outside');
    const mark = html('span', { class: 'mark', 'aria-hidden': 'true' }, stat.inside ? '✓\u00a0' : '✗\u00a0');
    const model = html('td', { class: 'model', 'data-inside': String(stat.inside), title: verdict }, mark, value(stat.model, stat), html('span', { class: 'visually-hidden' }, `, ${verdict}`));
    const name = html('th', { scope: 'row' }, sayIfKnown(`ref_${slug(stat.name)}`) ?? stat.name);
    return html('tr', {}, name, html('td', {}, measured(stat)), model, cell);
  }
}

function isKubernetes({ system }: Situation): boolean {
  return system.startsWith('Kubernetes');
}
function slug(name: string): string {
  return name.replaceAll(/\W+/g, '_');
}

function statusText({ since, healedSince }: ThisRun): string {
  if (healedSince >= 0) return say('reference_healed', { since: span(since * 1000), healed: span(healedSince * 1000) });
  return since >= 0 ? say('reference_since', { since: span(since * 1000) }) : say('reference_before');
}

/** Kubernetes was measured in an old version; where the dials are as in a new one, cached reads last longer. */
function otherwiseText(app: TimeApp): string {
  const patience = knob(app, 'cache_patience_ms');
  const probes = knob(app, 'liveness_probes') === 1;
  return [patience > 0 ? say('reference_patience', { span: span(patience) }) : '', probes ? say('reference_probes') : ''].join(' ').trim();
}

/** A value of a statistic in words. */
function value(of: number | null, { unit, name }: Pick<Stat, 'unit' | 'name'>): string {
  if (of === null) return say('never');
  if (unit === 'ms' && of >= PATIENCE && name.startsWith('put ')) return say('reference_or_more', { value: span(PATIENCE) });
  switch (unit) {
    case 's':
      return span(of * 1000);
    case 'ms':
      return span(of);
    case 'share':
      return share(of);
    default:
      return integer(of);
  }
}
/** What was measured: one value, or from the least to the most. */
function measured(stat: Stat): string {
  const [low, high] = [value(stat.low, stat), value(stat.high, stat)];
  if (low === high) return low;
  if (stat.unit === 'count') return `${low}${TO}${high}`;
  const [, number, unit] = /^([\d.,]+)\s(\D+)$/.exec(low) ?? [];
  return stat.high !== null && unit !== undefined && high.endsWith(unit) && number !== undefined ? `${number}${TO}${high}` : say('reference_from_to', { low, high });
}
/** The same of this run; empty: it is not counted. */
function hereText(here: Here, stat: Stat): string {
  if (here === undefined) return '';
  if (here === 'not') return say('reference_not');
  if (here === 'early') return say('reference_early');
  const text = value(here.value, stat);
  return here.orLess === true ? say('reference_or_less', { value: text }) : text;
}
function put(cell: HTMLElement, text: string): void {
  if (text !== '') {
    cell.removeAttribute('title');
    setText(cell, text);
  } else if (cell.title === '') {
    cell.title = say('reference_uncounted');
    cell.replaceChildren(html('span', { 'aria-hidden': 'true' }, '–'), html('span', { class: 'visually-hidden' }, cell.title));
  }
}
