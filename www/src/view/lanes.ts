// The lanes of the timeline on a canvas. Painted when there is something new to paint; the playhead is not part of it.

import type { TimeApp } from '../app.ts';
import { countBits, laneNames, phaseName, rungName, type LaneName } from '../lanewords.ts';
import { capital, say } from '../say.ts';
import type { Stretch } from '../lanes.ts';
import type { Palette } from './palette.ts';

/** Heights in px. */
export const LANE = 13;
export const PITCH = 14;
export const AXIS = 13;
const FONT = '10px Inter, system-ui, sans-serif';
/** Ends of the scale, in seconds. */
const ENDS = [60, 120, 180, 300, 450, 600, 900, 1200, 1800, 2700, 3600];
/** Distances of the axis's marks, in seconds. */
const MARKS = [5, 10, 15, 30, 60, 120, 300, 600, 1200];
/** The least distance of two of them, in px. */
const APART = 76;

/** Where the scale ends for a run seen so far, in seconds: it grows by steps, so that the lanes stand still between them. */
export function scaleEnd(seen: number): number {
  return ENDS.find((end) => seen <= end) ?? Math.ceil(seen / 1800) * 1800;
}

/** White or nearly black, whichever can be read on a colour. */
function inkOn(colour: string): string {
  const [r = 0, g = 0, b = 0] = colour.match(/[\d.]+/g)?.map(Number) ?? [];
  const linear = (c: number): number => ((c / 255) <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b) > 0.18 ? '#10151c' : '#ffffff';
}

export class Painter {
  private readonly app: TimeApp;
  private readonly context: CanvasRenderingContext2D;
  private palette!: Palette;
  private width = 0;
  private end = 60;
  private readonly hatches = new Map<string, CanvasPattern>();
  private readonly widths = new Map<string, number>();

  constructor(app: TimeApp, context: CanvasRenderingContext2D) {
    this.app = app;
    this.context = context;
  }

  /** How high the canvas is for the lanes that there are. */
  static height(names: readonly LaneName[]): number {
    return names.length * PITCH + AXIS;
  }
  paint(palette: Palette, width: number, end: number, ratio: number): void {
    const { context, app } = this;
    const { lanes } = app.past;
    const names = laneNames(lanes);
    Object.assign(this, { palette, width, end });
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, Painter.height(names));
    context.font = FONT;
    context.textBaseline = 'middle';
    this.axis(names.length * PITCH);
    context.fillStyle = palette.track;
    const seen = this.x(lanes.end);
    names.forEach((_, n) => context.fillRect(0, n * PITCH + LANE - 1, seen, 1));
    names.forEach((name, n) => this.lane(name, n * PITCH));
  }
  private lane(name: LaneName, y: number): void {
    const { lanes } = this.app.past;
    switch (name) {
      case 'leader':
        for (const stretch of lanes.leads.all) this.leads(stretch, y);
        return;
      case 'holder_0':
      case 'holder_1':
        for (const stretch of lanes.holds[name === 'holder_0' ? 0 : 1].all) this.holds(stretch, y);
        return;
      case 'faults':
        for (const stretch of lanes.faults.all) this.faults(stretch, y);
        this.actions(y);
        return;
      case 'phase':
        for (const stretch of lanes.phases.all) this.phase(stretch, y);
        return;
      case 'hurt':
        this.hurts(y);
        return;
      case 'broken':
        for (const { from, to, state } of lanes.broken?.all ?? []) if (state > 0) this.bar(from, to, y, LANE, this.palette.bad, say('paint_broken', { n: countBits(state) }));
    }
  }
  private x(seconds: number): number {
    return (seconds / this.end) * this.width;
  }
  /** From where to where in px; never too thin to be seen. */
  private extent({ from, to }: Pick<Stretch<unknown>, 'from' | 'to'>): [number, number] {
    const left = this.x(from);
    return [left, Math.max(1.5, this.x(to) - left)];
  }
  private hatch(colour: string): CanvasPattern | string {
    const found = this.hatches.get(colour);
    if (found !== undefined) return found;
    const tile = document.createElement('canvas');
    tile.width = tile.height = 5;
    const context = tile.getContext('2d');
    if (context === null) return colour;
    context.strokeStyle = colour;
    context.lineWidth = 1;
    context.beginPath();
    for (const shift of [-5, 0, 5]) {
      context.moveTo(shift - 1, 6);
      context.lineTo(shift + 6, -1);
    }
    context.stroke();
    const pattern = context.createPattern(tile, 'repeat');
    if (pattern === null) return colour;
    this.hatches.set(colour, pattern);
    return pattern;
  }
  /** The first of these texts that has room. */
  private text(texts: readonly string[], x: number, y: number, width: number, height: number, colour: string): void {
    const { context } = this;
    const fits = texts.find((text) => {
      let long = this.widths.get(text);
      if (long === undefined) this.widths.set(text, (long = context.measureText(text).width));
      return long + 8 <= width;
    });
    if (fits === undefined || height < 9) return;
    context.fillStyle = colour;
    context.fillText(fits, x + 4, y + height / 2 + 0.5);
  }
  private bar(from: number, to: number, y: number, height: number, colour: string, ...texts: string[]): void {
    const [x, w] = this.extent({ from, to });
    const { context } = this;
    context.fillStyle = colour;
    // A gap tells two neighbours of one colour apart.
    context.fillRect(x, y, w > 4 ? w - 1 : w, height);
    this.text(texts, x, y, w, height, inkOn(colour));
  }
  private hatched(from: number, to: number, y: number, height: number, colour: string): [number, number] {
    const [x, w] = this.extent({ from, to });
    this.context.fillStyle = this.hatch(colour);
    this.context.fillRect(x, y, w, height);
    return [x, w];
  }
  private colour(n: number): string {
    return this.palette.series[n % this.palette.series.length] ?? this.palette.ink;
  }

  private leads({ from, to, state: { member, term } }: Lanes['leads']['all'][number], y: number): void {
    if (member < 0) this.hatched(from, to, y, LANE, this.palette.bad);
    else this.bar(from, to, y, LANE, this.colour(member), say('paint_term', { n: member + 1, term: String(term) }), say('paint_term_short', { term: String(term) }));
  }
  private holds({ from, to, state: { holder, believers } }: Lanes['holds'][0]['all'][number], y: number): void {
    const { context } = this;
    if (believers.length === 0) {
      if (holder < 0) {
        this.hatched(from, to, y, LANE, this.palette.bad);
        return;
      }
      const [x, w] = this.extent({ from, to });
      context.fillStyle = this.colour(holder);
      context.fillRect(x, y + LANE / 2 - 1, w, 2);
      return;
    }
    const each = LANE / believers.length;
    believers.forEach(({ api, canAct }, n) => {
      const [top, height] = [y + n * each, each - (believers.length > 1 ? 0.5 : 0)];
      const colour = this.colour(api);
      const texts = [say('paint_api', { n: api + 1 }), say('paint_api_short', { n: api + 1 })];
      if (canAct) {
        this.bar(from, to, top, height, colour, ...texts);
        return;
      }
      const [x, w] = this.hatched(from, to, top, height, colour);
      context.strokeStyle = colour;
      context.lineWidth = 1;
      if (w > 3) context.strokeRect(x + 0.5, top + 0.5, w - 1, height - 1);
    });
  }
  private faults({ from, to, state: n }: Stretch<number>, y: number): void {
    if (n === 0) return;
    // More faults, a higher bar; the words say how many.
    const height = Math.min(9, 3 + 2 * n);
    const [x, w] = this.extent({ from, to });
    this.context.globalAlpha = 0.75;
    this.context.fillStyle = this.palette.bad;
    this.context.fillRect(x, y + LANE - height, w, height);
    this.context.globalAlpha = 1;
  }
  private actions(y: number): void {
    const { context, palette } = this;
    let [own, script] = [-Infinity, -Infinity];
    for (const { at_us, scripted } of this.app.past.played?.commands ?? []) {
      const x = this.x(at_us / 1e6);
      // A drag is many commands, and one mark.
      if (x > this.width || x - (scripted ? script : own) < 3) continue;
      if (scripted) script = x;
      else own = x;
      context.strokeStyle = palette.ink;
      context.fillStyle = palette.ink;
      context.lineWidth = 1;
      if (scripted) {
        context.strokeRect(x - 2.5, y + 1.5, 5, 5);
        continue;
      }
      context.fillRect(x - 0.5, y, 1, LANE);
      context.beginPath();
      context.moveTo(x - 4.5, y);
      context.lineTo(x + 4.5, y);
      context.lineTo(x, y + 7);
      context.fill();
    }
  }
  private phase({ from, to, state }: Lanes['phases']['all'][number], y: number): void {
    if (state === undefined) return;
    const { context, palette } = this;
    const [x, w] = this.extent({ from, to });
    const colour = state.list === 'failure' ? palette.wait : palette.accent;
    context.globalAlpha = 0.22;
    context.fillStyle = colour;
    context.fillRect(x, y, w, LANE);
    context.globalAlpha = 1;
    context.fillStyle = colour;
    context.fillRect(x, y, Math.min(w, 2), LANE);
    this.text([capital(phaseName(this.app, state))], x, y, w, LANE, palette.ink);
  }
  private hurts(y: number): void {
    const { context, palette } = this;
    const { hurts } = this.app.past.lanes;
    const middle = y + LANE / 2;
    context.strokeStyle = palette.bad;
    context.lineWidth = 2;
    // What was hurt at about the same moment shares a mark; the words tell them apart.
    for (let at = 0; at < hurts.length; ) {
      const x = this.x(hurts[at]?.at ?? 0);
      let same = 1;
      while (at + same < hurts.length && this.x(hurts[at + same]?.at ?? 0) - x < 7) same += 1;
      context.beginPath();
      context.moveTo(x - 3.5, middle - 3.5);
      context.lineTo(x + 3.5, middle + 3.5);
      context.moveTo(x + 3.5, middle - 3.5);
      context.lineTo(x - 3.5, middle + 3.5);
      context.stroke();
      const names = hurts.slice(at, at + same).map(({ rung }) => rungName(this.app, rung)).join(', ');
      const next = this.x(hurts[at + same]?.at ?? this.end);
      this.text([names, same > 1 ? String(same) : ''], x + 2, y, next - x - 2, LANE, palette.ink);
      at += same;
    }
  }
  private axis(bottom: number): void {
    const { context, palette, width, end } = this;
    const step = MARKS.find((mark) => this.x(mark) >= APART) ?? 1800;
    context.fillStyle = palette.track;
    for (let at = 0; at <= end; at += step) context.fillRect(Math.min(width - 1, Math.round(this.x(at))), 0, 1, bottom + 4);
    context.fillStyle = palette.muted;
    for (let at = 0; at < end; at += step) {
      const label = at >= 120 && at % 60 === 0 ? say('axis_min', { n: at / 60 }) : say('axis_s', { n: at });
      context.fillText(label, this.x(at) + 4, bottom + AXIS / 2);
    }
  }
}

type Lanes = TimeApp['past']['lanes'];
