// What whoever embeds the page may ask of it, and what it is told.

import type { TimeApp } from '../app.ts';
import type { Plan } from '../begin.ts';
import type { NoteRow } from '../engine.ts';
import type { Rung } from '../health.ts';
import type { Run as SavedRun } from '../link/run.ts';
import type { State } from '../state.ts';

export interface Host extends TimeApp {
  /** What each rung's line says. */
  readonly rungs: Readonly<Record<Rung, { readonly level: number; readonly state: string; readonly since: string }>>;
  watcher: Watcher | undefined;
  /** Called when the page was filled anew, in another language. */
  refilled: (() => void) | undefined;
  /** The run as data, in JSON. */
  runJournal(): string;
  /** Nobody can see the page: time stands still. */
  sleep(asleep: boolean): void;
  /** Goes to a moment, also to one that was not seen yet. */
  goTo(us: number): void;
  /** Does it now, or when the run has come to where it is on its way to. */
  whenThere(call: () => void): void;
  /** Another run; what cannot be had is said as `where`, and the old one goes on. Returns whether it began. */
  load(plan: Plan, where: string): Promise<boolean>;
  /** Plays a run from outside to its end. Returns whether it is there; throws a sentence where there can be no such run. */
  open(run: SavedRun): Promise<boolean>;
}

export interface Watcher {
  changed(before: State, after: State): void;
  /** The texts may say something else. */
  drawn(): void;
  noted(notes: readonly NoteRow[]): void;
  /** The engine broke. */
  broke(text: string): void;
}
