// Play, pause, backwards, step, speed, and the two times: of the run, and of who looks at it.

import type { TimeApp } from '../app.ts';
import { button, html, setAttribute, setText, svg } from '../dom.ts';
import type { Loop } from '../loop.ts';
import { moment, say, span } from '../say.ts';
import { SPEEDS } from '../state.ts';
import { updateTransport } from './transport.ts';

/** Shapes that everybody knows from other players, in a box of 16 by 16. */
const ICONS = {
  reverse: 'M12 3v10L4 8z',
  before: 'M3 3h2v10H3zM13 3v10L6 8z',
  next: 'M11 3h2v10h-2zM3 3v10l7-5z',
} as const;

function icon(name: keyof typeof ICONS): SVGSVGElement {
  return svg('svg', { viewBox: '0 0 16 16', class: 'icon', 'aria-hidden': 'true' }, svg('path', { d: ICONS[name] }));
}

export class Timeline {
  private readonly app: TimeApp;
  private readonly play: HTMLButtonElement;
  private readonly reverse: HTMLButtonElement;
  private readonly lanes: HTMLButtonElement;
  private readonly details: HTMLButtonElement;
  private readonly speed: HTMLInputElement;
  private readonly speedValue = html('output', { for: 'speed', class: 'figure' });
  private readonly time = html('output', { class: 'time', 'aria-label': say('time'), 'aria-live': 'off' });
  private readonly seen = html('span', { class: 'seen' });
  private readonly lag = html('span', { class: 'lag' });
  private readonly caption = html('p', { class: 'caption' });
  private readonly going = html('span', { class: 'going' });
  private readonly goingText = html('span');

  constructor(app: TimeApp, parent: HTMLElement) {
    this.app = app;
    const run = (backwards: boolean): void => app.act({ type: 'run', running: !app.state.running, backwards });
    this.play = button('', () => run(false), { class: 'primary', id: 'play' });
    this.reverse = button('', () => {
      if (app.state.running && !app.state.backwards) app.act({ type: 'run', running: true, backwards: true });
      else run(true);
    }, { id: 'reverse' });
    const step = button(say('step'), () => app.stepEvent(), { id: 'step', title: say('step_title') });
    const back = button(say('step_back'), () => app.stepBack(), { id: 'step-back', title: say('step_back_title') });
    const before = button('', () => app.seekNote(false), { id: 'note-before' });
    const next = button('', () => app.seekNote(true), { id: 'note-next' });
    const live = button(say('live'), () => app.seek(Infinity), { id: 'live', title: say('live_title') });
    const reset = button(say('reset'), () => app.startOver(app.state.scenario, app.state.seed), { id: 'reset' });
    for (const [node, shape, name] of [[this.reverse, 'reverse', 'reverse'], [before, 'before', 'note_before'], [next, 'next', 'note_next']] as const) {
      node.append(icon(shape));
      node.classList.add('shape-button');
      setAttribute(node, 'aria-label', say(name));
      setAttribute(node, 'title', say(name));
    }
    this.lanes = button(say('lanes_show'), () => app.act({ type: 'lanes', shown: !app.state.lanes }), { id: 'lanes-toggle', class: 'quiet-button', 'aria-controls': 'lanes' });
    this.details = button(say('details_show'), () => app.act({ type: 'time-details', shown: !app.state.timeDetails }), { id: 'time-details-toggle', class: 'quiet-button', 'aria-controls': 'time-details' });
    this.speed = html('input', { type: 'range', id: 'speed', min: 0, max: SPEEDS.length - 1, step: 1 });
    this.speed.addEventListener('input', () => app.act({ type: 'speed', speed: SPEEDS[Number(this.speed.value)] ?? 1 }));
    this.going.append(this.goingText, button(say('going_stop'), () => app.stopSeek(), { id: 'stay' }));
    parent.append(
      html('div', { class: 'transport' },
        html('div', { class: 'buttons', role: 'group', 'aria-label': say('transport') }, this.play, this.reverse, before, back, step, next, live, reset),
        html('div', { class: 'times' }, this.time, this.seen),
        html('div', { class: 'speed' }, html('label', { for: 'speed' }, say('speed')), this.speed, this.speedValue),
        this.lag, this.going,
        html('div', { class: 'toggles' }, this.lanes, this.details),
      ),
      this.caption,
    );
  }

  /** `fine`: events were stepped through one by one, so microseconds count. */
  update(nowMs: number, { behind, isLong, goingTo, shownMs }: Pick<Loop, 'behind' | 'isLong' | 'goingTo' | 'shownMs'>, caption: string, fine: boolean): void {
    const { running, backwards, lanes, timeDetails } = this.app.state;
    const { play, time, speed, speedValue, lag } = this;
    updateTransport({ play, time, speed, speedValue, lag }, this.app.state, nowMs, behind, fine);
    setAttribute(this.reverse, 'aria-pressed', String(running && backwards));
    setAttribute(this.lanes, 'aria-expanded', String(lanes));
    setAttribute(this.details, 'aria-expanded', String(timeDetails));
    const seenMs = Math.max(nowMs, this.app.past.travel.seen_us / 1000);
    const parts = [say('time_wall', { wall: span(Math.round(shownMs / 100) * 100) })];
    // At the end the two are the same.
    if (seenMs - nowMs > 50) parts.unshift(say('time_of', { seen: moment(seenMs) }));
    setText(this.seen, parts.join(' · '));
    this.going.hidden = !isLong;
    if (isLong) setText(this.goingText, say('going', { to: moment((goingTo ?? 0) / 1000), now: moment(nowMs) }));
    setText(this.caption, caption);
    setAttribute(this.caption, 'title', caption);
  }
}
