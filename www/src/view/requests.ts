// Users: how each kind of their requests fares, and at which API server it doesn't.

import type { App } from '../app.ts';
import { button, html, list, nameBy, setAttribute, setText } from '../dom.ts';
import type { Frame } from '../frame.ts';
import { Roving } from '../roving.ts';
import { say, share, span } from '../say.ts';
import { same, type Selection } from '../state.ts';
import * as words from '../words.ts';

/** A success rate as a mark: all, some, none of them; nothing ended. */
function markOf(success: number): string {
  if (success < 0) return '○';
  return success === 1 ? '●' : success === 0 ? '✕' : '▲';
}
function toneOf(success: number): string {
  return success < 0 ? 'wait' : success === 1 ? '' : 'bad';
}

export class Requests {
  readonly node = html('div', { class: 'requests', role: 'group', 'aria-label': say('requests_label') });
  private readonly kinds = html('div', { class: 'fares' });
  private readonly services = html('div', { class: 'fares services' });
  private readonly app: App;
  private readonly roving: Roving;

  constructor(app: App) {
    this.app = app;
    this.node.append(this.kinds, this.services);
    this.roving = new Roving(this.node);
  }
  update(frame: Frame): void {
    const kinds = frame.kinds.map((_, kind) => kind);
    list(this.kinds, kinds, () => this.makeFare(), (select, kind) => this.updateKind(frame, select, kind));
    const services = Array.from({ length: frame.service.rows }, (_, row) => row);
    this.services.hidden = services.length === 0;
    list(this.services, services, () => this.makeFare(), (select, row) => this.updateService(frame, select, row));
    this.roving.tidy();
  }

  private makeFare(): HTMLButtonElement {
    const select: HTMLButtonElement = button('', () => {
      const thing = select.dataset['thing'] === 'workload' ? 'workload' : 'users';
      this.app.act({ type: 'select', selection: { thing, row: Number(select.dataset['row']) } });
    }, { class: 'fare', tabindex: -1 });
    select.append(
      html('span', { class: 'name' }), html('span', { class: 'value' }), html('span', { class: 'time' }),
      html('span', { class: 'dots', 'aria-hidden': 'true' }),
    );
    return select;
  }
  /** Its words and numbers. Returns where the marks go. */
  private fill(frame: Frame, select: HTMLButtonElement, selection: Selection, called: string, fare: words.Fare): Element | undefined {
    select.dataset['thing'] = selection.thing;
    select.dataset['row'] = String(selection.row);
    const [name, value, time, dots] = select.children;
    if (name === undefined || value === undefined || time === undefined) return undefined;
    setText(name, called);
    const hangs = fare.success < 0 && fare.waiting > 0;
    setText(value, fare.success >= 0 ? share(fare.success) : hangs ? say('draw_waiting', { n: fare.waiting }) : '–');
    setAttribute(value, 'data-tone', fare.sent === 0 ? '' : toneOf(fare.success));
    setText(time, fare.p99 < 0 ? '' : span(fare.p99));
    nameBy(select, words.describe(frame, selection));
    setAttribute(select, 'aria-pressed', String(same(this.app.state.selected, selection)));
    return dots;
  }
  private updateKind(frame: Frame, select: HTMLButtonElement, kind: number): void {
    const dots = this.fill(frame, select, { thing: 'users', row: kind }, words.kindName(frame, kind), words.fareOf(frame, kind));
    if (dots !== undefined) this.updateDots(frame, dots, kind);
  }
  private updateService(frame: Frame, select: HTMLButtonElement, row: number): void {
    const id = frame.service.workload(row);
    this.fill(frame, select, { thing: 'workload', row: id }, say('service_name', { name: words.workloadName(frame, id) }), words.serviceFare(frame, row));
  }
  /** One mark for each API server, where they differ from all being well. */
  private updateDots({ load }: Frame, dots: Element, kind: number): void {
    const rows = [];
    for (let row = 0; row < load.rows; row += 1) if (load.kind(row) === kind && load.sent(row) > 0) rows.push(row);
    if (rows.every((row) => load.success(row) === 1)) rows.length = 0;
    list(dots, rows, () => html('i'), (dot, row) => {
      setText(dot, markOf(load.success(row)));
      setAttribute(dot, 'data-tone', toneOf(load.success(row)));
    });
  }
}
