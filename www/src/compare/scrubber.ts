// The one clock of two runs: play, step, speed, and a line to go along, with both runs' lanes above it.

import type { App } from '../app.ts';
import { button, html, setAttribute } from '../dom.ts';
import { moment, say } from '../say.ts';
import { SPEEDS } from '../state.ts';
import type { Samples } from '../samples.ts';
import type { Palette } from '../view/palette.ts';
import { updateTransport } from '../view/transport.ts';
import { mean } from './plots.ts';

/** Where the line's ends are, in parts of its width: half of the thumb at either side, in px. */
const THUMB = 10;
const LANE_HEIGHT = 8;

export class Scrubber {
  readonly node: HTMLElement;
  private readonly app: App;
  private readonly play: HTMLButtonElement;
  private readonly speed: HTMLInputElement;
  private readonly speedValue = html('output', { for: 'compare-speed', class: 'figure' });
  private readonly time = html('output', { class: 'time', 'aria-label': say('time'), 'aria-live': 'off', id: 'compare-time' });
  private readonly lag = html('span', { class: 'lag' });
  private readonly line: HTMLInputElement;
  private readonly parted = html('span', { class: 'parted', 'aria-hidden': 'true', hidden: true });
  private readonly toParted: HTMLButtonElement;
  private readonly lanes: readonly HTMLCanvasElement[];
  private width = 300;
  private endUs = 1;
  private partedUs: number | null = null;

  constructor(app: App, seek: (us: number) => void) {
    this.app = app;
    this.play = button('', () => app.act({ type: 'run', running: !app.state.running }), { class: 'primary', id: 'compare-play' });
    const step = button(say('step'), () => app.stepEvent(), { id: 'compare-step', title: say('compare_step_title') });
    const back = button(say('step_back'), () => app.stepBack(), { id: 'compare-step-back', title: say('step_back_title') });
    this.toParted = button(say('compare_to_parted'), () => {
      if (this.partedUs !== null) seek(Math.floor(this.partedUs));
    }, { id: 'compare-to-parted', disabled: true });
    this.speed = html('input', { type: 'range', id: 'compare-speed', min: 0, max: SPEEDS.length - 1, step: 1 });
    this.speed.addEventListener('input', () => app.act({ type: 'speed', speed: SPEEDS[Number(this.speed.value)] ?? 1 }));
    // In tenths of a second: the arrow keys move by one.
    this.line = html('input', { type: 'range', id: 'compare-line', min: 0, step: 1, 'aria-label': say('compare_line') });
    this.line.addEventListener('input', () => seek(Number(this.line.value) * 100_000));
    this.lanes = [0, 1].map(() => html('canvas', { height: LANE_HEIGHT, 'aria-hidden': 'true' }));
    const lanes = html('div', { class: 'lanes', 'aria-hidden': 'true' }, ...this.lanes, this.parted);
    new ResizeObserver(([entry]) => {
      this.width = Math.max(50, Math.floor(entry?.contentRect.width ?? 0));
    }).observe(lanes);
    this.node = html(
      'section', { class: 'timeline', id: 'compare-timeline', tabindex: -1, 'aria-label': say('compare_clock') },
      html('div', { class: 'buttons' }, this.play, back, step, this.toParted), this.time,
      html('div', { class: 'speed' }, html('label', { for: 'compare-speed' }, say('speed')), this.speed, this.speedValue),
      this.lag, html('div', { class: 'line' }, lanes, this.line),
    );
  }
  update(nowUs: number, seenUs: number, partedUs: number | null, behind: boolean, fine: boolean): void {
    const { play, time, speed, speedValue, lag } = this;
    updateTransport({ play, time, speed, speedValue, lag }, this.app.state, nowUs / 1000, behind, fine);
    // The line's end moves in steps, so that its marks do not crawl.
    this.endUs = Math.max(60e6, Math.ceil(seenUs / 30e6) * 30e6);
    setAttribute(this.line, 'max', Math.ceil(this.endUs / 100_000));
    const at = String(Math.round(nowUs / 100_000));
    if (this.line.value !== at) this.line.value = at;
    this.line.style.setProperty('--fill', String(nowUs / this.endUs));
    setAttribute(this.line, 'aria-valuetext', moment(nowUs / 1000));
    this.partedUs = partedUs;
    this.toParted.disabled = partedUs === null;
    this.parted.hidden = partedUs === null;
    if (partedUs !== null) this.parted.style.left = `${this.x(partedUs)}px`;
  }
  private x(us: number): number {
    return THUMB + (us / this.endUs) * (this.width - 2 * THUMB);
  }
  /** Paints how users fare along the line: calm where all is well, else whether most or less than half succeeds. */
  paint(histories: readonly Samples[], palette: Palette): void {
    histories.forEach((history, index) => {
      const lane = this.lanes[index];
      const context = lane?.getContext('2d');
      if (lane === undefined || context === null || context === undefined) return;
      const ratio = Math.min(2, devicePixelRatio);
      const [w, h] = [Math.round(this.width * ratio), Math.round(LANE_HEIGHT * ratio)];
      if (lane.width !== w) lane.width = w;
      if (lane.height !== h) lane.height = h;
      context.clearRect(0, 0, w, h);
      const success = history.names.flatMap((name, column) => (name.startsWith('success_') ? [column] : []));
      for (const row of history.rows) {
        const t = (row[0] ?? 0) * 1e6;
        const fare = mean(row, success, false) ?? 1;
        context.fillStyle = fare > 0.999 ? palette.track : fare > 0.5 ? palette.wait : palette.bad;
        const left = Math.floor(this.x(t) * ratio);
        context.fillRect(left, 0, Math.max(1, Math.ceil(this.x(t + 250_000) * ratio) - left), h);
      }
    });
  }
}
