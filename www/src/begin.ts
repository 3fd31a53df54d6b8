// How a run begins: a cluster with its dials, simulated until everybody has started. In slices, so that the page lives.

import type { Change, Engine, Module } from './engine.ts';
import { capital, inEnglish, say } from './say.ts';
import type { Topology } from './state.ts';

/** Simulated time before the page opens, in µs: by then everybody has started, and monitoring has looked twice. */
const WARM_UP_US = 32_000_000;
/** The same where a script breaks things by itself from 20 s on: leaders and holders are elected. */
const WARM_UP_SCRIPTED_US = 5_000_000;
/** How the simulation and the browser take turns. */
export interface Pace {
  /** Events between two looks at the clock. */
  readonly events: number;
  /** The time after which the browser has its turn, in ms. */
  readonly turn: number;
  /** Comes back when it is the simulation's turn again. */
  breath(): Promise<void>;
}
const PACE: Pace = { events: 10_000, turn: 100, breath };

/** Hears how far it is, from 0 to 1; where it says false, nobody waits any more. */
export type Progress = (share: number) => boolean;

/** Calls `go` until it says that it is there, and lets the browser live in between. Returns whether it got there. */
export async function inTurns(go: (events: number) => boolean, progress: () => boolean, pace: Pace = PACE): Promise<boolean> {
  for (let turn = performance.now(); !go(pace.events); ) {
    if (performance.now() - turn < pace.turn) continue;
    if (!progress()) return false;
    await pace.breath();
    turn = performance.now();
  }
  return true;
}

/** Dials that are flags are set before the warm-up; these hit the healthy cluster after it. */
const NETWORK = new Set(['loss_ppm', 'loss_place', 'link_delay_us', 'link_jitter_us', 'link_rate_mbps', 'fsync_us']);

export interface Plan {
  readonly scenario: string;
  readonly seed: number;
  readonly topology: Topology | null;
  readonly changes: readonly Change[];
  /** Whether dials that do not fit together are an error; else they stay at their defaults, and a notice says so. */
  readonly strict?: boolean;
}
export interface Beginning {
  readonly engine: Engine;
  /** Whether the scenario does things by itself. */
  readonly scripted: boolean;
  /** What could not be had, a sentence each. */
  readonly notices: readonly string[];
}

/** A healthy, elected cluster. Undefined: nobody waits any more. */
export async function begin(module: Module, plan: Plan, progress: Progress, pace?: Pace): Promise<Beginning | undefined> {
  const engine = module.create(plan.scenario, plan.seed, plan.topology);
  const scripted = JSON.parse(engine.journal()).journal.length > 0;
  const notices: string[] = [];
  const set = (some: Change[]): void => {
    try {
      if (some.length > 0) engine.set_knobs(some);
    } catch (error) {
      if (plan.strict === true) engine.free();
      if (plan.strict === true || !isRefusal(error)) throw error;
      notices.push(say('bad_parameters_together', { sentence: inEnglish(capital(error.message)) }));
    }
  };
  const knobs: Change[] = engine.knobs();
  const standing = new Map(knobs.map(({ name, value }) => [name, value]));
  const moved = plan.changes.filter(({ name, value }) => standing.get(name) !== value);
  set(moved.filter(({ name }) => !NETWORK.has(name)));
  const until = scripted ? WARM_UP_SCRIPTED_US : WARM_UP_US;
  if (!(await inTurns((events) => engine.run(until, events), () => progress(engine.now_us() / until), pace))) {
    engine.free();
    return undefined;
  }
  set(moved.filter(({ name }) => NETWORK.has(name)));
  return { engine, scripted, notices };
}

/** Whether the engine said no in a sentence, and did not break. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Error && !(error instanceof WebAssembly.RuntimeError);
}

/** Lets the browser draw. A message comes at once, also in a hidden tab, where timers wait for a second. */
export function breath(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
