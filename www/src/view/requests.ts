// Users: how each kind of their requests fares, and at which API server it doesn't.

import type { App } from '../app.ts';
import { button, html, list, setAttribute, setText } from '../dom.ts';
import type { Frame } from '../frame.ts';
import { Roving } from '../roving.ts';
import { say, share, span } from '../say.ts';
import { same } from '../state.ts';
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
  private readonly app: App;
  private readonly roving: Roving;

  constructor(app: App) {
    this.app = app;
    this.roving = new Roving(this.node);
  }
  update(frame: Frame): void {
    const kinds = frame.kinds.map((_, kind) => kind);
    list(this.node, kinds, () => this.makeKind(), (select, kind) => this.updateKind(frame, select, kind));
    this.roving.tidy();
  }

  private makeKind(): HTMLButtonElement {
    const select: HTMLButtonElement = button('', () => {
      this.app.act({ type: 'select', selection: { thing: 'users', row: Number(select.dataset['kind']) } });
    }, { class: 'fare', tabindex: -1 });
    select.append(
      html('span', { class: 'name' }), html('span', { class: 'value' }), html('span', { class: 'time' }),
      html('span', { class: 'dots', 'aria-hidden': 'true' }),
    );
    return select;
  }
  private updateKind(frame: Frame, select: HTMLButtonElement, kind: number): void {
    select.dataset['kind'] = String(kind);
    const fare = words.fareOf(frame, kind);
    const [name, value, time, dots] = select.children;
    if (name === undefined || value === undefined || time === undefined || dots === undefined) return;
    setText(name, words.kindName(frame, kind));
    const hangs = fare.success < 0 && fare.waiting > 0;
    setText(value, fare.success >= 0 ? share(fare.success) : hangs ? say('draw_waiting', { n: fare.waiting }) : '–');
    setAttribute(value, 'data-tone', fare.sent === 0 ? '' : toneOf(fare.success));
    setText(time, fare.p99 < 0 ? '' : span(fare.p99));
    this.updateDots(frame, dots, kind);
    const selection = { thing: 'users', row: kind } as const;
    setAttribute(select, 'aria-label', words.describe(frame, selection));
    setAttribute(select, 'aria-pressed', String(same(this.app.state.selected, selection)));
  }
  /** One mark for each API server. */
  private updateDots({ load }: Frame, dots: Element, kind: number): void {
    const rows = [];
    for (let row = 0; row < load.rows; row += 1) if (load.kind(row) === kind && load.sent(row) > 0) rows.push(row);
    list(dots, rows, () => html('i'), (dot, row) => {
      setText(dot, markOf(load.success(row)));
      setAttribute(dot, 'data-tone', toneOf(load.success(row)));
    });
  }
}
