// Where everything in the drawing is: a function of its width and of what there is, shared by SVG and canvas.

import { apiHost, type Cluster } from './cluster.ts';
import type { Rung } from './health.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}
export interface Box extends Point {
  readonly w: number;
  readonly h: number;
}
export interface Layout {
  /** By how much larger it is drawn than it is laid out. */
  readonly scale: number;
  readonly width: number;
  readonly height: number;
  /** Where the drawn rungs begin, below those that are text. */
  readonly top: number;
  /** The height of a rung's words above its things, and whether they are two lines. */
  readonly header: number;
  readonly stacked: boolean;
  /** How much of the left a rung's words take where they stand beside its things; 0: they stand above. */
  readonly aside: number;
  readonly folded: ReadonlySet<DrawnRung>;
  readonly cluster: Cluster;
  /** Whether there is little room beside the shapes, so that texts go below them. */
  readonly narrow: boolean;
  /** Whether long names must give way to short ones. */
  readonly compact: boolean;
  readonly rungs: Readonly<Record<DrawnRung, { readonly top: number; readonly height: number }>>;
  /** The columns of API servers, and of etcd members. */
  readonly apis: readonly Column[];
  readonly members: readonly Column[];
}
export interface Column {
  readonly x: number;
  readonly w: number;
}

/** The rungs that are drawn; those above them are text. */
export type DrawnRung = Exclude<Rung, 'users' | 'nodes' | 'control'>;
export const DRAWN: readonly DrawnRung[] = ['election', 'api', 'etcd', 'network'];

/** How the drawing makes do with little room. */
export interface Room {
  /** Rungs of which only the line is left. */
  readonly folded: ReadonlySet<DrawnRung>;
  /** Whether the rungs' words stand close. */
  readonly flat: boolean;
}
export const ROOMY: Room = { folded: new Set(), flat: false };

const HEADER = 26;
/** What stands beside needs no line of its own, only a little air. */
const HEADER_ASIDE = 9;
/** What the words beside take, by the drawing's width. */
const ASIDE = { wide: 172, narrow: 150 };
/** From this width on there is room for the wider ones. */
const ASIDE_WIDE = 780;
const HEADER_STACKED = 42;
const HEADER_FLAT = 24;
const HEADER_FLAT_STACKED = 38;
/** What the network can do without below its links where there is little room. */
const SPARE = 4;
/** Narrower drawings than this put what is wrong below a rung's name. */
const STACKED = 560;
/** What a rung's things take; `aside`: room for four lines of words beside them. */
const HEIGHTS: Readonly<Record<DrawnRung, { wide: number; narrow: number; aside: number }>> = {
  election: { wide: 98, narrow: 158, aside: 84 },
  api: { wide: 40, narrow: 62, aside: 54 },
  etcd: { wide: 62, narrow: 136, aside: 60 },
  network: { wide: 102, narrow: 116, aside: 96 },
};
/** What the API servers' own hosts take where etcd has its own. */
const HOST_ROW = 64;
const GAP = 9;

/** Room that each column needs for its texts beside its shapes, and for their long names. */
const COLUMN_WIDE = 200;
/** The same where nobody is drawn who has lamps. */
const COLUMN_PLAIN = 186;
const COLUMN_ROOMY = 275;
/** The same where words stand beside them and times are in whole seconds. */
const COLUMN_ASIDE = 186;
/** The least that leaves room for narrow columns where words stand beside them. */
const COLUMN_NARROW = 112;

export function layOut(shownWidth: number, cluster: Cluster, shownTop = 0, { folded, flat }: Room = ROOMY, scale = 1): Layout {
  const [width, top] = [shownWidth / scale, shownTop / scale];
  const most = Math.max(1, cluster.members, cluster.apis);
  const stacked = width < STACKED;
  // Words beside the things save a line of each rung, but must not squeeze the columns into less than they would have.
  const wide = folded.has('election') ? COLUMN_PLAIN : COLUMN_WIDE;
  const least = width / most < wide ? COLUMN_NARROW : COLUMN_ASIDE;
  const beside = width < ASIDE_WIDE ? ASIDE.narrow : ASIDE.wide;
  const aside = !stacked && !flat && (width - beside) / most >= least ? beside : 0;
  const room = width - aside;
  const narrow = room / most < (aside > 0 ? COLUMN_ASIDE : wide);
  const size = narrow ? 'narrow' : aside > 0 ? 'aside' : 'wide';
  const above = flat ? (stacked ? HEADER_FLAT_STACKED : HEADER_FLAT) : stacked ? HEADER_STACKED : HEADER;
  const header = aside > 0 ? HEADER_ASIDE : above;
  let y = top + 2;
  const rungs = {} as Record<DrawnRung, { top: number; height: number }>;
  for (const rung of DRAWN) {
    const drawn = folded.has(rung) ? 0 : HEIGHTS[rung][size] + (rung === 'network' && cluster.external ? HOST_ROW : 0) - (rung === 'network' && flat ? SPARE : 0);
    rungs[rung] = { top: y, height: header + drawn };
    y += header + drawn + (flat ? 0 : GAP);
  }
  const gutter = narrow ? 8 : aside > 0 ? 12 : 20;
  const columns = (count: number): Column[] => {
    const w = (room - gutter * (count - 1)) / Math.max(1, count);
    return Array.from({ length: count }, (_, n) => ({ x: aside + n * (w + gutter), w }));
  };
  const compact = room / most < COLUMN_ROOMY;
  const members = columns(cluster.members);
  // In the stacked topology an API server stands above its member, also where there are fewer of them.
  const apis = cluster.external ? columns(cluster.apis) : members.slice(0, cluster.apis);
  return { scale, width, height: y - (flat ? 0 : GAP) + 4, top, header, stacked, aside, folded, cluster, narrow, compact, rungs, apis, members };
}

/** The box of a rung's thing: of an API server's number on the upper rungs, of a member's on the lower. */
export function cell({ rungs, apis, members, header }: Layout, rung: DrawnRung, n: number): Box {
  const { x = 0, w = 0 } = (rung === 'election' || rung === 'api' ? apis : members)[n] ?? {};
  const { top, height } = rungs[rung];
  return { x, y: top + header, w, h: height - header };
}

/** One of the two electors beside an API server. */
export function electorBox(layout: Layout, api: number, component: number): Box {
  const { x, y, w, h } = cell(layout, 'election', api);
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
  const { members, external } = layout.cluster;
  const { y } = cell(layout, 'network', 0);
  const { x, w } = (host < members ? layout.members[host] : layout.apis[host - members]) ?? { x: 0, w: 0 };
  return { x: x + w / 2, y: y + 20 + (external && host < members ? HOST_ROW : 0) };
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
  const { cluster } = layout;
  const { controlHosts, members } = cluster;
  if (from < controlHosts && to < controlHosts && from !== to) {
    const apart = Math.max(from, to) >= members;
    const curve = apart ? straight(layout, from, to) : linkCurve(layout, from, to);
    const side = from < to ? -3 : 3;
    return (t) => {
      const { x, y } = onCurve(curve, t);
      return { x, y: y + side };
    };
  }
  const host = Math.min(from, to);
  const api = cluster.external ? host - members : host;
  const column = layout.apis[api] ?? layout.members[host];
  if (column === undefined || host >= controlHosts) return undefined;
  const middleOf = (rung: DrawnRung): number => {
    const { y, h } = cell(layout, rung, 0);
    return y + h / 2;
  };
  const { top } = layout.rungs.election;
  // A loopback has two directions as well, but the frame cannot tell them apart: all climb. What lies beyond the
  // control plane, nodes and users, is above the drawing.
  const ends: [number, number] | undefined =
    from !== to
      ? from > to
        ? [top, middleOf('api')]
        : [middleOf('api'), top]
      : flightClass === 'etcd'
        ? [middleOf('api'), middleOf('etcd')]
        : flightClass === 'api' || flightClass === 'watch'
          ? [middleOf('election'), middleOf('api')]
          : undefined;
  if (ends === undefined) return undefined;
  const [start, end] = ends;
  const x = column.x + LANE + (from > to ? -3 : 3);
  return (t) => ({ x, y: start + (end - start) * t });
}

/** Between a member's host and an API server's. */
export function straight(layout: Layout, from: number, to: number): readonly [Point, Point, Point] {
  const [a, b] = [hostCentre(layout, from), hostCentre(layout, to)];
  return [a, { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }, b];
}

/** Where the handle of the loss dial sits for a place of it. */
export function lossHandle(layout: Layout, place: string): Point {
  const { cluster } = layout;
  const member = /^member-(\d)$/.exec(place)?.[1];
  if (member !== undefined) {
    const { x, y } = hostCentre(layout, Number(member) - 1);
    return { x, y: y + HOST_H / 2 + 16 };
  }
  const loopback = /^api-etcd-(\d)$/.exec(place)?.[1];
  if (loopback !== undefined && !cluster.external) {
    const { x, w } = cell(layout, 'api', Number(loopback) - 1);
    // Beside the words at the right end of the rung's line.
    const aside = Number(loopback) === cluster.apis && !layout.stacked ? 110 : 0;
    return { x: x + w - 50 - aside, y: layout.rungs.etcd.top + 6 };
  }
  if (loopback !== undefined) {
    const { x, y } = hostCentre(layout, apiHost(Number(loopback) - 1, cluster));
    return { x, y: y + HOST_H / 2 + 16 };
  }
  if (place === 'one-way-1-2' && cluster.members > 1) {
    const { x, y } = onCurve(linkCurve(layout, 0, 1), 0.5);
    return { x, y: y + 22 };
  }
  const { top, height } = layout.rungs.network;
  return { x: layout.width - 52, y: top + height - 14 };
}
