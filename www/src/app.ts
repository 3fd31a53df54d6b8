// What the views may ask for. Controls call these; everything flows back through the engine's next frame.

import type { Catalog, Change, FaultRequest, WhatIf } from './engine.ts';
import type { Cluster } from './cluster.ts';
import type { Names, Operation } from './notes.ts';
import type { Past } from './past.ts';
import type { Action, State, Topology } from './state.ts';

export interface App {
  readonly catalog: Catalog;
  readonly state: State;
  /** What workloads and pods are called. */
  readonly named: Names;
  /** What there is. */
  readonly cluster: Cluster;
  /** Whether the scenario does things by itself, so that the page sets no tasks. */
  readonly scripted: boolean;
  /** Where every dial stands, as the engine says. */
  readonly knobs: ReadonlyMap<string, number>;
  act(action: Action): void;
  /** Moves dials; if the engine refuses, says why beside the first of them. */
  setKnobs(changes: readonly Change[]): boolean;
  /** The engine's sentence if it would refuse this. */
  refusal(name: string, value: number): string | undefined;
  inject(fault: FaultRequest): void;
  heal(id: number): void;
  healAll(): void;
  stepEvent(): void;
  /** Takes the last event back. */
  stepBack(): void;
  startOver(scenario: string, seed: number): void;
  /** Starts over with a cluster of another shape. */
  rebuild(topology: Topology): void;
  /** Something is done with kubectl, or a machine is plugged in. */
  operate(act: Operation): void;
}

/** What may be asked of the page by whoever has many dials at once. */
export interface OwnApp extends App {
  /** The engine's sentence if it would refuse these together with what stands. */
  check(changes: readonly Change[]): string | undefined;
  /** Starts over with these dials, or stays, and says why in the state's `refused`, at `where`. */
  restart(topology: Topology | null, changes: readonly Change[], where: string): Promise<boolean>;
}

/** What the views of time may ask for besides. */
export interface TimeApp extends App {
  /** Where the run has been. */
  readonly past: Past;
  /** Goes to this moment of the run, in slices; what runs goes on from there. */
  seek(us: number): void;
  /** Where the run is on its way to, in us, if it is. */
  readonly goingTo: number | undefined;
  /** Stays where a journey is now. */
  stopSeek(): void;
  /** Goes to the next event of note that has been seen, or to the last one before now. */
  seekNote(forward: boolean): void;
  /** Plays another branch. */
  switchBranch(id: number): void;
  /** Calls a branch something. Returns whether the engine allows it. */
  renameBranch(id: number, name: string): boolean;
  deleteBranch(id: number): void;
  /** Draws the branch that is played and this one side by side. */
  compareWith(id: number): void;
  /** Begins a branch in which one thing is otherwise, and goes there. */
  whatIf(what: WhatIf, effect?: Effect): void;
}

/** Something that happened, to be looked for in another branch. */
export interface Effect {
  readonly at_us: number;
  readonly kind: string | null;
  readonly program: number | null;
  /** In words. */
  readonly what: string;
}

/** Where a dial stands. */
export function knob(app: App, name: string): number {
  return app.knobs.get(name) ?? 0;
}
