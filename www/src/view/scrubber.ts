// The lanes and, on the same scale, where the run is: a slider over everything that was seen of this branch.

import type { TimeApp } from '../app.ts';
import { html, list, setAttribute, setText } from '../dom.ts';
import type { WhyStep } from '../engine.ts';
import { atMoment, laneNames } from '../lanewords.ts';
import { scaleOf } from '../looks.ts';
import { moment, say } from '../say.ts';
import { Painter, scaleEnd } from './lanes.ts';
import type { Palette } from './palette.ts';

/** What the keys move by, in seconds. */
const SMALL = 1;
const LARGE = 10;
const PAGE = 30;
/** Marks of causes closer than this, in px, are one. */
const APART = 14;

export class Scrubber {
  private readonly app: TimeApp;
  private readonly names = html('ul', { class: 'lane-names', 'aria-hidden': 'true' });
  private readonly canvas = html('canvas', { role: 'img', 'aria-label': say('lanes_label') });
  private readonly playhead = html('div', { class: 'playhead' });
  private readonly pointer = html('div', { class: 'pointer', hidden: true });
  /** The moments of a chain of causes. */
  private readonly causes = html('div', { class: 'causes', 'aria-hidden': 'true' });
  private why: readonly WhyStep[] = [];
  private readonly axis: HTMLElement;
  private readonly slider = html('input', { type: 'range', id: 'scrub', min: 0, step: 'any', 'aria-label': say('scrub') });
  private readonly words = html('p', { class: 'moment', id: 'moment' });
  private readonly block: HTMLElement;
  private readonly painter: Painter;
  private width = 300;
  /** What was painted last, to know when to paint again. */
  private painted: readonly unknown[] = [];
  /** The moment pointed at, in seconds. */
  private hovered: number | undefined;
  private held = false;
  /** Where the playhead was put last. */
  private moved = '';

  constructor(app: TimeApp, parent: HTMLElement, redraw: () => void) {
    this.app = app;
    const context = this.canvas.getContext('2d');
    if (context === null) throw new Error('This browser draws no canvas.');
    this.painter = new Painter(app, context);
    const lanes = html('div', { class: 'painted', id: 'lanes' }, this.canvas);
    this.axis = html('div', { class: 'axis' }, lanes, this.causes, this.pointer, this.playhead, this.slider);
    this.block = html('div', { class: 'lanes' }, this.names, this.axis);
    parent.append(this.block, this.words);
    new ResizeObserver(([entry]) => {
      this.width = Math.max(60, Math.floor(entry?.contentRect.width ?? 0));
      redraw();
    }).observe(this.axis);
    this.slider.addEventListener('input', () => app.seek(Number(this.slider.value) * 1e6));
    this.slider.addEventListener('keydown', (event) => this.key(event));
    this.slider.addEventListener('pointerdown', () => (this.held = true));
    for (const over of ['pointerup', 'pointercancel', 'change', 'blur'] as const) this.slider.addEventListener(over, () => (this.held = false));
    lanes.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      lanes.setPointerCapture(event.pointerId);
      this.slider.focus({ preventScroll: true });
      this.seekTo(event);
    });
    this.axis.addEventListener('pointermove', (event) => {
      if (lanes.hasPointerCapture(event.pointerId)) this.seekTo(event);
      this.hover(this.secondsAt(event));
    });
    this.axis.addEventListener('pointerleave', () => this.hover(undefined));
  }

  private get now(): number {
    return this.app.past.nowUs / 1e6;
  }
  private get seen(): number {
    return Math.max(this.app.past.travel.seen_us, this.app.past.nowUs) / 1e6;
  }
  /** Where the scale of lanes and branches ends, in seconds. */
  static end({ past }: TimeApp): number {
    return scaleEnd(Math.max(past.travel.seen_us, past.nowUs, ...past.branches.map(({ seen_us }) => seen_us)) / 1e6);
  }
  private secondsAt({ clientX }: PointerEvent): number {
    const { left, width } = this.axis.getBoundingClientRect();
    return Math.min(1, Math.max(0, (clientX - left) / width)) * Scrubber.end(this.app);
  }
  private seekTo(event: PointerEvent): void {
    this.app.seek(this.secondsAt(event) * 1e6);
  }
  private hover(seconds: number | undefined): void {
    this.hovered = seconds === undefined ? undefined : Math.min(seconds, this.seen);
    this.pointer.hidden = this.hovered === undefined;
    if (this.hovered !== undefined) this.pointer.style.transform = `translateX(${(this.hovered / Scrubber.end(this.app)) * this.width}px)`;
    this.say();
  }
  private key(event: KeyboardEvent): void {
    const from = (this.app.goingTo ?? this.app.past.nowUs) / 1e6;
    const step = event.shiftKey ? LARGE : SMALL;
    const to: Partial<Record<string, number>> = {
      ArrowLeft: from - step, ArrowDown: from - step, ArrowRight: from + step, ArrowUp: from + step,
      PageDown: from - PAGE, PageUp: from + PAGE, Home: 0, End: Infinity,
    };
    const seconds = to[event.key];
    if (seconds === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    this.app.seek(Math.max(0, seconds) * 1e6);
  }

  /** Marks the moments of a chain of causes; none: no more. */
  showWhy(steps: readonly WhyStep[]): void {
    this.why = steps;
    this.painted = [];
  }
  /** Each moment once, with the number of the first step that tells of it. */
  private markCauses(end: number): void {
    const numbers = new Map<number, number>();
    this.why.forEach(({ at_us }, n) => {
      const x = Math.round((at_us / 1e6 / end) * this.width);
      if (![...numbers.keys()].some((other) => Math.abs(other - x) < APART)) numbers.set(x, n + 1);
    });
    list(this.causes, [...numbers], () => html('i'), (mark, [x, number]) => {
      setText(mark, String(number));
      mark.style.transform = `translateX(${x}px)`;
    });
  }

  /** Moves the playhead; paints the lanes if there is something new. */
  draw(palette: Palette, fresh: boolean): void {
    const { past, state } = this.app;
    const end = Scrubber.end(this.app);
    this.move(end);
    if (fresh) past.lanes.follow(past.samples);
    if (this.painted.length === 0 || this.painted[5] !== end || this.painted[4] !== this.width) this.markCauses(end);
    if (!state.lanes) return;
    const ratio = Math.min(2, globalThis.devicePixelRatio);
    const scale = scaleOf(state);
    const key = [past.lanes.end, past.samples.version, past.branches, palette, this.width, end, ratio, scale];
    if (key.every((part, n) => part === this.painted[n])) return;
    this.painted = key;
    this.resize(ratio, scale);
    this.painter.paint(palette, this.width / scale, end, ratio * scale);
  }
  /** Where the run is, when that is another pixel: each costs the browser a picture. */
  private move(end: number): void {
    const x = Math.round((this.now / end) * this.width);
    const key = `${x} ${end} ${this.width} ${this.app.state.running ? '' : this.now}`;
    if (key === this.moved) return;
    this.moved = key;
    this.playhead.style.transform = `translateX(${x}px)`;
    if (this.held) return;
    if (this.slider.max !== String(end)) this.slider.max = String(end);
    this.slider.value = String(this.now);
  }
  private resize(ratio: number, scale: number): void {
    const height = Painter.height(laneNames(this.app.past.lanes)) * scale;
    const [w, h] = [Math.round(this.width * ratio), Math.round(height * ratio)];
    if (this.canvas.width === w && this.canvas.height === h) return;
    Object.assign(this.canvas, { width: w, height: h });
    this.canvas.style.width = `${this.width}px`;
    this.canvas.style.height = `${height}px`;
  }

  /** The texts, four times a second. */
  update(): void {
    const { state, past } = this.app;
    setAttribute(this.block, 'data-folded', !state.lanes);
    list(this.names, state.lanes ? laneNames(past.lanes) : [], () => html('li'), (item, name) => setText(item, say(`lane_${name}`)));
    const end = Scrubber.end(this.app);
    this.slider.style.setProperty('--fill', String(this.seen / end));
    this.say();
    // Who listens would hear every second of a run that goes on by itself.
    if (state.running && document.activeElement === this.slider) return;
    const values = { now: moment(this.now * 1000), seen: moment(this.seen * 1000), words: atMoment(this.app, this.now) };
    setAttribute(this.slider, 'aria-valuetext', say('scrub_spoken', values));
  }
  private say(): void {
    const text = atMoment(this.app, this.hovered ?? this.now);
    setText(this.words, text);
    setAttribute(this.words, 'title', text);
  }
}
