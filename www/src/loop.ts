// The page's only clock: frames while the simulation runs and can be seen, none otherwise.

/** Engine time aimed at per frame, in ms: half of a frame at 60 Hz leaves room for the view and the browser. */
const ENGINE_MS = 8;
const BUDGET_MIN = 500;
const BUDGET_MAX = 2_000_000;
/** Frames that the statistics look back on. */
const RING = 600;
/** A frame that comes later than this, in ms, is a gap (a hidden tab, a debugger) and not time that passed. */
const GAP = 100;
/** The same as ENGINE_MS on a journey: the view rests until it is over. */
const JOURNEY_MS = 11;
/** A journey that takes longer than this, in ms, shows where it is. */
const LONG_MS = 250;

export interface Driver {
  nowUs(): number;
  /** Runs until `untilUs` or until the budget of events is spent; then false. */
  run(untilUs: number, budget: number): boolean;
  /** Draws the present. `wallMs`: running time shown so far. */
  draw(wallMs: number): void;
  /** A journey to another moment is over. */
  arrived(): void;
  /** Playing backwards came to the beginning. */
  atStart(): void;
  /** Something that the driver calls threw. */
  broke(error: unknown): void;
}

/** How long the view and the engine took per frame. For tests and for the curious. */
export class Stats {
  frames = 0;
  private readonly view = new Float64Array(RING);
  private readonly engine = new Float64Array(RING);

  add(viewMs: number, engineMs: number): void {
    const slot = this.frames % RING;
    this.view[slot] = viewMs;
    this.engine[slot] = engineMs;
    this.frames += 1;
  }
  private quantile(ring: Float64Array, q: number): number {
    const sorted = ring.slice(0, Math.min(this.frames, RING)).sort();
    return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
  }
  get view_ms_p50(): number {
    return this.quantile(this.view, 0.5);
  }
  get view_ms_p95(): number {
    return this.quantile(this.view, 0.95);
  }
  get view_ms_p99(): number {
    return this.quantile(this.view, 0.99);
  }
  get engine_ms(): number {
    return this.quantile(this.engine, 0.5);
  }
}

/** On the way to another moment, forward or back, in slices of a frame. */
interface Journey {
  readonly toUs: number;
  /** When it began, on the user's clock. */
  readonly since: number;
  /** Whether somebody asked for it; else it is a frame of playing backwards. */
  readonly asked: boolean;
}

export class Loop {
  readonly stats = new Stats();
  /** Whether the last frame fell short of the speed asked for. */
  behind = false;
  speed = 1;
  backwards = false;
  private asleep = false;
  private journey: Journey | undefined;
  /** Where to go after that: the newest wish wins. */
  private nextUs: number | undefined;
  private readonly driver: Driver;
  private running = false;
  private pending = 0;
  private last = 0;
  private targetUs = 0;
  private wallMs = 0;
  private budget = 20_000;

  constructor(driver: Driver) {
    this.driver = driver;
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.redraw();
    });
  }
  setRunning(running: boolean): void {
    if (running === this.running) return;
    this.running = running;
    this.behind = false;
    this.last = 0;
    this.redraw();
  }
  /** Where nobody can see it nothing is drawn and time stands still; what was asked for is done when it can be seen. */
  sleep(asleep: boolean): void {
    this.asleep = asleep;
    // Time that passed meanwhile was not played.
    this.last = 0;
    if (asleep) cancelAnimationFrame(this.pending);
    this.pending = 0;
    this.redraw();
  }
  /** Goes to this moment, before anything else happens. What runs goes on from there. */
  seek(us: number): void {
    const toUs = Math.max(0, Math.floor(us));
    // One at a time, or a drag would never arrive anywhere; but nobody waits for a long one.
    if (this.journey?.asked === true && !this.isLong) this.nextUs = toUs;
    else {
      this.journey = { toUs, since: performance.now(), asked: true };
      this.nextUs = undefined;
    }
    this.redraw();
  }
  /** Stays where the journey is now. */
  stop(): void {
    if (this.journey === undefined) return;
    this.journey = undefined;
    this.nextUs = undefined;
    this.driver.arrived();
    this.redraw();
  }
  /** Where it is on its way to, in us, if somebody asked for it. */
  get goingTo(): number | undefined {
    return this.journey?.asked === true ? (this.nextUs ?? this.journey.toUs) : undefined;
  }
  /** Whether the journey takes so long that the way is shown. */
  get isLong(): boolean {
    return this.journey?.asked === true && performance.now() - this.journey.since > LONG_MS;
  }
  /** Running time shown so far, in ms. */
  get shownMs(): number {
    return this.wallMs;
  }
  /** Draws once soon, running or not. */
  redraw(): void {
    if (this.pending === 0 && !document.hidden && !this.asleep) this.pending = requestAnimationFrame((at) => this.frame(at));
  }
  private frame(at: number): void {
    this.pending = 0;
    try {
      const before = performance.now();
      const there = this.journey !== undefined ? this.travel() : !this.running || this.advance(at);
      const between = performance.now();
      // Half-way the world is nowhere that anybody asked for.
      if (there || this.isLong) {
        if (there && this.journey !== undefined) this.arrive();
        this.driver.draw(this.wallMs);
        this.stats.add(performance.now() - between, between - before);
      }
    } catch (error) {
      this.running = false;
      this.journey = undefined;
      this.driver.broke(error);
      return;
    }
    if (this.running || this.journey !== undefined) this.redraw();
  }
  /** One slice of a journey. Returns whether it is over. */
  private travel(): boolean {
    if (this.journey === undefined) return true;
    const before = performance.now();
    const there = this.driver.run(this.journey.toUs, this.budget);
    this.adapt(performance.now() - before, JOURNEY_MS, !there);
    return there;
  }
  private arrive(): void {
    const { asked = false, toUs = 0 } = this.journey ?? {};
    const next = this.nextUs;
    this.nextUs = undefined;
    this.journey = next === undefined ? undefined : { toUs: next, since: performance.now(), asked: true };
    // Time that passed on the way was not played.
    if (asked) this.last = 0;
    this.driver.arrived();
    if (!asked && toUs === 0) this.driver.atStart();
  }
  /** Plays on for as long as it is since the last frame. Returns whether there is something to show. */
  private advance(at: number): boolean {
    const elapsed = this.last === 0 ? 0 : Math.min(at - this.last, GAP);
    this.last = at;
    this.wallMs += elapsed;
    const now = this.driver.nowUs();
    const played = elapsed * this.speed * 1000;
    // Fractions of a microsecond add up; a target that was missed or a jump of the engine's clock starts afresh.
    if (this.behind || Math.abs(this.targetUs - now) > 1 + played) this.targetUs = now;
    this.targetUs += this.backwards ? -played : played;
    const until = Math.max(0, Math.floor(this.targetUs));
    if (this.backwards) {
      this.behind = false;
      if (until >= now && until > 0) return true;
      this.journey = { toUs: until, since: at, asked: false };
      return this.travel();
    }
    const before = performance.now();
    // The engine's own time is finer: the same microsecond again would be a step back.
    this.behind = until > now && !this.driver.run(until, this.budget);
    this.adapt(performance.now() - before, ENGINE_MS, this.behind);
    return true;
  }
  /** Keeps the events of a frame within its time. What is simulated does not depend on it. */
  private adapt(ms: number, most: number, short: boolean): void {
    if (ms > most) this.budget = Math.max(BUDGET_MIN, Math.floor((this.budget * most) / ms));
    else if (short) this.budget = Math.min(BUDGET_MAX, Math.ceil(this.budget * Math.min(2, most / Math.max(ms, 1))));
  }
}
