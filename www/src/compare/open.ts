// How two runs to compare come about.

import { inTurns, type Progress } from '../begin.ts';
import { Engine, type Change, type FaultRequest } from '../engine.ts';
import type { Topology } from '../state.ts';
import { Pair } from './pair.ts';

/** What a run is compared with. Presets bring both runs; everything else goes on from the run at hand, which is A. */
export type Against =
  | { readonly kind: 'preset'; readonly name: string }
  | { readonly kind: 'dial'; readonly change: Change }
  | { readonly kind: 'fault'; readonly fault: FaultRequest }
  | { readonly kind: 'topology'; readonly topology: Topology }
  | OtherBranch;

/** Another branch of the run at hand. */
export interface OtherBranch {
  readonly kind: 'branch';
  readonly id: number;
  /** What the one that is played and this one are called. */
  readonly names: readonly [string, string];
  /** When what is done in them first differs, and how far either was seen, in us. */
  readonly partUs: number | null;
  readonly seenUs: number;
}

export interface Opening {
  /** The run at hand. */
  readonly engine: Engine;
  readonly seed: number;
  readonly opensUs: number;
  readonly progress: Progress;
}

/** Both runs, standing at the same moment. Undefined: nobody waits any more. Throws a sentence where there can be no B. */
export async function open(against: Against, { engine, seed, opensUs, progress }: Opening): Promise<Pair | undefined> {
  if (against.kind === 'preset') return preset(against.name, seed, opensUs, progress);
  const b = other(against, engine);
  try {
    const there = (await play(b, opensUs, progress)) && (engine.now_us() >= opensUs || (await play(engine, opensUs, progress)));
    if (!there) {
      b.free();
      return undefined;
    }
    const pair = new Pair(engine, b);
    if (against.kind === 'dial') pair.differ({ set: [against.change] });
    if (against.kind === 'fault') pair.differ({ inject: against.fault });
    return pair;
  } catch (error) {
    b.free();
    throw error;
  }
}

function other(against: Exclude<Against, { kind: 'preset' }>, a: Engine): Engine {
  switch (against.kind) {
    case 'dial':
    case 'fault':
      return a.fork();
    case 'branch':
      return a.fork_of(against.id);
    case 'topology': {
      // The same commands at the same moments; how many events came before is another matter in another cluster.
      const run = JSON.parse(a.journal());
      const journal = run.journal.map((line: object) => ({ ...line, step: 0 }));
      return Engine.replay(JSON.stringify({ ...run, cluster: against.topology, journal, end: null, digest: null }));
    }
  }
}

async function preset(name: string, seed: number, opensUs: number, progress: Progress): Promise<Pair | undefined> {
  const sides: Engine[] = [];
  for (const side of [0, 1]) {
    const engine = Engine.of_preset(name, side, seed);
    sides.push(engine);
    if (!(await play(engine, opensUs, (share) => progress((side + share) / 2)))) {
      for (const side of sides) side.free();
      return undefined;
    }
    engine.prepare_preset(name, side);
  }
  const [a, b] = sides;
  return a === undefined || b === undefined ? undefined : new Pair(a, b);
}

/** Plays a run to a moment in turns. */
function play(engine: Engine, untilUs: number, progress: Progress): Promise<boolean> {
  return inTurns((events) => engine.run(untilUs, events), () => progress(engine.now_us() / untilUs));
}
