// The page's only clock: frames while the simulation runs and can be seen, none otherwise.

/** Engine time aimed at per frame, in ms: half of a frame at 60 Hz leaves room for the view and the browser. */
const ENGINE_MS = 8;
const BUDGET_MIN = 500;
const BUDGET_MAX = 2_000_000;
/** Frames that the statistics look back on. */
const RING = 600;
/** A frame that comes later than this, in ms, is a gap (a hidden tab, a debugger) and not time that passed. */
const GAP = 100;

export interface Driver {
  nowUs(): number;
  /** Runs until `untilUs` or until the budget of events is spent; then false. */
  run(untilUs: number, budget: number): boolean;
  /** Draws the present. `wallMs`: running time shown so far. */
  draw(wallMs: number): void;
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

export class Loop {
  readonly stats = new Stats();
  /** Whether the last frame fell short of the speed asked for. */
  behind = false;
  speed = 1;
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
  /** Draws once soon, running or not. */
  redraw(): void {
    if (this.pending === 0 && !document.hidden) this.pending = requestAnimationFrame((at) => this.frame(at));
  }
  private frame(at: number): void {
    this.pending = 0;
    try {
      const before = performance.now();
      if (this.running) this.advance(at);
      const between = performance.now();
      this.driver.draw(this.wallMs);
      this.stats.add(performance.now() - between, between - before);
    } catch (error) {
      this.running = false;
      this.driver.broke(error);
      return;
    }
    if (this.running) this.redraw();
  }
  private advance(at: number): void {
    const elapsed = this.last === 0 ? 0 : Math.min(at - this.last, GAP);
    this.last = at;
    this.wallMs += elapsed;
    const now = this.driver.nowUs();
    // Fractions of a microsecond add up; a target that was missed or a jump of the engine's clock starts afresh.
    if (this.behind || Math.abs(this.targetUs - now) > 1 + elapsed * this.speed * 1000) this.targetUs = now;
    this.targetUs += elapsed * this.speed * 1000;
    const before = performance.now();
    const until = Math.floor(this.targetUs);
    // The engine's own time is finer: the same microsecond again would be a step back.
    this.behind = until > now && !this.driver.run(until, this.budget);
    this.adapt(performance.now() - before);
  }
  /** Keeps the events of a frame within its time. What is simulated does not depend on it. */
  private adapt(ms: number): void {
    if (ms > ENGINE_MS) this.budget = Math.max(BUDGET_MIN, Math.floor((this.budget * ENGINE_MS) / ms));
    else if (this.behind) this.budget = Math.min(BUDGET_MAX, Math.ceil(this.budget * Math.min(2, ENGINE_MS / Math.max(ms, 1))));
  }
}
