// How much of the ladder a figure has room for: a function of its width alone, since its height may follow from this.

import { ROOMY, type DrawnRung, type Room } from '../layout.ts';
import { chooser, type Face } from './face.ts';

/** Drawings narrower than this have room for the network alone, those narrower than the other for etcd besides, in px. */
const SMALL = 560;
const MEDIUM = 820;

const NAMES: readonly (readonly [DrawnRung, string, least: number])[] = [
  ['election', 'electors', MEDIUM],
  ['api', 'servers', MEDIUM],
  ['etcd', 'etcd', SMALL],
  ['network', 'network', 0],
];

const known = new WeakMap<Face, Map<string, Room>>();

/** What is drawn of the lower rungs. */
export function roomFor(face: Face, width: number): Room {
  if (!face.embedded && face.hide.length === 0) return ROOMY;
  const size = width < SMALL ? 'small' : width < MEDIUM ? 'medium' : 'large';
  const rooms = known.get(face) ?? new Map<string, Room>();
  known.set(face, rooms);
  const found = rooms.get(size);
  if (found !== undefined) return found;
  const choice = chooser(face);
  const folded = NAMES.filter(([, name, least]) => !(choice(name) ?? (!face.embedded || width >= least))).map(([rung]) => rung);
  const room = { folded: new Set(folded), flat: face.embedded };
  rooms.set(size, room);
  return room;
}
