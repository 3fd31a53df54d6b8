// Nodes and workloads: a row for each workload, a column for each node, a shape for each pod. Of more nodes than fit, one
// cell each, and the workloads as counts.

import type { App } from '../app.ts';
import { button, html, list, nameBy, setAttribute, setText, svg } from '../dom.ts';
import { NONE, type Frame } from '../frame.ts';
import { Roving } from '../roving.ts';
import { integer, say } from '../say.ts';
import { same } from '../state.ts';
import * as words from '../words.ts';
import type { Palette } from './palette.ts';

/** Room for a workload's name and count, and the least for a node, in px. */
const HEAD = 118;
const HEAD_NARROW = 94;
const NODE = 27;
/** Above this each node is one cell. Chosen: three rows of nodes on a laptop. */
const NODES_MAX = 60;
/** The size of a node's cell, in px. Of thousands they are smaller, so that the control plane below them stays in sight. */
function cellSize(nodes: number): number {
  return nodes > 1000 ? 6 : 9;
}

const POD_PATHS: Readonly<Record<words.PodShape, string>> = {
  ready: 'M5 0A5 5 0 1 1 -5 0A5 5 0 1 1 5 0Z',
  unready: 'M0 -5.5L6 5H-6Z',
  starting: 'M5 0A5 5 0 1 1 -5 0A5 5 0 1 1 5 0ZM0 -5A5 5 0 0 1 0 5Z',
  waiting: 'M4 0A4 4 0 1 1 -4 0A4 4 0 1 1 4 0Z',
  ending: 'M5 0A5 5 0 1 1 -5 0A5 5 0 1 1 5 0ZM-3 0H3',
  failed: 'M-4.5 -4.5L4.5 4.5M4.5 -4.5L-4.5 4.5',
};
const NODE_MARKS: Readonly<Record<words.NodeShape, string>> = {
  ready: '', cordoned: '⊘', off: '✕', unknown: '?', unready: '▲', silent: '…', unregistered: '+',
};

interface Column {
  readonly node: number;
  readonly button: HTMLButtonElement;
  readonly mark: HTMLElement;
}

/** The key of a pod's button. */
function keyOf({ pod }: Frame, row: number): string {
  return `${pod.workload(row)} ${pod.template(row)} ${pod.number(row)}`;
}

export class Pods {
  readonly node = html('div', { class: 'pods', role: 'group', 'aria-label': say('pods_label') });
  private readonly app: App;
  private readonly roving: Roving;
  private readonly crowd: Crowd;
  private readonly grid = html('div', { class: 'pod-grid' });
  private readonly pods = new Map<string, HTMLButtonElement>();
  private columns: Column[] = [];
  private heads = new Map<number, { button: HTMLButtonElement; count: HTMLElement }[]>();
  /** The cell of a workload on a node, by both. NONE: the pods without a node. */
  private cells = new Map<string, HTMLElement>();
  private built = '';
  private width = 600;

  constructor(app: App, redraw: () => void) {
    this.app = app;
    this.crowd = new Crowd(app);
    this.node.append(this.grid, this.crowd.node);
    this.roving = new Roving(this.grid);
    new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0);
      if (width === this.width) return;
      this.width = width;
      redraw();
    }).observe(this.node);
  }

  update(frame: Frame, palette: Palette): void {
    const many = frame.node.rows > NODES_MAX;
    this.grid.hidden = many;
    this.crowd.node.hidden = !many;
    if (many) {
      this.crowd.update(frame, palette, this.width);
      return;
    }
    this.rebuildIfNeeded(frame);
    this.updateHeads(frame);
    this.updatePods(frame);
    this.roving.tidy();
  }

  private rebuildIfNeeded(frame: Frame): void {
    const { node, workload } = frame;
    const head = this.width < 520 ? HEAD_NARROW : HEAD;
    const fit = Math.max(3, Math.floor((this.width - head - NODE) / NODE));
    const blocks = Math.max(1, Math.ceil(node.rows / fit));
    const per = Math.ceil(node.rows / blocks);
    const ids = Array.from({ length: workload.rows }, (_, row) => workload.id(row));
    const key = `${node.rows} ${per} ${ids.join()} ${head}`;
    if (key === this.built) return;
    this.built = key;
    this.columns = [];
    this.heads = new Map(ids.map((id) => [id, []]));
    this.cells.clear();
    this.pods.clear();
    const parts = Array.from({ length: blocks }, (_, block) => this.makeBlock(block * per, Math.min(per, node.rows - block * per), ids, head));
    this.grid.replaceChildren(...parts);
  }
  private makeBlock(first: number, count: number, ids: readonly number[], head: number): HTMLElement {
    const block = html('div', { class: 'block', role: 'grid', 'aria-label': say('pods_block', { from: first + 1, to: first + count }) });
    block.style.gridTemplateColumns = `${head}px repeat(${count}, minmax(${NODE - 1}px, 1fr)) minmax(${NODE - 1}px, auto)`;
    const line = html('div', { class: 'line', role: 'row' }, html('span', { class: 'corner muted', role: 'columnheader' }, say('pods_nodes')));
    block.append(line);
    for (let node = first; node < first + count; node += 1) {
      const mark = html('span', { class: 'mark', 'aria-hidden': 'true' });
      const select = button(String(node + 1), () => this.app.act({ type: 'select', selection: { thing: 'node', row: node } }), { class: 'node-head' });
      select.append(mark);
      this.columns.push({ node, button: select, mark });
      line.append(html('div', { class: 'head-cell', role: 'columnheader' }, select));
    }
    // Pods without a node stand in the first block; the others keep the room free, so that the columns are below each other.
    const rest = first === 0;
    if (rest) line.append(html('span', { class: 'corner muted', role: 'columnheader' }, say('pods_no_node')));
    block.classList.toggle('spare', !rest);
    for (const id of ids) {
      const count_ = html('span', { class: 'count' });
      const name = html('span', { class: 'name' });
      const select = button('', () => this.app.act({ type: 'select', selection: { thing: 'workload', row: id } }), { class: 'workload-head' });
      select.append(name, count_);
      this.heads.get(id)?.push({ button: select, count: count_ });
      const cells = Array.from({ length: count }, (_, at) => this.makeCell(id, first + at));
      if (rest) cells.push(this.makeCell(id, NONE));
      block.append(html('div', { class: 'line', role: 'row' }, html('div', { class: 'head-cell', role: 'rowheader' }, select), ...cells));
    }
    return block;
  }
  private makeCell(workload: number, node: number): HTMLElement {
    const cell = html('div', { class: 'cell', role: 'gridcell' });
    this.cells.set(`${workload} ${node}`, cell);
    return cell;
  }

  private updateHeads(frame: Frame): void {
    const { selected } = this.app.state;
    const { workload } = frame;
    for (const { node, button: select, mark } of this.columns) {
      const shape = words.nodeShape(frame, node);
      setAttribute(select, 'data-shape', shape);
      setText(mark, NODE_MARKS[shape]);
      const selection = { thing: 'node', row: node } as const;
      nameBy(select, words.describe(frame, selection));
      setAttribute(select, 'aria-pressed', String(same(selected, selection)));
    }
    for (const [id, heads] of this.heads) {
      const row = words.workloadRow(frame, id);
      const [ready, desired] = [workload.ready(row), workload.desired(row)];
      for (const { button: select, count } of heads) {
        const [name] = select.children;
        if (name !== undefined) setText(name, words.workloadName(frame, id));
        setText(count, say('pods_count', { ready, desired }));
        setAttribute(count, 'data-tone', ready === 0 && desired > 0 ? 'bad' : ready < desired ? 'wait' : '');
        const selection = { thing: 'workload', row: id } as const;
        nameBy(select, words.describe(frame, selection));
        setAttribute(select, 'aria-pressed', String(same(selected, selection)));
      }
    }
  }
  private updatePods(frame: Frame): void {
    const { selected } = this.app.state;
    const { pod, workload } = frame;
    const there = new Set<string>();
    const newest = new Map(Array.from({ length: workload.rows }, (_, row) => [workload.id(row), workload.template(row)]));
    for (let row = 0; row < pod.rows; row += 1) {
      const node = pod.node(row);
      const cell = this.cells.get(`${pod.workload(row)} ${node}`);
      if (cell === undefined) continue;
      const key = keyOf(frame, row);
      there.add(key);
      const selection = words.podSelection(frame, row);
      const select = this.pods.get(key) ?? this.makePod(key, selection);
      if (select.parentElement !== cell) cell.append(select);
      const shape = words.podShape(frame, row);
      if (select.dataset['shape'] !== shape) {
        select.dataset['shape'] = shape;
        const path = select.querySelector('path');
        if (path !== null) setAttribute(path, 'd', POD_PATHS[shape]);
      }
      // The object says ready, but nothing runs: what the API believes and what is are two things.
      setAttribute(select, 'data-ghost', shape === 'ready' && pod.runs(row) === 0);
      setAttribute(select, 'data-old', pod.template(row) < (newest.get(pod.workload(row)) ?? 0));
      nameBy(select, words.describe(frame, selection));
      setAttribute(select, 'aria-pressed', String(same(selected, selection)));
    }
    for (const [key, select] of this.pods) {
      if (there.has(key)) continue;
      select.remove();
      this.pods.delete(key);
    }
  }
  private makePod(key: string, selection: ReturnType<typeof words.podSelection>): HTMLButtonElement {
    const select = button('', () => this.app.act({ type: 'select', selection }), { class: 'pod', tabindex: -1 });
    select.append(svg('svg', { viewBox: '-8 -8 16 16', 'aria-hidden': 'true' }, svg('path'), svg('circle', { r: 2, class: 'old' }), svg('path', { d: 'M-6 6L6 -6', class: 'ghost' })));
    this.pods.set(key, select);
    return select;
  }
}

/** The order in which a crowd counts its nodes; what is wrong first. */
const CROWD: readonly words.NodeShape[] = ['off', 'unknown', 'unready', 'silent', 'unregistered', 'cordoned', 'ready'];

/** Thousands of nodes: a cell each. What the cells say in colour stands below them in words. */
class Crowd {
  readonly node = html('div', { class: 'crowd' });
  private readonly app: App;
  private readonly canvas = html('canvas', { 'aria-hidden': 'true' });
  private readonly sums = html('ul', { class: 'sums' });
  private readonly workloads = html('div', { class: 'crowd-workloads' });
  private readonly number = html('input', { type: 'number', id: 'crowd-node', min: 1, step: 1, value: 1, inputmode: 'numeric' });
  private readonly troubled = button(say('crowd_next'), () => this.next(), { id: 'crowd-next' });
  private readonly roving = new Roving(this.workloads);
  /** The nodes that are not ready, as of the newest frame. */
  private wrong: number[] = [];
  private per = 1;

  constructor(app: App) {
    this.app = app;
    const find = html('div', { class: 'find' }, html('label', { for: this.number.id }, say('crowd_node')), this.number, this.troubled);
    this.node.append(this.canvas, this.sums, find, this.workloads);
    this.number.addEventListener('change', () => this.choose(Number(this.number.value) - 1));
    this.canvas.addEventListener('click', (event) => {
      const size = cellSize(app.cluster.nodes);
      this.choose(Math.floor(event.offsetY / size) * this.per + Math.min(this.per - 1, Math.floor(event.offsetX / size)));
    });
  }
  private choose(row: number): void {
    const { app } = this;
    if (!Number.isInteger(row) || row < 0 || row >= app.cluster.nodes) return;
    this.number.value = String(row + 1);
    app.act({ type: 'select', selection: { thing: 'node', row } });
  }
  private next(): void {
    const { selected } = this.app.state;
    const after = selected.thing === 'node' ? selected.row : -1;
    const row = this.wrong.find((node) => node > after) ?? this.wrong[0];
    if (row !== undefined) this.choose(row);
  }

  update(frame: Frame, palette: Palette, width: number): void {
    this.draw(frame, palette, width);
    const counts = new Map<words.NodeShape, number>();
    this.wrong = [];
    for (let row = 0; row < frame.node.rows; row += 1) {
      const shape = words.nodeShape(frame, row);
      counts.set(shape, (counts.get(shape) ?? 0) + 1);
      if (shape !== 'ready') this.wrong.push(row);
    }
    const shown = CROWD.filter((shape) => (counts.get(shape) ?? 0) > 0);
    list(this.sums, shown, () => html('li', {}, html('span', { class: 'cellmark', 'aria-hidden': 'true' }), html('span')), (item, shape) => {
      const [mark, text] = item.children;
      if (mark !== undefined) setAttribute(mark, 'data-shape', shape);
      if (text !== undefined) setText(text, say('crowd_count', { n: counts.get(shape) ?? 0, state: say(`node_${shape}`) }));
    });
    this.troubled.disabled = this.wrong.length === 0;
    setAttribute(this.number, 'max', frame.node.rows);
    const rows = Array.from({ length: frame.workload.rows }, (_, row) => row);
    list(this.workloads, rows, () => this.makeWorkload(), (select, row) => this.updateWorkload(frame, select, row));
    this.roving.tidy();
  }
  private makeWorkload(): HTMLButtonElement {
    const select: HTMLButtonElement = button('', () => {
      this.app.act({ type: 'select', selection: { thing: 'workload', row: Number(select.dataset['id']) } });
    }, { class: 'crowd-workload', tabindex: -1 });
    select.append(html('span', { class: 'name' }), html('span', { class: 'bar', 'aria-hidden': 'true' }, html('i')), html('span', { class: 'count' }));
    return select;
  }
  private updateWorkload(frame: Frame, select: HTMLButtonElement, row: number): void {
    const { workload } = frame;
    const [name, bar, count] = select.children;
    const id = workload.id(row);
    select.dataset['id'] = String(id);
    const [ready, desired] = [workload.ready(row), workload.desired(row)];
    if (name !== undefined) setText(name, words.workloadName(frame, id));
    if (bar instanceof HTMLElement) bar.style.setProperty('--part', String(desired === 0 ? 1 : ready / desired));
    if (count !== undefined) {
      setText(count, say('pods_count', { ready: integer(ready), desired: integer(desired) }));
      setAttribute(count, 'data-tone', ready === 0 && desired > 0 ? 'bad' : ready < desired ? 'wait' : '');
    }
    const selection = { thing: 'workload', row: id } as const;
    nameBy(select, words.describe(frame, selection));
    setAttribute(select, 'aria-pressed', String(same(this.app.state.selected, selection)));
  }

  private draw(frame: Frame, palette: Palette, width: number): void {
    const { canvas } = this;
    const context = canvas.getContext('2d');
    if (context === null) return;
    const each = cellSize(frame.node.rows);
    this.per = Math.max(1, Math.floor(width / each));
    const lines = Math.ceil(frame.node.rows / this.per);
    const ratio = Math.min(2, globalThis.devicePixelRatio);
    const [w, h] = [this.per * each, lines * each];
    if (canvas.width !== w * ratio || canvas.height !== h * ratio) {
      [canvas.width, canvas.height] = [w * ratio, h * ratio];
      [canvas.style.width, canvas.style.height] = [`${w}px`, `${h}px`];
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, w, h);
    const { selected } = this.app.state;
    for (let row = 0; row < frame.node.rows; row += 1) {
      const [x, y] = [(row % this.per) * each, Math.floor(row / this.per) * each];
      this.cell(context, palette, words.nodeShape(frame, row), x, y, each - (each > 6 ? 2 : 1));
      if (selected.thing === 'node' && selected.row === row) {
        context.strokeStyle = palette.ink;
        context.strokeRect(x - 0.5, y - 0.5, each, each);
      }
    }
  }
  private cell(context: CanvasRenderingContext2D, palette: Palette, shape: words.NodeShape, x: number, y: number, size: number): void {
    if (shape === 'ready' || shape === 'silent') {
      context.fillStyle = shape === 'ready' ? palette.calm : palette.wait;
      context.fillRect(x, y, size, size);
      return;
    }
    // What is wrong is hollow or crossed as well, for eyes that see no colours.
    context.strokeStyle = shape === 'off' || shape === 'unknown' ? palette.bad : shape === 'unready' ? palette.wait : palette.calm;
    context.lineWidth = 1;
    context.strokeRect(x + 0.5, y + 0.5, size - 1, size - 1);
    if (shape === 'off' || shape === 'unknown') {
      context.beginPath();
      context.moveTo(x, y);
      context.lineTo(x + size, y + size);
      if (shape === 'off') {
        context.moveTo(x + size, y);
        context.lineTo(x, y + size);
      }
      context.stroke();
    }
  }
}
