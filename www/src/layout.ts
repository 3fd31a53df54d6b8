// Where everything in the drawing is: a function of its width and of what there is, shared by SVG and canvas.

import { RUNGS, type Rung } from './health.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}
export interface Box extends Point {
  readonly w: number;
  readonly h: number;
}
export interface Layout {
  readonly width: number;
  readonly height: number;
  /** The height of a rung's words, and whether they are two lines. */
  readonly header: number;
  readonly stacked: boolean;
  readonly members: number;
  /** Whether there is little room beside the shapes, so that texts go below them. */
  readonly narrow: boolean;
  /** Whether long names must give way to short ones. */
  readonly compact: boolean;
  readonly rungs: Readonly<Record<Rung, { readonly top: number; readonly height: number }>>;
  /** The column of a host. */
  readonly columns: readonly Box[];
}

const HEADER = 26;
const HEADER_STACKED = 42;
/** Narrower drawings than this put what is wrong below a rung's name. */
const STACKED = 560;
const HEIGHTS: Readonly<Record<Rung, { wide: number; narrow: number }>> = {
  users: { wide: 44, narrow: 74 },
  election: { wide: 98, narrow: 158 },
  api: { wide: 40, narrow: 62 },
  etcd: { wide: 80, narrow: 136 },
  network: { wide: 100, narrow: 116 },
};
const GAP = 9;

/** Room that each member's column needs for its texts beside its shapes, and for their long names. */
const COLUMN_WIDE = 190;
const COLUMN_ROOMY = 245;

export function layOut(width: number, members: number): Layout {
  const narrow = width / members < COLUMN_WIDE;
  const size = narrow ? 'narrow' : 'wide';
  const stacked = width < STACKED;
  const header = stacked ? HEADER_STACKED : HEADER;
  let top = 2;
  const rungs = {} as Record<Rung, { top: number; height: number }>;
  for (const rung of RUNGS) {
    const height = header + HEIGHTS[rung][size];
    rungs[rung] = { top, height };
    top += height + GAP;
  }
  const gutter = narrow ? 8 : 20;
  const w = (width - gutter * (members - 1)) / members;
  const columns = Array.from({ length: members }, (_, n) => ({ x: n * (w + gutter), y: 0, w, h: top }));
  const compact = width / members < COLUMN_ROOMY;
  return { width, height: top - GAP + 4, header, stacked, members, narrow, compact, rungs, columns };
}

/** The box of a rung's things in a host's column. */
export function cell({ rungs, columns, header }: Layout, rung: Rung, host: number): Box {
  const { x = 0, w = 0 } = columns[host] ?? {};
  const { top, height } = rungs[rung];
  return { x, y: top + header, w, h: height - header };
}

/** One of the two electors of a host. */
export function electorBox(layout: Layout, host: number, component: number): Box {
  const { x, y, w, h } = cell(layout, 'election', host);
  const each = (h - 6) / 2;
  return { x, y: y + component * (each + 6), w, h: each };
}

/** The lane in which packets climb and fall: the left edge of each column. */
export const LANE = 7;

/** Radius of a member's disc. */
export const DISC = 21;

export function memberCentre(layout: Layout, host: number): Point {
  const { x, y, h } = cell(layout, 'etcd', host);
  return layout.narrow ? { x: x + DISC + 19, y: y + DISC + 8 } : { x: x + DISC + 20, y: y + h / 2 };
}

export function hostCentre(layout: Layout, host: number): Point {
  const { x, y, w } = cell(layout, 'network', host);
  return { x: x + w / 2, y: y + 20 };
}

export function hostWidth({ narrow }: Layout): number {
  return narrow ? 68 : 78;
}
export const HOST_H = 30;

/** The link between two hosts as a quadratic curve: neighbours straight, others below. */
export function linkCurve(layout: Layout, a: number, b: number): readonly [Point, Point, Point] {
  const [low, high] = a < b ? [a, b] : [b, a];
  const [p, q] = [hostCentre(layout, low), hostCentre(layout, high)];
  const far = high - low > 1;
  const half = hostWidth(layout) / 2;
  const from = far ? { x: p.x + 8, y: p.y + HOST_H / 2 } : { x: p.x + half, y: p.y };
  const to = far ? { x: q.x - 8, y: q.y + HOST_H / 2 } : { x: q.x - half, y: q.y };
  const sag = far ? 34 + 24 * (high - low - 1) : 0;
  const middle = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 + sag * (far ? 2 : 0) * 0.8 };
  return a < b ? [from, middle, to] : [to, middle, from];
}

export function onCurve([from, middle, to]: readonly [Point, Point, Point], t: number): Point {
  const s = 1 - t;
  return {
    x: s * s * from.x + 2 * s * t * middle.x + t * t * to.x,
    y: s * s * from.y + 2 * s * t * middle.y + t * t * to.y,
  };
}

/** The path of a packet, as a function of how far it is. Each direction keeps to its side. */
export function route(layout: Layout, from: number, to: number, flightClass: string): ((t: number) => Point) | undefined {
  const { members } = layout;
  if (from < members && to < members && from !== to) {
    const curve = linkCurve(layout, from, to);
    const side = from < to ? -3 : 3;
    return (t) => {
      const { x, y } = onCurve(curve, t);
      return { x, y: y + side };
    };
  }
  const host = Math.min(from, to);
  const column = layout.columns[host];
  if (column === undefined) return undefined;
  const middleOf = (rung: Rung): number => {
    const { y, h } = cell(layout, rung, host);
    return y + h / 2;
  };
  // A loopback has two directions as well, but the frame cannot tell them apart: all climb.
  const ends: [Rung, Rung] | undefined =
    from !== to
      ? from > to
        ? ['users', 'api']
        : ['api', 'users']
      : flightClass === 'etcd'
        ? ['api', 'etcd']
        : flightClass === 'api'
          ? ['election', 'api']
          : undefined;
  if (ends === undefined) return undefined;
  const [start, end] = [middleOf(ends[0]), middleOf(ends[1])];
  const x = column.x + LANE + (from > to ? -3 : 3);
  return (t) => ({ x, y: start + (end - start) * t });
}

/** Where the handle of the loss dial sits for a place of it. */
export function lossHandle(layout: Layout, place: string): Point {
  const member = /^member-(\d)$/.exec(place)?.[1];
  if (member !== undefined) {
    const { x, y } = hostCentre(layout, Number(member) - 1);
    return { x, y: y + HOST_H / 2 + 16 };
  }
  const loopback = /^api-etcd-(\d)$/.exec(place)?.[1];
  if (loopback !== undefined) {
    const { x, w } = cell(layout, 'api', Number(loopback) - 1);
    // Beside the words at the right end of the rung's line.
    const aside = Number(loopback) === layout.members && !layout.stacked ? 110 : 0;
    return { x: x + w - 50 - aside, y: layout.rungs.etcd.top + 6 };
  }
  if (place === 'one-way-1-2' && layout.members > 1) {
    const { x, y } = onCurve(linkCurve(layout, 0, 1), 0.5);
    return { x, y: y + 22 };
  }
  const { top, height } = layout.rungs.network;
  return { x: layout.width - 52, y: top + height - 14 };
}
