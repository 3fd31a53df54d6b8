// Controllers and scheduler: how much waits in each queue of whoever leads.

import type { App } from '../app.ts';
import { button, html, list, nameBy, setAttribute, setText } from '../dom.ts';
import type { Frame } from '../frame.ts';
import { Roving } from '../roving.ts';
import { integer, say } from '../say.ts';
import { same, type Selection } from '../state.ts';
import * as words from '../words.ts';

/** A queue of this many fills its bar. Chosen: the analysis's lamp lights there. */
const FULL = 100;

interface Queue {
  readonly selection: Selection;
  readonly name: string;
  readonly depth: number;
  /** Whether anything works on it. */
  readonly idle: boolean;
}

/** Every queue: the controllers', then the scheduler's. */
function queues(frame: Frame): Queue[] {
  const { controller, scheduler } = frame;
  const all: Queue[] = [];
  for (let row = 0; row < controller.rows; row += 1) {
    const depth = controller.depth(row) + controller.busy(row);
    all.push({ selection: { thing: 'controller', row }, name: words.controllerName(frame, row), depth, idle: words.isIdle(frame, row) });
  }
  const depth = scheduler.active(0) + scheduler.backoff(0) + scheduler.unschedulable(0) + scheduler.binding(0);
  all.push({ selection: { thing: 'scheduler', row: 0 }, name: say('scheduler_queue'), depth, idle: scheduler.works(0) === 0 });
  return all;
}

export class Work {
  readonly node = html('div', { class: 'work', role: 'group', 'aria-label': say('work_label') });
  private readonly app: App;
  private readonly roving: Roving;

  constructor(app: App) {
    this.app = app;
    this.roving = new Roving(this.node);
  }
  update(frame: Frame): void {
    list(this.node, queues(frame), () => this.makeQueue(), (select, queue) => this.updateQueue(frame, select, queue));
    this.roving.tidy();
  }

  private makeQueue(): HTMLButtonElement {
    const select: HTMLButtonElement = button('', () => {
      const thing = select.dataset['thing'] === 'scheduler' ? 'scheduler' : 'controller';
      this.app.act({ type: 'select', selection: { thing, row: Number(select.dataset['row']) } });
    }, { class: 'queue', tabindex: -1 });
    select.append(html('span', { class: 'name' }), html('span', { class: 'count' }), html('span', { class: 'bar', 'aria-hidden': 'true' }, html('i')));
    return select;
  }
  private updateQueue(frame: Frame, select: HTMLButtonElement, { selection, name, depth, idle }: Queue): void {
    select.dataset['thing'] = selection.thing;
    select.dataset['row'] = String(selection.row);
    const [label, count, bar] = select.children;
    if (label !== undefined) setText(label, name);
    if (count !== undefined) {
      setText(count, idle ? '–' : integer(depth));
      setAttribute(count, 'data-tone', idle ? 'wait' : depth >= FULL ? 'bad' : '');
    }
    if (bar instanceof HTMLElement) {
      // Short queues show, too: the bar grows as the logarithm.
      bar.style.setProperty('--part', String(idle ? 0 : Math.min(1, Math.log1p(depth) / Math.log1p(FULL))));
      setAttribute(bar, 'data-tone', depth >= FULL ? 'bad' : '');
    }
    nameBy(select, words.describe(frame, selection));
    setAttribute(select, 'aria-pressed', String(same(this.app.state.selected, selection)));
  }
}
