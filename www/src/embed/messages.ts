// What may be said from outside the frame, checked field by field. A message is a stranger's until it was read.

import type { Catalog, Change } from '../engine.ts';
import { say } from '../say.ts';
import type { Theme } from '../looks.ts';
import { SPEEDS } from '../state.ts';
import { readDials, readSeed } from '../url.ts';
import type { Cluster } from '../cluster.ts';

/** The version of the contract. */
export const VERSION = 1;
/** The longest journal that is looked at, in characters; the engine allows less. */
const JOURNAL_MOST = 4_000_000;
const SECONDS_MOST = 1e7;

export type Kind = 'json' | 'csv' | 'link';
const KINDS: readonly Kind[] = ['json', 'csv', 'link'];
const THEMES: readonly Theme[] = ['auto', 'light', 'dark'];

export interface Settings {
  readonly changes: readonly Change[];
  readonly speed: number | undefined;
  readonly theme: Theme | undefined;
}
export type Run =
  | { readonly scenario: string; readonly seed: number; readonly changes: readonly Change[] }
  | { readonly scenario: string; readonly seed: number; readonly journal: string };

export type Order =
  | { readonly type: 'play' | 'pause' | 'step' | 'getState' }
  | { readonly type: 'seek'; readonly us: number }
  | { readonly type: 'set'; readonly settings: Settings }
  | { readonly type: 'load'; readonly run: Run }
  | { readonly type: 'export'; readonly kind: Kind };

const FIELDS: Readonly<Record<Order['type'], readonly string[]>> = {
  play: [], pause: [], step: [], getState: [],
  seek: ['seconds'],
  set: ['dials', 'speed', 'theme'],
  load: ['run'],
  export: ['kind'],
};
export const TYPES = Object.keys(FIELDS) as Order['type'][];

/** A sentence about what is wrong with a message. */
export class Wrong extends Error {}

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
/** A stranger's value, short enough to be repeated. */
function shown(value: unknown): string {
  let text: string;
  try {
    text = typeof value === 'string' ? value : (JSON.stringify(value) ?? typeof value);
  } catch {
    text = typeof value;
  }
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
function wrong(name: string, value: unknown, allowed: string): Wrong {
  return new Wrong(say('bad_field', { name, value: shown(value), allowed }));
}
function oneOf<T extends string>(name: string, value: unknown, names: readonly T[]): T {
  const found = names.find((name) => name === value);
  if (found === undefined) throw wrong(name, value, say('allowed_one_of', { names: names.join(', ') }));
  return found;
}
function onlyFields(where: string, fields: Fields, known: readonly string[]): void {
  const other = Object.keys(fields).find((name) => !known.includes(name));
  if (other !== undefined) throw new Wrong(say('bad_field_unknown', { name: `${where}${shown(other)}`, names: known.join(', ') || say('none') }));
}

/** Whether a message is meant for this page at all; everything else passes by unanswered. */
export function isOurs(data: unknown): data is Fields {
  return isFields(data) && 'brownout' in data;
}

/** The number that an answer carries back; none: nobody can be answered. */
export function idOf({ id }: Fields): number | string | undefined {
  return typeof id === 'number' || (typeof id === 'string' && id.length <= 100) ? id : undefined;
}

/** Reads an order. Throws a sentence. */
export function readOrder(data: Fields, catalog: Catalog, cluster: Cluster): Order {
  if (data['brownout'] !== VERSION) throw wrong('brownout', data['brownout'], say('allowed_version', { version: String(VERSION) }));
  if ('id' in data && idOf(data) === undefined) throw wrong('id', data['id'], say('allowed_id'));
  const type = oneOf('type', data['type'], TYPES);
  onlyFields('', data, ['brownout', 'type', 'id', ...FIELDS[type]]);
  switch (type) {
    case 'seek': {
      const { seconds } = data;
      if (typeof seconds !== 'number' || !(seconds >= 0 && seconds <= SECONDS_MOST)) throw wrong('seconds', seconds, say('allowed_number', { min: '0', max: String(SECONDS_MOST), unit: 's' }));
      return { type, us: Math.floor(seconds * 1e6) };
    }
    case 'set':
      return { type, settings: readSettings(data, catalog, cluster) };
    case 'load':
      return { type, run: readRun(data['run'], catalog) };
    case 'export':
      return { type, kind: oneOf('kind', data['kind'], KINDS) };
    default:
      return { type };
  }
}

function readSettings({ dials = {}, speed, theme }: Fields, catalog: Catalog, cluster: Pick<Cluster, 'members' | 'apis' | 'nodes'>): Settings {
  const known = speed === undefined ? undefined : SPEEDS.find((other) => other === speed);
  if (speed !== undefined && known === undefined) throw wrong('speed', speed, say('allowed_one_of', { names: SPEEDS.join(', ') }));
  return {
    changes: readChanges(dials, catalog, cluster),
    speed: known,
    theme: theme === undefined ? undefined : oneOf('theme', theme, THEMES),
  };
}
/** Dials by their parameters, in the units of an address. */
function readChanges(dials: unknown, catalog: Catalog, cluster: Pick<Cluster, 'members' | 'apis' | 'nodes'>): readonly Change[] {
  if (!isFields(dials)) throw wrong('dials', dials, say('allowed_dials'));
  const texts = Object.entries(dials).map(([name, value]): [string, string] => {
    if (!['string', 'number', 'boolean'].includes(typeof value)) throw wrong(`dials.${shown(name)}`, value, say('allowed_value'));
    return [name, String(value)];
  });
  const { changes, complaints } = readDials(new URLSearchParams(texts), catalog, cluster);
  const [complaint] = complaints;
  if (complaint !== undefined) throw new Wrong(complaint);
  return changes;
}

/** A run as `export` gave it, or the beginning of another one. */
function readRun(run: unknown, catalog: Catalog): Run {
  const data = typeof run === 'string' ? parsed(run) : run;
  if (!isFields(data)) throw wrong('run', run, say('allowed_run'));
  const { scenario, seed = 1, journal, dials = {}, until_us: untilUs } = data;
  const own = catalog.scenarios.find(({ name }) => name === scenario);
  if (own === undefined) throw wrong('run.scenario', scenario, say('allowed_one_of', { names: catalog.scenarios.map(({ name }) => name).join(', ') }));
  const number = readSeed(String(seed));
  if (number === undefined) throw wrong('run.seed', seed, say('allowed_seed'));
  if (journal === undefined) {
    onlyFields('run.', data, ['scenario', 'seed', 'dials']);
    return { scenario: own.name, seed: number, changes: readChanges(dials, catalog, { members: own.members, apis: own.api_servers, nodes: own.nodes }) };
  }
  if (typeof untilUs !== 'number' || !(untilUs >= 0 && untilUs <= SECONDS_MOST * 1e6)) throw wrong('run.until_us', untilUs, say('allowed_number', { min: '0', max: String(SECONDS_MOST * 1e6), unit: 'µs' }));
  // The engine reads the rest, and refuses by a sentence. It is played afterwards, in slices.
  return { scenario: own.name, seed: number, journal: JSON.stringify(data) };
}
function parsed(text: string): unknown {
  if (text.length > JOURNAL_MOST) throw wrong('run', text, say('allowed_run'));
  try {
    return JSON.parse(text);
  } catch {
    throw wrong('run', text, say('allowed_run'));
  }
}
