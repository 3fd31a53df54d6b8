// A run as data, as the engine writes it, and what the page says of where it comes from.

import type { Act } from '../notes.ts';
import type { Topology } from '../state.ts';

/** A command of a journal: after how many events, at what time in ns. */
export interface Line {
  readonly step: number;
  readonly at_ns: number;
  readonly do: Act;
  readonly scripted: boolean;
}

/** A run: scenario, seed and journal determine it, and the digest says what came of it. */
export interface Run {
  readonly schema: number;
  readonly engine: string;
  readonly scenario: string;
  /** The cluster, if it is not the scenario's own. */
  readonly cluster: Topology | null;
  readonly seed: number;
  readonly until_us: number;
  /** Where exactly it ends: many events share an instant. */
  readonly end: { readonly step: number; readonly at_ns: number; readonly commands: number } | null;
  readonly journal: readonly Line[];
  /** Empty where nobody could ask the engine any more. */
  readonly digest: string | null;
}

/** The largest run that is read, in bytes; the engine reads no larger one. */
export const RUN_BYTES = 4 << 20;

/** Whether an address's hash claims to hold a run, in whichever packing. */
export function isLink(hash: string): boolean {
  return /^#r\d+=/.test(hash);
}
