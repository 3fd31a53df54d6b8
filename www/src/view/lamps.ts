// The alerts that a real cluster's Prometheus would raise, and the analysis's early warnings.

import type { App } from '../app.ts';
import { button, html, list, setAttribute, setText } from '../dom.ts';
import { NONE, nowMs, type Frame } from '../frame.ts';
import { questionOfAlert } from '../questions.ts';
import { amount, capital, say, sayIfKnown, span } from '../say.ts';
import type { Question } from '../state.ts';
import { makeLamp, updateLamp, type Lamp } from './lamp.ts';

const STATES = ['inactive', 'pending', 'firing'] as const;
const MARKS = { inactive: '○', pending: '◐', firing: '●' } as const;

interface Row extends Lamp {
  readonly state: (typeof STATES)[number];
  readonly critical: boolean;
  /** How long until it fires if nothing changes, in ms. */
  readonly left: number;
  /** What can be asked about it while it is lit. */
  readonly question: Question | undefined;
}

/** Alerts listed while they are pending; the rest fold. A list of twenty is not read. */
const LIT_SHOWN = 4;

export class Lamps {
  private readonly app: App;
  private readonly lit = html('ul', { class: 'lamps', id: 'lamps-lit' });
  private readonly none = html('p', { class: 'muted' }, say('alerts_none'));
  private readonly warnings = html('ul', { class: 'lamps', id: 'warnings' });
  private readonly all = html('ul', { class: 'lamps' });
  private readonly more: HTMLDetailsElement;
  private readonly summary = html('summary');
  private readonly questions = new WeakMap<Element, Question>();

  constructor(app: App, parent: HTMLElement) {
    this.app = app;
    this.more = html('details', { class: 'more', id: 'all-alerts' }, this.summary, this.all);
    parent.append(
      html('h2', {}, say('alerts')), this.none, this.lit, this.more,
      html('h3', {}, say('warnings')), this.warnings,
    );
  }

  update(frame: Frame): void {
    const alerts = this.alerts(frame);
    // What fires first, then what is worst, then what would fire soonest.
    const lit = alerts.filter(({ state }) => state !== 'inactive').toSorted((a, b) => STATES.indexOf(b.state) - STATES.indexOf(a.state) || Number(b.critical) - Number(a.critical) || a.left - b.left);
    this.none.hidden = lit.length > 0;
    const shown = Math.max(lit.filter(({ state }) => state === 'firing').length, LIT_SHOWN);
    list(this.lit, lit.slice(0, shown), this.makeItem, this.updateItem);
    const others = [...lit.slice(shown), ...alerts.filter(({ state }) => state === 'inactive')];
    const pending = Math.max(0, lit.length - shown);
    setText(this.summary, pending > 0 ? say('alerts_others', { pending, n: others.length - pending }) : say('alerts_quiet', { n: others.length }));
    if (this.more.open) list(this.all, others, this.makeItem, this.updateItem);
    list(this.warnings, this.lamps(frame), this.makeItem, this.updateItem);
  }
  /** How many alerts fire and are pending, in words. */
  line(frame: Frame): string {
    const alerts = this.alerts(frame);
    const count = (wanted: Row['state']): number => alerts.filter(({ state }) => state === wanted).length;
    return say('alerts_line', { firing: count('firing'), pending: count('pending') });
  }

  private alerts(frame: Frame): Row[] {
    const now = nowMs(frame);
    const { alert } = frame;
    return this.app.catalog.alerts.slice(0, alert.rows).map((spec, row) => {
      const state = STATES[alert.state(row)] ?? 'inactive';
      const since = span(Math.max(0, now - alert.since_ms(row)));
      const values = { since, hold: span(spec.hold_ms), value: amount(alert.value(row), spec.unit), n: alert.instances(row) };
      const text = say(`alert_${state}`, values);
      return { name: `${spec.name} (${say(`severity_${spec.severity}`)})`, state, text, help: spec.help, critical: spec.severity === 'critical', left: spec.hold_ms - (now - alert.since_ms(row)), question: state === 'inactive' ? undefined : questionOfAlert(frame, spec.name) };
    });
  }
  private lamps(frame: Frame): Row[] {
    const now = nowMs(frame);
    const { lamp } = frame;
    return this.app.catalog.lamps.slice(0, lamp.rows).map((spec, row) => {
      const lit = lamp.lit_ms(row);
      const values = { value: amount(lamp.value(row), spec.unit), limit: amount(spec.threshold, spec.unit), since: lit === NONE ? '' : span(Math.max(0, now - lit)) };
      const name = capital(sayIfKnown(`lamp_${spec.name}`) ?? spec.name);
      return { name, state: lit === NONE ? 'inactive' : 'firing', text: say(lit === NONE ? 'lamp_dark' : 'lamp_lit', values), help: spec.help, critical: false, left: 0, question: lit === NONE ? undefined : questionOfAlert(frame, spec.name) };
    });
  }

  private readonly makeItem = (): HTMLElement => {
    const ask = button(say('events_why'), () => this.ask(item), { class: 'quiet-button ask' });
    const item = makeLamp(ask);
    return item;
  };
  private readonly updateItem = (item: HTMLElement, row: Row): void => {
    const { name, question } = row;
    updateLamp(item, row, MARKS[row.state]);
    const ask = item.children[3];
    if (ask !== undefined) {
      (ask as HTMLElement).hidden = question === undefined;
      setAttribute(ask, 'aria-label', say('events_why_this', { what: name }));
    }
    if (question === undefined) this.questions.delete(item);
    else this.questions.set(item, question);
  };
  private ask(item: Element): void {
    const question = this.questions.get(item);
    const what = item.children[1]?.textContent ?? '';
    if (question !== undefined) this.app.act({ type: 'why', asked: { question, what } });
  }
}
