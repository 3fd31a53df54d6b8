// What an address says beyond its parameters: a packed run, or a moment to open at.

import { isRefusal, type Beginning, type Progress } from '../begin.ts';
import { moment, say } from '../say.ts';
import type { Wish } from '../url.ts';
import type { Waiting } from '../view/waiting.ts';
import type { Opened } from './open.ts';
import { isLink } from './run.ts';

/** Shows how far a run from outside has been played. */
export function showing(waiting: Waiting): Progress {
  return (share) => waiting.showWay(say('link_opening'), share);
}

/** The run that an address's hash holds. Undefined: it holds none, or the wish has a sentence about it. */
export async function linkedRun(hash: string, wish: Wish, waiting: Waiting): Promise<Opened | undefined> {
  if (!isLink(hash)) return undefined;
  try {
    const { openLink } = await import('./open.ts');
    const opened = await openLink(hash, showing(waiting));
    if (opened === undefined) wish.notices.push(say('link_stopped'));
    return opened;
  } catch (error) {
    if (isRefusal(error)) {
      wish.notices.push(error.message);
      return undefined;
    }
    // What broke the engine would break it again.
    history.replaceState(null, '', location.pathname + location.search);
    throw error;
  } finally {
    waiting.done();
  }
}

/** Goes on to the moment that the address asks for. Returns what of the address stays true until the run goes on. */
export async function toMoment({ engine }: Beginning, wish: Wish, waiting: Waiting): Promise<string> {
  const { t, compare, notices } = wish;
  if (t === null) return '';
  const [now, there] = [engine.now_us(), Math.round(t * 1e6)];
  if (compare !== null) notices.push(say('t_compare'));
  else if (there < now) notices.push(say('t_early', { value: String(t), from: String(now / 1e6) }));
  else {
    const { goOn } = await import('./open.ts');
    const text = say('t_going', { at: moment(t * 1000) });
    if (await goOn(engine, there, (share) => waiting.showWay(text, share))) return `&t=${t}`;
    notices.push(say('t_stopped', { at: moment(t * 1000), now: moment(engine.now_us() / 1000) }));
  }
  return '';
}
