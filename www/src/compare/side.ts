// One of the two runs: its drawing, with what is special about it.

import type { App } from '../app.ts';
import { clusterOf, NO_CLUSTER, type Cluster } from '../cluster.ts';
import { html, setText } from '../dom.ts';
import type { Change, Engine, FaultRequest, Module } from '../engine.ts';
import type { Frame } from '../frame.ts';
import type { Names, Operation } from '../notes.ts';
import { say } from '../say.ts';
import type { Action, State, Topology } from '../state.ts';
import { Flights } from '../view/flights.ts';
import { Ladder } from '../view/ladder.ts';
import type { Palette } from '../view/palette.ts';
import { describe, podName, workloadName } from '../words.ts';

/** What the drawing of one run asks of the page: its own cluster and dials, everybody's state. What it does, both do. */
class SideApp implements App {
  cluster: Cluster = NO_CLUSTER;
  knobs: ReadonlyMap<string, number> = new Map();
  readonly named: Names;
  readonly catalog;
  readonly scripted = true;
  private readonly page: App;

  constructor(page: App, now: () => Frame) {
    this.page = page;
    this.catalog = page.catalog;
    this.named = {
      workload: (id) => workloadName(now(), id),
      pod: (workload, template, number) => podName(now(), workload, template, number),
    };
  }
  get state(): State {
    return this.page.state;
  }
  act(action: Action): void {
    this.page.act(action);
  }
  setKnobs(changes: readonly Change[]): boolean {
    return this.page.setKnobs(changes);
  }
  refusal(name: string, value: number): string | undefined {
    return this.page.refusal(name, value);
  }
  inject(fault: FaultRequest): void {
    this.page.inject(fault);
  }
  heal(id: number): void {
    this.page.heal(id);
  }
  healAll(): void {
    this.page.healAll();
  }
  stepEvent(): void {
    this.page.stepEvent();
  }
  stepBack(): void {
    this.page.stepBack();
  }
  startOver(scenario: string, seed: number): void {
    this.page.startOver(scenario, seed);
  }
  rebuild(topology: Topology): void {
    this.page.rebuild(topology);
  }
  operate(act: Operation): void {
    this.page.operate(act);
  }
}

export type Letter = 'A' | 'B';

export class Side {
  readonly node: HTMLElement;
  readonly engine: Engine;
  readonly ladder: Ladder;
  readonly app: SideApp;
  private readonly module: Module;
  private readonly flights: Flights;
  private readonly selected = html('p', { class: 'chosen' });
  private due: ((frame: Frame) => void)[] = [];

  constructor(page: App, module: Module, engine: Engine, letter: Letter, label: string, redraw: () => void) {
    this.module = module;
    this.engine = engine;
    this.app = new SideApp(page, () => module.frame(engine, false));
    this.refresh();
    const canvas = html('canvas', { 'aria-hidden': 'true' });
    const drawing = html('div', { class: 'ladder' });
    this.node = html(
      'section', { class: 'side', 'aria-label': say('compare_side', { letter, label }) },
      html('h3', {}, badge(letter), label), drawing, this.selected,
    );
    this.ladder = new Ladder(this.app, drawing, canvas, redraw, `${letter.toLowerCase()}-`);
    this.flights = new Flights(this.app, canvas);
  }
  /** Reads again what only changes by command. */
  refresh(): void {
    const knobs: Change[] = this.engine.knobs();
    this.app.knobs = new Map(knobs.map(({ name, value }) => [name, value]));
    this.app.cluster = clusterOf(this.module.frame(this.engine, true));
  }
  forget(): void {
    this.flights.forget();
  }
  /** Draws the present. `begins`: a round of texts begins; `all`: it is also done at once. */
  draw(palette: Palette, wallMs: number, still: boolean, begins: boolean, all: boolean): Frame {
    const frame = this.module.frame(this.engine, begins);
    if (begins) this.due = [...this.texts(palette, still)];
    for (const update of this.due.splice(0, all ? this.due.length : 1)) update(frame);
    this.flights.draw(frame, this.ladder.layout, palette, wallMs, still);
    return frame;
  }
  /** Whether a round of texts is still under way. */
  get busy(): boolean {
    return this.due.length > 0;
  }
  private texts(palette: Palette, still: boolean): ((frame: Frame) => void)[] {
    return [
      (frame) => this.ladder.update(frame, still),
      ...this.ladder.upper.map((update) => (frame: Frame): void => update(frame, palette)),
      (frame) => setText(this.selected, `${describe(frame, this.app.state.selected)}.`),
    ];
  }
}

/** The run's letter, in its colour. */
export function badge(letter: Letter): HTMLElement {
  return html('span', { class: `badge run-${letter.toLowerCase()}` }, letter);
}
