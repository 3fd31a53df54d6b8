// The chain of causes over the drawing: from what was asked about back to where it began, numbered like its sentences.

import { programAt, type Cluster } from '../cluster.ts';
import { svg } from '../dom.ts';
import type { WhyStep } from '../engine.ts';
import { cell, electorBox, hostCentre, memberCentre, type Layout, type Point } from '../layout.ts';

/** The most stations: more would hide what they show. */
const MOST = 12;
const RADIUS = 9;

/** Where a program stands in the drawing; users and nodes are above it. */
function pointOf(program: number, layout: Layout, cluster: Cluster): Point | undefined {
  const found = programAt(program, cluster);
  if (!('n' in found)) return found.what === 'unknown' ? undefined : above(layout, 0.5);
  switch (found.what) {
    case 'etcd':
      return memberCentre(layout, found.n);
    case 'api': {
      const { x, y, w, h } = cell(layout, 'api', found.n);
      return { x: x + w / 2, y: y + h / 2 };
    }
    case 'controller':
    case 'scheduler': {
      const { x, y, w, h } = electorBox(layout, found.n, found.what === 'controller' ? 0 : 1);
      return { x: x + w / 2, y: y + h / 2 };
    }
    case 'prober':
      return hostCentre(layout, cluster.external ? cluster.members + found.n : found.n);
    case 'kubelet':
    case 'proxy':
      return above(layout, (found.n + 0.5) / Math.max(1, cluster.nodes));
  }
}
function above(layout: Layout, share: number): Point {
  const { width, aside, rungs } = layout;
  return { x: aside + (width - aside) * share, y: rungs.election.top };
}

interface Station extends Point {
  readonly number: number;
  readonly lost: boolean;
}

function stations(steps: readonly WhyStep[], layout: Layout): Station[] {
  const found: Station[] = [];
  steps.forEach((step, n) => {
    const at = step.program === null ? undefined : pointOf(step.program, layout, layout.cluster);
    if (at === undefined) return;
    const lost = ['lost', 'cut', 'queue_full', 'no_power'].includes(step.what);
    const to = lost && step.other !== null ? pointOf(step.other, layout, layout.cluster) : undefined;
    const point = to === undefined ? at : { x: (at.x + to.x) / 2, y: (at.y + to.y) / 2 };
    const last = found.at(-1);
    if (last !== undefined && last.x === point.x && last.y === point.y) return;
    found.push({ ...point, number: n + 1, lost });
  });
  return found.slice(0, MOST);
}

/** The path as a group of the drawing; nothing to do with the pointer. */
export function whyPath(steps: readonly WhyStep[], layout: Layout): SVGGElement {
  const all = stations(steps, layout);
  const line = all.map(({ x, y }) => `${x},${y}`).join(' ');
  const marks = all.map(({ x, y, number, lost }) =>
    svg('g', { transform: `translate(${x} ${y})`, 'data-step': number, class: lost ? 'station lost' : 'station' },
      svg('circle', { r: RADIUS }), svg('text', { y: 4, 'text-anchor': 'middle' }, String(number))),
  );
  return svg('g', { class: 'why-path', 'aria-hidden': 'true' }, svg('polyline', { points: line, 'marker-end': 'none' }), ...marks);
}
