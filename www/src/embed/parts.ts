// Parts of the page by name: which elements they are, and how they are taken away or locked.

import { byId, html, setAttribute } from '../dom.ts';
import type { Catalog } from '../engine.ts';
import { quantity } from '../quantity.ts';
import { say } from '../say.ts';
import { PARTS, chooser, isLocked, type Face, type PartName } from './face.ts';

/** The elements of each part. Of the lower rungs the ladder itself draws more or less. */
const SELECTORS: Readonly<Record<PartName, string>> = {
  settings: 'header.top > :not(h1)',
  task: '#task',
  caption: '#timeline > .caption',
  transport: '#reverse, #note-before, #step-back, #step, #note-next, #live',
  speed: '#timeline .speed',
  'start-over': '#reset',
  // A name for several dials; each goes by its own.
  dials: '',
  more: '#more-dials, #about-dials',
  topology: '#topology, .own-opener',
  faults: '#faults',
  kubectl: '#kubectl',
  ladder: '#ladder',
  requests: '#ladder .requests',
  pods: '#ladder .pods',
  work: '#ladder .work',
  electors: '',
  servers: '',
  etcd: '',
  network: '',
  legend: '#legend',
  words: '#scene-words',
  timeline: '#timeline > .lanes, #moment, #timeline .toggles, #time-details, #timeline .seen',
  branches: '#timeline .branches',
  milestones: '#milestones',
  reference: '#reference',
  inspector: '#inspector',
  why: '#answer, #ladder .ask',
  events: '#events',
  lamps: '#lamps',
  verdicts: '#verdicts',
  charts: '#charts',
  'chart-success': '#chart-success',
  'chart-latency': '#chart-latency',
  'chart-leaders': '#chart-leaders',
  'chart-lease': '#chart-lease',
  'chart-pods': '#chart-pods',
  'chart-stale': '#chart-stale',
  'chart-queue': '#chart-queue',
};

function take(element: Element, away: boolean): void {
  element.toggleAttribute('data-off', away);
}

/** Shows and locks what a face asks for. The views go on as if everything was there. */
export function dress(face: Face, { knobs }: Catalog): void {
  const choice = chooser(face);
  for (const name of PARTS) {
    if (SELECTORS[name] === '') continue;
    for (const element of document.querySelectorAll(SELECTORS[name])) take(element, choice(name) === false);
  }
  for (const spec of knobs) {
    const { param } = quantity(spec);
    const dial = byId(`dial-${spec.name}`).closest('.dial');
    if (dial === null) continue;
    const shown = choice(param);
    // A dial that was asked for by name is not among those that are folded away.
    const isFolded = dial.closest('#more-dials') !== null;
    if (shown === true && isFolded) byId('more-dials').before(dial);
    // The fold takes those that nobody asked for with it, so there they may stay.
    take(dial, isFolded ? face.hide.includes(param) : shown === false);
    if (isLocked(face, param)) lock(dial);
  }
  leaveNoEmptyPlaces();
}

/** Nothing of it can be moved, but everything can be read. */
function lock(dial: Element): void {
  const note = html('span', { class: 'locked' }, say('dial_locked'));
  dial.querySelector('label')?.append(' ', note);
  for (const control of dial.querySelectorAll('input, select')) setAttribute(control, 'disabled', true);
}

/** A panel without contents, or a column without panels, goes as well. */
function leaveNoEmptyPlaces(): void {
  for (const id of ['dials-network', 'dials-election']) {
    const panel = byId(id);
    take(panel, [...panel.children].every((child) => child.tagName === 'H2' || child.hasAttribute('data-off')));
  }
  for (const column of document.querySelectorAll('.left, .middle, .right')) {
    take(column, [...column.children].every((child) => child.hasAttribute('data-off') || child.tagName === 'CANVAS'));
  }
}
