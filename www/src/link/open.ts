// A run from outside: played again in slices, and compared with what it says of itself.

import { breath, inTurns, isRefusal, type Beginning, type Pace, type Plan, type Progress } from '../begin.ts';
import { Replay, type Engine } from '../engine.ts';
import { capital, clipped, inEnglish, moment, say } from '../say.ts';
import { unpack } from './pack.ts';
import type { Run } from './run.ts';

/** A shared run may be dense with commands: smaller slices than where a cluster starts. */
const PACE: Pace = { events: 5_000, turn: 50, breath };

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
    if (!(await inTurns((events) => playing.go_on(events), () => progress(playing.now_us() / until), PACE))) {
      run.free();
      return undefined;
    }
    // The run takes the engine along, and is gone.
    return run.engine();
  } catch (error) {
    if (!isRefusal(error)) throw error;
    run?.free();
    throw new Error(say('link_refused', { sentence: inEnglish(capital(error.message)) }));
  }
}

/** Goes on to a moment of the run. Returns whether it got there. */
export function goOn(engine: Engine, untilUs: number, progress: Progress): Promise<boolean> {
  const from = engine.now_us();
  return inTurns((events) => engine.run(untilUs, events), () => progress((engine.now_us() - from) / (untilUs - from)), PACE);
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
