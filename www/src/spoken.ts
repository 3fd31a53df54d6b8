// Where a dial stands, in words.

import { knob, type App } from './app.ts';
import type { Cluster } from './cluster.ts';
import type { KnobSpec } from './engine.ts';
import { quantity, quantityText } from './quantity.ts';
import { exact, say } from './say.ts';

export function placeText(place: string): string {
  const [, member] = /^member-(\d)$/.exec(place) ?? [];
  if (member !== undefined) return say('place_member', { n: member });
  const [, api] = /^api-etcd-(\d)$/.exec(place) ?? [];
  if (api !== undefined) return say('place_api_etcd', { n: api });
  if (place === 'all-members') return say('place_all_members');
  if (place === 'one-way-1-2') return say('place_one_way');
  if (place === 'nodes') return say('place_nodes');
  return place === 'everything' ? say('place_everything') : place;
}

/** Whether such a cluster has the place. */
export function placeExists(place: string, { members, apis, nodes }: Pick<Cluster, 'members' | 'apis' | 'nodes'>): boolean {
  if (place === 'nodes') return nodes > 0;
  const [, number] = /-(\d)$/.exec(place) ?? [];
  return number === undefined || Number(number) <= (place.startsWith('api-') ? apis : members);
}

function number(spec: KnobSpec, value: number): string {
  return exact(value / quantity(spec).factor);
}

/** "30 percent of packets lost at member 1", "15 seconds". */
export function spoken(app: App, name: string, value = knob(app, name)): string {
  const spec = app.catalog.knobs.find((spec) => spec.name === name);
  if (spec === undefined) return String(value);
  if (spec.unit === 'place') return placeText(app.catalog.places[value] ?? '');
  if (spec.unit === 'switch') return say(value === 1 ? 'value_on' : 'value_off');
  if (name === 'loss_ppm') {
    const place = placeText(app.catalog.places[knob(app, 'loss_place')] ?? '');
    return say('value_loss', { percent: number(spec, value), place });
  }
  return say('value_spoken', { value: number(spec, value), unit: say(quantity(spec).spoken) });
}

/** The same for the eye: "30 %", "15 s". */
export function written(app: App, name: string, value: number): string {
  const spec = app.catalog.knobs.find((spec) => spec.name === name);
  if (spec === undefined || spec.unit === 'place' || spec.unit === 'switch') return spoken(app, name, value);
  return quantityText(spec, value);
}
