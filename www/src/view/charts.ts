// Four charts over the newest minutes, each with its words and its table.

import uPlot from 'uplot';
import type { TimeApp } from '../app.ts';
import { button, html, list, setAttribute, setText } from '../dom.ts';
import type { Row, Samples } from '../samples.ts';
import { say, share, short, span } from '../say.ts';
import type { Past } from '../past.ts';
import { scaleOf } from '../looks.ts';
import type { Palette } from './palette.ts';

/** Seconds shown. */
export const WINDOW = 120;
/** Rows of a table: enough to read, few enough to hear. */
const TABLE_ROWS = 12;
/** The least time between two drawings of the charts, in ms. */
const EVERY = 50;
const HEIGHT = 116;
/** Its axes: the room that they take, and their type, in px. */
const AXES = { x: 22, y: 50, type: 11 };

/** A chart: what it shows and how. */
export interface Spec {
  readonly name: 'success' | 'latency' | 'leaders' | 'lease' | 'pods' | 'queue' | 'stale';
  readonly stepped: boolean;
  readonly format: (value: number) => string;
  /** The lines it shows; each the least of its columns. */
  lines(app: TimeApp): Line[];
}

/** A line of a chart. */
export interface Line {
  readonly label: string;
  readonly columns: readonly string[];
  /** Whether 0 says that nothing was measured. */
  readonly zeroIsNone?: boolean;
}

/** Every chart, in the order of the page. */
export const SPECS: readonly Spec[] = [
  {
    name: 'success', stepped: false, format: share,
    lines: (app) =>
      Array.from({ length: app.cluster.apis }, (_, n) => ({
        label: say('chart_api', { n: n + 1 }),
        columns: app.catalog.request_kinds.map((_, kind) => `success_${n}_${kind}`),
      })).concat(app.cluster.nodes > 0 ? [{ label: say('chart_services'), columns: ['success_services'] }] : []),
  },
  {
    name: 'latency', stepped: false, format: span,
    lines: () => [{ label: say('chart_p50'), columns: ['p50_ms'], zeroIsNone: true }, { label: say('chart_p99'), columns: ['p99_ms'], zeroIsNone: true }],
  },
  { name: 'leaders', stepped: true, format: short, lines: () => [{ label: say('chart_leaders'), columns: ['leader_changes'] }] },
  {
    name: 'lease', stepped: false, format: span,
    lines: () => ([0, 1] as const).map((n) => ({ label: say(`component_short_${n}`), columns: [`lease_left_${n}_ms`] })),
  },
  {
    name: 'pods', stepped: true, format: short,
    lines: () => [{ label: say('chart_pods_ready'), columns: ['pods_ready'] }, { label: say('chart_pods_wanted'), columns: ['pods_wanted'] }],
  },
  { name: 'stale', stepped: false, format: span, lines: () => [{ label: say('chart_stale'), columns: ['stale_ms'] }] },
  {
    name: 'queue', stepped: true, format: short,
    lines: () => [{ label: say('component_tiny_0'), columns: ['queue_controllers'] }, { label: say('component_tiny_1'), columns: ['queue_scheduler'] }],
  },
];

/** A line's values in these rows; null: none. */
export function valuesOf(samples: Samples, rows: readonly Row[], { columns, zeroIsNone }: Line): (number | null)[] {
  const at = columns.map((column) => samples.column(column));
  return rows.map((row) => {
    let least = Infinity;
    for (const index of at) {
      const value = row[index] ?? NaN;
      if (value < least && (value > 0 || (value === 0 && zeroIsNone !== true))) least = value;
    }
    return least === Infinity ? null : least;
  });
}

class Chart {
  readonly node: HTMLElement;
  private readonly spec: Spec;
  private readonly app: TimeApp;
  private readonly plotAt = html('div', { class: 'plot', 'aria-hidden': 'true' });
  private readonly summary = html('p', { class: 'visually-hidden' });
  private readonly keys = html('ul', { class: 'keys', 'aria-hidden': 'true' });
  private readonly details: HTMLElement;
  private readonly table = html('tbody');
  private readonly heads = html('tr');
  private plot: uPlot | undefined;
  private built = '';
  private visible = true;
  private width = 200;

  constructor(app: TimeApp, spec: Spec, redraw: () => void) {
    this.app = app;
    this.spec = spec;
    this.details = html('table', { hidden: true }, html('caption', { class: 'visually-hidden' }, this.title()), html('thead', {}, this.heads), this.table);
    const caption = html('figcaption', {}, html('h3', {}, this.title()), this.keys);
    this.node = html('figure', { class: 'chart', id: `chart-${spec.name}` }, caption, this.plotAt, this.summary, this.details);
    new IntersectionObserver(([entry]) => {
      this.visible = entry?.isIntersecting ?? true;
      // What was not seen was not drawn, and colours may have changed.
      if (this.visible) redraw();
    }).observe(this.node);
    // Asking for the width while drawing would lay the whole page out.
    new ResizeObserver(([entry]) => {
      this.width = Math.max(120, Math.floor(entry?.contentRect.width ?? 0));
    }).observe(this.plotAt);
  }
  private title(): string {
    return say(`chart_${this.spec.name}`);
  }

  set tabled(tabled: boolean) {
    this.details.hidden = !tabled;
  }
  draw(samples: Samples, palette: Palette, theme: string, now: number): void {
    if (!this.visible) return;
    const series = this.spec.lines(this.app);
    const rows = samples.window(now, WINDOW);
    const data: uPlot.AlignedData = [
      rows.map((row) => row[0] ?? 0),
      ...series.map((line) => valuesOf(samples, rows, line)),
    ];
    const { width } = this;
    const scale = scaleOf(this.app.state);
    const key = `${theme} ${series.map(({ label }) => label).join()}`;
    if (this.plot === undefined || this.built !== key) {
      this.built = key;
      this.plot?.destroy();
      this.plot = new uPlot(options(this.spec, series.map(({ label }) => label), palette, width, scale), data, this.plotAt);
      list(this.keys, series, () => html('li'), (item, { label }, index) => {
        item.replaceChildren(html('span', { class: `swatch series-${index}` }), label);
      });
      this.keys.classList.toggle('alone', series.length < 2);
      return;
    }
    if (this.plot.width !== width) this.plot.setSize({ width, height: HEIGHT * scale });
    this.plot.setData(data);
  }

  describe(samples: Samples, now: number): void {
    const series = this.spec.lines(this.app);
    const rows = samples.window(now, WINDOW);
    const [first, last] = [rows[0], rows.at(-1)];
    const { format } = this.spec;
    if (first === undefined || last === undefined) {
      setText(this.summary, say('chart_empty', { title: this.title() }));
      return;
    }
    const said = series.map((line) => {
      const { label } = line;
      const values = valuesOf(samples, rows, line).filter((value) => value !== null);
      if (values.length === 0) return `${label}: ${say('none')}`;
      const [low, high] = [Math.min(...values), Math.max(...values)];
      return say('chart_series', { name: label, last: format(values.at(-1) ?? 0), low: format(low), high: format(high) });
    });
    const seconds = (last[0] ?? 0) - (first[0] ?? 0);
    setText(this.summary, say('chart_summary', { title: this.title(), series: said.join('; '), span: span(seconds * 1000) }));
    if (!this.details.hidden) this.fillTable(samples, series, rows);
  }

  private fillTable(samples: Samples, series: readonly Line[], rows: readonly Row[]): void {
    const step = Math.max(1, Math.ceil(rows.length / TABLE_ROWS));
    const chosen = rows.filter((_, index) => (rows.length - 1 - index) % step === 0).reverse();
    list(this.heads, [say('chart_time'), ...series.map(({ label }) => label)], () => html('th', { scope: 'col' }), setText);
    list(this.table, chosen, () => html('tr'), (line, row) => {
      const cells = [span((row[0] ?? 0) * 1000), ...series.map((line) => {
        const [value = null] = valuesOf(samples, [row], line);
        return value === null ? '–' : this.spec.format(value);
      })];
      list(line, cells, () => html('td'), setText);
    });
  }
}

function options(spec: Spec, labels: readonly string[], palette: Palette, width: number, scale: number): uPlot.Options {
  const font = `${AXES.type * scale}px system-ui, sans-serif`;
  const grid = { stroke: palette.track, width: 1 };
  const paths = spec.stepped ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
  const one = scale === 1 ? 1 / devicePixelRatio : 2;
  const axis = { stroke: palette.muted, font, grid: { show: false }, ticks: { show: false }, size: AXES.x * scale };
  return {
    width,
    height: HEIGHT * scale,
    legend: { show: false },
    cursor: { show: false },
    padding: [6, 14, 0, 0],
    scales: {
      x: { time: false },
      y: spec.name === 'success' ? { range: [0, 1.02] } : { range: (_plot, _low, high) => [0, Math.max(high * 1.08, spec.name === 'leaders' ? 4 : 1)] },
    },
    axes: [
      { ...axis, values: (_plot, splits) => splits.map((value) => say('axis_s', { n: value })), space: 60 * scale },
      { ...axis, grid, size: AXES.y * scale, space: 34 * scale, values: (_plot, splits) => splits.map((value) => (spec.name === 'leaders' && value % 1 !== 0 ? '' : spec.format(value))) },
    ],
    series: [
      {},
      ...labels.map((label, index) => ({
        label,
        stroke: palette.series[index] ?? palette.ink,
        // On machines without a GPU a line of more than one device pixel costs three times as much.
        width: one,
        ...(index > 0 ? { dash: [6, 3].map((part) => part * index) } : {}),
        points: { show: false },
        ...(paths === undefined ? {} : { paths }),
      })),
    ],
  };
}

export class Charts {
  private readonly past: Past;
  private readonly charts: Chart[];
  private readonly drawn: number[];
  private next = 0;
  private tabled = false;
  private readonly table = button(say('chart_table'), () => this.showTables(!this.tabled), { class: 'quiet-button', id: 'charts-tables', 'aria-pressed': 'false' });

  constructor(app: TimeApp, parent: HTMLElement, redraw: () => void) {
    this.past = app.past;
    this.charts = SPECS.map((spec) => new Chart(app, spec, redraw));
    this.drawn = this.charts.map(() => 0);
    parent.append(html('div', { class: 'head' }, html('h2', {}, say('charts')), this.table), ...this.charts.map(({ node }) => node));
  }
  private showTables(tabled: boolean): void {
    this.tabled = tabled;
    setAttribute(this.table, 'aria-pressed', String(tabled));
    for (const chart of this.charts) chart.tabled = tabled;
    this.describe();
  }
  /** Draws at most one chart, in turn, if it is time to, so that no frame pays for all; `all` where no frame will follow. */
  draw(palette: Palette, theme: string, all: boolean): void {
    const now = performance.now();
    const { samples, nowUs } = this.past;
    this.charts.forEach((chart, index) => {
      if (!all && (index !== this.next || now - (this.drawn[index] ?? 0) < EVERY)) return;
      this.drawn[index] = now;
      chart.draw(samples, palette, theme, nowUs / 1e6);
    });
    this.next = (this.next + 1) % this.charts.length;
  }
  describe(): void {
    for (const chart of this.charts) chart.describe(this.past.samples, this.past.nowUs / 1e6);
  }
}
