// Two runs on one clock, with the same luck and one difference. Whatever is done, is done to both.

import { Comparison, type Engine, type RecordRow } from '../engine.ts';

/** Where two runs part. A row that is null did not happen in that run. */
export interface Divergence {
  readonly at_us: number;
  readonly a: RecordRow | null;
  readonly b: RecordRow | null;
}

/** The most events of one run between two looks: its record holds many times as many. */
const MOST = 60_000;

export class Pair {
  readonly a: Engine;
  readonly b: Engine;
  /** The first thing that differs, and the first that a person would notice. */
  found: Divergence | null = null;
  heard: Divergence | null = null;
  private readonly comparison: Comparison;

  constructor(a: Engine, b: Engine) {
    this.a = a;
    this.b = b;
    this.comparison = new Comparison(a, b);
    this.look();
  }
  /** The moment that both have reached. */
  nowUs(): number {
    return Math.min(this.a.now_us(), this.b.now_us());
  }
  /** Plays both on, each by at most half the events. Neither goes back: the one that is ahead waits. */
  run(untilUs: number, budget: number): boolean {
    const each = Math.min(MOST, Math.ceil(budget / 2));
    const arrived = [this.a, this.b].map((engine) => engine.now_us() >= untilUs || engine.run(untilUs, each));
    this.compare();
    return arrived.every(Boolean);
  }
  /** Goes to a moment, forward or back. To be called again until both are there. */
  seek(toUs: number, budget: number): boolean {
    const each = Math.min(MOST, budget);
    const arrived = [this.a, this.b].map((engine) => engine.now_us() === toUs || engine.run(toUs, each));
    this.compare();
    return arrived.every(Boolean);
  }
  /** A's next event, and whatever B does up to then. */
  stepEvent(): void {
    this.a.step_event();
    this.follow();
  }
  stepBack(): void {
    this.a.step_back();
    this.follow();
  }
  private follow(): void {
    this.b.run(this.a.now_us(), MOST);
    this.compare();
  }
  /** Does the same to both, or to neither: an act of the journal. Throws a sentence. */
  both(act: unknown): void {
    this.comparison.both(this.a, this.b, act);
    this.look();
  }
  /** Does something in B only. */
  differ(act: unknown): void {
    this.comparison.differ(this.a, this.b, act);
    this.look();
  }
  private compare(): void {
    this.comparison.advance(this.a, this.b);
    this.look();
  }
  private look(): void {
    this.found = this.comparison.found();
    this.heard = this.comparison.heard();
  }
  /** Forgets the comparison; its runs are others' to free. */
  free(): void {
    this.comparison.free();
  }
}
