// Scenario, seed, link, view.

import type { App } from '../app.ts';
import { button, html } from '../dom.ts';
import { say } from '../say.ts';
import { ViewMenu } from './viewmenu.ts';

/** Seeds offered: short enough to say aloud. */
const SEED_MAX = 9999;

export class TopBar {
  private readonly app: App;
  private readonly scenario: HTMLSelectElement;
  private readonly seed: HTMLInputElement;
  private readonly view: ViewMenu;

  /** `share` opens the dialog that shares the run. */
  constructor(app: App, parent: HTMLElement, share: () => void) {
    this.app = app;
    const scenarios = app.catalog.scenarios.map(({ name, title, summary }) => html('option', { value: name, title: summary }, title));
    this.scenario = html('select', { id: 'scenario' }, ...scenarios);
    this.scenario.addEventListener('change', () => app.startOver(this.scenario.value, app.state.seed));
    this.seed = html('input', { type: 'number', id: 'seed', min: 0, max: 0xffff_ffff, step: 1, inputmode: 'numeric' });
    this.seed.addEventListener('change', () => {
      if (this.seed.validity.valid && this.seed.value !== '') app.startOver(app.state.scenario, Number(this.seed.value));
      else this.update();
    });
    const fresh = button(say('seed_new'), () => app.startOver(app.state.scenario, 1 + Math.floor(Math.random() * SEED_MAX)), { id: 'seed-new' });
    this.view = new ViewMenu(app);
    const field = (control: HTMLElement, text: string, ...more: HTMLElement[]): HTMLElement =>
      html('div', { class: 'field' }, html('label', { for: control.id }, text), control, ...more);
    openWhereThereIsRoom(parent.closest('details'));
    parent.append(
      field(this.scenario, say('scenario')),
      field(this.seed, say('seed'), fresh),
      button(say('share'), share, { id: 'share', 'aria-haspopup': 'dialog' }),
      this.view.node,
    );
  }
  update(): void {
    const { scenario, seed } = this.app.state;
    this.scenario.value = scenario;
    if (document.activeElement !== this.seed || this.seed.value === '') this.seed.value = String(seed);
    this.view.update();
  }
}

/** On a wide screen the settings are always there; on a phone they fold. */
function openWhereThereIsRoom(menu: HTMLDetailsElement | null): void {
  const wide = matchMedia('(min-width: 640px)');
  const follow = (): void => {
    if (menu !== null) menu.open = wide.matches;
  };
  wide.addEventListener('change', follow);
  follow();
}
