// The page's charts as one drawing in SVG. Scales and lines are the charts'; uPlot draws on a canvas only.

import type { TimeApp } from '../app.ts';
import { svg } from '../dom.ts';
import { say } from '../say.ts';
import { SPECS, valuesOf, WINDOW, type Spec } from '../view/charts.ts';
import type { Palette } from '../view/palette.ts';
import type { Row } from '../samples.ts';
import { FONT } from './picture.ts';

/** A chart's size with its words, in px, and how many stand side by side. */
const [WIDTH, HEIGHT, COLUMNS] = [480, 190, 2];
/** Room around the lines, in px. */
const ROOM = { left: 58, right: 16, top: 46, bottom: 26 };
/** A chart of changes of leaders goes at least up to here, and so does its neighbour on the page. */
const LEADERS_MIN = 4;

/** All charts. */
export function charts(app: TimeApp, palette: Palette): SVGSVGElement {
  const now = app.past.nowUs / 1e6;
  const rows = app.past.samples.window(now, WINDOW);
  const boxes = SPECS.map((spec, index) => {
    const [x, y] = [(index % COLUMNS) * WIDTH, Math.floor(index / COLUMNS) * HEIGHT];
    return svg('g', { transform: `translate(${x} ${y})` }, ...chart(app, spec, rows, palette));
  });
  const size = { width: WIDTH * COLUMNS, height: HEIGHT * Math.ceil(SPECS.length / COLUMNS) };
  return svg('svg', { ...size, viewBox: `0 0 ${size.width} ${size.height}` }, ...boxes);
}

function text(x: number, y: number, content: string, fill: string, anchor = 'start', more: Record<string, string | number> = {}): SVGTextElement {
  return svg('text', { x, y, fill, 'text-anchor': anchor, 'font-family': FONT, 'font-size': 11, ...more }, content);
}

function chart(app: TimeApp, spec: Spec, rows: readonly Row[], palette: Palette): SVGElement[] {
  const lines = spec.lines(app);
  const values = lines.map((line) => valuesOf(app.past.samples, rows, line));
  const times = rows.map((row) => row[0] ?? 0);
  const most = Math.max(0, ...values.flat().filter((value) => value !== null));
  const top = spec.name === 'success' ? 1 : Math.max(most * 1.08, spec.name === 'leaders' ? LEADERS_MIN : 1);
  const [first, last] = [times[0] ?? 0, times.at(-1) ?? 1];
  const [w, h] = [WIDTH - ROOM.left - ROOM.right, HEIGHT - ROOM.top - ROOM.bottom];
  const x = (time: number): number => ROOM.left + ((time - first) / Math.max(1e-9, last - first)) * w;
  const y = (value: number): number => ROOM.top + h - (value / top) * h;
  const grid = [0, top / 2, top].flatMap((value) => [
    svg('path', { d: `M${ROOM.left} ${y(value).toFixed(1)}h${w}`, stroke: palette.track, fill: 'none' }),
    text(ROOM.left - 6, y(value) + 4, spec.format(value), palette.muted, 'end'),
  ]);
  const ends = rows.length === 0 ? [] : [first, last].map((time, index) => text(x(time), HEIGHT - 10, `${time.toFixed(1)} s`, palette.muted, index === 0 ? 'start' : 'end'));
  const drawn = values.map((line, index) =>
    svg('path', {
      d: path(times.map(x), line.map((value) => (value === null ? null : y(value))), spec.stepped), class: 'line',
      stroke: palette.series[index] ?? palette.ink, fill: 'none', 'stroke-width': 1.5, ...(index > 0 ? { 'stroke-dasharray': `${6 * index} ${3 * index}` } : {}),
    }),
  );
  const room = w / Math.max(1, lines.length);
  const keys = lines.flatMap(({ label }, index) => [
    svg('rect', { x: ROOM.left + index * room, y: 28, width: 9, height: 9, fill: palette.series[index] ?? palette.ink }),
    text(ROOM.left + index * room + 14, 36, label, palette.ink),
  ]);
  return [text(ROOM.left, 18, say(`chart_${spec.name}`), palette.ink, 'start', { 'font-size': 13, 'font-weight': 600 }), ...grid, ...ends, ...keys, ...drawn];
}

/** A line with gaps where there is no value. */
function path(xs: readonly number[], ys: readonly (number | null)[], stepped: boolean): string {
  let [d, on] = ['', false];
  xs.forEach((x, index) => {
    const y = ys[index];
    if (typeof y !== 'number') on = false;
    else {
      const [left, up] = [x.toFixed(1), y.toFixed(1)];
      d += !on ? `M${left} ${up}` : stepped ? `H${left}V${up}` : `L${left} ${up}`;
      on = true;
    }
  });
  return d;
}
