// Play, pause, step, speed, and the simulated time.

import type { App } from '../app.ts';
import { button, html, setAttribute, setText } from '../dom.ts';
import { moment, say } from '../say.ts';
import { SPEEDS } from '../state.ts';

export class Timeline {
  private readonly app: App;
  private readonly play: HTMLButtonElement;
  private readonly speed: HTMLInputElement;
  private readonly speedValue = html('output', { for: 'speed', class: 'figure' });
  private readonly time = html('output', { class: 'time', 'aria-label': say('time'), 'aria-live': 'off' });
  private readonly lag = html('span', { class: 'lag' });
  private readonly caption = html('p', { class: 'caption' });

  constructor(app: App, parent: HTMLElement) {
    this.app = app;
    this.play = button('', () => app.act({ type: 'run', running: !app.state.running }), { class: 'primary', id: 'play' });
    const step = button(say('step'), () => app.stepEvent(), { id: 'step', title: say('step_title') });
    const back = button(say('step_back'), () => app.stepBack(), { id: 'step-back', title: say('step_back_title') });
    const reset = button(say('reset'), () => app.startOver(app.state.scenario, app.state.seed), { id: 'reset' });
    this.speed = html('input', { type: 'range', id: 'speed', min: 0, max: SPEEDS.length - 1, step: 1 });
    this.speed.addEventListener('input', () => app.act({ type: 'speed', speed: SPEEDS[Number(this.speed.value)] ?? 1 }));
    parent.append(
      html('div', { class: 'buttons' }, this.play, back, step, reset),
      this.time,
      html('div', { class: 'speed' }, html('label', { for: 'speed' }, say('speed')), this.speed, this.speedValue),
      this.lag, this.caption,
    );
  }

  /** `fine`: events were stepped through one by one, so microseconds count. */
  update(nowMs: number, behind: boolean, caption: string, fine: boolean): void {
    const { running, speed } = this.app.state;
    setText(this.play, say(running ? 'pause' : 'play'));
    setAttribute(this.play, 'data-running', String(running));
    const digits = fine || speed <= 0.01 ? 6 : speed < 0.5 ? 3 : 1;
    setText(this.time, digits === 1 ? moment(nowMs) : `${(nowMs / 1000).toFixed(digits)}\u00a0s`);
    const index = String(SPEEDS.indexOf(speed));
    if (this.speed.value !== index) this.speed.value = index;
    this.speed.style.setProperty('--fill', String(Number(index) / (SPEEDS.length - 1)));
    setAttribute(this.speed, 'aria-valuetext', say('speed_spoken', { speed: String(speed) }));
    setText(this.speedValue, say('speed_value', { speed: String(speed) }));
    setText(this.lag, running && behind ? say('behind') : '');
    setText(this.caption, caption);
    setAttribute(this.caption, 'title', caption);
  }
}
