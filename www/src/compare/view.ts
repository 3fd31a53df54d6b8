// Two runs side by side on one clock: where they part, what hurts in each, and how far they are apart.

import type { App } from '../app.ts';
import { byId, button, html, list, setAttribute, setText } from '../dom.ts';
import type { Engine, Module, RecordRow } from '../engine.ts';
import { RUNGS } from '../health.ts';
import { causeText } from '../notes.ts';
import { moment, say } from '../say.ts';
import { spoken } from '../spoken.ts';
import type { Palette } from '../view/palette.ts';
import { Pair } from './pair.ts';
import { Plots } from './plots.ts';
import { Scrubber } from './scrubber.ts';
import { badge, Side, type Letter } from './side.ts';

/** Texts change at 4 Hz, samples are asked for at 10 Hz at most. In ms. */
const TEXT_EVERY = 250;
const SAMPLES_EVERY = 100;
/** Events of each run in one frame while the clock is dragged to another moment. */
const SEEK_BUDGET = 20_000;

export interface Subject {
  /** The question, or what is compared. */
  readonly title: string;
  readonly about: string;
  readonly labels: readonly [string, string];
  /** How far either has been seen, in us, if that may be farther than where they open. */
  readonly seenUs?: number;
}
export interface Deeds {
  leave(): void;
  /** B instead of A. */
  goOnWithB(): void;
  say(text: string): void;
  redraw(): void;
}

export class CompareView {
  readonly pair: Pair;
  private readonly app: App;
  private readonly module: Module;
  private readonly deeds: Deeds;
  private readonly sides: readonly [Side, Side];
  private readonly plots: Plots;
  private readonly scrubber: Scrubber;
  private readonly parted = html('p', { class: 'sentence', id: 'compare-parted' });
  private readonly heard = html('p', { class: 'sentence', id: 'compare-heard' });
  private readonly rungs = html('tbody');
  private readonly root = byId('compare');
  private readonly panels = document.querySelector<HTMLElement>('.left');
  private readonly main = document.querySelector<HTMLElement>('main.main');
  seenUs = 0;
  private target: number | undefined;
  private textAt = -Infinity;
  /** What of the texts that are about both is still to be done in this round. */
  private due: (() => void)[] = [];
  private readonly names: readonly (readonly string[])[];
  private samplesAt = -Infinity;
  private samplesEnd: [number, number] = [0, 0];
  private said = false;

  constructor(app: App, module: Module, engines: Pair, subject: Subject, deeds: Deeds) {
    this.app = app;
    this.module = module;
    this.pair = engines;
    this.deeds = deeds;
    this.seenUs = subject.seenUs ?? 0;
    const side = (engine: Engine, letter: Letter, index: 0 | 1): Side => new Side(app, module, engine, letter, subject.labels[index], deeds.redraw);
    this.sides = [side(engines.a, 'A', 0), side(engines.b, 'B', 1)];
    this.names = [engines.a, engines.b].map((engine) => engine.sample_columns());
    this.plots = new Plots(app, deeds.redraw);
    this.scrubber = new Scrubber(app, (us) => this.seek(us));
    const head = (letter: Letter, label: string): HTMLElement => html('th', { scope: 'col' }, badge(letter), ` ${label}`);
    const [a, b] = subject.labels;
    const table = html(
      'table', { class: 'rungs', id: 'compare-rungs' }, html('caption', { class: 'visually-hidden' }, say('compare_rungs')),
      html('thead', {}, html('tr', {}, html('th', { scope: 'col' }, say('compare_rung')), head('A', a), head('B', b))), this.rungs,
    );
    const leave = html(
      'div', { class: 'buttons' },
      button(say('compare_leave'), () => deeds.leave(), { id: 'compare-leave' }), button(say('compare_go_on'), () => deeds.goOnWithB(), { id: 'compare-go-on' }),
    );
    const told = html(
      'div', { class: 'told' }, html('h2', { tabindex: -1, id: 'compare-question' }, subject.title), html('p', { class: 'muted' }, subject.about),
      this.parted, this.heard, leave,
    );
    const common = html('details', { class: 'common' }, html('summary', {}, say('compare_common')), html('p', { class: 'muted' }, say('compare_common_about')));
    if (this.panels !== null) common.append(this.panels);
    this.root.replaceChildren(
      html('div', { class: 'compare-head' }, told, table),
      html('div', { class: 'sides', id: 'compare-sides', tabindex: -1 }, ...this.sides.map(({ node }) => node)),
      this.plots.node, common, this.scrubber.node,
    );
    this.show(true);
    scrollTo(0, 0);
    told.querySelector('h2')?.focus({ preventScroll: true });
  }
  private show(shown: boolean): void {
    this.root.hidden = !shown;
    if (this.main !== null) this.main.hidden = shown;
    document.documentElement.classList.toggle('comparing', shown);
    const [play, drawing] = document.querySelectorAll('a.skip');
    play?.setAttribute('href', shown ? '#compare-timeline' : '#timeline');
    drawing?.setAttribute('href', shown ? '#compare-sides' : '#ladder');
  }
  /** Gives the page its place back. Both runs are left to whoever goes on with them. */
  close(): void {
    if (this.panels !== null) this.main?.prepend(this.panels);
    this.root.replaceChildren();
    this.show(false);
    this.pair.free();
  }
  /** Goes to a moment. */
  seek(us: number): void {
    this.app.act({ type: 'run', running: false });
    this.target = us;
    this.deeds.redraw();
  }
  stepEvent(): void {
    this.target = undefined;
    this.pair.stepEvent();
  }
  stepBack(): void {
    this.target = undefined;
    this.pair.stepBack();
    this.forget();
  }
  /** After a command, or whatever else changes more than time does. */
  refresh(): void {
    for (const side of this.sides) side.refresh();
    this.textAt = -Infinity;
  }
  /** Does the same to both: an act of the journal. What came after is another future. */
  both(act: unknown): void {
    this.target = undefined;
    this.pair.both(act);
    this.seenUs = this.pair.nowUs();
    this.forget();
  }
  private forget(): void {
    for (const side of this.sides) side.forget();
    this.textAt = -Infinity;
    this.samplesAt = -Infinity;
    // Points after this moment are taken again.
    this.samplesEnd = [0, 0];
  }
  /** Why the dial must not be moved, if it is what differs. */
  fixed(names: readonly string[]): string | undefined {
    const [a, b] = this.sides;
    const name = names.find((name) => a.app.knobs.get(name) !== b.app.knobs.get(name));
    return name === undefined ? undefined : say('compare_fixed', { a: spoken(a.app, name), b: spoken(b.app, name) });
  }

  draw(palette: Palette, wallMs: number, still: boolean, dirty: boolean, behind: boolean, fine: boolean): void {
    if (this.target !== undefined) {
      const before = this.pair.nowUs();
      if (this.pair.seek(this.target, SEEK_BUDGET)) this.target = undefined;
      else this.deeds.redraw();
      if (this.pair.nowUs() < before) this.forget();
    }
    const { running } = this.app.state;
    const now = performance.now();
    const nowUs = this.pair.nowUs();
    this.seenUs = Math.max(this.seenUs, nowUs);
    const begins = dirty || (now - this.textAt >= TEXT_EVERY && this.due.length === 0 && !this.sides.some(({ busy }) => busy));
    const all = dirty || !running;
    if (begins) this.textAt = now;
    if (begins || now - this.samplesAt >= SAMPLES_EVERY) this.takeSamples(now);
    // Each frame is good until the engines are called again.
    for (const side of this.sides) side.draw(palette, wallMs, still, begins, all);
    const { found } = this.pair;
    const partedUs = found === null ? null : found.at_us;
    this.plots.draw(palette, palette.key, partedUs === null ? null : partedUs / 1e6, all);
    if (begins) {
      this.due = [
        () => this.scrubber.update(nowUs, this.seenUs, partedUs, behind, fine),
        () => this.scrubber.paint([this.plots.a, this.plots.b], palette),
        () => this.tell(),
        ...this.plots.descriptions,
      ];
    }
    // One a frame, so that no frame pays for all; what both drawings say comes first.
    if (all || !this.sides.some(({ busy }) => busy)) for (const update of this.due.splice(0, all ? this.due.length : 1)) update();
  }
  private takeSamples(now: number): void {
    this.samplesAt = now;
    const histories = [this.plots.a, this.plots.b];
    [this.pair.a, this.pair.b].forEach((engine, index) => {
      const end = this.samplesEnd[index] ?? 0;
      const cells = engine.samples(end);
      const names = this.names[index] ?? [];
      const until = this.pair.nowUs() / 1e6;
      // A run that went back still has the points of the future that it saw.
      let rows = 0;
      while ((cells[rows * names.length] ?? Infinity) <= until) rows += 1;
      if (end === 0) histories[index]?.clear();
      histories[index]?.add(names, cells.subarray(0, rows * names.length));
      this.samplesEnd[index] = this.module.frame(engine, false).world.samples_end(0) - (cells.length / names.length - rows);
    });
  }
  /** Where they part, and what hurts in each. */
  private tell(): void {
    setText(this.parted, this.partedText());
    setText(this.heard, this.heardText());
    const [a, b] = this.sides;
    list(this.rungs, RUNGS, () => html('tr', {}, html('th', { scope: 'row' }), html('td'), html('td')), (line, rung) => {
      const [name, first, second] = line.children;
      if (name !== undefined) setText(name, say(`rung_${rung}`));
      [first, second].forEach((cell, index) => {
        const now = (index === 0 ? a : b).ladder.now[rung];
        if (cell === undefined) return;
        setAttribute(cell, 'data-level', now.level);
        setText(cell, [now.state, now.since].filter((part) => part !== '').join(', '));
      });
    });
    if (this.pair.heard !== null && !this.said) this.deeds.say(this.heardText() || this.partedText());
    this.said = this.pair.heard !== null;
  }
  private partedText(): string {
    const { found } = this.pair;
    if (found === null) return say('compare_same', { time: moment(this.pair.nowUs() / 1000) });
    const { a, b, at_us } = found;
    if (a === null && b === null) return say('compare_from_start');
    const at = this.moment(at_us);
    if (a !== null && b !== null) return say('compare_parted', { at, a: this.row(a, 0), b: this.row(b, 1) });
    return a === null ? say('compare_parted_b', { at, b: b === null ? '' : this.row(b, 1) }) : say('compare_parted_a', { at, a: this.row(a, 0) });
  }
  private heardText(): string {
    const { heard } = this.pair;
    if (heard === null) return '';
    const row = heard.a ?? heard.b;
    const { found } = this.pair;
    // The very first thing has been said already.
    if (row === null || row.id === (heard.a === null ? found?.b : found?.a)?.id) return '';
    const values = { at: this.moment(heard.at_us), what: this.row(row, heard.a === null ? 1 : 0), letter: heard.a === null ? 'B' : 'A' };
    return say('compare_heard', values);
  }
  private moment(us: number): string {
    return moment(us / 1000);
  }
  private row(row: RecordRow, index: 0 | 1): string {
    const { app } = this.sides[index];
    return causeText(row, app.cluster, app.named, () => say('note_command'));
  }
}

