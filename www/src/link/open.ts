// A run from outside: played again in slices, and compared with what it says of itself.

import { breath, isRefusal, type Beginning, type Plan } from '../begin.ts';
import { Replay, type Engine } from '../engine.ts';
import { capital, moment, say } from '../say.ts';
import { unpack } from './pack.ts';
import { clipped, type Run } from './run.ts';

/** Events between two looks at the clock, and the time after which the browser has its turn, in ms. */
const BUDGET = 5_000;
const TURN = 50;

/** Hears how far it is, from 0 to 1; where it says false, nobody waits any more. */
export type Progress = (share: number) => boolean;

/** A run that was opened, and the page's sentence about it. */
export interface Opened {
  readonly plan: Plan;
  readonly beginning: Beginning;
  /** Whether it is the run that was shared, to the bit. */
  readonly verified: boolean;
}

/** Plays the run that an address's hash holds. */
export async function openLink(hash: string, progress: Progress): Promise<Opened | undefined> {
  return await openRun(await unpack(hash), progress);
}

/** Plays a run from outside. Undefined: nobody waits any more. Throws a sentence where there can be no such run. */
export async function openRun(run: Run, progress: Progress): Promise<Opened | undefined> {
  const engine = await replay(JSON.stringify(run), progress);
  if (engine === undefined) return undefined;
  // What the engine has understood counts, not what the text may have said besides.
  const own: Run = JSON.parse(engine.journal());
  const { verified, sentence } = judge(run, own);
  const plan = { scenario: own.scenario, seed: own.seed, topology: own.cluster, changes: [] };
  return { plan, beginning: { engine, scripted: own.journal.some(({ scripted }) => scripted), notices: [sentence] }, verified };
}

async function replay(json: string, progress: Progress): Promise<Engine | undefined> {
  let run: Replay | undefined;
  try {
    run = new Replay(json);
    const [playing, until] = [run, Math.max(1, run.until_us())];
    if (!(await inSlices((budget) => playing.go_on(budget), () => progress(playing.now_us() / until)))) {
      run.free();
      return undefined;
    }
    // The run takes the engine along, and is gone.
    return run.engine();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    run?.free();
    throw new Error(say('link_refused', { sentence: capital(error.message) }));
  }
}

/** Goes on to a moment of the run. Returns whether it got there. */
export function goOn(engine: Engine, untilUs: number, progress: Progress): Promise<boolean> {
  const from = engine.now_us();
  return inSlices((budget) => engine.run(untilUs, budget), () => progress((engine.now_us() - from) / (untilUs - from)));
}

/** Calls until it is done, and lets the browser live in between. Returns whether it got done. */
async function inSlices(go: (budget: number) => boolean, progress: () => boolean): Promise<boolean> {
  for (let turn = performance.now(); !go(BUDGET); ) {
    if (performance.now() - turn < TURN) continue;
    if (!progress()) return false;
    await breath();
    turn = performance.now();
  }
  return true;
}

/** Whether what was played is what was shared, in words. */
function judge(run: Run, own: Run): { verified: boolean; sentence: string } {
  const [theirs, ours] = [clipped(run.engine), own.engine];
  const claimed = typeof run.digest === 'string' ? run.digest : '';
  const values = { at: moment(own.until_us / 1000), digest: clipped(claimed), now: own.digest ?? '', theirs, ours };
  const verified = claimed === own.digest;
  if (claimed === '') return { verified, sentence: say(theirs === ours ? 'opened_unknown' : 'opened_unknown_other', values) };
  if (theirs === ours) return { verified, sentence: say(verified ? 'opened_same' : 'opened_differs', values) };
  return { verified, sentence: say(verified ? 'opened_other_same' : 'opened_other', values) };
}
