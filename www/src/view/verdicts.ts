// What must hold whatever happens: a lamp for each rule, with the numbers of the first time that it did not.

import type { App } from '../app.ts';
import { html, list } from '../dom.ts';
import type { Frame } from '../frame.ts';
import { capital, moment, say, sayIfKnown } from '../say.ts';
import { makeLamp, updateLamp, type Lamp } from './lamp.ts';

const STATES = ['unchecked', 'holds', 'broken'] as const;
const MARKS = { unchecked: '○', holds: '✓', broken: '✗' } as const;

interface Row extends Lamp {
  readonly state: (typeof STATES)[number];
}

export class Verdicts {
  private readonly app: App;
  private readonly rows = html('ul', { class: 'lamps verdicts', id: 'verdict-list' });

  constructor(app: App, parent: HTMLElement) {
    this.app = app;
    parent.append(html('h2', {}, say('verdicts')), this.rows);
  }

  update({ verdict, names }: Frame): void {
    const rows = this.app.catalog.verdicts.slice(0, verdict.rows).map((spec, row): Row => {
      const state = STATES[verdict.state(row)] ?? 'unchecked';
      const name = capital(sayIfKnown(`verdict_${spec.name}`) ?? spec.name);
      const [n0, n1, n2, n3] = [verdict.n0(row), verdict.n1(row), verdict.n2(row), verdict.n3(row)];
      // Two sentences name things that the numbers number.
      const named = { component: say(n0 === 0 ? 'component_0' : 'component_1'), workload: names[n0] ?? say('name_workload', { n: n0 }), node: n2 + 1, other: n3 + 1 };
      const what = sayIfKnown(`verdict_${spec.name}_broken`, { n0, n1, n2, n3, ...named }) ?? spec.help;
      const values = { n: verdict.checks(row), broken: verdict.broken(row), at: moment(verdict.first_ms(row)), what };
      return { name, state, text: say(`verdict_${state}`, values), help: spec.help };
    });
    list(this.rows, rows, () => makeLamp(), (item, row) => updateLamp(item, row, MARKS[row.state]));
  }
}
