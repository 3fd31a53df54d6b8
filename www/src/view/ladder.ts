// The ladder from the network to the users. The upper rungs are text and shapes in the page's flow; the lower ones are
// drawn in SVG; what moves is drawn on the canvas above it.

import { knob, type App } from '../app.ts';
import { button, html, list, setAttribute, setText, svg } from '../dom.ts';
import type { WhyStep } from '../engine.ts';
import type { Frame } from '../frame.ts';
import { HurtSince, RUNGS, Stuck, examine, type Rung } from '../health.ts';
import { clusterOf } from '../cluster.ts';
import { isLocked } from '../embed/face.ts';
import { roomFor } from '../embed/room.ts';
import { scaleOf } from '../looks.ts';
import { DRAWN, layOut, lossHandle, type DrawnRung, type Layout } from '../layout.ts';
import { questionOf } from '../questions.ts';
import { Roving } from '../roving.ts';
import { ppm, say } from '../say.ts';
import { spoken } from '../spoken.ts';
import type { Question } from '../state.ts';
import type { Palette } from './palette.ts';
import { apiPart, electorPart, hostPart, linkPart, memberPart, wires, type Part } from './parts.ts';
import { Pods } from './pods.ts';
import { Requests } from './requests.ts';
import { whyPath } from './why_path.ts';
import { Work } from './work.ts';

/** Narrower columns than this cannot hold their texts; then the drawing scrolls in its own frame. */
const COLUMN_MIN = 88;
/** How far the pointer moves for one percent of loss. */
const PX_PER_PERCENT = 2;

const MARKS = ['●', '▲', '✕'] as const;

export class Ladder {
  /** The geometry of the drawing, for the canvas. */
  layout: Layout;
  private readonly app: App;
  private readonly stage: HTMLElement;
  private readonly drawing: SVGSVGElement;
  private readonly headers: Record<Rung, { head: HTMLElement; mark: HTMLElement; state: HTMLElement; since: HTMLElement; ask: HTMLButtonElement }>;
  private readonly questions: Partial<Record<Rung, Question | undefined>> = {};
  /** What each rung's line says. */
  readonly now = Object.fromEntries(RUNGS.map((rung) => [rung, { level: 0, state: '', since: '' }])) as Record<Rung, { level: number; state: string; since: string }>;
  private hurt = new HurtSince();
  private stuck = new Stuck();
  /** What can be chosen in the drawing; the loss handle is a stop of its own, for it has its own use for the arrow keys. */
  private readonly drawn = html('div');
  private readonly roving = new Roving(this.drawn, true);
  private parts: Part[] = [];
  private handle: SVGGElement | undefined;
  private readonly requests: Requests;
  private readonly pods: Pods;
  private readonly work: Work;
  private built = '';
  private why: readonly WhyStep[] = [];
  private width = 600;
  /** The height of the upper rungs. */
  private above = 0;

  /** `prefix`: before the ids of its parts, where a page has more than one. */
  constructor(app: App, parent: HTMLElement, canvas: HTMLCanvasElement, onLayout: () => void, prefix = '') {
    this.app = app;
    this.drawing = svg('svg', { class: 'drawing', role: 'group', 'aria-label': say('scene') });
    this.headers = Object.fromEntries(RUNGS.map((rung) => [rung, makeHeader(rung, prefix, () => this.askAbout(rung))])) as Ladder['headers'];
    this.requests = new Requests(app);
    this.pods = new Pods(app, onLayout);
    this.drawn.append(this.drawing);
    const upper = html('div', { class: 'upper' });
    this.work = new Work(app);
    const contents = { users: this.requests.node, nodes: this.pods.node, control: this.work.node };
    for (const rung of ['users', 'nodes', 'control'] as const) upper.append(this.headers[rung].head, contents[rung]);
    this.stage = html('div', { class: 'stage' }, upper, ...DRAWN.map((rung) => this.headers[rung].head), this.drawn, canvas);
    parent.append(this.stage);
    this.layout = layOut(600, app.cluster);
    // Asking for sizes while drawing would lay the whole page out.
    const sizes = new ResizeObserver((entries) => {
      for (const { target, contentRect } of entries) {
        if (target === upper) this.above = Math.ceil(contentRect.height);
        else this.width = Math.floor(contentRect.width);
      }
      onLayout();
    });
    sizes.observe(parent);
    sizes.observe(upper);
  }

  /** Brings the texts and shapes up to date. `counts`: links show numbers, since nothing flies. */
  update(frame: Frame, counts: boolean): void {
    this.rebuildIfNeeded(frame, counts);
    for (const part of this.parts) part.update(frame);
    this.stuck.observe(frame);
    const healths = examine(frame, this.stuck.ms);
    this.hurt.observe(frame, healths);
    for (const rung of RUNGS) {
      const { head, mark, state, since, ask } = this.headers[rung];
      const line = this.hurt.line(rung, healths[rung]);
      this.now[rung] = { level: healths[rung].level, ...line };
      setAttribute(head, 'data-level', healths[rung].level);
      setText(mark, MARKS[healths[rung].level]);
      setText(state, line.state);
      setAttribute(state, 'title', healths[rung].problems.join('; '));
      setText(since, line.since);
      const question = healths[rung].level > 0 ? questionOf(frame, rung) : undefined;
      this.questions[rung] = question;
      ask.hidden = question === undefined;
    }
    this.updateHandle();
  }
  /** The rungs above the drawing, in parts, so that no frame pays for all. */
  readonly upper: readonly ((frame: Frame, palette: Palette) => void)[] = [
    (frame) => this.requests.update(frame),
    (frame, palette) => this.pods.update(frame, palette),
    (frame) => this.work.update(frame),
  ];
  /** Each rung's line, for the scene in words. */
  lines(frame: Frame): string[] {
    const healths = examine(frame, this.stuck.ms);
    return RUNGS.map((rung) => {
      const { state, since } = this.hurt.line(rung, healths[rung]);
      return say('words_rung', { rung: say(`rung_${rung}`), state: [state, since].filter((part) => part !== '').join(', ') });
    });
  }
  /** Goes on with what another drawing of the same run saw. */
  resume({ hurt, stuck }: Ladder): void {
    this.hurt = hurt;
    this.stuck = stuck;
  }
  /** Draws a chain of causes over everything; none: nothing more. */
  showWhy(steps: readonly WhyStep[]): void {
    this.why = steps;
    this.built = '';
  }
  private askAbout(rung: Rung): void {
    const question = this.questions[rung];
    const what = say('words_rung', { rung: say(`rung_${rung}`), state: this.headers[rung].state.textContent ?? '' });
    if (question !== undefined) this.app.act({ type: 'why', asked: { question, what } });
  }
  forget(): void {
    this.hurt.forget();
  }

  private rebuildIfNeeded(frame: Frame, counts: boolean): void {
    const cluster = clusterOf(frame);
    const scale = scaleOf(this.app.state);
    const width = Math.max(this.width, scale * COLUMN_MIN * Math.max(cluster.members, cluster.apis));
    const room = roomFor(this.app.state.face, width);
    const key = `${width} ${this.above} ${JSON.stringify(cluster)} ${counts} ${[...room.folded].join()} ${scale}`;
    if (key === this.built) return;
    this.built = key;
    this.layout = layOut(width, cluster, this.above, room, scale);
    const { layout } = this;
    const [w, h] = [layout.width * scale, layout.height * scale];
    setAttribute(this.drawing, 'width', w);
    setAttribute(this.drawing, 'height', h);
    setAttribute(this.drawing, 'viewBox', `0 0 ${layout.width} ${layout.height}`);
    this.stage.style.width = `${w}px`;
    this.stage.style.height = `${h}px`;
    this.stage.classList.toggle('narrow', layout.narrow);
    this.stage.classList.toggle('stacked', layout.stacked);
    this.stage.classList.toggle('aside', layout.aside > 0);
    this.stage.style.setProperty('--aside', `${layout.aside * scale}px`);
    for (const rung of DRAWN) this.headers[rung].head.style.top = `${layout.rungs[rung].top * scale}px`;
    this.parts = makeParts(this.app, layout, frame, counts);
    this.handle = layout.folded.has('network') ? undefined : this.makeHandle();
    this.drawing.replaceChildren(...lanes(layout), ...this.parts.map(({ node }) => node), ...(this.handle === undefined ? [] : [this.handle]), whyPath(this.why, layout));
    this.roving.tidy();
  }

  private makeHandle(): SVGGElement {
    const pill = svg('rect', { x: -48, y: -12, width: 96, height: 24, rx: 12, class: 'pill' });
    const grip = svg('path', { d: 'M-36 -4l-4 4l4 4M36 -4l4 4l-4 4', class: 'grip' });
    const label = svg('text', { y: 4, class: 'small', 'text-anchor': 'middle' });
    const handle = svg('g', { class: 'loss-handle', role: 'slider', tabindex: 0, 'aria-valuemin': 0 }, pill, grip, label);
    const spec = this.app.catalog.knobs.find(({ name }) => name === 'loss_ppm');
    const max = spec?.max ?? 0;
    setAttribute(handle, 'aria-valuemax', max / 10_000);
    const locked = isLocked(this.app.state.face, 'loss');
    setAttribute(handle, 'aria-disabled', locked ? 'true' : undefined);
    const set = (value: number): void => {
      if (locked) return;
      this.app.setKnobs([{ name: 'loss_ppm', value: Math.min(max, Math.max(0, Math.round(value / 10_000) * 10_000)) }]);
    };
    const now = (): number => knob(this.app, 'loss_ppm');
    let from: { x: number; value: number } | undefined;
    handle.addEventListener('pointerdown', (event) => {
      handle.setPointerCapture(event.pointerId);
      from = { x: event.clientX, value: now() };
    });
    handle.addEventListener('pointermove', (event) => {
      if (from !== undefined) set(from.value + ((event.clientX - from.x) / PX_PER_PERCENT) * 10_000);
    });
    const end = (): void => {
      from = undefined;
    };
    handle.addEventListener('pointerup', end);
    handle.addEventListener('pointercancel', end);
    handle.addEventListener('keydown', (event) => {
      const moves: Record<string, number> = {
        ArrowRight: now() + 10_000, ArrowUp: now() + 10_000, ArrowLeft: now() - 10_000, ArrowDown: now() - 10_000,
        PageUp: now() + 100_000, PageDown: now() - 100_000, Home: 0, End: max,
      };
      const to = moves[event.key];
      if (to === undefined) return;
      event.preventDefault();
      set(to);
    });
    return handle;
  }

  private updateHandle(): void {
    const { handle, app, layout } = this;
    if (handle === undefined) return;
    const place = app.catalog.places[knob(app, 'loss_place')] ?? '';
    const { x, y } = lossHandle(layout, place);
    const loss = knob(app, 'loss_ppm');
    const margin = 50;
    setAttribute(handle, 'transform', `translate(${Math.min(layout.width - margin, Math.max(margin, x))} ${y})`);
    setAttribute(handle, 'aria-label', say('dial_loss_ppm'));
    setAttribute(handle, 'aria-valuenow', loss / 10_000);
    setAttribute(handle, 'aria-valuetext', spoken(app, 'loss_ppm'));
    setAttribute(handle, 'data-on', String(loss > 0));
    const label = handle.querySelector('text');
    if (label !== null) setText(label, say('draw_loss', { loss: ppm(loss) }));
  }
}

function makeHeader(rung: Rung, prefix: string, onAsk: () => void): Ladder['headers'][Rung] {
  const mark = html('span', { class: 'mark', 'aria-hidden': 'true' });
  const state = html('span', { class: 'state' });
  const since = html('span', { class: 'since' });
  const ask = button(say('events_why'), onAsk, { class: 'quiet-button ask', 'aria-label': say('events_why_this', { what: say(`rung_${rung}`) }) });
  ask.hidden = true;
  const head = html('div', { class: 'rung', id: `${prefix}rung-${rung}` }, html('h3', {}, say(`rung_${rung}`)), mark, state, since, ask);
  return { head, mark, state, since, ask };
}

function makeParts(app: App, layout: Layout, frame: Frame, counts: boolean): Part[] {
  const { members, apis, controlHosts, external } = layout.cluster;
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
  const links = (): Part[] => numbers(members).flatMap((from) =>
    numbers(members).slice(from + 1).map((to) => linkPart(app, layout, from, to, counts)),
  );
  const rungs: Readonly<Record<DrawnRung, () => Part[]>> = {
    election: () => numbers(frame.elector.rows).map((row) =>
      electorPart(app, layout, row, frame.elector.api(row), frame.elector.component(row) === 0 ? 0 : 1),
    ),
    api: () => numbers(apis).map((api) => apiPart(app, layout, api)),
    etcd: () => numbers(members).map((member) => memberPart(app, layout, member)),
    network: () => [...(external ? [wires(layout)] : []), ...links(), ...numbers(controlHosts).map((host) => hostPart(app, layout, host))],
  };
  return DRAWN.flatMap((rung) => (layout.folded.has(rung) ? [] : rungs[rung]()));
}

/** The lines in which packets climb from rung to rung. */
function lanes({ apis, rungs, folded }: Layout): SVGElement[] {
  const from = DRAWN.find((rung) => !folded.has(rung)) ?? 'network';
  return apis.map(({ x }) => svg('path', { class: 'lane', d: `M${x + 7} ${rungs[from].top}V${rungs.network.top}` }));
}

/** The classes of packets and their colours. */
export function legend(classes: readonly string[]): HTMLElement {
  const names = html('ul', { class: 'legend', 'aria-label': say('legend') });
  const lost = 'lost';
  list(names, [...classes, lost], () => html('li'), (item, name) => {
    item.replaceChildren(html('span', { class: `dot class-${name}`, 'aria-hidden': 'true' }), name === lost ? say('legend_lost') : say(`class_${name}` as 'class_api'));
  });
  return names;
}
