// What is said between the page and whoever put it into a frame: orders in, answers and news out. Only where the address
// asked for it, only with the window around the frame, only with the origin that the address named.

import { isRefusal } from '../begin.ts';
import { programAt } from '../cluster.ts';
import { csv } from '../csv.ts';
import type { NoteRow } from '../engine.ts';
import { RUNGS } from '../health.ts';
import { noteText } from '../notes.ts';
import { quantity, shown } from '../quantity.ts';
import { capital, say } from '../say.ts';
import type { Samples } from '../samples.ts';
import type { State } from '../state.ts';
import { TASKS } from '../tasks.ts';
import type { Wish } from '../url.ts';
import type { hearEarly } from './face.ts';
import type { Host, Watcher } from './host.ts';
import { VERSION, Wrong, idOf, isOurs, readOrder, type Order, type Run, type Settings } from './messages.ts';

/** News of the state come this often at most, in ms. */
const STATE_EVERY = 250;
/** Orders kept while the engine is not there; of more the oldest are answered. */
const KEPT = 100;

type Reply = Readonly<Record<string, unknown>>;

/** The series as a table. Nobody needs more digits than these. */
function seriesOf({ names, rows }: Samples): string {
  return csv(names, rows.map((row) => Array.from(row, (value) => Number(value.toPrecision(9)))));
}

/** Whether the window around the frame may have this origin. Not every browser tells; then the messages find out. */
function mayBe(origin: string): boolean {
  const [around] = Array.from((location as { ancestorOrigins?: DOMStringList }).ancestorOrigins ?? []);
  return origin === '*' || around === undefined || around === origin;
}

export class Relay implements Watcher {
  /** Called when somebody asked for something before there was an engine. */
  wanted: () => void = () => undefined;
  private early: MessageEvent[] = [];
  private page: Host | undefined;
  private link: () => string = () => '';
  private origin = '';
  private sentAt = -Infinity;
  private sentText = '';
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asleep = false;
  private height = 0;
  private sentHeight = 0;
  /** Says that the page is there, once. */
  private begins: (() => void) | undefined;

  constructor({ heard, stop }: ReturnType<typeof hearEarly>) {
    stop();
    if (parent === window || !new URLSearchParams(location.search).has('relay')) return;
    for (const event of heard) this.receive(event);
    addEventListener('message', (event) => this.receive(event));
  }
  /** Whether an order waits for the engine. */
  get busy(): boolean {
    return this.early.length > 0;
  }
  /** The page is there: says so, and does what was asked meanwhile. */
  attach(page: Host, { face, parameters }: Wish, link: () => string): void {
    this.origin = parent === window || !mayBe(face.relay) ? '' : face.relay;
    const early = this.early.splice(0);
    this.page = page;
    if (this.origin === '') return;
    this.link = link;
    page.watcher = this;
    const dials = page.catalog.knobs.map((spec) => quantity(spec).param);
    this.begins = () => {
      this.begins = undefined;
      this.send({ type: 'ready', engine: page.catalog.engine_version, parameters, dials, state: this.state() });
      for (const error of page.state.notices) this.send({ type: 'error', error });
      for (const event of early) this.receive(event);
      this.resize(this.height);
    };
    // Once it is drawn there is more to tell; but what cannot be seen is not drawn.
    if (this.asleep) this.begins();
  }

  private send(message: Reply): void {
    if (this.origin !== '') parent.postMessage({ brownout: VERSION, ...message }, this.origin);
  }
  private receive(event: MessageEvent): void {
    if (event.source !== parent || !isOurs(event.data)) return;
    const { page, origin } = this;
    if (page === undefined) {
      this.early.push(event);
      if (this.early.length > KEPT) this.early.shift();
      this.wanted();
      return;
    }
    if (origin === '' || (origin !== '*' && event.origin !== origin)) return;
    const id = idOf(event.data);
    const answer = (reply: Reply): void => this.send({ ...(id === undefined ? {} : { id }), ...reply });
    const failed = (error: unknown): void => {
      if (!(error instanceof Wrong)) console.error(error);
      answer({ type: 'error', error: error instanceof Error ? error.message : String(error) });
    };
    try {
      void this.obey(readOrder(event.data, page.catalog, page.cluster), page).then(answer, failed);
    } catch (error) {
      failed(error);
    }
  }
  private async obey(order: Order, page: Host): Promise<Reply> {
    switch (order.type) {
      case 'play':
        page.act({ type: 'run', running: true });
        return this.stated();
      case 'pause':
        page.act({ type: 'run', running: false });
        return this.stated();
      case 'step':
        page.stepEvent();
        return await this.there(page);
      case 'seek':
        page.goTo(order.us);
        return await this.there(page);
      case 'set':
        this.set(order.settings, page);
        return this.stated();
      case 'load':
        await this.load(order.run, page);
        return await this.there(page);
      case 'export': {
        const data = { json: () => page.runJournal(), csv: () => seriesOf(page.past.samples), link: this.link }[order.kind]();
        return { type: 'export', kind: order.kind, data };
      }
      case 'getState':
        return this.stated();
    }
  }
  private set({ changes, speed, theme }: Settings, page: Host): void {
    if (changes.length > 0 && !page.setKnobs(changes)) throw new Wrong(capital(page.state.refused?.sentence ?? ''));
    if (speed !== undefined) page.act({ type: 'speed', speed });
    if (theme !== undefined) page.act({ type: 'look', look: { theme } });
  }
  private async load(run: Run, page: Host): Promise<void> {
    if ('journal' in run) {
      const there = await page.open(JSON.parse(run.journal)).catch((error: unknown) => {
        throw isRefusal(error) ? new Wrong(error.message) : error;
      });
      if (!there) throw new Wrong(say('load_overtaken'));
      return;
    }
    const { scenario, seed, changes } = run;
    const before = page.state.started;
    await page.load({ scenario, seed, topology: null, changes }, 'load');
    if (page.state.started === before) throw new Wrong(capital(page.state.refused?.sentence ?? say('load_overtaken')));
  }
  /** The state when the run is where it was sent to. */
  private there(page: Host): Promise<Reply> {
    return new Promise((resolve) => page.whenThere(() => resolve(this.stated())));
  }
  private stated(): Reply {
    return { type: 'state', state: this.state() };
  }
  private state(): Reply {
    const { page } = this;
    if (page === undefined) return {};
    const { state, catalog, knobs, past, rungs } = page;
    const dial = (name: string, value: number): string | number | boolean => {
      const spec = catalog.knobs.find((spec) => spec.name === name);
      if (spec === undefined) return value;
      return spec.unit === 'place' ? (catalog.places[value] ?? '') : spec.unit === 'switch' ? value === 1 : Number(shown(spec, value));
    };
    past.look();
    return {
      seconds: past.nowUs / 1e6,
      running: state.running,
      speed: state.speed,
      scenario: state.scenario,
      seed: state.seed,
      theme: state.theme,
      dials: Object.fromEntries(catalog.knobs.map((spec) => [quantity(spec).param, dial(spec.name, knobs.get(spec.name) ?? spec.default)])),
      rungs: Object.fromEntries(RUNGS.map((rung) => [rung, { level: rungs[rung].level, text: rungs[rung].state, since: rungs[rung].since }])),
      digest: past.digest,
    };
  }

  changed(before: State, after: State): void {
    if (after.task > before.task) this.send({ type: 'task', task: after.task, of: TASKS.length, text: say(TASKS[before.task]?.text ?? 'task_all_done') });
    if (after.refused !== null && after.refused !== before.refused) this.send({ type: 'error', error: capital(after.refused.sentence) });
  }
  drawn(): void {
    this.begins?.();
    if (this.page === undefined || this.asleep || this.timer !== undefined) return;
    const now = performance.now();
    const rest = this.sentAt + STATE_EVERY - now;
    if (rest > 0) {
      // The last news before it rests is not to be lost.
      this.timer = setTimeout(() => {
        this.timer = undefined;
        this.drawn();
      }, rest);
      return;
    }
    const state = this.state();
    const text = JSON.stringify(state);
    if (text === this.sentText) return;
    [this.sentAt, this.sentText] = [now, text];
    this.send({ type: 'state', state });
  }
  noted(notes: readonly NoteRow[]): void {
    const { page } = this;
    // What happened before the page was there nobody saw.
    if (page === undefined || this.begins !== undefined) return;
    const events = notes.map((note) => ({
      seconds: note.at_us / 1e6,
      kind: note.kind,
      program: programAt(note.program, page.cluster),
      text: capital(noteText(note, page.cluster, page.named)),
    }));
    this.send({ type: 'event', events });
  }
  broke(text: string): void {
    this.send({ type: 'error', error: text, fatal: true });
  }
  /** Nobody can see the page: there is no news of it. */
  sleep(asleep: boolean): void {
    this.asleep = asleep;
    if (asleep) return;
    this.drawn();
    this.resize(this.height);
  }
  resize(height: number): void {
    this.height = height;
    if (this.asleep || this.begins !== undefined || height === this.sentHeight || height === 0) return;
    this.sentHeight = height;
    this.send({ type: 'resize', height });
  }
}
