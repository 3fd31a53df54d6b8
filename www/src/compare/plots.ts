// What two runs have in common and what they don't, as lines: A solid, B dashed, and under them the difference.

import uPlot from 'uplot';
import type { App } from '../app.ts';
import { button, html, list, setAttribute, setText } from '../dom.ts';
import { scaleOf } from '../looks.ts';
import { say, sayIfKnown, share, short, span, type Key } from '../say.ts';
import { Samples, type Row } from '../samples.ts';
import type { Palette } from '../view/palette.ts';

const HEIGHT = 104;
const DIFFERENCE_HEIGHT = 64;
/** The least time between two drawings of one chart, in ms. */
const EVERY = 100;
/** Rows of a table: enough to read, few enough to hear. */
const TABLE_ROWS = 12;

interface Spec {
  readonly name: 'success' | 'services' | 'latency' | 'leaders' | 'pods';
  readonly stepped: boolean;
  readonly format: (value: number) => string;
  /** A difference, without its sign. */
  readonly apart: (value: number) => string;
  /** The columns whose mean, or greatest, it shows. */
  columns(names: readonly string[], kind: number): readonly string[];
  /** Whether 0 says that nothing was measured. */
  readonly zeroIsNone?: boolean;
}

const points = (value: number): string => say('compare_points', { n: short(value * 100) });

const SPECS: readonly Spec[] = [
  {
    name: 'success', stepped: false, format: share, apart: points,
    columns: (names, kind) => names.filter((name) => (kind < 0 ? /^success_\d+_\d+$/ : new RegExp(`^success_\\d+_${kind}$`)).test(name)),
  },
  { name: 'services', stepped: false, format: share, apart: points, columns: () => ['success_services'] },
  { name: 'latency', stepped: false, format: span, apart: span, columns: () => ['p99_ms'], zeroIsNone: true },
  { name: 'leaders', stepped: true, format: short, apart: short, columns: () => ['leader_changes'] },
  { name: 'pods', stepped: true, format: short, apart: short, columns: () => ['pods_ready'] },
];

/** The mean of what was measured; null: nothing was. */
export function mean(row: Float64Array, at: readonly number[], zeroIsNone: boolean): number | null {
  let sum = 0;
  let count = 0;
  for (const index of at) {
    const value = row[index] ?? NaN;
    if (!(value > 0 || (value === 0 && !zeroIsNone))) continue;
    sum += value;
    count += 1;
  }
  return count === 0 ? null : sum / count;
}

type Line = (number | null)[];
interface Lines {
  readonly times: number[];
  readonly a: Line;
  readonly b: Line;
  readonly apart: Line;
}

/** Seconds shown. */
const WINDOW = 120;

/** The rows of the window that ends where the series do. */
function newest(samples: Samples): readonly Row[] {
  return samples.window(samples.rows.at(-1)?.[0] ?? 0, WINDOW);
}

class Plot {
  readonly node: HTMLElement;
  private readonly app: App;
  private readonly spec: Spec;
  private readonly upperAt = html('div', { class: 'plot', 'aria-hidden': 'true' });
  private readonly lowerAt = html('div', { class: 'plot apart', 'aria-hidden': 'true' });
  private readonly summary = html('p', { class: 'visually-hidden' });
  private readonly heads = html('tr');
  private readonly body = html('tbody');
  private readonly table: HTMLElement;
  private readonly kind: HTMLSelectElement | undefined;
  private upper: uPlot | undefined;
  private lower: uPlot | undefined;
  private built = '';
  private width = 200;
  private visible = true;
  private partedS: number | null = null;

  constructor(app: App, spec: Spec, redraw: () => void) {
    this.app = app;
    this.spec = spec;
    this.table = html('table', { hidden: true }, html('caption', { class: 'visually-hidden' }, this.title()), html('thead', {}, this.heads), this.body);
    const head = html('div', { class: 'head' }, html('h3', {}, this.title()));
    if (spec.name === 'success') {
      const kinds = app.catalog.request_kinds.map((name, kind) => html('option', { value: kind }, sayIfKnown(`kind_${name}`) ?? name));
      this.kind = html('select', { id: 'compare-kind', 'aria-label': say('compare_kind') }, html('option', { value: -1 }, say('compare_kind_all')), ...kinds);
      this.kind.addEventListener('change', redraw);
      head.append(this.kind);
    }
    this.node = html('figure', { class: 'chart', id: `compare-${spec.name}` }, head, this.upperAt, this.lowerAt, this.summary, this.table);
    new IntersectionObserver(([entry]) => {
      this.visible = entry?.isIntersecting ?? true;
      if (this.visible) redraw();
    }).observe(this.node);
    new ResizeObserver(([entry]) => {
      this.width = Math.max(120, Math.floor(entry?.contentRect.width ?? 0));
      redraw();
    }).observe(this.upperAt);
  }
  private title(): string {
    return say(`compare_chart_${this.spec.name}` as Key);
  }
  set tabled(tabled: boolean) {
    this.table.hidden = !tabled;
  }
  private lines(a: Samples, b: Samples): Lines {
    const { spec } = this;
    const kind = this.kind === undefined ? -1 : Number(this.kind.value);
    const [of, or] = [a, b].map(({ names }) => spec.columns(names, kind).map((name) => names.indexOf(name))) as [number[], number[]];
    // Both are sampled at the same moments, but one may be a little ahead.
    const theirs = new Map(newest(b).map((row) => [row[0] ?? 0, row]));
    const both = newest(a).flatMap((row) => {
      const other = theirs.get(row[0] ?? 0);
      return other === undefined ? [] : [[row, other] as const];
    });
    const lines = both.map(([row, other]) => [mean(row, of, spec.zeroIsNone === true), mean(other, or, spec.zeroIsNone === true)] as const);
    return {
      times: both.map(([row]) => row[0] ?? 0),
      a: lines.map(([value]) => value),
      b: lines.map(([, value]) => value),
      apart: lines.map(([mine, other]) => (mine === null || other === null ? null : other - mine)),
    };
  }
  draw(a: Samples, b: Samples, palette: Palette, theme: string, partedS: number | null): void {
    if (!this.visible) return;
    const { times, a: first, b: second, apart } = this.lines(a, b);
    const { width } = this;
    this.partedS = partedS;
    const scale = scaleOf(this.app.state);
    if (this.upper === undefined || this.lower === undefined || this.built !== theme) {
      this.built = theme;
      this.upper?.destroy();
      this.lower?.destroy();
      const parted = (plot: uPlot): void => this.mark(plot, palette);
      this.upper = new uPlot(options(this.spec, palette, width, parted, scale), [times, first, second], this.upperAt);
      this.lower = new uPlot(differenceOptions(this.spec, palette, width, parted, scale), [times, apart], this.lowerAt);
      return;
    }
    if (this.upper.width !== width) {
      this.upper.setSize({ width, height: HEIGHT * scale });
      this.lower.setSize({ width, height: DIFFERENCE_HEIGHT * scale });
    }
    this.upper.setData([times, first, second]);
    this.lower.setData([times, apart]);
  }
  /** A line at the moment at which the runs part. */
  private mark(plot: uPlot, palette: Palette): void {
    const { min = 0, max = 0 } = plot.scales['x'] ?? {};
    const at = this.partedS;
    if (at === null || min === null || max === null || at < min || at > max) return;
    const { ctx, bbox } = plot;
    const x = Math.round(plot.valToPos(at, 'x', true)) + 0.5;
    ctx.save();
    ctx.setLineDash([]);
    ctx.strokeStyle = palette.bad;
    ctx.lineWidth = devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  }
  describe(a: Samples, b: Samples): void {
    const { format, apart: write } = this.spec;
    const lines = this.lines(a, b);
    const last = (line: Line): string => {
      const value = line.at(-1) ?? null;
      return value === null ? say('none') : format(value);
    };
    let most = 0;
    let when = 0;
    lines.apart.forEach((value, index) => {
      if (value === null || Math.abs(value) <= Math.abs(most)) return;
      most = value;
      when = lines.times[index] ?? 0;
    });
    const values = { title: this.title(), a: last(lines.a), b: last(lines.b), most: write(Math.abs(most)), at: span(when * 1000) };
    setText(this.summary, say(most === 0 ? 'compare_chart_same' : most > 0 ? 'compare_chart_more' : 'compare_chart_less', values));
    if (!this.table.hidden) this.fill(lines);
  }
  private fill({ times, a, b, apart }: Lines): void {
    const { format, apart: write } = this.spec;
    const step = Math.max(1, Math.ceil(times.length / TABLE_ROWS));
    const chosen = times.map((_, index) => index).filter((index) => (times.length - 1 - index) % step === 0).reverse();
    list(this.heads, [say('chart_time'), 'A', 'B', say('compare_apart')], () => html('th', { scope: 'col' }), setText);
    const cell = (value: number | null | undefined, how: (value: number) => string): string => (value === null || value === undefined ? '–' : how(value));
    list(this.body, chosen, () => html('tr'), (line, index) => {
      const cells = [span((times[index] ?? 0) * 1000), cell(a[index], format), cell(b[index], format), cell(apart[index], (value) => signed(value, write))];
      list(line, cells, () => html('td'), setText);
    });
  }
}

function signed(value: number, write: (value: number) => string): string {
  return value === 0 ? '0' : `${value > 0 ? '+' : '−'}${write(Math.abs(value))}`;
}

function fontOf(scale: number): string {
  return `${11 * scale}px system-ui, sans-serif`;
}

function base(palette: Palette, width: number, parted: (plot: uPlot) => void, scale: number): Omit<uPlot.Options, 'series' | 'height'> & { font: string } {
  return {
    font: fontOf(scale), width, legend: { show: false }, cursor: { show: false }, padding: [6, 14, 0, 0],
    hooks: { draw: [parted] },
    axes: [{ stroke: palette.muted, font: fontOf(scale), grid: { show: false }, ticks: { show: false }, size: 20 * scale, space: 60 * scale, values: (_plot, splits) => splits.map((value) => say('axis_s', { n: value })) }],
  };
}
function axis(palette: Palette, scale: number, values: (splits: number[]) => string[]): uPlot.Axis {
  return { stroke: palette.muted, font: fontOf(scale), ticks: { show: false }, grid: { stroke: palette.track, width: 1 }, size: 68 * scale, space: 26 * scale, values: (_plot, splits) => values(splits) };
}

function options(spec: Spec, palette: Palette, width: number, parted: (plot: uPlot) => void, scale: number): uPlot.Options {
  const paths = spec.stepped ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
  const shared = { points: { show: false }, width: scale === 1 ? 1.5 / devicePixelRatio : 2, ...(paths === undefined ? {} : { paths }) };
  const rate = spec.format === share;
  const common = base(palette, width, parted, scale);
  return {
    ...common,
    height: HEIGHT * scale,
    scales: { x: { time: false }, y: rate ? { range: [0, 1.02] } : { range: (_plot, _low, high) => [0, Math.max(high * 1.08, spec.name === 'leaders' ? 4 : 1)] } },
    axes: [...(common.axes ?? []), axis(palette, scale, (splits) => splits.map((value) => (spec.name === 'leaders' && value % 1 !== 0 ? '' : spec.format(value))))],
    series: [{}, { label: 'A', stroke: palette.series[0] ?? palette.ink, ...shared }, { label: 'B', stroke: palette.series[1] ?? palette.ink, dash: [6, 3], ...shared }],
  };
}

/** How much more than the greatest difference fits. */
const MARGIN = 1.25;
/** The greatest difference both ways, and none. */
function ends(max: number): number[] {
  return [-max / MARGIN, 0, max / MARGIN];
}

function differenceOptions(spec: Spec, palette: Palette, width: number, parted: (plot: uPlot) => void, scale: number): uPlot.Options {
  const paths = spec.stepped ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
  const least = spec.format === share ? 0.1 : 1;
  const common = base(palette, width, parted, scale);
  return {
    ...common,
    height: DIFFERENCE_HEIGHT * scale,
    scales: {
      x: { time: false },
      y: {
        range: (_plot, low, high) => {
          const most = Math.max(least, Math.abs(low), Math.abs(high)) * MARGIN;
          return [-most, most];
        },
      },
    },
    axes: [{ show: false }, { ...axis(palette, scale, (splits) => splits.map((value) => signed(value, spec.apart))), splits: (plot) => ends(plot.scales['y']?.max ?? 0) }],
    series: [
      {},
      { label: say('compare_apart'), stroke: palette.ink, fill: palette.track, width: 1 / devicePixelRatio, points: { show: false }, ...(paths === undefined ? {} : { paths }), fillTo: 0 },
    ],
  } as uPlot.Options;
}

/** The charts, and the samples behind them. */
export class Plots {
  readonly node: HTMLElement;
  readonly a = new Samples();
  readonly b = new Samples();
  private readonly plots: Plot[];
  private readonly drawn: number[];
  private next = 0;
  private tabled = false;
  private readonly table = button(say('chart_table'), () => this.showTables(), { class: 'quiet-button', id: 'compare-tables', 'aria-pressed': 'false' });

  constructor(app: App, redraw: () => void) {
    const specs = SPECS.filter(({ name }) => app.cluster.nodes > 0 || (name !== 'services' && name !== 'pods'));
    this.plots = specs.map((spec) => new Plot(app, spec, redraw));
    this.drawn = specs.map(() => 0);
    const key = (letter: 'a' | 'b'): HTMLElement => html('li', {}, html('span', { class: `swatch series-${letter === 'a' ? 0 : 1}` }), letter.toUpperCase());
    const keys = html('ul', { class: 'keys', 'aria-hidden': 'true' }, key('a'), key('b'), html('li', {}, say('compare_under')));
    this.node = html(
      'section', { class: 'charts', 'aria-label': say('compare_charts') },
      html('div', { class: 'head' }, html('h3', {}, say('compare_charts')), keys, this.table), ...this.plots.map(({ node }) => node),
    );
  }
  private showTables(): void {
    this.tabled = !this.tabled;
    setAttribute(this.table, 'aria-pressed', String(this.tabled));
    for (const plot of this.plots) plot.tabled = this.tabled;
    for (const describe of this.descriptions) describe();
  }
  /** Draws at most one chart, in turn, so that no frame pays for all; `all` where no frame will follow. */
  draw(palette: Palette, theme: string, partedS: number | null, all: boolean): void {
    const now = performance.now();
    this.plots.forEach((plot, index) => {
      if (!all && (index !== this.next || now - (this.drawn[index] ?? 0) < EVERY)) return;
      this.drawn[index] = now;
      plot.draw(this.a, this.b, palette, theme, partedS);
    });
    this.next = (this.next + 1) % this.plots.length;
  }
  /** The charts in words, chart by chart. */
  get descriptions(): (() => void)[] {
    return this.plots.map((plot) => () => plot.describe(this.a, this.b));
  }
}

