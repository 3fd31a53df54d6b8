// The dials: each the network or a real flag, with its default, its refused zone and its value in words.

import { knob, type App } from '../app.ts';
import { html, setAttribute, setMixed } from '../dom.ts';
import type { KnobSpec } from '../engine.ts';
import { STEPS, positionOf, quantity, quantityText, shown, valueAt } from '../quantity.ts';
import { capital, exact, say, sayIfKnown } from '../say.ts';
import { placeExists, placeText, spoken } from '../spoken.ts';

/** Places of the slider at which the engine is asked what it would refuse. */
const SAMPLES = 60;
const NETWORK = ['loss_ppm', 'loss_place'];
const ELECTION = ['lease_duration_ms', 'renew_deadline_ms', 'retry_period_ms'];

interface Dial {
  readonly node: HTMLElement;
  update(): void;
}

export class Dials {
  private readonly app: App;
  private readonly dials: Dial[];
  private readonly more: HTMLDetailsElement;

  constructor(app: App, network: HTMLElement, election: HTMLElement) {
    this.app = app;
    const { knobs } = app.catalog;
    const group = (names: readonly string[]): Dial[] => knobs.filter(({ name }) => names.includes(name)).map((spec) => makeDial(app, spec));
    const others = knobs.map(({ name }) => name).filter((name) => !NETWORK.includes(name) && !ELECTION.includes(name));
    const bugs = others.filter((name) => name.startsWith('bug_'));
    const rest = others.filter((name) => !bugs.includes(name));
    const [first, second, third, fourth] = [group(NETWORK), group(ELECTION), group(rest), group(bugs)];
    const nodes = (dials: readonly Dial[]): HTMLElement[] => dials.map(({ node }) => node);
    this.more = html('details', { class: 'more', id: 'more-dials' }, html('summary', {}, say('dials_more')), ...nodes(third), html('h3', {}, say('dials_bugs')), html('p', { class: 'muted' }, say('dials_bugs_note')), ...nodes(fourth));
    this.more.addEventListener('toggle', () => app.act({ type: 'more-dials', open: this.more.open }));
    network.append(html('h2', {}, say('dials_network')), ...nodes(first));
    election.append(html('h2', {}, say('dials_election')), ...nodes(second), this.more, aboutAll(app));
    this.dials = [...first, ...second, ...third, ...fourth];
  }
  /** Brings every dial to where the engine has it. Called when something changed, not per frame. */
  update(): void {
    if (this.more.open !== this.app.state.moreDials) this.more.open = this.app.state.moreDials;
    for (const dial of this.dials) dial.update();
  }
}

function makeDial(app: App, spec: KnobSpec): Dial {
  if (spec.unit === 'place') return placeDial(app, spec);
  return spec.unit === 'switch' ? switchDial(app, spec) : numberDial(app, spec);
}

function label(spec: KnobSpec): string {
  return sayIfKnown(`dial_${spec.name}`) ?? capital(spec.flag);
}

/** What a dial's number is called at first. */
function standard(app: App, spec: KnobSpec): string {
  if (spec.unit === 'switch') return say(spec.default === 0 ? 'value_off' : 'value_on');
  if (spec.unit === 'place') return placeText(app.catalog.places[spec.default] ?? '');
  return quantityText(spec, spec.default);
}

/** What a dial is, its default and limits, the real flag behind it, and where the default comes from. */
function facts(app: App, spec: KnobSpec): string[] {
  const { factor, unit } = quantity(spec);
  const limits = spec.unit === 'switch' || spec.unit === 'place' ? '' : ` ${say('dial_limits', { min: exact(spec.min / factor), max: exact(spec.max / factor), unit })}`;
  const real = spec.flag.startsWith('-') ? [say('dial_flag', { flag: spec.flag })] : [];
  return [spec.help, `${say('dial_default', { value: standard(app, spec) })}.${limits}`, ...real, `${spec.source}.`];
}

/** The same of every dial, folded: one stop of the tab key for all. */
function aboutAll(app: App): HTMLElement {
  const entries = app.catalog.knobs.flatMap((spec) => [html('dt', {}, label(spec)), ...facts(app, spec).map((fact) => html('dd', {}, fact))]);
  return html('details', { class: 'more', id: 'about-dials' }, html('summary', {}, say('dials_about')), html('dl', { class: 'about' }, ...entries));
}

function flag(app: App, spec: KnobSpec): HTMLElement {
  return html('span', { class: 'flag', title: facts(app, spec).join('\n') }, spec.flag.startsWith('-') ? html('code', {}, spec.flag) : '');
}

/** The engine's sentence about a move that it refused, where the dial is. */
function refusal(spec: KnobSpec): { node: HTMLElement; update(app: App): void } {
  const node = html('p', { class: 'refused', role: 'status', id: `refused-${spec.name}` });
  return {
    node,
    update({ state: { refused } }) {
      setMixed(node, refused?.knob === spec.name ? `${capital(refused.sentence)}.` : '');
    },
  };
}

function placeDial(app: App, spec: KnobSpec): Dial {
  const select = html('select', { id: `dial-${spec.name}` });
  let built = '';
  const refused = refusal(spec);
  select.addEventListener('change', () => app.setKnobs([{ name: spec.name, value: Number(select.value) }]));
  const node = html('div', { class: 'dial' }, html('label', { for: select.id }, label(spec)), select, refused.node);
  return {
    node,
    update() {
      const { members, apis, nodes } = app.cluster;
      const key = `${members} ${apis} ${nodes > 0}`;
      if (built !== key) {
        built = key;
        const options = app.catalog.places.flatMap((place, value) =>
          placeExists(place, app.cluster) ? [html('option', { value }, placeText(place))] : [],
        );
        select.replaceChildren(...options);
      }
      select.value = String(knob(app, spec.name));
      refused.update(app);
    },
  };
}

function switchDial(app: App, spec: KnobSpec): Dial {
  const box = html('input', { type: 'checkbox', id: `dial-${spec.name}` });
  const refused = refusal(spec);
  box.addEventListener('change', () => app.setKnobs([{ name: spec.name, value: Number(box.checked) }]));
  const node = html('div', { class: 'dial switch' }, box, html('label', { for: box.id }, label(spec)), flag(app, spec), refused.node);
  return {
    node,
    update() {
      box.checked = knob(app, spec.name) === 1;
      refused.update(app);
    },
  };
}

function numberDial(app: App, spec: KnobSpec): Dial {
  const { factor, unit } = quantity(spec);
  const id = `dial-${spec.name}`;
  const range = html('input', { type: 'range', id, min: 0, max: STEPS, step: 1, 'aria-describedby': `refused-${spec.name}` });
  const number = html('input', {
    type: 'number', min: spec.min / factor, max: spec.max / factor, step: 'any', inputmode: 'decimal',
    'aria-label': say('dial_number', { name: label(spec), unit: say(quantity(spec).spoken) }),
  });
  const zone = html('div', { class: 'zone', 'aria-hidden': 'true', title: say('dial_refused_zone') });
  const tick = html('div', { class: 'tick', 'aria-hidden': 'true', title: say('dial_default', { value: quantityText(spec, spec.default) }) });
  tick.style.setProperty('--at', String(positionOf(spec, spec.default) / STEPS));
  const refused = refusal(spec);
  const set = (value: number): void => {
    app.setKnobs([{ name: spec.name, value }]);
    update();
  };
  range.addEventListener('input', () => {
    const value = valueAt(spec, Number(range.value));
    if (value !== knob(app, spec.name)) set(value);
  });
  range.addEventListener('keydown', (event) => stepByKey(event, app, spec, set));
  number.addEventListener('change', () => {
    if (number.value === '') update();
    else set(Math.round(Number(number.value) * factor));
  });
  const node = html(
    'div', { class: 'dial' },
    html('label', { for: id }, label(spec)), flag(app, spec),
    html('span', { class: 'value' }, number, html('span', { class: 'unit', 'aria-hidden': 'true' }, unit)),
    html('div', { class: 'track' }, zone, range, tick), refused.node,
  );
  function update(): void {
    const value = knob(app, spec.name);
    const position = String(positionOf(spec, value));
    if (range.value !== position) range.value = position;
    range.style.setProperty('--fill', String(Number(position) / STEPS));
    setAttribute(range, 'aria-valuetext', spoken(app, spec.name));
    if (document.activeElement !== number || Number(number.value) * factor !== value) number.value = shown(spec, value);
    showRefusedZone(app, spec, zone);
    refused.update(app);
  }
  return { node, update };
}

/** Arrow keys move a log dial to the next number that people would choose, not by an invisible step. */
function stepByKey(event: KeyboardEvent, app: App, spec: KnobSpec, set: (value: number) => void): void {
  const up = event.key === 'ArrowUp' || event.key === 'ArrowRight';
  if (!up && event.key !== 'ArrowDown' && event.key !== 'ArrowLeft') return;
  event.preventDefault();
  const value = knob(app, spec.name);
  if (!quantity(spec).log) {
    set(Math.min(spec.max, Math.max(spec.min, value + (up ? 1 : -1) * quantity(spec).factor)));
    return;
  }
  const step = up ? 1 : -1;
  let next = value;
  for (let at = positionOf(spec, value) + step; next === value && at >= 0 && at <= STEPS; at += step) next = valueAt(spec, at);
  set(next);
}

/** Hatches the part of the track, at either end, that the engine would refuse. */
function showRefusedZone(app: App, spec: KnobSpec, zone: HTMLElement): void {
  const refusedAt = (sample: number): boolean =>
    app.refusal(spec.name, valueAt(spec, Math.round((sample * STEPS) / SAMPLES))) !== undefined;
  const allowed: number[] = [];
  for (let sample = 0; sample <= SAMPLES; sample += 1) if (!refusedAt(sample)) allowed.push(sample);
  const [first, last] = [allowed[0] ?? 0, allowed.at(-1) ?? SAMPLES];
  zone.style.setProperty('--low', String(first / SAMPLES));
  zone.style.setProperty('--high', String(last / SAMPLES));
  zone.hidden = first === 0 && last === SAMPLES;
}
