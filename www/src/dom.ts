// Small helpers for the document. Text is only touched where it changed.

import { partsOf } from './say.ts';

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;
type Child = Node | string;

const SVG = 'http://www.w3.org/2000/svg';

function fill<E extends Element>(element: E, attributes: Attributes, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  element.append(...children);
  return element;
}

/** An HTML element. */
export function html<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** A button that does something. */
export function button(label: string, onClick: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const element = html('button', { type: 'button', ...attributes }, label);
  element.addEventListener('click', onClick);
  return element;
}

export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** The same for a text with parts in English, which are marked as such. */
export function setMixed(element: Element, text: string): void {
  const parts = partsOf(text);
  if (!parts.some(({ english }) => english)) setText(element, text);
  else if (element.textContent !== parts.map((part) => part.text).join('')) {
    element.replaceChildren(...parts.map((part) => (part.english ? html('span', { lang: 'en', dir: 'ltr' }, part.text) : part.text)));
  }
}

export function setAttribute(element: Element, name: string, value: string | number | boolean | undefined): void {
  if (value === undefined || value === false) {
    element.removeAttribute(name);
    return;
  }
  const text = value === true ? '' : String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/** Makes `parent` hold as many children as there are items, and brings each up to date. */
export function list<T, E extends Element>(
  parent: Element,
  items: readonly T[],
  make: () => E,
  update: (element: E, item: T, index: number) => void,
): void {
  while (parent.children.length > items.length) parent.lastElementChild?.remove();
  items.forEach((item, index) => {
    const found = parent.children[index];
    const element = (found ?? parent.appendChild(make())) as E;
    update(element, item, index);
  });
}

/** The element of the page with this id. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`The page has no #${id}.`);
  return element;
}

/** Names a button by a sentence that begins with the words it shows, so that whoever says what they see finds it. */
export function nameBy(element: HTMLElement, sentence: string): void {
  if (element.dataset['spaced'] === undefined) {
    // Its parts are words of their own, to whoever reads them one after the other.
    element.dataset['spaced'] = '';
    for (const part of [...element.children].slice(1)) part.before(' ');
  }
  const words = [...element.children].map(({ textContent }) => textContent ?? '').filter((text) => /[\p{L}\p{N}]/u.test(text));
  const shown = words.length > 0 || element.children.length > 0 ? words.join(' ') : (element.textContent ?? '');
  setAttribute(element, 'aria-label', shown === '' || sentence.includes(shown) ? sentence : `${shown}: ${sentence}`);
}
