// How the page comes about: what it was asked for, the engine, the first run.

import { begin, isRefusal, type Pace } from './begin.ts';
import { byId } from './dom.ts';
import type { Embed } from './embed/embed.ts';
import { asksForFace, hearEarly, isFigure } from './embed/face.ts';
import { load, type Module } from './engine.ts';
import { linkedRun, toMoment } from './link/address.ts';
import { earlyLooks, PLAIN, remembered } from './looks.ts';
import { keepFiles } from './offline.ts';
import { nodesOf, Page, speakAs } from './page.ts';
import { capital, inEnglish, say } from './say.ts';
import { setup } from './setup.ts';
import { parse, type Wish } from './url.ts';
import { applyLanguage, applyLooks } from './view/looks.ts';
import { Waiting } from './view/waiting.ts';

/** The first run. A cluster that the engine refuses becomes the scenario's own, and a sentence. */
async function first(module: Module, wish: Wish, waiting: Waiting, pace?: Pace): Promise<Page> {
  const progress = (share: number): boolean => {
    waiting.show(share, nodesOf(wish, module.catalog));
    return true;
  };
  try {
    const beginning = await begin(module, wish, progress, pace);
    if (beginning === undefined) throw new Error(say('never'));
    const kept = await toMoment(beginning, wish, waiting);
    byId('page').hidden = false;
    return new Page(module, wish, beginning, waiting, kept, pace);
  } catch (error) {
    if (wish.topology === null || !isRefusal(error)) throw error;
    const notice = say('bad_parameters_cluster', { sentence: inEnglish(capital(error.message)) });
    return await first(module, { ...wish, topology: null, notices: [...wish.notices, notice] }, waiting, pace);
  }
}

async function embed(waiting: Waiting, early: ReturnType<typeof hearEarly>): Promise<Embed> {
  const { Embed } = await import('./embed/embed.ts');
  return new Embed(waiting, early);
}

async function start(): Promise<void> {
  const { search, hash } = setup();
  const isFace = asksForFace(search);
  // Before anything is waited for: what is said meanwhile is heard.
  const early = isFace ? hearEarly() : undefined;
  // What was chosen here before is the page's own; a figure looks as the text around it says.
  const before = isFace ? PLAIN : remembered();
  const looks = earlyLooks(search, before);
  applyLooks(looks);
  // A figure loads nothing before it is seen. Whoever waits hears of a failure; nobody waits yet.
  const loading = isFace ? undefined : load();
  loading?.catch(() => undefined);
  const notice = await speakAs(looks.locale);
  applyLanguage();
  const waiting = new Waiting();
  try {
    const frame = early === undefined ? undefined : await embed(waiting, early);
    await frame?.seen();
    const module = await (loading ?? load());
    const asked = parse(search, module.catalog, before, isFigure());
    const wish = { ...asked, notices: [...(notice === undefined ? [] : [notice]), ...asked.notices] };
    const pace = frame?.pace(wish.face);
    const linked = await linkedRun(hash, wish, waiting);
    let page: Page;
    if (linked === undefined) page = await first(module, wish, waiting, pace);
    else {
      byId('page').hidden = false;
      page = new Page(module, { ...wish, ...linked.plan, changes: [], compare: null, running: false }, linked.beginning, waiting, hash, pace);
    }
    frame?.dress(page, wish);
    waiting.done();
    performance.mark('ready');
    keepFiles();
  } catch (error) {
    console.error(error);
    byId('page').hidden = true;
    waiting.failed(say('load_failed', { error: error instanceof Error ? error.message : String(error) }));
  }
}

void start();
