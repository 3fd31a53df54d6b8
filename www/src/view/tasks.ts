// The line that says what to try, and the control that it points at.

import type { App } from '../app.ts';
import { html, setAttribute, setText } from '../dom.ts';
import { rowsWhere, type Frame } from '../frame.ts';
import { say } from '../say.ts';
import { TASKS, remember, type Before, type Task } from '../tasks.ts';

/** How long a learner may try before a hint, in ms. Chosen. */
const HINT_AFTER = 8000;

export class Tasks {
  private readonly app: App;
  private readonly announce: (text: string) => void;
  private readonly dots = html('span', { class: 'dots', 'aria-hidden': 'true' });
  private readonly text = html('span', { class: 'text' });
  private readonly hint = html('span', { class: 'hint' });
  private before: Before | undefined;
  /** When packets were first seen to be lost since the task was set, in ms. */
  private lossSince: number | undefined;
  private highlighted: Element | null = null;

  constructor(app: App, parent: HTMLElement, announce: (text: string) => void) {
    this.app = app;
    this.announce = announce;
    this.dots.append(...TASKS.map(() => html('i')));
    parent.append(this.dots, this.text, this.hint);
  }

  /** Goes on where other words of the same tasks are. */
  resume({ before, lossSince }: Tasks): void {
    this.before = before;
    this.lossSince = lossSince;
  }
  /** Sets the first task again. */
  forget(): void {
    this.before = undefined;
  }
  /** The task under way, if this scenario has tasks and one is left. */
  private get task(): Task | undefined {
    return this.hasTasks ? TASKS[this.app.state.task] : undefined;
  }
  /** Tasks need members that can fail, and nobody else who breaks things. */
  private get hasTasks(): boolean {
    return !this.app.scripted && this.app.cluster.members >= 3;
  }
  /** Ticks the task under way if it is done. */
  observe(frame: Frame): void {
    const { task } = this;
    if (this.before === undefined) this.before = remember(frame);
    if (rowsWhere(frame.link, (row) => frame.link.loss_ppm(row) > 0).length === 0) this.lossSince = undefined;
    else this.lossSince ??= performance.now();
    if (task === undefined || !task.done(frame, this.before)) return;
    this.before = remember(frame);
    this.announce(say('task_done', { task: say(task.text) }));
    this.app.act({ type: 'task-done' });
  }
  update(): void {
    const { task, hasTasks } = this;
    const { task: at, running, scenario } = this.app.state;
    this.dots.hidden = !hasTasks;
    [...this.dots.children].forEach((dot, index) => setAttribute(dot, 'data-state', index < at ? 'done' : index === at ? 'now' : ''));
    const summary = this.app.catalog.scenarios.find(({ name }) => name === scenario)?.summary ?? '';
    setText(this.text, hasTasks ? say(task?.text ?? 'task_all_done') : summary);
    this.text.classList.toggle('summary', !hasTasks);
    const long = this.lossSince !== undefined && performance.now() - this.lossSince > HINT_AFTER;
    const hint = running ? (long ? task?.hint : undefined) : task === undefined && hasTasks ? undefined : ('task_press_play' as const);
    setText(this.hint, hint === undefined ? '' : say(hint));
    this.highlight(task);
  }
  private highlight(task: Task | undefined): void {
    const control = task === undefined ? null : (document.getElementById(task.control)?.closest('.dial, button') ?? null);
    if (control === this.highlighted) return;
    this.highlighted?.classList.remove('highlight');
    control?.classList.add('highlight');
    this.highlighted = control;
  }
}
