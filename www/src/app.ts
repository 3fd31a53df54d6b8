// What the views may ask for. Controls call these; everything flows back through the engine's next frame.

import type { Catalog, Change, FaultRequest } from './engine.ts';
import type { Cluster } from './cluster.ts';
import type { Names, Operation } from './notes.ts';
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

/** Where a dial stands. */
export function knob(app: App, name: string): number {
  return app.knobs.get(name) ?? 0;
}
