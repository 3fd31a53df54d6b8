// A lamp of a list: a mark, a name, and how it stands in words.

import { html, setAttribute, setText } from '../dom.ts';

export interface Lamp {
  readonly name: string;
  readonly state: string;
  /** In words: since when, the number. */
  readonly text: string;
  readonly help: string;
}

/** `more`: what stands behind the words. */
export function makeLamp(...more: HTMLElement[]): HTMLElement {
  return html('li', {}, html('span', { class: 'mark', 'aria-hidden': 'true' }), html('span', { class: 'name' }), html('span', { class: 'text' }), ...more);
}

export function updateLamp(item: HTMLElement, { name, state, text, help }: Lamp, shape: string): void {
  setAttribute(item, 'data-state', state);
  setAttribute(item, 'title', help);
  const [mark, label, words] = item.children;
  if (mark !== undefined) setText(mark, shape);
  if (label !== undefined) setText(label, name);
  if (words !== undefined) setText(words, text);
}
