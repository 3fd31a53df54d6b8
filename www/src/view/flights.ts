// Everything that moves: packets on their way, election timers, Leases running out. Drawn anew on each frame.

import { knob, type App } from '../app.ts';
import type { Frame } from '../frame.ts';
import { DISC, electorBox, memberCentre, route, type Layout } from '../layout.ts';
import { electorShape } from '../words.ts';
import type { Palette } from './palette.ts';

/** How long a packet is seen to fly, in ms of running time, where its true flight would be too short to see. */
const FLIGHT_MS = 400;
/** How long a lost packet goes on falling. */
const FALL_MS = 350;
const FALL_PX = 22;
/** At most so many at once: beyond that they are a smear. */
const MOST = 120;
/** A true flight of at least this many ms of the user's time is shown as it is. */
const VISIBLE_MS = 200;

interface Seen {
  number: number;
  from: number;
  to: number;
  className: string;
  lost: number;
  /** Running time at which it was first drawn. */
  born: number;
}

/** Where a lost packet falls: at the door when the link is cut or its queue full, else somewhere on its way. */
function fallsAt(lost: number, number: number): number {
  const spread = ((number * 37) % 41) / 100;
  return lost <= 2 ? 0.05 + spread / 3 : 0.3 + spread;
}

export class Flights {
  private readonly app: App;
  private readonly canvas: HTMLCanvasElement;
  private readonly context: CanvasRenderingContext2D;
  private seen: Seen[] = [];
  private newest = -1;
  private ratio = 1;

  constructor(app: App, canvas: HTMLCanvasElement) {
    const context = canvas.getContext('2d');
    if (context === null) throw new Error('This browser draws no canvas.');
    this.app = app;
    this.canvas = canvas;
    this.context = context;
  }

  forget(): void {
    this.seen = [];
    this.newest = -1;
  }

  /** Draws the present. `still`: nothing flies, for those who asked for less motion. */
  draw(frame: Frame, layout: Layout, palette: Palette, wallMs: number, still: boolean): void {
    this.resize(layout);
    const { context } = this;
    const zoom = this.ratio * layout.scale;
    context.setTransform(zoom, 0, 0, zoom, 0, 0);
    context.clearRect(0, 0, layout.width, layout.height);
    if (!layout.folded.has('election')) this.leases(frame, layout, palette);
    if (!layout.folded.has('etcd')) this.electionTimers(frame, layout, palette);
    if (still) return;
    this.collect(frame, wallMs);
    if (this.isTrue(frame)) this.truePackets(frame, layout, palette);
    else for (const packet of this.seen) this.packet(packet, layout, palette, (wallMs - packet.born) / FLIGHT_MS);
  }

  private resize(layout: Layout): void {
    const [width, height] = [layout.width * layout.scale, layout.height * layout.scale];
    this.ratio = Math.min(2, globalThis.devicePixelRatio);
    const [w, h] = [Math.round(width * this.ratio), Math.round(height * this.ratio)];
    if (this.canvas.width === w && this.canvas.height === h) return;
    this.canvas.width = w;
    this.canvas.height = h;
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
  }

  /** Whether time runs so slowly, or not at all, that packets can be shown where they are. */
  private isTrue({ link }: Frame): boolean {
    const { running, speed } = this.app.state;
    let delay = 0;
    for (let row = 0; row < link.rows && delay === 0; row += 1) if (link.from(row) !== link.to(row)) delay = link.delay_us(row);
    return !running || delay / 1000 / speed >= VISIBLE_MS;
  }

  /** Takes up flights not seen before. When there are too many, an even choice, so that the lost keep their share. */
  private collect({ flight }: Frame, wallMs: number): void {
    this.seen = this.seen.filter(({ born, lost }) => wallMs >= born && wallMs - born < FLIGHT_MS + (lost > 0 ? FALL_MS : 0));
    if (!this.app.state.running) return;
    let fresh = 0;
    let newest = this.newest;
    for (let row = 0; row < flight.rows; row += 1) {
      if (flight.number(row) > this.newest) fresh += 1;
      newest = Math.max(newest, flight.number(row));
    }
    const room = MOST - this.seen.length;
    // After a jump there is no knowing which are new to the eye.
    const stride = this.newest < 0 ? Infinity : Math.max(1, fresh / Math.max(room, 1));
    let next = 0;
    let index = 0;
    for (let row = 0; row < flight.rows && this.seen.length < MOST; row += 1) {
      if (flight.number(row) <= this.newest) continue;
      const taken = stride < Infinity && index >= next;
      if (taken) next += stride;
      index += 1;
      if (!taken) continue;
      this.seen.push({
        number: flight.number(row),
        from: flight.from(row),
        to: flight.to(row),
        className: this.app.catalog.classes[flight.class(row)] ?? 'control',
        lost: flight.lost(row),
        born: wallMs,
      });
    }
    this.newest = newest;
  }

  private truePackets({ flight }: Frame, layout: Layout, palette: Palette): void {
    for (let row = Math.max(0, flight.rows - MOST); row < flight.rows; row += 1) {
      const lost = flight.lost(row);
      const progress = flight.progress(row);
      if (progress > (lost > 0 ? 2 : 1)) continue;
      const packet = {
        number: flight.number(row),
        from: flight.from(row),
        to: flight.to(row),
        className: this.app.catalog.classes[flight.class(row)] ?? 'control',
        lost,
        born: 0,
      };
      this.packet(packet, layout, palette, progress);
    }
  }

  /** A packet `t` of its way along; beyond the place of its loss it falls. */
  private packet({ number, from, to, className, lost }: Seen, layout: Layout, palette: Palette, t: number): void {
    const at = route(layout, from, to, className);
    if (at === undefined) return;
    const { context } = this;
    const end = lost > 0 ? fallsAt(lost, number) : 1;
    const { x, y } = at(Math.min(t, end));
    context.lineWidth = 1;
    if (t <= end) {
      context.fillStyle = palette.packet(className);
      context.beginPath();
      context.arc(x, y, className === 'control' ? 1.8 : 3.2, 0, 2 * Math.PI);
      context.fill();
      return;
    }
    if (lost === 0) return;
    const fall = Math.min(1, (t - end) / (FALL_MS / FLIGHT_MS + 1 - end));
    const [px, py, r] = [x, y + FALL_PX * fall * fall, 3.5];
    context.globalAlpha = 1 - fall * 0.8;
    context.strokeStyle = palette.bad;
    context.lineWidth = 2;
    context.beginPath();
    context.moveTo(px - r, py - r);
    context.lineTo(px + r, py + r);
    context.moveTo(px + r, py - r);
    context.lineTo(px - r, py + r);
    context.stroke();
    context.globalAlpha = 1;
  }

  private electionTimers({ member }: Frame, layout: Layout, palette: Palette): void {
    const { context } = this;
    for (let row = 0; row < member.rows; row += 1) {
      if (member.running(row) === 0) continue;
      const { x, y } = memberCentre(layout, row);
      const isLeader = member.role(row) === 3;
      context.lineWidth = 3;
      context.strokeStyle = palette.track;
      context.beginPath();
      context.arc(x, y, DISC, 0, 2 * Math.PI);
      context.stroke();
      if (isLeader) continue;
      const part = Math.min(1, member.election_elapsed(row) / Math.max(1, member.election_timeout(row)));
      context.strokeStyle = part > 0.5 ? palette.wait : palette.calm;
      context.beginPath();
      context.arc(x, y, DISC, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * part);
      context.stroke();
    }
  }

  private leases(frame: Frame, layout: Layout, palette: Palette): void {
    const { context } = this;
    const full = Math.max(1, knob(this.app, 'lease_duration_ms'));
    for (let row = 0; row < frame.elector.rows; row += 1) {
      const shape = electorShape(frame, row);
      if (shape === 'exited') continue;
      const { x, y, w, h } = electorBox(layout, frame.elector.api(row), frame.elector.component(row));
      const left = Math.min(1, frame.elector.lease_left(row) / full);
      const [bx, bw, by] = [x + 20, w - 22, y + h - 5];
      context.fillStyle = palette.track;
      context.fillRect(bx, by, bw, 3);
      context.fillStyle = left < 1 / 3 ? palette.wait : shape === 'holder' ? palette.accent : palette.calm;
      context.fillRect(bx, by, bw * left, 3);
    }
  }
}
