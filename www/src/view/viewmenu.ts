// How the page looks and speaks, in one menu.

import type { App } from '../app.ts';
import { html } from '../dom.ts';
import { LANGUAGES, preferred } from '../locale.ts';
import { LOCALES, MOTIONS, PALETTES, THEMES, type Looks } from '../looks.ts';
import { say } from '../say.ts';

type Choice = 'theme' | 'palette' | 'motion' | 'locale';

export class ViewMenu {
  readonly node = html('details', { class: 'view-menu', id: 'view' });
  private readonly app: App;
  private readonly selects: Readonly<Record<Choice, HTMLSelectElement>>;
  private readonly checks: Readonly<Record<'projector' | 'quiet', HTMLInputElement>>;

  constructor(app: App) {
    this.app = app;
    this.selects = {
      theme: this.select('theme', THEMES, (name) => say(`theme_${name}`)),
      palette: this.select('palette', PALETTES, (name) => say(`palette_${name}`)),
      motion: this.select('motion', MOTIONS, (name) => say(`motion_${name}`)),
      locale: this.select('locale', LOCALES, languageName),
    };
    // Each language calls itself what it calls itself, whatever the page speaks.
    for (const option of this.selects.locale.options) if (option.value !== 'auto') option.lang = option.value;
    this.checks = { projector: this.check('projector'), quiet: this.check('quiet') };
    const { theme, palette, motion, locale } = this.selects;
    const { projector, quiet } = this.checks;
    const label = (control: HTMLElement, text: string): HTMLElement => html('label', { for: control.id }, text);
    this.node.append(
      html('summary', {}, say('view')),
      html(
        'div', { class: 'choices', role: 'group', 'aria-label': say('view') },
        label(theme, say('theme')), theme, label(palette, say('palette')), palette, label(motion, say('motion')), motion, label(locale, say('language')), locale,
        html('div', { class: 'check' }, projector, label(projector, say('projector'))), html('div', { class: 'check' }, quiet, label(quiet, say('quiet'))),
      ),
    );
    this.closeOnLeaving();
    this.update();
  }
  update(): void {
    const { state } = this.app;
    for (const name of ['theme', 'palette', 'motion', 'locale'] as const) this.selects[name].value = state[name];
    for (const name of ['projector', 'quiet'] as const) this.checks[name].checked = state[name];
  }
  private select<T extends string>(name: Choice, values: readonly T[], text: (value: T) => string): HTMLSelectElement {
    const select = html('select', { id: name }, ...values.map((value) => html('option', { value }, text(value))));
    select.addEventListener('change', () => this.look({ [name]: select.value }));
    return select;
  }
  private check(name: 'projector' | 'quiet'): HTMLInputElement {
    const box = html('input', { type: 'checkbox', id: name });
    box.addEventListener('change', () => this.look({ [name]: box.checked }));
    return box;
  }
  private look(look: Partial<Looks>): void {
    this.app.act({ type: 'look', look });
  }
  /** Escape, and whatever is done elsewhere, closes it. On a phone it is part of the settings, and stays. */
  private closeOnLeaving(): void {
    const { node } = this;
    node.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !node.open) return;
      node.open = false;
      node.querySelector('summary')?.focus();
    });
    node.addEventListener('focusout', ({ relatedTarget }) => {
      if (relatedTarget instanceof Node && !node.contains(relatedTarget)) node.open = false;
    });
    const outside = (event: Event): void => {
      if (!node.isConnected) document.removeEventListener('pointerdown', outside);
      else if (event.target instanceof Node && !node.contains(event.target) && matchMedia('(min-width: 640px)').matches) node.open = false;
    };
    document.addEventListener('pointerdown', outside);
  }
}

function languageName(tag: string): string {
  return tag === 'auto' ? say('language_auto', { language: LANGUAGES[preferred(navigator.languages)] ?? '' }) : (LANGUAGES[tag] ?? tag);
}
