// The page's pure parts, without a page: sentences for all that the engine has names for, links, and scales.
import { expect, test } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { en } from '../../www/locales/en.ts';
import type { Catalog, KnobSpec } from '../../www/src/engine.ts';
import { PLAIN } from '../../www/src/looks.ts';
import { STEPS, positionOf, quantity, valueAt } from '../../www/src/quantity.ts';
import { moment, say, share, span } from '../../www/src/say.ts';
import { format, parse } from '../../www/src/url.ts';

function core(file: string): string {
  return readFileSync(`${__dirname}/../../core/src/${file}`, 'utf8');
}
function number(text: string | undefined): number {
  return Number(text?.replaceAll('_', ''));
}

/** The dials as knob.rs lists them. */
const KNOBS: KnobSpec[] = [
  ...core('knob.rs').matchAll(/^ {4}\w+: (\w+) "(\w+)" \("(.*?)"\) = (\d+) in (\d+)\.\.=(\d+)/gm),
].map(([, unit = '', name = '', flag = '', standard, min, max]) => ({
  name, flag, unit: unit === 'Place' ? 'place' : unit === 'Switch' ? 'switch' : unit, default: number(standard), min: number(min), max: number(max), help: '', source: '',
}));
const PLACES = [...core('knob.rs').matchAll(/=> "([\w-]+)"/g)].map(([, place = '']) => place).filter((place) => /\d|all|every|^nodes/.test(place));
const CATALOG: Catalog = {
  engine_version: '', knobs: KNOBS, places: PLACES, faults: [], notes: [], classes: [], tables: [], request_kinds: [],
  object_kinds: [], controllers: [], levels: [], rungs: [], signs: [], steps: [], phases: { failure: [], recovery: [] }, alerts: [], lamps: [], verdicts: [],
  presets: [{ name: 'pre-vote', question: '', about: '', labels: ['', ''], scenario: 'quiet', opens_us: 0 }],
  scenarios: [
    { name: 'quiet', title: '', summary: '', members: 3, api_servers: 3, external: false, nodes: 10 },
    { name: 'five', title: '', summary: '', members: 5, api_servers: 5, external: false, nodes: 10 },
  ],
};

test('the lists in the engine are read here as they are written', () => {
  expect(KNOBS.length).toBeGreaterThanOrEqual(15);
  expect(PLACES).toContain('everything');
});

test('every note, dial, fault and class of the engine has its words', () => {
  const notes = [...core('actor/role.rs').matchAll(/^ {4}\w+ "(\w+)" (?:notable|quiet);/gm)].map(([, name]) => `note_${name}`);
  const faults = [...core('fault.rs').matchAll(/Self::\w+ \{ \.\. \} => "([\w-]+)"/g)].map(([, name]) => `force_${name}`);
  const classes = [...(core('actor/wire.rs').match(/NAMES[^=]*=\s*\[([^\]]*)\]/)?.[1] ?? '').matchAll(/"(\w+)"/g)].map(([, name]) => `class_${name}`);
  const names = [...notes, ...faults, ...classes, ...KNOBS.map(({ name }) => `dial_${name}`)];
  expect(notes.length).toBeGreaterThan(20);
  expect(faults.length).toBeGreaterThan(8);
  expect(classes.length).toBe(10);
  expect(names.filter((name) => !(name in en))).toEqual([]);
});

test('every dial has a name of its own for the address', () => {
  const params = KNOBS.map((spec) => quantity(spec).param);
  expect(new Set(params).size).toBe(params.length);
});

for (const spec of KNOBS.filter(({ unit }) => unit !== 'place' && unit !== 'switch')) {
  test(`the slider of ${spec.name} reaches both ends, its default, and only goes up`, () => {
    expect(valueAt(spec, 0)).toBe(spec.min);
    expect(valueAt(spec, STEPS)).toBe(spec.max);
    expect(valueAt(spec, positionOf(spec, spec.default))).toBe(spec.default);
    const values = Array.from({ length: STEPS + 1 }, (_, position) => valueAt(spec, position));
    expect(values).toEqual(values.toSorted((a, b) => a - b));
    for (const value of values) expect(value >= spec.min && value <= spec.max && Number.isInteger(value)).toBe(true);
  });
}

test('a link leads back to what it was made from', () => {
  for (let round = 0; round < 200; round += 1) {
    const moved = KNOBS.map((spec, index): [string, number] => {
      const value = spec.unit === 'place' ? (round + index) % 3 : valueAt(spec, (round * 37 + index * 101) % (STEPS + 1));
      return [spec.name, spec.unit === 'switch' ? round % 2 : value];
    });
    const knobs = new Map(moved);
    const topology = round % 3 === 0 ? null : { members: 3, api_servers: 2, external: round % 3 === 1, nodes: 3 + round * 20 };
    const wish = { scenario: 'five', seed: round * 7919, topology, compare: null, running: round % 2 === 0, speed: 0.05 };
    const looks = { ...PLAIN, theme: 'dark', palette: 'iris', motion: 'full', projector: round % 2 === 1, locale: 'de' } as const;
    const read = parse(format({ ...wish, ...looks }, knobs, CATALOG), CATALOG);
    expect(read.notices).toEqual([]);
    expect(read).toMatchObject({ ...wish, looks });
    const preset = { ...wish, compare: 'pre-vote' };
    expect(parse(format({ ...preset, ...looks }, knobs, CATALOG), CATALOG)).toMatchObject({ ...preset, changes: [] });
    for (const spec of KNOBS) {
      const change = read.changes.find(({ name }) => name === spec.name);
      expect(change?.value ?? spec.default, spec.name).toBe(knobs.get(spec.name));
    }
  }
});

test('whatever an address holds, the page gets defaults and one sentence for each parameter', () => {
  const nonsense = ['', 'NaN', '1e999', '-0', '0x10', ' 5', '5 ', '٣', '9'.repeat(400), '<b>', 'null', '1,5', '%00'];
  for (const value of nonsense) {
    for (const spec of KNOBS) {
      const { param } = quantity(spec);
      const read = parse(`?${new URLSearchParams({ [param]: value })}`, CATALOG);
      const taken = read.changes.length;
      expect(read.notices.length + taken, `${param}=${value}`).toBeLessThanOrEqual(1);
      for (const change of read.changes) expect(change.value >= spec.min && change.value <= spec.max).toBe(true);
      for (const notice of read.notices) expect(notice.length).toBeLessThan(400);
    }
  }
  expect(parse('?where=member-4', CATALOG).notices).toHaveLength(1);
  expect(parse('?scenario=five&where=member-4', CATALOG).notices).toEqual([]);
});

test('numbers are rounded to what the eye can use', () => {
  const plain = (text: string) => text.replaceAll('\u00a0', ' ');
  expect([0, 0.25, 3.14, 42.4, 999.6, 3240, 119_400, 119_600, 7_260_000].map((ms) => plain(span(ms)))).toEqual([
    '0 ms', '0.25 ms', '3.1 ms', '42 ms', '1.0 s', '3.2 s', '119.4 s', '2 min 0 s', '2 h 1 min',
  ]);
  expect([0, 0.0001, 0.004, 0.3, 0.999, 0.9999, 1].map((value) => plain(share(value)))).toEqual([
    '0 %', '< 0.1 %', '0.4 %', '30 %', '99.9 %', '99.9 %', '100 %',
  ]);
  expect(plain(moment(12_440))).toBe('12.4 s');
  expect(say('bad_behind', { member: 1, n: 1204 })).toBe('member 1 is 1,204 entries behind');
  expect(say('bad_behind', { member: 2, n: 1 })).toBe('member 2 is 1 entry behind');
});
