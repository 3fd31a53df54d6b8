// The address and the state: short readable parameters, each checked on its own.

import type { Catalog, Change, KnobSpec } from './engine.ts';
import { ALL, PARTS, VIEWS, WHOLE, type Face, type View } from './embed/face.ts';
import type { Cluster } from './cluster.ts';
import { formatLooks, PLAIN, readLooks, switchOf, type Looks } from './looks.ts';
import { quantity, quantityText, shown } from './quantity.ts';
import { quoted, say } from './say.ts';
import { placeExists } from './spoken.ts';
import { SPEEDS, type Topology } from './state.ts';

/** What an address asks for, and a sentence about each part of it that cannot be had. */
export interface Wish {
  scenario: string;
  seed: number;
  /** The cluster, if it is not the scenario's own. */
  topology: Topology | null;
  changes: Change[];
  /** A preset of two runs to compare. */
  compare: string | null;
  running: boolean;
  /** The moment to open at, in simulated seconds. */
  t: number | null;
  speed: number;
  looks: Looks;
  /** What is shown of the page. */
  face: Face;
  notices: string[];
  /** Every parameter that an address may have. */
  parameters: readonly string[];
}

const CLUSTER = ['members', 'api', 'etcd', 'nodes'];
const SEED_MAX = 0xffff_ffff;
/** The latest moment that an address may ask for, in seconds: an hour takes minutes to simulate. */
const T_MAX = 3600;

/** Numbers as people type them; not the hexadecimal, blanks and infinities that Number() takes as well. */
function number(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
}

/** Takes parameters out of `params` one by one; whoever asks for one that cannot be had `complains`. */
function readers(params: URLSearchParams, asked: string[], complain: (name: string, text: string, allowed: string, used: string) => void): Readers {
  const take: Readers['take'] = (name, fallback, allowed, used, read) => {
    asked.push(name);
    const text = params.get(name);
    params.delete(name);
    if (text === null) return fallback;
    const value = read(text);
    if (value !== undefined) return value;
    complain(name, quoted(text), allowed, used);
    return fallback;
  };
  return {
    take,
    oneOf: (name, names, fallback, hidden = []) =>
      take(name, fallback, say('allowed_one_of', { names: names.join(', ') }), fallback, (text) => [...names, ...hidden].find((name) => name === text)),
    onOff: (name, fallback) => take(name, fallback, say('allowed_switch'), say(fallback ? 'value_on' : 'value_off'), switchOf),
  };
}

/**
 * Reads an address's query. `before`: how the page looks where it says nothing; `isFigure`: it is one without being
 * asked.
 */
export function parse(query: string, catalog: Catalog, before: Looks = PLAIN, isFigure = false): Wish {
  const params = new URLSearchParams(query);
  const notices: string[] = [];
  const asked: string[] = [];
  const reading = readers(params, asked, (name, value, allowed, used) => notices.push(say('bad_parameter', { name, value, allowed, used })));
  const { take, oneOf, onOff } = reading;
  const scenarios = catalog.scenarios.map(({ name }) => name);
  const wish: Wish = {
    scenario: oneOf('scenario', scenarios, scenarios[0] ?? ''),
    seed: take('seed', 1, say('allowed_whole', { min: 0, max: String(SEED_MAX) }), '1', readSeed),
    topology: null,
    changes: [],
    compare: readPreset(catalog, take),
    running: onOff('running', false),
    t: take<number | null>('t', null, say('allowed_number', { min: '0', max: String(T_MAX), unit: 's' }), say('the_beginning'), (text) =>
      number(text) >= 0 && number(text) <= T_MAX ? number(text) : undefined,
    ),
    speed: take('speed', 1, say('allowed_one_of', { names: SPEEDS.join(', ') }), '1', (text) =>
      SPEEDS.find((speed) => speed === number(text)),
    ),
    looks: readLooks(reading, before),
    face: readFace(catalog, reading, notices, isFigure),
    notices,
    parameters: [...new Set([...asked, ...CLUSTER, ...catalog.knobs.map((spec) => quantity(spec).param)])],
  };
  const own = catalog.scenarios.find(({ name }) => name === wish.scenario);
  if (own !== undefined) wish.topology = readTopology(own, params, take);
  const { members, api_servers, nodes } = wish.topology ?? own ?? { members: 0, api_servers: 0, nodes: 0 };
  wish.changes = changesIn(params, catalog, { members, apis: api_servers, nodes }, reading)
    .filter(({ value, spec }) => value !== spec.default)
    .map(({ name, value }) => ({ name, value }));
  for (const name of new Set(params.keys())) notices.push(say('bad_parameter_unknown', { name: name.slice(0, 40) }));
  return wish;
}

function readPreset({ presets }: Catalog, take: Readers['take']): string | null {
  const names = presets.map(({ name }) => name);
  return take<string | null>('compare', null, say('allowed_one_of', { names: names.join(', ') }), say('none'), (text) => names.find((name) => name === text));
}

/** A seed as it is written. */
export function readSeed(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) && Number(text) <= SEED_MAX ? Number(text) : undefined;
}

type Places = Pick<Cluster, 'members' | 'apis' | 'nodes'>;

/** The dials that `params` name. */
function changesIn(params: URLSearchParams, catalog: Catalog, cluster: Places, reading: Readers): (Change & { spec: KnobSpec })[] {
  const places = catalog.places.filter((place) => placeExists(place, cluster));
  return catalog.knobs.filter((spec) => params.has(quantity(spec).param)).map((spec) => ({ name: spec.name, value: readKnob(spec, catalog, places, reading), spec }));
}

/** Dials by their parameters, from elsewhere than the address. */
export function readDials(params: URLSearchParams, catalog: Catalog, cluster: Places): { changes: Change[]; complaints: string[] } {
  const complaints: string[] = [];
  const reading = readers(params, [], (name, value, allowed) => complaints.push(say('bad_field', { name, value, allowed })));
  const changes = changesIn(params, catalog, cluster, reading).map(({ name, value }) => ({ name, value }));
  for (const name of params.keys()) complaints.push(say('bad_field', { name: 'dials', value: quoted(name), allowed: say('allowed_dial') }));
  return { changes, complaints };
}

/** What an address asks to be shown. A name that nobody has is said, and the others count. */
function readFace({ knobs }: Catalog, { take, onOff }: Readers, notices: string[], isFigure: boolean): Face {
  const dials = knobs.map((spec) => quantity(spec).param);
  const names = <T extends string>(name: string, known: readonly T[], allowed: string): T[] =>
    take<string[]>(name, [], '', '', (text) => text.split(',').filter((part) => part !== '')).filter((part): part is T => {
      const isKnown = known.some((other) => other === part);
      if (!isKnown) notices.push(say('bad_name', { name, value: quoted(part), allowed }));
      return isKnown;
    });
  const parts: readonly string[] = [...PARTS, ...dials];
  const partsAllowed = say('allowed_part', { names: PARTS.join(', ') });
  return {
    embedded: onOff('embed', isFigure),
    views: names('view', Object.keys(VIEWS) as View[], say('allowed_one_of', { names: Object.keys(VIEWS).join(', ') })),
    show: names('show', parts, partsAllowed),
    hide: names('hide', parts, partsAllowed),
    lock: names('lock', [ALL, ...dials], say('allowed_lock')),
    relay: take('relay', '', say('allowed_origin'), say('none'), (text) => (text === '*' ? text : originOf(text))),
  };
}
/** The origin that a text names, if it names nothing else. */
function originOf(text: string): string | undefined {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text ? text : undefined;
}
/** The cluster that an address asks for; null: the scenario's own. The engine says whether its parts fit together. */
function readTopology(own: Topology, params: URLSearchParams, take: Readers['take']): Topology | null {
  if (!CLUSTER.some((name) => params.has(name))) return null;
  const whole = (name: string, fallback: number, min: number, max: number): number =>
    take(name, fallback, say('allowed_whole', { min, max: String(max) }), String(fallback), (text) =>
      /^\d{1,4}$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined,
    );
  const usual = own.external ? 'external' : 'stacked';
  const kinds = ['stacked', 'external'];
  const members = take('members', own.members, say('allowed_one_of', { names: '1, 3, 5' }), String(own.members), (text) => [1, 3, 5].find((n) => String(n) === text));
  const external = take('etcd', usual, say('allowed_one_of', { names: kinds.join(', ') }), usual, (text) => kinds.find((kind) => kind === text)) === 'external';
  const apis = external ? 3 : members;
  // Unless it says otherwise, as many API servers as the scenario has, or one for each member.
  const usually = members === own.members ? Math.min(own.api_servers, apis) : apis;
  const topology = { members, external, api_servers: whole('api', usually, 1, apis), nodes: whole('nodes', own.nodes, 3, 5000) };
  return same(topology, own) ? null : topology;
}

function same(a: Topology, b: Topology): boolean {
  return a.members === b.members && a.api_servers === b.api_servers && a.external === b.external && a.nodes === b.nodes;
}

interface Readers {
  take<T>(name: string, fallback: T, allowed: string, used: string, read: (text: string) => T | undefined): T;
  oneOf<T extends string>(name: string, names: readonly T[], fallback: T, hidden?: readonly T[]): T;
  onOff(name: string, fallback: boolean): boolean;
}

function readKnob(spec: KnobSpec, { places: all }: Catalog, places: readonly string[], { take, oneOf, onOff }: Readers): number {
  const { param, factor, unit } = quantity(spec);
  if (spec.unit === 'place') return all.indexOf(oneOf(param, places, all[spec.default] ?? ''));
  if (spec.unit === 'switch') return Number(onOff(param, spec.default === 1));
  const [min, max] = [shown(spec, spec.min), shown(spec, spec.max)];
  return take(param, spec.default, say('allowed_number', { min, max, unit }), quantityText(spec, spec.default), (text) => {
    const value = Math.round(number(text) * factor);
    return value >= spec.min && value <= spec.max ? value : undefined;
  });
}

/** The query that leads back to here: only what differs from the defaults, but always scenario and seed. */
export function format(
  wish: Pick<Wish, 'scenario' | 'seed' | 'topology' | 'compare' | 'running' | 'speed'> & Looks & Partial<Pick<Wish, 'face'>>,
  knobs: ReadonlyMap<string, number>,
  { knobs: specs, places }: Catalog,
): string {
  const params = new URLSearchParams({ scenario: wish.scenario, seed: String(wish.seed) });
  if (wish.topology !== null) {
    const { members, api_servers, external, nodes } = wish.topology;
    for (const [name, value] of Object.entries({ members, api: api_servers, etcd: external ? 'external' : 'stacked', nodes })) params.set(name, String(value));
  }
  if (wish.compare !== null) params.set('compare', wish.compare);
  for (const spec of specs) {
    const value = knobs.get(spec.name) ?? spec.default;
    // What stands elsewhere in a preset the preset says.
    if (value === spec.default || wish.compare !== null) continue;
    const { param } = quantity(spec);
    if (spec.unit === 'place') params.set(param, places[value] ?? '');
    else if (spec.unit === 'switch') params.set(param, value === 1 ? 'on' : 'off');
    else params.set(param, shown(spec, value));
  }
  if (wish.running) params.set('running', 'on');
  if (wish.speed !== 1) params.set('speed', String(wish.speed));
  formatLooks(params, wish);
  const { views, show, hide, lock, relay, embedded } = wish.face ?? WHOLE;
  for (const [name, names] of Object.entries({ view: views, show, hide, lock })) if (names.length > 0) params.set(name, names.join());
  if (relay !== '') params.set('relay', relay);
  if (embedded) params.set('embed', 'on');
  // Commas are as good as their code, and can be read.
  return `?${params}`.replaceAll('%2C', ',');
}
